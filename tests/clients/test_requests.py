"""What each method sends, and to where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.settlement.payout import PayoutKind
from ctrip_client import AsyncClient, Client
from ctrip_client.calls import get_payment, list_payments
from ctrip_client.signing import sign_request
from tests.clients import samples
from tests.clients.scripted import API_KEY, NOW, SIGNING, Scripted, ok

PAID = samples.payment()
SETTLED, REFUNDED = samples.payout(), samples.payout(payment_id=PAID["id"])
ASSIGNED = samples.payout(kind=PayoutKind.ASSIGNMENT, payment_id=PAID["id"], assigned_to=PAID["id"])
EMPTY = {"data": [], "next_cursor": None}
ISSUED = samples.KEY | {"api_key": "ctrip_key_2_x", "signing_secret": "s"}
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# name, what is called, what the gateway answers, method, path and query, body
ASKED: list[tuple[str, Callable[[Any], Any], Any, str, str, Any]] = [
    ("create", lambda c: c.payments.create(chain="anvil", amount=2**200, order_id=None, metadata={"a": "é"}), PAID,
     "POST", "/api/v1/payments", {"chain": "anvil", "amount": 2**200, "metadata": {"a": "é"}}),
    ("get", lambda c: c.payments.get("p-1"), PAID, "GET", "/api/v1/payments/p-1", None),
    ("list", lambda c: list(c.payments.list(status="paid", limit=5, chain=None)), EMPTY,
     "GET", "/api/v1/payments?limit=5&status=paid", None),
    ("page", lambda c: c.payments.page(order_id="a b+c&d=é~", cursor="x"), EMPTY,
     "GET", "/api/v1/payments?cursor=x&order_id=a%20b%2Bc%26d%3D%C3%A9~", None),
    ("cancel", lambda c: c.payments.cancel("p-1"), PAID, "POST", "/api/v1/payments/p-1/cancel", {}),
    ("accept", lambda c: c.payments.accept("p-1"), PAID, "POST", "/api/v1/payments/p-1/accept", {}),
    ("chains", lambda c: c.chains(), EMPTY, "GET", "/api/v1/chains", None),
    ("tokens", lambda c: c.tokens(), EMPTY, "GET", "/api/v1/tokens", None),
    ("tokens of a chain", lambda c: c.tokens("anvil"), EMPTY, "GET", "/api/v1/tokens?chain=anvil", None),
    ("events", lambda c: list(c.events.list(order="asc", after="evt_1", type="payment.paid", payment_id="p-1")), EMPTY,
     "GET", "/api/v1/events?after=evt_1&order=asc&payment_id=p-1&type=payment.paid", None),
    ("a page of events", lambda c: c.events.page(limit=1), EMPTY, "GET", "/api/v1/events?limit=1", None),
    ("keys", lambda c: list(c.keys.list()), EMPTY, "GET", "/api/v1/keys", None),
    ("a new key", lambda c: c.keys.create(name="shop", scopes=["payments:read"], signed_only=True,
                                          expires_at=datetime(2027, 1, 1, tzinfo=UTC)), ISSUED,
     "POST", "/api/v1/keys", {"name": "shop", "scopes": ["payments:read"], "signed_only": True,
                              "expires_at": "2027-01-01T00:00:00Z"}),
    ("rotate", lambda c: c.keys.rotate("key_2"), ISSUED, "POST", "/api/v1/keys/key_2/rotate", {}),
    ("balances", lambda c: list(c.ledger.balances()), EMPTY, "GET", "/api/v1/balances", None),
    ("entries", lambda c: list(c.ledger.list(limit=5)), EMPTY, "GET", "/api/v1/ledger?limit=5", None),
    ("a page of entries", lambda c: c.ledger.page(cursor="x"), EMPTY, "GET", "/api/v1/ledger?cursor=x", None),
    ("settle", lambda c: c.settlements.create(chain="anvil", asset="USDC", amount=2**200), SETTLED,
     "POST", "/api/v1/settlements", {"chain": "anvil", "asset": "USDC", "amount": 2**200}),
    ("a settlement", lambda c: c.settlements.get("stl_1"), SETTLED, "GET", "/api/v1/settlements/stl_1", None),
    ("settlements", lambda c: list(c.settlements.list()), EMPTY, "GET", "/api/v1/settlements", None),
    ("a page of settlements", lambda c: c.settlements.page(limit=1), EMPTY,
     "GET", "/api/v1/settlements?limit=1", None),
    ("cancel a settlement", lambda c: c.settlements.cancel("stl_1"), SETTLED,
     "POST", "/api/v1/settlements/stl_1/cancel", {}),
    ("a destination", lambda c: c.settlements.destination("anvil"), samples.destination(),
     "GET", "/api/v1/settlement-addresses/anvil", None),
    ("schedules", lambda c: list(c.settlements.schedules()), EMPTY, "GET", "/api/v1/settlement-schedules", None),
    ("a schedule", lambda c: c.settlements.set_schedule("anvil", every="daily", threshold=2**200), samples.schedule(),
     "PUT", "/api/v1/settlement-schedules/anvil", {"every": "daily", "threshold": 2**200}),
    ("a new destination", lambda c: c.settlements.set_destination("anvil", "0xAb"), samples.destination(),
     "PUT", "/api/v1/settlement-addresses/anvil", {"address": "0xAb"}),
    ("refund", lambda c: c.refunds.create("p-1", address="0xAb", amount_decimal="1.5"), REFUNDED,
     "POST", "/api/v1/payments/p-1/refunds", {"address": "0xAb", "amount_decimal": "1.5"}),
    ("refunds", lambda c: list(c.refunds.list("p-1")), EMPTY, "GET", "/api/v1/payments/p-1/refunds", None),
    ("every refund", lambda c: list(c.refunds.every(status="awaiting_transfer", limit=5)), EMPTY,
     "GET", "/api/v1/refunds?limit=5&status=awaiting_transfer", None),
    ("get a refund", lambda c: c.refunds.get("ref_1"), REFUNDED, "GET", "/api/v1/refunds/ref_1", None),
    ("complete a refund", lambda c: c.refunds.complete("ref_1", "0xab"), REFUNDED,
     "POST", "/api/v1/refunds/ref_1/complete", {"tx_hash": "0xab"}),
    ("cancel a refund", lambda c: c.refunds.cancel("p-1", "ref_1"), REFUNDED,
     "POST", "/api/v1/payments/p-1/refunds/ref_1/cancel", {}),
    ("a refund that the payer claims", lambda c: c.refunds.create("p-1"), REFUNDED,
     "POST", "/api/v1/payments/p-1/refunds", {}),
    ("unmatched", lambda c: list(c.deposits.unmatched(limit=2)), EMPTY,
     "GET", "/api/v1/deposits/unmatched?limit=2", None),
    ("refund a deposit", lambda c: c.deposits.refund("p-1.0", address="0xAb"), REFUNDED,
     "POST", "/api/v1/deposits/unmatched/p-1.0/refund", {"address": "0xAb"}),
    ("assign", lambda c: c.deposits.assign("p-1.0", payment_id="p-2", amount=5), ASSIGNED,
     "POST", "/api/v1/deposits/unmatched/p-1.0/assign", {"payment_id": "p-2", "amount": 5}),
    ("assignments", lambda c: list(c.deposits.assignments()), EMPTY, "GET", "/api/v1/deposits/assignments", None),
    ("revoke", lambda c: c.keys.revoke("key_2"), samples.KEY, "DELETE", "/api/v1/keys/key_2", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "answer", "method", "target", "body"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED]
)
def test_each_method_asks_its_route(
    kind: Any, call: Callable[[Any], Any], answer: Any, method: str, target: str, body: Any
) -> None:
    """Method, path, query and body are the contract's, behind the stage's prefix; None is left out."""
    gateway = Scripted(ok(answer))
    call(gateway.client(kind))
    [asked] = gateway.asked
    assert (asked.method, str(asked.url)) == (method, f"https://gateway.example/api{target}")
    assert (json.loads(asked.content) if asked.content else None) == body
    assert asked.headers["Authorization"] == f"Bearer {API_KEY}"
    assert asked.headers["User-Agent"].startswith("ctrip-client/")
    assert ("Content-Type" in asked.headers) == (body is not None)
    assert bool(re.fullmatch(UUID4, asked.headers.get("Idempotency-Key", ""))) == (method != "GET")


@pytest.mark.parametrize("prefix", ["", "/", "/api", "/api/"])
@pytest.mark.parametrize(("call", "answer"), [row[1:3] for row in ASKED], ids=[row[0] for row in ASKED])
def test_each_request_can_be_signed(kind: Any, prefix: str, call: Callable[[Any], Any], answer: Any) -> None:
    """The signature covers what follows the base address and the bytes that are sent; the secret is nowhere."""
    gateway = Scripted(ok(answer))
    call(gateway.client(kind, f"https://gateway.example{prefix}", **SIGNING))
    [asked] = gateway.asked
    path = asked.url.raw_path.decode().partition("?")[0].removeprefix(prefix.rstrip("/"))
    expected = sign_request(
        asked.method,
        path,
        list(asked.url.params.multi_items()),
        asked.content,
        key_id=SIGNING["signing_key_id"],
        secret=SIGNING["signing_secret"],
        timestamp=NOW,
        nonce=asked.headers["X-Nonce"],
    )
    assert path.startswith("/api/v1/")
    assert {name: asked.headers[name] for name in expected} == expected
    assert "Authorization" not in asked.headers
    assert SIGNING["signing_secret"] not in str(asked.headers.raw) + str(asked.url) + asked.content.decode()


@given(
    st.dictionaries(st.sampled_from(["order_id", "chain", "status"]), st.text(st.characters(exclude_categories=["Cs"])))
)
def test_a_query_arrives_as_it_was_meant(filters: dict[str, str]) -> None:
    """Whatever is in a filter, the gateway decodes the same."""
    gateway = Scripted(ok(EMPTY))
    with gateway.client() as client:
        client.payments.page(**filters)
    assert gateway.asked[0].url.raw_path.decode().partition("?")[2] == "&".join(
        f"{name}={''.join(_encoded(filters[name]))}" for name in sorted(filters)
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", "..")))
def test_an_id_stays_one_part_of_the_path(payment_id: str) -> None:
    """No id, however odd, leads to another route."""
    url = httpx.URL("https://gateway.example" + get_payment(payment_id).target)
    assert url.query == b""
    assert url.raw_path.decode().startswith("/api/v1/payments/")
    assert url.raw_path.count(b"/") == 4


@pytest.mark.parametrize("payment_id", ["", ".", ".."])
def test_an_id_that_names_no_payment_is_refused_here(kind: Any, payment_id: str) -> None:
    """An empty id would ask for the list, and dots for what is above it."""
    gateway = Scripted()
    for method in ("get", "cancel", "accept"):
        with pytest.raises(ValueError, match="an id is missing"):
            getattr(gateway.client(kind).payments, method)(payment_id)


def test_the_callers_own_idempotency_key_is_sent(kind: Any) -> None:
    """So that a shop's order makes one payment, also over restarts."""
    gateway = Scripted(ok(PAID), ok(PAID))
    client = gateway.client(kind)
    client.payments.create(chain="anvil", amount=1, idempotency_key="order-1")
    client.payments.cancel("p-1", idempotency_key="order-1-cancel")
    assert [asked.headers["Idempotency-Key"] for asked in gateway.asked] == ["order-1", "order-1-cancel"]


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "ключ", "\x7f"])
def test_what_cannot_stand_in_a_header_is_refused_here(kind: Any, key: str) -> None:
    """A key that would break the request, or slip in a header, is a ValueError that names it."""
    gateway = Scripted()
    with pytest.raises(ValueError, match="idempotency_key"):
        gateway.client(kind).payments.create(chain="anvil", amount=1, idempotency_key=key)
    with pytest.raises(ValueError, match="api_key"):
        gateway.client(kind, api_key=key)
    with pytest.raises(ValueError, match="signing_key_id"):
        gateway.client(kind, signing_key_id=key, signing_secret="s")


