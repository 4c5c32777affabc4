"""Health, chains, checkout, and what every route has in common."""

from dataclasses import replace

import pytest

import app
from ctrip import config
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.errors import ConfigurationError
from tests.world import NETWORK, USDC


def test_alive_needs_no_key_and_no_io(api):
    """Any store would do."""
    answer = api.call("GET", "/health", key=None)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_stage_that_may_not_start_is_not_ready_and_says_why(api, monkeypatch):
    """503 with the reason, and no secret in it; it lives all the same."""

    class Refused:
        clock = api.stage.adapters.clock

        def __getattr__(self, name):
            raise ConfigurationError("CTRIP_RPC: the node https://node.example/v2/0123456789abcdef0123456789abcdef is")

    monkeypatch.setattr(api.stage, "adapters", Refused())
    answer = api.call("GET", "/health/ready", key=None)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json["status"]) == (503, "5", "down")
    assert answer.json["reason"].startswith("CTRIP_RPC: the node ")
    assert "0123456789abcdef" not in answer.json["reason"]
    assert api.call("GET", "/health", key=None).status_code == 200


def test_ready_reports_each_chain_and_queue(api):
    """Idle and scanned chains are up, and one that was opened a moment ago; one that nobody scans is down."""
    api.stage.adapters.queue_depths = lambda: {"sweep": 3, "sweep-dlq": 0}
    idle = api.call("GET", "/health/ready", key=None)
    assert idle.json["queues"] == {"sweep": 3, "sweep-dlq": 0}
    assert (idle.status_code, idle.json["chains"]["anvil"]["status"]) == (200, "idle")
    api.create()
    opened = api.call("GET", "/health/ready", key=None)
    assert (opened.status_code, opened.json["chains"]["anvil"]["status"]) == (200, "idle")
    api.world.clock.at += 151_000
    unscanned = api.call("GET", "/health/ready", key=None)
    assert (unscanned.status_code, unscanned.json["status"]) == (503, "down")
    assert unscanned.headers["Retry-After"]
    assert api.world.log.alarms() == ["no_successful_pass"]
    api.world.chain.mine(1, seconds=152)
    api.world.step()
    up = api.call("GET", "/health/ready", key=None)
    report = up.json["chains"]["anvil"]
    assert (up.status_code, report["status"], report["open_payments"]) == (200, "ok", 1)
    assert {"head", "head_age", "lag", "last_scan"} <= set(report)
    assert report["endpoints"] == [{"host": "fake", "state": "usable", "reason": None}]
    reason = report["sweeping"]["reason"]
    assert report["sweeping"] == {"status": "off", "treasury": None, "reason": reason, "alone": None}
    api.world.clock.at += 200_000
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["status"] == "not_scanned"


def test_a_paused_chain_is_down(api):
    """Somebody must look at it."""
    api.world.stores.access.raise_gate("anvil", hot_until=1, warm_until=1, now=0)
    api.world.stores.access.pause("anvil", True)
    assert isinstance(api.world.stores.access.gates(["anvil"])["anvil"], Gate)
    report = api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]
    assert (report["status"], "paused" in report["reason"]) == ("paused", False)
    assert report["reason"].startswith("The chain is stopped")


def beaten(api, **tip):
    """Let a scanner leave its mark."""
    fence = api.world.stores.money.take("anvil")
    api.world.stores.money.beat(Tip(chain="anvil", fence=fence.number, **tip))


def test_a_chain_whose_passes_all_fail_is_down_and_says_why(api):
    """Heads alone are no success: an endpoint without state by block hash, say."""
    api.create()
    opened = api.world.clock.at
    api.world.clock.at += 40_000
    now = api.world.clock.at
    why = "node.example refuses calls that name a block hash"
    seen = {"number": 9, "block_time": now - 1_000, "endpoints": (("node.example", "unfit", why),)}
    beaten(api, scanned_at=now - 1_000, failing_since=opened + 1_000, failure=why, **seen)
    for _ in range(3):
        answer = api.call("GET", "/health/ready", key=None)
    report = answer.json["chains"]["anvil"]
    assert (answer.status_code, report["status"]) == (503, "failing")
    assert why in report["reason"]
    assert (report["last_failure"], report["last_scan"]) == (why, None)
    assert report["endpoints"] == [{"host": "node.example", "state": "unfit", "reason": why}]
    assert api.world.log.alarms() == ["no_successful_pass"]  # once an interval, however often somebody asks
    beaten(api, scanned_at=now, passed_at=now, failure=why, **seen)
    report = api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]
    assert (report["status"], report["last_failure"], report["failing_since"]) == ("ok", why, None)
    assert report["last_scan"]


