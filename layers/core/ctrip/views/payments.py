"""A payment as the world sees it: the API's answers and the payloads of events have the same shape."""

from typing import Annotated, TypedDict

from ctrip.domain.chains.chain import Transfer
from ctrip.domain.chains.kinds import shown
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Flag, Payment, Status, Sweep
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.rate import LockedRate
from ctrip.views.fields import (
    Address,
    Amount,
    AmountIfChosen,
    Decimal,
    Digits,
    Hash,
    Id,
    Long,
    NextCursor,
    Shape,
    Time,
    rfc3339,
    rfc3339_if,
)

PaymentStatus = Annotated[str, Shape(values=Status)]
PaymentFlag = Annotated[str, Shape(values=Flag)]
# `from` is a word of Python's own, and cannot be written as the field of a class.
_Sent = TypedDict("_Sent", {"from": Address | None})


class TransferView(_Sent):
    """Money that came; without a hash where nothing explains it yet."""

    tx_hash: Hash | None
    log_index: int | None
    block_number: Long
    block_hash: Hash
    amount: Amount
    amount_str: Digits
    confirmations: int


class SweepView(TypedDict):
    """One transaction that takes the money where it belongs."""

    tx_hash: Hash
    status: Annotated[str, Shape(values=("signed", "sent", "mined", "final", "failed"))]
    amount: Amount
    amount_str: Digits


class PriceView(TypedDict):
    """What is asked for, in a currency."""

    currency: Annotated[str, "By ISO 4217."]
    amount: Annotated[str, "In whole units, with all decimals of the currency."]


class LockedRateView(TypedDict):
    """The rate by which the amount follows from the price, locked with it."""

    asset: str
    currency: str
    rate: Annotated[str, "What one whole unit of the asset was worth, as a decimal number."]
    sources: list[str]
    at: Time


class PaymentView(TypedDict):
    """A payment. Ship once `fulfillable` is true. What its payer has not chosen yet is null."""

    id: Id
    chain: str | None
    token_id: Annotated[Id | None, "Null: the chain's coin, or nothing is chosen yet."]
    symbol: str | None
    decimals: int | None
    address: Address | None
    derivation_path: str | None
    status: PaymentStatus
    exception: Annotated[PaymentFlag | None, "The gravest of `exceptions`."]
    exceptions: list[PaymentFlag]
    fulfillable: Annotated[bool, "Whether the merchant may ship."]
    amount: AmountIfChosen
    amount_str: Digits | None
    price: PriceView | None
    rate: LockedRateView | None
    payer_chooses: Annotated[bool, "Whether the payer chooses the chain and the asset, on the checkout page."]
    assets: Annotated[list[str], "What the payer may choose (`SYMBOL` or `chain:SYMBOL`); empty: all that is enabled."]
    amount_received: Amount
    amount_received_str: Digits
    amount_confirmed: Amount
    amount_confirmed_str: Digits
    amount_decimal: Decimal | None
    received_decimal: Decimal | None
    confirmations: int
    required_confirmations: int | None
    detected_in_block: Long | None
    payment_uri: Annotated[
        str | None, "For wallets, as EIP-681 says; null where the chain's wallets have no link in common."
    ]
    checkout_url: str
    order_id: str | None
    link_id: Annotated[Id | None, "The payment link by which a payer made it."]
    invoice_id: Annotated[Id | None, "The invoice that it is to pay."]
    metadata: dict[str, str]
    description: str | None
    success_url: str | None
    cancel_url: str | None
    created_at: Time
    expires_at: Time
    updated_at: Time
    detected_at: Time | None
    confirmed_at: Time | None
    paid_at: Time | None
    settled_at: Time | None
    transfers: list[TransferView]
    sweeps: list[SweepView]


class PaymentPage(TypedDict):
    """Payments, newest first."""

    data: list[PaymentView]
    next_cursor: NextCursor


class TransferPage(TypedDict):
    """Transfers, newest first."""

    data: list[TransferView]
    next_cursor: NextCursor


