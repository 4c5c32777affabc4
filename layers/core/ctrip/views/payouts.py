"""Settlements and refunds as the world sees them."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, TypedDict, cast

from ctrip.domain.chains.kinds import shown
from ctrip.domain.money import format_decimal
from ctrip.domain.settlement.deposits import UnmatchedDeposit
from ctrip.domain.settlement.payout import Payout, PayoutKind, PayoutState
from ctrip.domain.settlement.reservation import Refunded, SettlementAddress
from ctrip.domain.webhooks.events import API_VERSION
from ctrip.views.csv import table
from ctrip.views.fields import Address, Amount, Decimal, Digits, Hash, Id, NextCursor, Shape, Time, rfc3339, rfc3339_if


class _Payout(TypedDict):
    id: str
    status: Annotated[str, Shape(values=PayoutState)]
    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    amount: Amount
    amount_str: Digits
    amount_decimal: Annotated[Decimal, "What leaves the merchant's balance."]
    fee: Amount
    fee_str: Digits
    fee_decimal: Annotated[Decimal, "The operator's part of it."]
    net: Amount
    net_str: Digits
    net_decimal: Annotated[Decimal, "What is sent."]
    address: Annotated[Address | None, "Null: the payer has not named it yet."]
    approvals: Annotated[int, "How many persons have approved it."]
    approvals_needed: int
    treasury: Annotated[Address | None, "Where a transfer that a person sends comes from; null: not known, or not so."]
    tx_hash: Annotated[Hash | None, "While it awaits a transfer: the one that was named, and is not compared yet."]
    reason: Annotated[
        str | None, "Why it was rejected, failed, or still waits; or why the transfer that was named is not its own."
    ]
    created_at: Time
    updated_at: Time


class SettlementView(_Payout):
    """Money on its way to the merchant."""


class RefundView(_Payout):
    """Money on its way back to a payer."""

    payment_id: Id
    claim_url: Annotated[
        str | None,
        "The page on which the payer names the address, where it was not given; null but in the first answer.",
    ]
    claim_until: Annotated[Time | None, "Until then the payer may name the address; null where it was given."]


class AssignmentView(TypedDict):
    """What came unmatched and counts for a payment, as part of the merchant's balance."""

    id: str
    status: Annotated[str, Shape(values=PayoutState)]
    payment_id: Annotated[Id, "The payment whose address it came to."]
    assigned_to: Annotated[Id, "The payment that it counts for."]
    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    amount: Amount
    amount_str: Digits
    amount_decimal: Decimal
    reason: Annotated[str | None, "Why it failed."]
    created_at: Time
    updated_at: Time


class AssignmentPage(TypedDict):
    """Assignments, newest first."""

    data: list[AssignmentView]
    next_cursor: NextCursor


class SettlementPage(TypedDict):
    """Settlements, newest first."""

    data: list[SettlementView]
    next_cursor: NextCursor


class RefundPage(TypedDict):
    """Refunds, newest first."""

    data: list[RefundView]
    next_cursor: NextCursor


class PayoutView(_Payout):
    """A settlement or a refund, as operators see it."""

    kind: Annotated[str, "`settlement`, `refund` or `assignment`."]
    merchant_id: str
    payment_id: Id | None
    asked_by: str
    approved_by: list[str]


class PayoutList(TypedDict):
    """Settlements and refunds that are not over, oldest first."""

    data: list[PayoutView]
    next_cursor: NextCursor


class SettlementDestinationView(TypedDict):
    """Where a merchant's money of a chain goes: its settlements, or its deposits where its custody is `direct`."""

    chain: str
    address: Address
    since: Time
    next_address: Annotated[Address | None, "Where they will go from `next_from` on."]
    next_from: Time | None


# `from` is a word of Python's own, and cannot be written as the field of a class.
_Sent = TypedDict("_Sent", {"from": Address | None})


class UnmatchedDepositView(_Sent):
    """Money that came to a payment's address and belongs to no payment by itself."""

    id: str
    payment_id: Id
    order_id: str | None
    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    address: Annotated[Address, "Where it came: not the payment's address, where its chain is of another kind."]
    amount: Amount
    amount_str: Digits
    amount_decimal: Annotated[Decimal, "All that came."]
    refunded: Amount
    refunded_str: Digits
    refunded_decimal: Annotated[Decimal, "What of it was refunded, refunds under way included."]
    assigned: Amount
    assigned_str: Digits
    assigned_decimal: Annotated[Decimal, "What of it was assigned to payments."]
    tx_hash: Annotated[Hash | None, "The newest transaction that brought some of it; null while unknown."]


class UnmatchedDepositPage(TypedDict):
    """Unmatched deposits, those of a payment together."""

    data: list[UnmatchedDepositView]
    next_cursor: NextCursor