def test_a_chain_that_nobody_could_look_at_for_ten_minutes_takes_no_payments(api):
    """503 with Retry-After, until a pass succeeds or the gate closes; replays are answered all the same."""
    body = {"chain": "anvil", "amount": 5}
    first = api.call("POST", "/api/v1/payments", body, Idempotency_Key="k1")
    opened = api.world.clock.at
    api.world.clock.at += 599_000
    beaten(api, scanned_at=api.world.clock.at, failing_since=opened, failure="unreachable")
    assert api.call("POST", "/api/v1/payments", body).status_code == 201
    api.world.clock.at += 6_000
    beaten(api, scanned_at=api.world.clock.at, failing_since=opened, failure="unreachable")
    answer = api.call("POST", "/api/v1/payments", body)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "chain_unavailable", "30")
    assert "ten minutes" in answer.json["detail"]
    assert api.call("POST", "/api/v1/payments", body, Idempotency_Key="k1").json == first.json
    beaten(api, scanned_at=api.world.clock.at, passed_at=api.world.clock.at)
    api.world.clock.at += 5_001
    assert api.call("POST", "/api/v1/payments", body).status_code == 201


def test_a_paused_chain_takes_no_payments(api):
    """503, and the sentence says which of the two it is."""
    api.world.stores.access.pause("anvil", True)
    answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 5})
    assert (answer.status_code, answer.json["code"]) == (503, "chain_unavailable")
    assert answer.json["detail"].startswith("Anvil is stopped after a deep reorganisation or by an operator")
    api.world.stores.access.pause("anvil", False)
    api.world.clock.at += 5_001
    assert api.create()["status"] == "pending"


def test_what_the_sweeper_refused_is_shown_and_degrades_the_whole(api):
    """As long as the treasury is the one that was refused."""
    treasury = "0x00000000000000000000000000000000000000AA"
    api.stage.adapters.own = config.load({"CTRIP_TREASURY": treasury})
    fine = {"status": "ok", "treasury": treasury, "reason": None, "alone": None}
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["sweeping"] == fine
    api.world.stores.money.note_sweeping("anvil", treasury.lower(), "it has code")
    answer = api.call("GET", "/health/ready", key=None)
    refused = {"status": "refused", "treasury": treasury, "reason": "it has code", "alone": None}
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["chains"]["anvil"]["sweeping"] == refused
    api.world.stores.money.note_sweeping("anvil", "0x00000000000000000000000000000000000000bb", "it has code")
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["sweeping"] == fine


def test_why_tokens_are_swept_one_by_one_is_shown_and_degrades_nothing(api):
    """As long as the treasury is the one that it was found for: another one has other contracts."""
    treasury = "0x00000000000000000000000000000000000000AA"
    api.stage.adapters.own = config.load({"CTRIP_TREASURY": treasury})
    api.world.stores.money.note_sweeping("anvil", treasury.lower(), "", "a contract is missing")
    answer = api.call("GET", "/health/ready", key=None).json
    assert (answer["status"], answer["chains"]["anvil"]["sweeping"]["alone"]) == ("ok", "a contract is missing")
    api.world.stores.money.note_sweeping(
        "anvil", "0x00000000000000000000000000000000000000bb", "", "a contract is missing"
    )
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["sweeping"]["alone"] is None


