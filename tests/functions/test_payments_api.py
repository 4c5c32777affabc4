"""The payments resource, through the Chalice app."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ctrip.domain.merchants.access import Scope
from ctrip.domain.money import MAX_AMOUNT
from tests.functions.conftest import KEY, add_key
from tests.world import ORIGIN, USDC, XPUB2, put_merchant

FIRST_VERSION = ("id", "chain", "token_id", "address", "amount", "status", "confirmations", "created_at", "expires_at")
CONTRACT = {
    *FIRST_VERSION,
    "exception",
    "exceptions",
    "fulfillable",
    "amount_received",
    "amount_confirmed",
    "required_confirmations",
    "detected_in_block",
    "symbol",
    "decimals",
    "amount_decimal",
    "received_decimal",
    "derivation_path",
    "price",
    "rate",
    "payer_chooses",
    "assets",
    "order_id",
    "link_id",
    "invoice_id",
    "metadata",
    "description",
    "checkout_url",
    "success_url",
    "cancel_url",
    "payment_uri",
    "detected_at",
    "confirmed_at",
    "paid_at",
    "settled_at",
    "updated_at",
    "transfers",
    "sweeps",
    "amount_str",
    "amount_received_str",
    "amount_confirmed_str",
}


def test_a_payment_is_created_as_the_contract_says(api):
    """201 with every field, a fresh address, a checkout page, an EIP-681 link."""
    answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000, "order_id": "A1"})
    body = answer.json
    assert (answer.status_code, set(body)) == (201, CONTRACT)
    assert (body["status"], body["amount"], body["amount_str"], body["token_id"]) == ("pending", 1000, "1000", None)
    assert body["payment_uri"] == f"ethereum:{body['address']}@31337?value=1000"
    assert body["checkout_url"] == f"http://api.example.com/pay/{body['id']}"
    assert body["derivation_path"] == "m/44'/60'/1'/0/0"
    times = [datetime.fromisoformat(body[name]) for name in ("created_at", "expires_at")]
    assert [(t.tzinfo, (times[1] - times[0]).total_seconds()) for t in times] == [(UTC, 1800.0)] * 2
    assert "X-Request-Id" in answer.headers


def test_each_payment_has_its_own_address(api):
    """An index is never used twice, whatever becomes of a creation."""
    assert len({api.create()["address"] for _ in range(10)}) == 10


def test_a_token_by_id_or_symbol_and_an_amount_in_either_spelling(api):
    """Alternatives mean the same; both of a pair are refused."""
    by_id = api.create(token_id=USDC.id, amount="12500000")
    by_symbol = api.create(asset="USDC", amount=None, amount_decimal="12.50")
    assert by_id["amount"] == by_symbol["amount"] == 12_500_000
    assert by_id["token_id"] == by_symbol["token_id"] == USDC.id
    assert by_id["payment_uri"] == f"ethereum:{USDC.address}@31337/transfer?address={by_id['address']}&uint256=12500000"
    for wrong in ({"asset": "USDC", "token_id": USDC.id}, {"amount_decimal": "1"}):
        assert api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, **wrong}).status_code == 400


@pytest.mark.parametrize("amount", [1, 2**53 + 1, 2**63, MAX_AMOUNT])
def test_amounts_are_returned_exactly(api, amount):
    """As a number and as text, up to 2^256-1."""
    made = api.create(amount=amount)
    read = api.call("GET", f"/api/v1/payments/{made['id']}").json
    assert (read["amount"], read["amount_str"]) == (amount, str(amount))


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": MAX_AMOUNT + 1}, "amount", "invalid_amount"),
        ({"amount": 0}, "amount", "invalid_amount"),
        ({"amount": -5}, "amount", "invalid_amount"),
        ({"amount": "1e3"}, "amount", "invalid_amount"),
        ({"amount": 10**4_000}, "amount", "invalid_value"),
        ({"amount": True}, "amount", "invalid_value"),
        ({"amount": 1.5}, "amount", "invalid_value"),
        ({"amount": 1.0}, "amount", "invalid_value"),
        ({"amount": float("nan")}, "amount", "invalid_value"),
        ({"expires_in": 1e400}, "expires_in", "invalid_value"),
        ({"nonsense": 1.5}, "nonsense", "unknown_field"),
        ({"amount": None}, "amount", "missing"),
        ({"amount": None, "amount_decimal": "0.0000000000000000001"}, "amount_decimal", "invalid_amount"),
        ({"chain": "ab"}, "chain", "invalid_value"),
        ({"chain": "x" * 21}, "chain", "invalid_value"),
        ({"chain": 5}, "chain", "invalid_value"),
        ({"token_id": "nonsense"}, "token_id", "invalid_value"),
        ({"asset": "DOGE"}, "asset", "asset_not_found"),
        ({"order_id": ""}, "order_id", "invalid_value"),
        ({"order_id": "x" * 65}, "order_id", "invalid_value"),
        ({"expires_in": 59}, "expires_in", "invalid_value"),
        ({"expires_in": 86_401}, "expires_in", "invalid_value"),
        ({"metadata": {str(n): "x" for n in range(21)}}, "metadata", "invalid_value"),
        ({"metadata": {"a": "x" * 501}}, "metadata.a", "invalid_value"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_value"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url", "invalid_url"),
        ({"webhook_url": "https://user@example.com"}, "webhook_url", "invalid_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url", "invalid_url"),
        ({"success_url": "http://"}, "success_url", "invalid_url"),
        ({"cancel_url": "data:text/html,x"}, "cancel_url", "invalid_url"),
        ({"cancel_url": "https://exa\nmple.com"}, "cancel_url", "invalid_url"),
        ({"status": "paid"}, "status", "unknown_field"),
        ({"nonsense": 1}, "nonsense", "unknown_field"),
    ],
)
def test_bad_input_is_400_and_names_the_field(api, change, field, code):
    """In the one shape that all errors have, with a stable code."""
    answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000, **change})
    assert answer.status_code == 400
    assert set(answer.json) == {"detail", "code", "errors", "request_id"}
    assert [(e["field"], e["code"]) for e in answer.json["errors"]] == [(field, code)]


def test_every_field_of_the_answer_is_refused_as_input(api):
    """Threat 10, mass assignment."""
    accepted = {"chain", "amount", "token_id", "order_id", "metadata", "description", "success_url", "cancel_url"}
    for name in CONTRACT - accepted - {"amount_decimal"}:
        answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, name: "x"})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, name)


def test_the_two_messages_that_are_fixed_word_for_word(api):
    """The first version of the API had them."""
    unknown = api.call("POST", "/api/v1/payments", {"chain": "dogecoin", "amount": 1})
    assert (unknown.status_code, unknown.json["detail"]) == (400, "Unsupported chain: dogecoin")
    token = "00000000-0000-4000-8000-00000000dead"
    missing = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, "token_id": token})
    assert (missing.status_code, missing.json["detail"]) == (400, f"Token {token} not found for chain anvil")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'"x"',
        b"",
        b"null",
        b'{"chain":"anvil","amount":1,"amount":2}',
        b'{"chain":"anvil","amount":NaN}',
        b'{"chain":"anvil","amount":1e400}',
        b'{"chain":"anvil","amount":1.0}',
        b"[" * 30_000,
        b'{"a":' * 9 + b"1" + b"}" * 9,
        b'{"chain":"anvil","amount":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_a_plain_json_object_is_refused(api, raw):
    """Threat 16: duplicate keys, NaN, floats, depth."""
    assert api.call("POST", "/api/v1/payments", raw).status_code == 400


def test_too_large_and_not_json(api):
    """413 and 415, in our shape."""
    large = api.call("POST", "/api/v1/payments", b'{"chain":"' + b"x" * 33_000 + b'"}')
    assert (large.status_code, large.json["code"]) == (413, "payload_too_large")
    form = api.call("POST", "/api/v1/payments", b"chain=anvil", Content_Type="application/x-www-form-urlencoded")
    assert (form.status_code, form.json["code"]) == (415, "unsupported_media_type")


def test_without_a_valid_key_it_is_401_and_without_the_scope_403(api):
    """Always in the same words, whatever was wrong with the key."""
    add_key(api.world, "ctrip_readonly01_0123456789abcdefghijkl", frozenset({Scope.PAYMENTS_READ}))
    add_key(api.world, "ctrip_expired001_0123456789abcdefghijkl", frozenset(Scope), expires_at=api.world.clock.at)
    add_key(api.world, "ctrip_disabled01_0123456789abcdefghijkl", frozenset(Scope), enabled=False)
    bad = [None, "nonsense", KEY[:-1] + "X", KEY.replace("testkey001", "unknown001")]
    bad += ["ctrip_expired001_0123456789abcdefghijkl", "ctrip_disabled01_0123456789abcdefghijkl"]
    details = set()
    for key in bad:
        answer = api.call("GET", "/api/v1/payments", key=key)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
        details.add(answer.json["detail"])
    assert len(details) == 1
    forbidden = api.call("POST", "/api/v1/payments", {}, key="ctrip_readonly01_0123456789abcdefghijkl")
    assert (forbidden.status_code, forbidden.json["code"]) == (403, "forbidden")


def test_another_merchants_payment_is_the_same_404_as_an_unknown_one(api):
    """Threat 9: nothing tells that it exists."""
    other = "ctrip_other00001_0123456789abcdefghijkl"
    put_merchant(api.world.stores.access, replace(api.world.merchant, id="m2", account=2, xpub=XPUB2))
    add_key(api.world, other, frozenset(Scope), "m2")
    mine = api.create(order_id="A1")["id"]
    unknown = "00000000-0000-4000-8000-00000000dead"
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/accept")):
        answers = [api.call(method, f"/api/v1/payments/{i}{path}", key=other) for i in (mine, unknown, "nonsense")]
        assert {a.status_code for a in answers} == {404}
        assert (
            len({a.json["detail"].replace(i, "") for a, i in zip(answers, (mine, unknown, "nonsense"), strict=True)})
            == 1
        )
    assert api.call("GET", "/api/v1/payments", key=other).json["data"] == []
    assert api.call("GET", "/api/v1/payments?order_id=A1", key=other).json["data"] == []


def test_the_same_key_and_body_give_the_first_answer_again(api):
    """Status and body, also after the payment has moved on; the header says that it is a replay."""
    body = {"chain": "anvil", "amount": 1000, "metadata": {"a": "b"}}
    first = api.call("POST", "/api/v1/payments", body, Idempotency_Key="k1")
    api.world.closer.cancel("m1", first.json["id"], ORIGIN)
    again = api.call("POST", "/api/v1/payments", dict(reversed(body.items())), Idempotency_Key="k1")
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = api.call("POST", "/api/v1/payments", {**body, "amount": 1001}, Idempotency_Key="k1")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
def test_an_idempotency_key_has_1_to_255_ascii_characters(api, key):
    """Anything else is refused, not ignored."""
    body = {"chain": "anvil", "amount": 1}
    assert api.call("POST", "/api/v1/payments", body, Idempotency_Key=key).status_code == 400


def test_an_order_id_is_unique_among_living_payments(api):
    """409 with the holder's id; free again once that one is dead."""
    first = api.create(order_id="A1")
    taken = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, "order_id": "A1"})
    assert (taken.status_code, taken.json["code"], taken.json["payment_id"]) == (409, "order_id_in_use", first["id"])
    api.call("POST", f"/api/v1/payments/{first['id']}/cancel")
    second = api.create(order_id="A1")
    listed = api.call("GET", "/api/v1/payments?order_id=A1").json["data"]
    assert [p["id"] for p in listed] == [second["id"]]