def test_times_are_sent_in_utc() -> None:
    """A time of any zone is the same instant; one without a zone is refused."""
    at = datetime(2026, 11, 1, 2, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))
    assert list_payments({"created_after": at}).query == (("created_after", "2026-11-01T00:00:00.250000Z"),)
    assert list_payments({"created_after": "yesterday"}).query == (("created_after", "yesterday"),)
    with pytest.raises(ValueError, match="time zone"):
        list_payments({"created_after": at.replace(tzinfo=None)})


def test_what_is_no_json_is_not_sent() -> None:
    """NaN and strange objects end here, not in a request."""
    with Scripted().client() as client:
        with pytest.raises(ValueError, match="JSON"):
            client.payments.create(chain="anvil", amount=float("nan"))
        with pytest.raises(TypeError, match="JSON"):
            client.payments.create(chain="anvil", amount=object())


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"api_key": ""},
        {"api_key": "k", "signing_key_id": "i", "signing_secret": "s"},
        {"api_key": "k", "signing_secret": "s"},
        {"signing_key_id": "i"},
        {"signing_secret": "s"},
    ],
)
@pytest.mark.parametrize("kind_", [Client, AsyncClient])
def test_one_credential_is_needed(kind_: Any, given_: dict[str, str]) -> None:
    """None, half a one and two are refused before anything is sent."""
    with pytest.raises(ValueError, match="api_key"):
        kind_("https://gateway.example", **given_)


