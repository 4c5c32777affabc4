"""Health, chains, checkout, and what every route has in common."""

import app
from ctrip.domain.access import Gate
from tests.world import USDC


def test_alive_needs_no_key_and_no_io(api):
    """Any store would do."""
    answer = api.call("GET", "/health", key=None)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready_reports_each_chain_and_queue(api, monkeypatch):
    """Idle and scanned chains are up; one that is hot and not scanned is down."""
    monkeypatch.setattr("ctrip.aws.queues.queue_depths", lambda stage: {"sweep": 0, "sweep-dlq": 0})
    idle = api.call("GET", "/health/ready", key=None)
    assert (idle.status_code, idle.json["chains"]["anvil"]["status"]) == (200, "idle")
    api.create()
    unscanned = api.call("GET", "/health/ready", key=None)
    assert (unscanned.status_code, unscanned.json["status"]) == (503, "down")
    assert unscanned.headers["Retry-After"]
    api.world.step()
    up = api.call("GET", "/health/ready", key=None)
    report = up.json["chains"]["anvil"]
    assert (up.status_code, report["status"], report["open_payments"]) == (200, "ok", 1)
    assert {"head", "head_age", "lag", "last_scan"} <= set(report)
    assert report["endpoints"] == [{"host": "fake", "state": "usable"}]
    api.world.clock.at += 200_000
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["status"] == "not_scanned"


def test_a_paused_chain_is_down(api, monkeypatch):
    """Somebody must look at it."""
    monkeypatch.setattr("ctrip.aws.queues.queue_depths", lambda stage: {})
    api.world.stores.access.raise_gate("anvil", hot_until=1, warm_until=1, now=0)
    api.world.stores.access.pause("anvil", True)
    assert isinstance(api.world.stores.access.gates(["anvil"])["anvil"], Gate)
    assert api.call("GET", "/health/ready", key=None).json["chains"]["anvil"]["status"] == "paused"


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
        "confirmations": 3,
    }
    for path in ("/api/v1/chains", "/api/v1/tokens"):
        page = api.call("GET", f"{path}?limit=1").json
        assert (len(page["data"]), page["next_cursor"]) == (1, None)
        assert api.call("GET", f"{path}?cursor={page['data'][0]['id']}").json["data"] == []
        assert api.call("GET", f"{path}?cursor=nobody").json["errors"][0]["code"] == "invalid_cursor"
    wrong = api.call("GET", "/api/v1/tokens?chain=dogecoin")
    assert (wrong.status_code, wrong.json["detail"]) == (400, "Unsupported chain: dogecoin")


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


def test_unknown_and_malformed_ids_get_a_page_too(api):
    """404, without an echo of what was asked."""
    for wrong in ("00000000-0000-4000-8000-00000000dead", "nonsense"):
        answer = api.call("GET", f"/pay/{wrong}", key=None)
        assert (answer.status_code, wrong in answer.body.decode()) == (404, False)
        assert api.call("GET", f"/pay/{wrong}/status", key=None).status_code == 404


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
