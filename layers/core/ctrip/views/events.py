"""Events as the world sees them: what webhooks carry, and the feed of events shows."""

import json
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from ctrip.domain.chains.kinds import shown
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.machine import EVENTS
from ctrip.domain.payments.payment import Payment, UnexpectedDeposit
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.events import API_VERSION
from ctrip.views.endpoints import WebhookEndpointView, endpoint_view
from ctrip.views.fields import Address, Amount, Decimal, Digits, Hash, Id, NextCursor, Shape, Time, rfc3339
from ctrip.views.payments import PaymentStatus, PaymentView, payment_view

# `from` is a word of Python's own, and cannot be written as the field of a class.
_Sent = TypedDict("_Sent", {"from": Address | None})


class DepositView(_Sent):
    """Money that was not due, and that an event reports."""

    chain: str
    token_id: Id | None
    token_address: Address | None
    symbol: str
    address: Annotated[Address, "Where it lies: not the payment's address, where its chain is of another kind."]
    amount: Amount
    amount_str: Digits
    amount_decimal: Decimal
    tx_hash: Annotated[Hash | None, "The newest transaction that brought some of it; null while unknown."]


class EventPayment(PaymentView):
    """The payment as it was when the event happened."""

    object: Literal["payment"]
    sequence: Annotated[int, "Orders a payment's events; it grows, with gaps."]
    deposit: NotRequired[Annotated[DepositView, "The deposit that the event reports; absent where it reports none."]]


class EventEndpoint(WebhookEndpointView):
    """The webhook endpoint as it was when the event happened."""

    object: Literal["endpoint"]


# Generated clients cannot read a choice of schemas: `object` within says which of them it is.
EventData = Annotated[
    dict[str, Any],
    "What the event is about, as it was then. `object` says what that is: a `payment`, as the API shows it, with its "
    "`sequence`, and the `deposit` where the event reports one; or a webhook `endpoint`, as the API shows it.",
]


class EventView(TypedDict):
    """An event, as the webhook had it; `data.object` says what it is about. Members of a payment are of its events."""

    id: Annotated[str, Shape(pattern=r"^evt_[0-9A-Z]{26}$")]
    type: Annotated[str, Shape(examples=tuple(sorted(EVENTS)))]
    api_version: str
    timestamp: Time
    data: EventData
    event: str
    payment_id: NotRequired[Id]
    address: NotRequired[Address]
    amount: NotRequired[Amount]
    amount_str: NotRequired[Digits]
    chain: NotRequired[str]
    status: NotRequired[PaymentStatus]


class EventPage(TypedDict):
    """Events."""

    data: list[EventView]
    next_cursor: NextCursor


def event_view(
    event_type: str, ulid: str, payment: Payment, at: int, stray: UnexpectedDeposit | None = None
) -> EventView:
    """Render an event; `stray` is the deposit that it reports."""
    data = cast("EventPayment", {**payment_view(payment), "object": "payment", "sequence": payment.version})
    if stray is not None:
        data["deposit"] = deposit_view(stray, payment)
    told = _envelope(event_type, ulid, at, data)
    told["payment_id"], told["status"] = payment.id, payment.status.value
    if payment.is_chosen:
        told["address"], told["chain"] = payment.due.address, payment.due.chain
        told["amount"], told["amount_str"] = payment.due.amount, str(payment.due.amount)
    return told


def endpoint_event_body(event_type: str, ulid: str, endpoint: Endpoint, at: int) -> str:
    """Freeze the payload of an event about a webhook endpoint as JSON text."""
    data: EventEndpoint = {**endpoint_view(endpoint), "object": "endpoint"}
    return json.dumps(_envelope(event_type, ulid, at, data), separators=(",", ":"))


def _envelope(event_type: str, ulid: str, at: int, data: EventPayment | EventEndpoint) -> EventView:
    return {
        "id": f"evt_{ulid}",
        "type": event_type,
        "api_version": API_VERSION,
        "timestamp": rfc3339(at),
        "data": cast("Any", data),
        "event": event_type,
    }


def event_body(event_type: str, ulid: str, payment: Payment, at: int, stray: UnexpectedDeposit | None = None) -> str:
    """Freeze an event's payload as JSON text; it never changes after this. `stray` is the deposit that it reports."""
    return json.dumps(event_view(event_type, ulid, payment, at, stray), separators=(",", ":"))


def deposit_view(stray: UnexpectedDeposit, payment: Payment) -> DepositView:
    """Render a deposit that was not due."""
    return {
        "chain": stray.chain,
        "token_id": stray.token_id,
        "token_address": stray.token,
        "symbol": stray.symbol,
        "address": stray.address or payment.due.address,
        "amount": stray.amount,
        "amount_str": str(stray.amount),
        "amount_decimal": format_decimal(stray.amount, stray.decimals),
        "tx_hash": stray.tx_hash,
        "from": shown(stray.sender) if stray.sender else None,
    }


def first_answer(body: str) -> PaymentView:
    """Recover the answer to a request from the event that it made."""
    data = json.loads(body)["data"]
    return cast("PaymentView", {name: value for name, value in data.items() if name not in ("object", "sequence")})
