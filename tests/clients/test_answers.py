"""What is made of answers: records, pages and errors."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ctrip_client
from ctrip.views.ledger import balance_views, entry_view
from ctrip_client import (
    AnswerUnreadable,
    ApiError,
    BadRequest,
    Balance,
    Conflict,
    CtripError,
    Event,
    FieldProblem,
    Forbidden,
    IssuedKey,
    Key,
    LedgerEntry,
    NotFound,
    Payment,
    Refund,
    ServerError,
    Settlement,
    SettlementDestination,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
)
from ctrip_client.reading import read
from tests.clients import samples
from tests.clients.scripted import API_KEY, SIGNING, Scripted, ok, refusal
from tests.support.objects import entry
from tests.world import NETWORK

LARGEST = samples.LARGEST
STATUSES = {
    400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 405: ApiError, 409: Conflict, 413: ApiError,
    415: ApiError, 418: ApiError, 422: Unprocessable, 429: TooManyRequests, 500: ServerError, 503: ServerError,
    599: ServerError,
}  # fmt: skip

# The fields of a payment, as the contract lists them.
PROMISED = {
    "id", "chain", "token_id", "address", "amount", "status", "confirmations", "created_at", "expires_at", "exception",
    "exceptions", "fulfillable", "amount_received", "amount_confirmed", "required_confirmations", "detected_in_block",
    "symbol", "decimals", "amount_decimal", "received_decimal", "derivation_path", "order_id", "metadata",
    "description", "checkout_url", "success_url", "cancel_url", "payment_uri", "detected_at", "confirmed_at",
    "paid_at", "settled_at", "updated_at", "transfers", "sweeps",
}  # fmt: skip

# -- records


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (Settlement, samples.payout()),
        (Refund, samples.payout(payment_id="p-1")),
        (SettlementDestination, samples.destination()),
    ],
)
def test_what_leaves_is_read_whole(kind: Any, shown: dict[str, Any]) -> None:
    """Every field that the gateway renders is there under its name, exactly, but for the copies of amounts as text."""
    made = read(kind, shown)
    known = {each.name for each in fields(kind)} - {"raw"}
    assert known == {name for name in shown if not name.endswith("_str")}
    for name in known:
        value = getattr(made, name)
        if isinstance(value, datetime):
            value = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert value == shown[name], name


def test_the_ledger_is_read_whole() -> None:
    """A balance and an entry, as the gateway renders them."""
    networks = {NETWORK.name: NETWORK}
    posted = entry()
    [balance] = balance_views({("anvil", "native", "available:m1"): -LARGEST}, "m1", networks)
    for kind, shown in ((Balance, balance), (LedgerEntry, entry_view(posted, networks))):
        made, held = read(kind, shown), dict(shown)
        for each in fields(kind):
            if each.name not in ("raw", "created_at"):
                assert getattr(made, each.name) == held[each.name], each.name
    assert read(Balance, balance).available == LARGEST


def test_a_payment_is_read_whole() -> None:
    """Every field that the contract promises is there under its name, as the gateway renders it, exactly."""
    shown = samples.settled()
    read_ = read(Payment, shown)
    known = {each.name for each in fields(Payment)} - {"raw"}
    assert PROMISED <= known <= set(shown)
    for name in known - {"transfers", "sweeps", "exceptions", "assets"}:
        value = getattr(read_, name)
        if isinstance(value, datetime):
            value = value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert value == shown[name], name
    assert read_.exceptions == ("late", "overpaid")
    [transfer], [sweep] = read_.transfers, read_.sweeps
    assert (transfer.tx_hash, transfer.log_index, transfer.block_number, transfer.block_hash, transfer.sender) == (
        "0xbeef", 3, 9, "0xb10c", "0xfa11",
    )  # fmt: skip
    assert (transfer.amount, transfer.confirmations) == (LARGEST, 4)
    assert (sweep.tx_hash, sweep.status, sweep.amount) == ("0xfeed", "final", LARGEST)
    assert type(read_.amount) is int
    assert read_.created_at == datetime.fromtimestamp(1_795_000_000, UTC)


@given(st.integers(0, LARGEST))
def test_amounts_are_exact(amount: int) -> None:
    """To the last digit, from the JSON text on."""
    shown = samples.payment(amount=max(amount, 1), amount_received=amount)
    gateway = Scripted(httpx.Response(200, text=json.dumps(shown)))
    with gateway.client() as client:
        found = client.payments.get("p-1")
    assert (found.amount, found.amount_received) == (max(amount, 1), amount)


@pytest.mark.parametrize("name", ["amount", "amount_received", "amount_confirmed"])
@pytest.mark.parametrize("value", [1.0, 1e30, "1", True, None, [], {}])
def test_an_amount_is_never_guessed(name: str, value: Any) -> None:
    """A float, a text, null and nothing at all are refused, naming the field."""
    shown = samples.payment() | {name: value}
    with pytest.raises(AnswerUnreadable, match=f"payment.{name} is"):
        read(Payment, shown)
    del shown[name]
    with pytest.raises(AnswerUnreadable, match=f"payment.{name} is missing"):
        read(Payment, shown)


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", 5), ("created_at", "soon"), ("created_at", 5), ("transfers", {}), ("transfers", [5]), ("exceptions", "x"),
     ("metadata", []), ("fulfillable", "yes"), ("transfers", [{"tx_hash": "0x"}]), ("status", None)],
)  # fmt: skip
def test_a_field_of_the_wrong_kind_is_named(name: str, value: Any) -> None:
    """Rather than handed on to fail elsewhere."""
    with pytest.raises(AnswerUnreadable, match=rf"payment\.{name}"):
        read(Payment, samples.payment() | {name: value})


def test_what_is_new_is_tolerated(kind: Any) -> None:
    """Unknown fields are ignored and kept in `raw`; unknown statuses, exceptions and event types are text."""
    shown = samples.settled() | {"status": "refunding", "exceptions": ["moonlight"], "colour": {"a": [1]}}
    shown["transfers"][0]["colour"] = "red"
    found = Scripted(ok(shown)).client(kind).payments.get("p-1")
    assert (found.status, found.exceptions, found.raw["colour"]) == ("refunding", ("moonlight",), {"a": [1]})
    assert found.transfers[0].raw["colour"] == "red"
    event = read(Event, {"id": "evt_1", "type": "moon.rose", "data": {"object": "moon"}, "colour": "red"})
    assert (event.type, event.payment, event.sequence, event.payment_id) == ("moon.rose", None, None, None)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())))
def test_no_unknown_field_breaks_a_payment(extra: dict[str, Any]) -> None:
    """Changes are additive, whatever they add."""
    shown = samples.settled()
    assert read(Payment, extra | shown) == read(Payment, shown)


def test_null_and_absent_are_the_same() -> None:
    """A field that may be missing is None, never zero."""
    shown = samples.payment() | {"order_id": None, "detected_in_block": None}
    short = {name: value for name, value in shown.items() if value is not None}
    assert read(Payment, shown) == read(Payment, short)
    assert read(Payment, short).detected_in_block is None


def test_records_are_frozen_and_compare_by_what_they_say() -> None:
    """And may be keys of a set."""
    one, two = read(Payment, samples.settled() | {"id": "p"}), read(Payment, samples.settled() | {"id": "q"})
    same = read(Payment, dict(one.raw) | {"colour": "red"})
    assert one == same != two
    assert len({one, same, two}) == 2
    with pytest.raises(AttributeError):
        one.amount = 5  # type: ignore[misc]
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_chains_and_tokens_are_read(kind: Any) -> None:
    """Each with what it takes to pay."""
    page = {"data": [samples.CHAIN | {"tokens": [samples.TOKEN]}], "next_cursor": None}
    gateway = Scripted(ok(page), ok({"data": [samples.TOKEN], "next_cursor": None}))
    client = gateway.client(kind)
    [chain] = client.chains()
    assert (chain.id, chain.chain_id, chain.confirmations, chain.symbol) == ("anvil", 31337, 3, "ETH")
    assert client.tokens("anvil") == chain.tokens
    assert (chain.tokens[0].id, chain.tokens[0].symbol, chain.tokens[0].decimals) == (samples.TOKEN["id"], "USDC", 6)


def test_an_event_holds_its_payment(kind: Any) -> None:
    """As it was when the event was made."""
    event = json.loads(samples.event(status=samples.Status.PAID, amount=LARGEST, version=7))
    [found] = Scripted(ok({"data": [event], "next_cursor": None})).client(kind).events.list()
    assert (found.id, found.type, found.sequence, found.api_version) == (event["id"], "payment.paid", 7, "2026-11-01")
    assert found.payment.amount == LARGEST
    assert (found.payment.id, found.payment_id, found.payment.status) == (event["payment_id"],) * 2 + ("paid",)
    assert found.timestamp.tzinfo is UTC


def test_a_new_key_shows_its_secrets_once(kind: Any) -> None:
    """They are fields of the answer, and never part of what is printed."""
    issued = samples.KEY | {"api_key": "ctrip_key_2_hush", "signing_secret": "hush-hush"}
    page = {"data": [samples.KEY], "next_cursor": None}
    gateway = Scripted(ok(issued, 201), ok(issued), ok(page))
    client = gateway.client(kind)
    for made in (client.keys.create(name="shop"), client.keys.rotate("key_2")):
        assert isinstance(made, IssuedKey)
        assert (made.api_key, made.signing_secret) == ("ctrip_key_2_hush", "hush-hush")
        assert "hush" not in repr(made)
    [listed] = client.keys.list()
    assert type(listed) is Key
    assert (listed.scopes, listed.signed_only, listed.allowed_ips) == (("payments:read",), True, ("192.0.2.0/24",))
    assert (listed.created_at, listed.last_used_at, len(listed.versions)) == (
        datetime(2026, 11, 20, 10, tzinfo=UTC), None, 1,
    )  # fmt: skip


def test_secrets_that_a_replay_leaves_out_are_none(kind: Any) -> None:
    """A retry whose first try was done gets the key, and no secret."""
    made = Scripted(ok(samples.KEY | {"api_key": None, "signing_secret": None}, 201)).client(kind).keys.create()
    assert (made.id, made.api_key, made.signing_secret) == ("key_2", None, None)


# -- pages


def test_a_list_follows_its_cursor(kind: Any) -> None:
    """To the end, over short and empty pages, with the same filters."""
    made = [samples.payment() for _ in range(3)]
    pages = [(made[:2], "c1+/="), ([], "c2"), (made[2:], None)]
    gateway = Scripted(*(ok({"data": data, "next_cursor": cursor}) for data, cursor in pages))
    found = list(gateway.client(kind).payments.list(status="pending", cursor="c0"))
    assert [payment.id for payment in found] == [payment["id"] for payment in made]
    assert [asked.url.params.get("cursor") for asked in gateway.asked] == ["c0", "c1+/=", "c2"]
    assert {asked.url.params["status"] for asked in gateway.asked} == {"pending"}
    assert all(len(asked.url.params.get_list("cursor")) == 1 for asked in gateway.asked)


def test_a_list_asks_only_for_what_is_looked_at() -> None:
    """Nothing before the first look, and the second page only when the first is used up."""
    made = [samples.payment() for _ in range(2)]
    gateway = Scripted(ok({"data": made, "next_cursor": "c1"}), ok({"data": [], "next_cursor": None}))
    found = gateway.client().payments.list()
    assert gateway.asked == []
    assert [next(found).id, next(found).id] == [payment["id"] for payment in made]
    assert len(gateway.asked) == 1
    assert next(found, None) is None


def test_a_page_is_one_request(kind: Any) -> None:
    """With the cursor of the next."""
    gateway = Scripted(ok({"data": [samples.payment()], "next_cursor": "c1"}))
    page = gateway.client(kind).payments.page(limit=1)
    assert (len(page.data), page.next_cursor, len(gateway.asked)) == (1, "c1", 1)


def test_a_retried_page_is_not_yielded_twice(kind: Any) -> None:
    """A list survives a passing failure in its middle."""
    made = [samples.payment() for _ in range(2)]
    gateway = Scripted(
        ok({"data": made[:1], "next_cursor": "c1"}), refusal(503), ok({"data": made[1:], "next_cursor": None})
    )
    assert [payment.id for payment in gateway.client(kind).payments.list()] == [payment["id"] for payment in made]


# -- errors


@pytest.mark.parametrize(("status", "error"), STATUSES.items())
def test_each_status_has_its_error(kind: Any, status: int, error: type[ApiError]) -> None:
    """With all that the one shape says, and what it adds."""
    problems = [{"field": "amount", "code": "invalid_value", "detail": "must be positive"}]
    answer = refusal(status, "some_code", errors=problems, payment_id="p-1")
    with pytest.raises(CtripError) as caught:
        Scripted(answer).client(kind, max_retries=0).payments.get("p-1")
    found = caught.value
    assert type(found) is error
    assert (found.status, found.code, found.detail) == (status, "some_code", "It is some_code.")
    assert found.errors == (FieldProblem("amount", "invalid_value", "must be positive"),)
    assert (found.request_id, found.extra) == ("req-1", {"payment_id": "p-1"})
    assert str(found) == f"{status} some_code: It is some_code. (request req-1)"
    assert repr(found).startswith(f"{error.__name__}({status}, 'some_code'")
    again = pickle.loads(pickle.dumps(found))
    assert (type(again), again.code, again.errors, str(again)) == (error, "some_code", found.errors, str(found))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Gateway</html>", b"null", b"[]", b"5", b'"x"', b"{}", b"\xff", b'{"errors": 5, "code": null}',
     b'{"errors": [5, {"field": 7}], "detail": ["x"]}', b'{"message": "Forbidden"}', b"1" * 5000],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("status", [403, 404, 500, 502])
def test_a_refusal_in_other_words_is_the_same_error(kind: Any, status: int, body: bytes) -> None:
    """A proxy's page and a broken body are errors of their status, with the request's id from the header."""
    answer = httpx.Response(status, content=body, headers={"X-Request-Id": "req-9"})
    with pytest.raises(STATUSES.get(status, ServerError)) as caught:
        Scripted(answer).client(kind, max_retries=0).payments.get("p-1")
    assert (caught.value.status, caught.value.request_id) == (status, "req-9")
    assert str(caught.value).startswith(f"{status}: ")
    assert caught.value.detail


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, text="<html>"), httpx.Response(200, text="[]"), httpx.Response(204),
     httpx.Response(200, text="5"), httpx.Response(200, text='{"id": "p-1"}'), httpx.Response(200, content=b"\xff")],
    ids=range(6),
)  # fmt: skip
def test_a_success_that_says_nothing_is_an_error(kind: Any, answer: httpx.Response) -> None:
    """For a payment as for a list."""
    with pytest.raises(AnswerUnreadable):
        Scripted(answer).client(kind).payments.get("p-1")
    with pytest.raises(AnswerUnreadable):
        Scripted(answer).client(kind).payments.page()


@pytest.mark.parametrize("data", [None, 5, "x", {}, [None], ["x"]])
def test_a_list_without_data_is_an_error(kind: Any, data: Any) -> None:
    """It is never taken for an empty one."""
    with pytest.raises(AnswerUnreadable):
        Scripted(ok({"data": data, "next_cursor": None})).client(kind).payments.page()


def test_every_error_is_exported_and_in_the_tree() -> None:
    """Who catches CtripError catches all of them, and the drawing names each."""
    errors = [each for each in vars(ctrip_client).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(errors) == 13
    for error in errors:
        assert issubclass(error, CtripError)
        assert error.__name__ in str(ctrip_client.errors.__doc__)
        assert error.__name__ in ctrip_client.__all__


def test_no_secret_is_printed(kind: Any) -> None:
    """Neither a client nor its parts show their credential."""
    for given_ in ({"api_key": API_KEY}, SIGNING):
        made = kind("https://gateway.example", **given_)
        shown = repr(made) + repr(made.payments) + repr(made.keys)
        assert API_KEY not in shown
        assert SIGNING["signing_secret"] not in shown


def test_what_a_payer_has_not_chosen_is_none_and_else_never() -> None:
    """Of a payment that is fixed a missing address, or amount, is a fault."""
    unknown = dict.fromkeys(("chain", "address", "amount", "amount_str"))
    price = {"price": {"currency": "EUR", "amount": "24.90"}, "assets": ["USDC", "base:ETH"]}
    found = read(Payment, samples.settled() | unknown | price | {"payer_chooses": True})
    assert (found.chain, found.address, found.amount, found.assets) == (None, None, None, ("USDC", "base:ETH"))
    assert found.price is not None
    assert (found.price.currency, found.price.amount) == ("EUR", "24.90")
    for name in ("chain", "address", "amount"):
        with pytest.raises(AnswerUnreadable, match=f"payment.{name} is missing"):
            read(Payment, samples.settled() | {name: None})