def test_chains_and_tokens_say_what_can_be_paid_with(api):
    """Ids, symbols, addresses, decimals, confirmations."""
    chain = api.call("GET", "/api/v1/chains").json["data"][0]
    assert (chain["id"], chain["chain_id"], chain["symbol"], chain["confirmations"]) == ("anvil", 31337, "ETH", 3)
    token = api.call("GET", "/api/v1/tokens?chain=anvil").json["data"][0]
    assert token == {
        "id": USDC.id,
        "chain": "anvil",
        "symbol": "USDC",
        "address": USDC.address,
        "decimals": 6,
        "standard": "ERC-20",
        "confirmations": 3,
    }
    for path in ("/api/v1/chains", "/api/v1/tokens"):
        page = api.call("GET", f"{path}?limit=1").json
        assert (len(page["data"]), page["next_cursor"]) == (1, None)
        assert api.call("GET", f"{path}?cursor={page['data'][0]['id']}").json["data"] == []
        assert api.call("GET", f"{path}?cursor=nobody").json["errors"][0]["code"] == "invalid_cursor"
    wrong = api.call("GET", "/api/v1/tokens?chain=dogecoin")
    assert (wrong.status_code, wrong.json["detail"]) == (400, "Unsupported chain: dogecoin")


@pytest.mark.parametrize("testnet", [True, False])
def test_the_checkout_page_of_a_test_network_says_so(api, monkeypatch, testnet):
    """Nobody takes its coins for money; a main network's says nothing of the kind."""
    made = api.create()
    network = replace(NETWORK, testnet=testnet)
    monkeypatch.setattr(type(api.stage), "networks", {"anvil": network})
    answer = api.call("GET", f"/pay/{made['id']}", key=None)
    assert answer.status_code == 200
    assert ("Anvil is a test network: its coins are worth nothing." in answer.body.decode()) == testnet


def test_the_checkout_page_shows_what_to_pay_and_runs_nothing_foreign(api):
    """Amount, address, QR as inline svg; a strict policy; no script in the page itself."""
    made = api.create(asset="USDC", amount=None, amount_decimal="12.5", description="<script>alert(1)</script>")
    answer = api.call("GET", f"/pay/{made['id']}", key=None)
    page = answer.body.decode()
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert made["address"] in page
    assert "12.5" in page
    assert "<svg" in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_status_shows_nothing_private(api):
    """Any origin may read it, so it holds no metadata, order or key."""
    made = api.create(metadata={"secret": "canary"}, order_id="A1", success_url="https://shop.example/thanks?x=1")
    answer = api.call("GET", f"/pay/{made['id']}/status", key=None)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert not {"metadata", "order_id", "derivation_path", "webhook_url"} & set(answer.json)
    assert "canary" not in answer.body.decode()
    assert answer.json["success_url"] == f"https://shop.example/thanks?x=1&payment_id={made['id']}&order_id=A1"
    assert "Access-Control-Allow-Origin" not in api.call("GET", "/api/v1/chains").headers


@pytest.mark.parametrize(
    ("url", "joined"),
    [
        ("https://shop.example", "https://shop.example?{}"),
        ("https://shop.example/thanks#top", "https://shop.example/thanks?{}#top"),
        ("https://shop.example/?", "https://shop.example/?{}"),
        ("https://shop.example/?a=1&", "https://shop.example/?a=1&{}"),
        ("https://shop.example/?#", "https://shop.example/?{}#"),
        ("https://shop.example/?b=%2f+x&a;c&=&d&b=%C3%A4%e4", "https://shop.example/?b=%2f+x&a;c&=&d&b=%C3%A4%e4&{}"),
        ("https://shop.example/?payment_id=mine&order_id=1", "https://shop.example/?payment_id=mine&order_id=1&{}"),
        ("https://shop.example/#/spa?x=1", "https://shop.example/?{}#/spa?x=1"),
        ("HTTPS://Shop.example/a/../b?q=1", "HTTPS://Shop.example/a/../b?q=1&{}"),
        ("http://localhost:3000/thanks?x=", "http://localhost:3000/thanks?x=&{}"),
        ("http://[::1]:3000/?x='()*~", "http://[::1]:3000/?x='()*~&{}"),
    ],
)
def test_a_return_address_is_kept_byte_for_byte(api, url, joined):
    """On the local stage plain http and loopback too; what is appended is percent-encoded."""
    made = api.create(order_id="A&B=c d/\u00e4+1", success_url=url, cancel_url=url)
    shown = api.call("GET", f"/pay/{made['id']}/status", key=None).json
    more = f"payment_id={made['id']}&order_id=A%26B%3Dc%20d%2F%C3%A4%2B1"
    assert shown["success_url"] == shown["cancel_url"] == joined.format(more)
    assert made["success_url"] == url