def test_cancelling_again_with_the_same_key_gives_the_first_answer(api):
    """200 both times, and one event; without a key the second is refused."""
    made = api.create()
    path = f"/api/v1/payments/{made['id']}/cancel"
    first = api.call("POST", path, Idempotency_Key="c1")
    again = api.call("POST", path, Idempotency_Key="c1")
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert api.call("POST", path, Idempotency_Key="c2").status_code == 409


def test_cancelling_works_once_and_not_after_money_has_come(api):
    """200, then 409; 409 with funds, unless they are dust."""
    made = api.create()
    path = f"/api/v1/payments/{made['id']}/cancel"
    first = api.call("POST", path)
    assert (first.status_code, first.json["status"], first.json["exception"]) == (200, "expired", "manual")
    assert api.call("POST", path).status_code == 409
    funded, dusted = api.create(amount=10_000), api.create(amount=10_000)
    api.world.chain.deposit(funded["address"], 11)
    api.world.chain.deposit(dusted["address"], 10)
    api.world.step()
    assert api.call("POST", f"/api/v1/payments/{funded['id']}/cancel").status_code == 409
    assert api.call("POST", f"/api/v1/payments/{dusted['id']}/cancel").status_code == 200


def test_confirmations_are_those_of_today(api):
    """Head - block + 1, as of the newest block seen, though nothing about the payment was written since."""
    made = api.create()
    api.world.chain.deposit(made["address"], 400)
    api.world.step()
    api.world.step(6)
    read = api.call("GET", f"/api/v1/payments/{made['id']}").json
    assert (read["status"], read["confirmations"], read["transfers"][0]["confirmations"]) == ("detected", 7, 7)


