"""Events, and the payments as they were when an event happened."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field
from pydantic.json_schema import SkipJsonSchema

from ctrip.domain.payments.machine import EVENTS
from ctrip.domain.payments.payment import Status
from functions.schemas.payments import Payment
from functions.schemas.shared import Address, Amount, Decimal, Digits, Hash, Id, NextCursor, Shown


class Deposit(Shown):
    """Money that was not due, and that an event tells of."""

    chain: str
    token_id: Id | None
    token_address: Address | None
    symbol: str
    amount: Amount
    amount_str: Digits
    amount_decimal: Decimal
    tx_hash: Hash | None = Field(description="The newest transaction that brought some of it; null while unknown.")
    from_: Address | None = Field(alias="from")


class EventPayment(Payment):
    """The payment as it was when the event happened."""

    object: Literal["payment"]
    sequence: int = Field(description="Orders a payment's events; it grows, with gaps.")
    deposit: Deposit | SkipJsonSchema[None] = Field(None, description="Where the event tells of one; else absent.")


class Event(Shown):
    """An event, as the webhook had it."""

    id: Annotated[str, Field(pattern=r"^evt_[0-9A-Z]{26}$")]
    type: Annotated[str, Field(json_schema_extra={"examples": sorted(EVENTS)})]
    api_version: str
    timestamp: AwareDatetime
    data: EventPayment
    event: str
    payment_id: Id
    address: Address
    amount: Amount
    amount_str: Digits
    chain: str
    status: Status


class EventPage(Shown):
    """Events."""

    data: list[Event]
    next_cursor: NextCursor