def test_unknown_and_malformed_ids_get_a_page_too(api):
    """404, without an echo of what was asked."""
    for wrong in ("00000000-0000-4000-8000-00000000dead", "nonsense"):
        answer = api.call("GET", f"/pay/{wrong}", key=None)
        assert (answer.status_code, wrong in answer.body.decode()) == (404, False)
        assert api.call("GET", f"/pay/{wrong}/status", key=None).status_code == 404


@pytest.mark.parametrize(
    ("path", "accepted", "language", "direction", "words"),
    [
        ("", None, "en", "ltr", "Waiting for your payment"),
        ("", "de-AT,en;q=0.5", "de", "ltr", "Wir warten auf Ihre Zahlung"),
        ("?lang=ar", "de", "ar", "rtl", "في انتظار دفعتك"),
        ("?lang=pt-BR&utm_source=shop", None, "pt", "ltr", "Aguardando seu pagamento"),
        ("?lang=it", "ja", "ja", "ltr", "お支払いをお待ちしています"),
    ],
)
def test_the_checkout_speaks_the_payers_language(api, path, accepted, language, direction, words):
    """By its address, else by the browser; page and status say which, and that a cache must tell them apart."""
    made = api.create()
    headers = {"Accept_Language": accepted} if accepted else {}
    page = api.call("GET", f"/pay/{made['id']}{path}", key=None, **headers)
    status = api.call("GET", f"/pay/{made['id']}/status{path}", key=None, **headers)
    assert f'<html lang="{language}" dir="{direction}">' in page.body.decode()
    assert words in page.body.decode()
    assert (status.json["language"], status.json["heading"]) == (language, words)
    for answer in (page, status):
        assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (language, "Accept-Language")
    # What the script asks for later is in the language of the page, however that was chosen.
    assert f'data-status-url="{made["id"]}/status?lang={language}"' in page.body.decode()


@pytest.mark.parametrize("path", ["/pay/{}", "/claim/{}"])
def test_a_language_that_is_none_has_its_own_code_and_sentence(api, path):
    """For a program as a problem; in a browser as a page from which each language is one click away."""
    address = path.format(api.create()["id"]) + "?lang=xx"
    problem = api.call("GET", address, key=None)
    assert (problem.status_code, problem.json["code"]) == (400, "unknown_language")
    assert problem.json["detail"].startswith("lang: there is no such language")
    page = api.call("GET", address, key=None, Accept="text/html,*/*;q=0.8")
    text = page.body.decode()
    assert (page.status_code, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "There is no such language." in text
    assert "unknown_language" in text
    assert text.count('href="?lang=') == 10


def test_a_status_in_a_language_that_is_none_is_a_problem_for_browsers_too(api):
    answer = api.call("GET", f"/pay/{api.create()['id']}/status?lang=xx", key=None, Accept="text/html")
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_language")


def test_what_is_not_found_is_said_in_the_payers_language(api):
    for path, words in (
        ("/pay/nonsense", "Zahlung nicht gefunden"),
        (f"/claim/{'a' * 32}", "Erstattung nicht gefunden"),
    ):
        answer = api.call("GET", f"{path}?lang=de", key=None)
        assert (answer.status_code, words in answer.body.decode()) == (404, True)


def test_assets_are_served_by_exact_name_only(api):
    """No way out of the folder."""
    style = api.call("GET", "/assets/checkout.css", key=None)
    assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    for wrong in ("checkout.html", "..%2Fconfig.py", "render.py"):
        assert api.call("GET", f"/assets/{wrong}", key=None).status_code == 404


def test_every_merchant_route_needs_a_key(api):
    """Enumerated from the app itself."""
    for path, methods in app.app.routes.items():
        if path.startswith("/api/v1"):
            for method in methods:
                answer = api.call(method, path.replace("{payment_id}", "x"), key=None)
                assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), (method, path)