def test_lists_are_paged_newest_first_and_filtered(api):
    """Every payment once, in order; filters apply; a foreign cursor is refused."""
    made = []
    for _ in range(7):
        made.append(api.create()["id"])
        api.world.clock.at += 1000
    seen, cursor = [], ""
    while cursor is not None:
        page = api.call("GET", f"/api/v1/payments?limit=3{f'&cursor={cursor}' if cursor else ''}").json
        seen += [p["id"] for p in page["data"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    api.call("POST", f"/api/v1/payments/{made[0]}/cancel")
    expired = api.call("GET", "/api/v1/payments?status=expired").json["data"]
    assert [p["id"] for p in expired] == [made[0]]
    third = api.call("GET", f"/api/v1/payments/{made[2]}").json["created_at"]
    until = api.call("GET", f"/api/v1/payments?created_before={third}").json["data"]
    assert [p["id"] for p in until] == made[2::-1]
    for query in ("cursor=zzz", "limit=0", "limit=101", "limit=x", "status=done", "created_after=yesterday", "page=2"):
        answer = api.call("GET", f"/api/v1/payments?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, query.split("=")[0])


def test_creation_opens_the_gate_before_the_payment_and_starts_a_scanner_once(api):
    """A closed gate is opened, and the scan begins at once; an open one is left alone."""
    api.create()
    api.create()
    assert api.world.jobs.scans == ["anvil"]
    gate = api.world.stores.access.gates(["anvil"])["anvil"]
    assert gate.hot_until >= api.world.clock.at + 1_800_000
    assert gate.warm_until >= gate.hot_until + 86_400_000


def test_nothing_internal_leaks_when_our_own_code_fails(api, monkeypatch):
    """Threat 14: 500 in our shape; neither the answer nor the log quotes what was sent."""
    canary = "canary-8c1f"

    def explode(*_):
        raise RuntimeError(f"could not store {canary}")

    monkeypatch.setattr(api.world.stores.payments, "commit", explode)
    answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, "description": canary})
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert canary not in answer.body.decode()
    assert canary not in str(api.world.log.lines)
    assert api.world.log.alarms() == ["request_failed"]