@pytest.mark.parametrize(
    "base_url",
    [
        *("", "gateway.example", "ftp://gateway.example", "https://", "https://user:secret@gateway.example"),
        *("https://gateway.example?a=b", "https://gateway.example/#x", "/api", "https://gateway.example:x"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(kind: Any, base_url: str) -> None:
    """Before anything is sent, and without saying what was in it."""
    with pytest.raises(ValueError, match="base_url must be like") as caught:
        kind(base_url, api_key="k")
    assert "secret" not in str(caught.value)


def test_redirects_are_not_followed(kind: Any) -> None:
    """A credential goes to the gateway and to nobody else."""
    gateway = Scripted(httpx.Response(302, headers={"Location": "https://evil.example/"}), ok(PAID))
    with pytest.raises(Exception, match="302"):
        gateway.client(kind).payments.get("p-1")
    assert len(gateway.asked) == 1


def test_clients_close() -> None:
    """`with` and `async with` end the connections."""
    gateway = Scripted()
    with gateway.client() as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.chains()
    other = gateway.client(AsyncClient)
    other.__aenter__()
    other.__aexit__(None, None, None)
    with pytest.raises(RuntimeError, match="closed"):
        other.chains()


def _encoded(text: str) -> list[str]:
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return [chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in text.encode()]