def unmatched_view(deposit: UnmatchedDeposit, gone: Refunded) -> UnmatchedDepositView:
    """Render an unmatched deposit, with what was done with it."""
    refunded = gone.total - gone.assigned
    return {
        "id": deposit.id,
        "payment_id": deposit.payment.id,
        "order_id": deposit.payment.order.order_id,
        "chain": deposit.chain,
        "token_id": deposit.token_id,
        "symbol": deposit.symbol,
        "decimals": deposit.decimals,
        "address": deposit.address,
        "amount": deposit.amount,
        "amount_str": str(deposit.amount),
        "amount_decimal": format_decimal(deposit.amount, deposit.decimals),
        "refunded": refunded,
        "refunded_str": str(refunded),
        "refunded_decimal": format_decimal(refunded, deposit.decimals),
        "assigned": gone.assigned,
        "assigned_str": str(gone.assigned),
        "assigned_decimal": format_decimal(gone.assigned, deposit.decimals),
        "tx_hash": deposit.tx_hash,
        "from": shown(deposit.sender) if deposit.sender else None,
    }


COLUMNS = (
    *("created_at", "id", "status", "chain", "symbol", "net_decimal", "net_str", "decimals", "token_id"),
    *("address", "treasury", "tx_hash", "amount_str", "fee_str", "reason"),
)


def payout_csv(payouts: Iterable[Payout]) -> str:
    """Write settlements or refunds as CSV, for who sends them: what (`net`) of which asset to which `address`."""
    return table((*COLUMNS, "kind", "merchant_id", "payment_id"), map(payout_view, payouts))


def settlement_view(payout: Payout) -> SettlementView:
    """Render a settlement."""
    return cast("SettlementView", _rendered(payout))


def refund_view(payout: Payout) -> RefundView:
    """Render a refund."""
    # The secret of its page was shown once, and is not kept.
    until = rfc3339_if(payout.claim_until or None)
    own = {"payment_id": payout.payment_id, "claim_url": None, "claim_until": until}
    return cast("RefundView", _rendered(payout) | own)


def assignment_view(payout: Payout) -> AssignmentView:
    """Render an assignment."""
    shown_of_it = {name: value for name, value in _rendered(payout).items() if name in AssignmentView.__annotations__}
    own = {"payment_id": payout.payment_id, "assigned_to": payout.assigned_to}
    return cast("AssignmentView", shown_of_it | own)


_VIEWS = {
    PayoutKind.SETTLEMENT: settlement_view,
    PayoutKind.REFUND: refund_view,
    PayoutKind.ASSIGNMENT: assignment_view,
}


def view_of(payout: Payout) -> dict[str, Any]:
    """Render a payout as its merchant sees it."""
    return dict(_VIEWS[payout.kind](payout))


def payout_view(payout: Payout) -> PayoutView:
    """Render a payout as operators see it."""
    own = {
        "kind": payout.kind.value,
        "merchant_id": payout.merchant_id,
        "payment_id": payout.payment_id,
        "asked_by": payout.asked_by,
        "approved_by": [each.by for each in payout.approvals],
    }
    return cast("PayoutView", _rendered(payout) | own)


def address_view(address: SettlementAddress) -> SettlementDestinationView:
    """Render where settlements go."""
    return {
        "chain": address.chain,
        "address": shown(address.address),
        "since": rfc3339(address.since),
        "next_address": shown(address.next_address) if address.next_address else None,
        "next_from": rfc3339_if(address.next_from or None),
    }


def payout_event_body(name: str, ulid: str, payout: Payout, at: int) -> str:
    """Freeze the payload of an event about a payout as JSON text."""
    return _event_body(name, ulid, {**view_of(payout), "object": payout.kind.value, "sequence": payout.version}, at)


def address_event_body(name: str, ulid: str, address: SettlementAddress, at: int) -> str:
    """Freeze the payload of an event about a settlement address as JSON text."""
    return _event_body(name, ulid, {**address_view(address), "object": "settlement_address"}, at)


def _event_body(name: str, ulid: str, data: dict[str, Any], at: int) -> str:
    held = {"id": f"evt_{ulid}", "type": name, "api_version": API_VERSION, "timestamp": rfc3339(at), "data": data}
    return json.dumps(held | {"event": name}, separators=(",", ":"))


def _rendered(payout: Payout) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": payout.id,
        "status": payout.state.value,
        "chain": payout.chain,
        "token_id": payout.token_id,
        "symbol": payout.symbol,
        "decimals": payout.decimals,
    }
    for name, amount in (("amount", payout.amount), ("fee", payout.fee), ("net", payout.net)):
        decimal = format_decimal(amount, payout.decimals)
        fields |= {name: amount, f"{name}_str": str(amount), f"{name}_decimal": decimal}
    return fields | {
        "address": shown(payout.to) if payout.to else None,
        "approvals": len(payout.approvals),
        "approvals_needed": payout.approvals_needed,
        "treasury": shown(payout.treasury) if payout.treasury else None,
        "tx_hash": payout.tx_hash or payout.named or None,
        "reason": payout.reason or None,
        "created_at": rfc3339(payout.created_at),
        "updated_at": rfc3339(payout.updated_at),
    }