def payment_view(payment: Payment, *, head: int | None = None) -> PaymentView:
    """Render a payment; `head` is the newest block known, where the confirmations should be today's."""
    chosen = payment.due if payment.is_chosen else None
    return {
        "id": payment.id,
        "chain": chosen.chain if chosen else None,
        "token_id": chosen.token_id if chosen else None,
        "symbol": chosen.symbol if chosen else None,
        "decimals": chosen.decimals if chosen else None,
        "address": chosen.address if chosen else None,
        "derivation_path": chosen.derivation_path if chosen else None,
        "status": payment.status.value,
        "exception": payment.exception.value if payment.exception else None,
        "exceptions": [flag.value for flag in Flag if flag in payment.flags],
        "fulfillable": payment.fulfillable,
        "amount": chosen.amount if chosen else None,
        "amount_str": str(chosen.amount) if chosen else None,
        "price": price_view(payment.choice.price) if payment.choice.price else None,
        "rate": rate_view(payment.choice.rate) if payment.choice.rate else None,
        "payer_chooses": payment.choice.choosable,
        "assets": list(payment.choice.accepts),
        "amount_received": payment.seen.amount_received,
        "amount_received_str": str(payment.seen.amount_received),
        "amount_confirmed": payment.seen.amount_confirmed,
        "amount_confirmed_str": str(payment.seen.amount_confirmed),
        "amount_decimal": format_decimal(chosen.amount, chosen.decimals) if chosen else None,
        "received_decimal": format_decimal(payment.seen.amount_received, chosen.decimals) if chosen else None,
        "confirmations": _confirmations(payment, payment.seen.detected_in_block, head),
        "required_confirmations": chosen.required_confirmations if chosen else None,
        "detected_in_block": payment.seen.detected_in_block,
        "payment_uri": chosen.payment_uri if chosen else None,
        "checkout_url": payment.links.checkout_url,
        "order_id": payment.order.order_id,
        "link_id": payment.order.link_id,
        "invoice_id": payment.order.invoice_id,
        "metadata": dict(payment.order.metadata),
        "description": payment.order.description,
        "success_url": payment.links.success_url,
        "cancel_url": payment.links.cancel_url,
        "created_at": rfc3339(payment.times.created_at),
        "expires_at": rfc3339(payment.due.expires_at),
        "updated_at": rfc3339(payment.times.updated_at),
        "detected_at": rfc3339_if(payment.times.detected_at),
        "confirmed_at": rfc3339_if(payment.times.confirmed_at),
        "paid_at": rfc3339_if(payment.times.paid_at),
        "settled_at": rfc3339_if(payment.times.settled_at),
        "transfers": [transfer_view(payment, transfer, head=head) for transfer in payment.seen.transfers],
        "sweeps": [sweep_view(sweep) for sweep in payment.own.sweeps],
    }


def price_view(price: Price) -> PriceView:
    """Render a price."""
    return {"currency": price.currency, "amount": price.decimal}


def rate_view(rate: LockedRate) -> LockedRateView:
    """Render a locked rate."""
    return {
        "asset": rate.asset,
        "currency": rate.currency,
        "rate": rate.rate,
        "sources": list(rate.sources),
        "at": rfc3339(rate.at),
    }


def transfer_view(payment: Payment, transfer: Transfer, *, head: int | None = None) -> TransferView:
    """Render one arrival; `head` is the newest block known."""
    return {
        "tx_hash": transfer.tx_hash,
        "log_index": transfer.log_index,
        "block_number": transfer.block_number,
        "block_hash": transfer.block_hash,
        "from": shown(transfer.sender) if transfer.sender else None,
        "amount": transfer.amount,
        "amount_str": str(transfer.amount),
        "confirmations": _confirmations(payment, transfer.block_number, head),
    }


def sweep_view(sweep: Sweep) -> SweepView:
    """Render one sweep."""
    return {
        "tx_hash": sweep.tx_hash,
        "status": sweep.status,
        "amount": sweep.amount,
        "amount_str": str(sweep.amount),
    }


def _confirmations(payment: Payment, block: int | None, head: int | None) -> int:
    if block is None:
        return 0
    if payment.is_unseen or payment.status is Status.FAILED:
        return 0
    if head is None:
        newest = (payment.seen.detected_in_block or block) + payment.seen.confirmations - 1
        return max(newest - block + 1, 0)
    return max(head - block + 1, 0)
