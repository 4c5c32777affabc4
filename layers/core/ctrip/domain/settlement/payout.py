"""A payout: a settlement or a refund, from the request to the final transaction; or an assignment, which sends nothing.

Its state machine is the table `TRANSITIONS`. The ledger follows in steps of its own (`Booking`): the function that
answers requests may not write the ledger, so the worker books what a request has asked for, before anything is sent.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ctrip.domain.chains.chain import Receipt
from ctrip.domain.chains.kinds import same
from ctrip.domain.errors import Conflict, Forbidden
from ctrip.domain.ledger.entries import (
    FEE_INCOME,
    GAS_EXPENSE,
    OPERATOR,
    TREASURY,
    Entry,
    EntryType,
    available,
    payable,
    unmatched,
)


class PayoutKind(StrEnum):
    """Who is paid: the merchant, a payer, or, from what belonged to no payment, the merchant's own balance."""

    SETTLEMENT = "settlement"
    REFUND = "refund"
    ASSIGNMENT = "assignment"


# What the ids of each kind begin with; the ULID after it orders them.
ID_PREFIX = {PayoutKind.SETTLEMENT: "stl_", PayoutKind.REFUND: "ref_", PayoutKind.ASSIGNMENT: "asg_"}


class PayoutState(StrEnum):
    """How far a payout has come.

    `awaiting_address`: the payer has not named the recipient's address yet. `awaiting_transfer`: somebody must send it
    from a treasury whose key is not here. `sending`: its transaction is written, and may be mined.
    """

    AWAITING_ADDRESS = "awaiting_address"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    AWAITING_TRANSFER = "awaiting_transfer"
    SENDING = "sending"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Trigger(StrEnum):
    """What can happen to a payout."""

    ADDRESSED = "the payer has named the recipient's address"
    APPROVED = "enough persons have approved it"
    ASSIGNED = "its money is in the merchant's balance"
    HANDED_OVER = "its treasury's key is not here: a person must send it"
    SENT = "its transaction is written"
    LEFT_OUT = "the transaction of many that it was in is final, and did not pay it"
    EXPIRED = "its transaction was not mined, and cannot be any more"
    COMPLETED = "its transaction is final, and moved the money"
    REJECTED = "a person has rejected it"
    CANCELLED = "the merchant has cancelled it"
    FAILED = "it cannot be made"


class Source(StrEnum):
    """The account that a payout takes its money from; `own`: none, its merchant pays from its own treasury or key."""

    AVAILABLE = "available"
    UNMATCHED = "unmatched"
    OWN = "own"


class Booking(StrEnum):
    """How far the ledger has come: not booked yet, set aside as payable, or closed, when nothing is to be done."""

    NONE = "none"
    RESERVED = "reserved"
    CLOSED = "closed"


_S, _T = PayoutState, Trigger
TRANSITIONS: dict[tuple[PayoutState, Trigger], PayoutState] = {
    (_S.AWAITING_ADDRESS, _T.ADDRESSED): _S.AWAITING_APPROVAL,
    (_S.AWAITING_ADDRESS, _T.REJECTED): _S.REJECTED,
    (_S.AWAITING_ADDRESS, _T.CANCELLED): _S.CANCELLED,
    (_S.AWAITING_ADDRESS, _T.FAILED): _S.FAILED,
    (_S.AWAITING_APPROVAL, _T.APPROVED): _S.APPROVED,
    (_S.AWAITING_APPROVAL, _T.REJECTED): _S.REJECTED,
    (_S.AWAITING_APPROVAL, _T.CANCELLED): _S.CANCELLED,
    (_S.AWAITING_APPROVAL, _T.FAILED): _S.FAILED,
    (_S.APPROVED, _T.HANDED_OVER): _S.AWAITING_TRANSFER,
    (_S.APPROVED, _T.SENT): _S.SENDING,
    (_S.APPROVED, _T.REJECTED): _S.REJECTED,
    (_S.APPROVED, _T.FAILED): _S.FAILED,
    (_S.APPROVED, _T.ASSIGNED): _S.COMPLETED,
    (_S.AWAITING_TRANSFER, _T.COMPLETED): _S.COMPLETED,
    (_S.AWAITING_TRANSFER, _T.REJECTED): _S.REJECTED,
    (_S.SENDING, _T.LEFT_OUT): _S.APPROVED,
    (_S.SENDING, _T.EXPIRED): _S.APPROVED,
    (_S.SENDING, _T.REJECTED): _S.REJECTED,
    (_S.AWAITING_TRANSFER, _T.CANCELLED): _S.CANCELLED,
    (_S.SENDING, _T.COMPLETED): _S.COMPLETED,
    (_S.SENDING, _T.FAILED): _S.FAILED,
}
# What is reported of a payout, after its kind; and of where settlements go.
REPORTS = ("created", "approved", "awaiting_transfer", "sent", "completed", "rejected", "cancelled", "failed")
ADDRESS_EVENT = "settlement.address_changed"
EVENTS = frozenset(
    {ADDRESS_EVENT, f"{PayoutKind.REFUND}.addressed"}
    | {f"{kind}.{report}" for kind in (PayoutKind.SETTLEMENT, PayoutKind.REFUND) for report in REPORTS}
    | {f"{PayoutKind.ASSIGNMENT}.{report}" for report in ("created", "completed", "failed")}
)
ENDED = frozenset({_S.COMPLETED, _S.REJECTED, _S.CANCELLED, _S.FAILED})


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved, and when (unix milliseconds)."""

    by: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One settlement or refund; amounts are base units of its asset.

    `amount` leaves the merchant's account, `fee` of it is the operator's, the rest goes to `to`. `asked_by` is who
    asked; `approvals_needed` is how many others must approve. `transaction` is the key of the outgoing transaction.
    Until `claim_until` (unix milliseconds) whoever holds the secret of which `claim` is the digest names the recipient
    of a refund that has none. `assigned_to` is the payment that an assignment counts for.
    One that goes `alone` was in a transaction of many that did not pay it: by itself it shows what stands against it.
    What a person must send comes from `treasury`, where that is known; `named` is the hash of the transaction that
    somebody says has sent it, since `named_at` (unix milliseconds), and that has not been compared yet.
    """

    id: str
    kind: PayoutKind
    merchant_id: str
    chain: str
    token_id: str | None
    token: str | None
    symbol: str
    decimals: int
    amount: int
    to: str
    asked_by: str
    fee: int = 0
    source: Source = Source.AVAILABLE
    payment_id: str | None = None
    claim: str = ""
    claim_until: int = 0
    assigned_to: str | None = None
    state: PayoutState = PayoutState.APPROVED
    booking: Booking = Booking.NONE
    approvals_needed: int = 0
    approvals: tuple[Approval, ...] = ()
    transaction: str | None = None
    tx_hash: str | None = None
    treasury: str = ""
    named: str = ""
    named_at: int = 0
    reason: str = ""
    alone: bool = False
    created_at: int = 0
    updated_at: int = 0
    version: int = 1

    @property
    def asset_key(self) -> str:
        """Name the asset within its chain."""
        return self.token_id or "native"

    @property
    def net(self) -> int:
        """What is sent."""
        return self.amount - self.fee

    @property
    def unfinished(self) -> bool:
        """Whether the worker must still look after it."""
        return not self.instructs and (self.state not in ENDED or self.booking is not Booking.CLOSED)

    @property
    def instructs(self) -> bool:
        """Whether it waits for a person's transfer, of which nobody has named the transaction."""
        booked = self.booking is not Booking.NONE
        return self.state is PayoutState.AWAITING_TRANSFER and booked and not self.named

    @property
    def account(self) -> str:
        """Name the account that it takes its money from."""
        return account_of(self.source, self.merchant_id)


def account_of(source: Source, merchant_id: str) -> str:
    """Name a merchant's account that money is paid out of."""
    return (available if source is Source.AVAILABLE else unmatched)(merchant_id)


def moved_on(payout: Payout, trigger: Trigger, now: int, **changes: Any) -> Payout:
    """Follow one edge of the machine; raises `Conflict` where there is none."""
    to = TRANSITIONS.get((payout.state, trigger))
    if to is None:
        raise Conflict(f"A {payout.kind} that is {payout.state} cannot change like this.", code="payout_not_changeable")
    return changed(payout, now, state=to, **changes)


def changed(payout: Payout, now: int, **changes: Any) -> Payout:
    """Change fields; the version goes up with every change."""
    return replace(payout, updated_at=now, version=payout.version + 1, **changes)


def addressed(payout: Payout, to: str, now: int) -> Payout:
    """Take the address that a payer has named, once; raises `Conflict` where it is not asked for any more."""
    if lapsed(payout, now):
        raise Conflict("The time to name an address is over.", code="payout_not_changeable")
    after = moved_on(payout, Trigger.ADDRESSED, now, to=to)
    if payout.source is Source.OWN:
        return replace(after, state=PayoutState.AWAITING_TRANSFER)
    return after if after.approvals_needed else replace(after, state=PayoutState.APPROVED)


def lapsed(payout: Payout, now: int) -> bool:
    """Whether nobody has named a recipient's address in time."""
    return payout.state is PayoutState.AWAITING_ADDRESS and now >= payout.claim_until


def approve(payout: Payout, by: str, now: int) -> Payout:
    """Count an approval; raises `Forbidden` for whoever asked for it, `Conflict` for a second one of the same person.

    Where enough persons have approved, it is approved.
    """
    if by == payout.asked_by:
        raise Forbidden("Whoever asked for it cannot approve it.", code="own_request")
    if payout.state is not PayoutState.AWAITING_APPROVAL:
        raise Conflict(f"A {payout.kind} that is {payout.state} waits for no approval.", code="payout_not_changeable")
    if any(each.by == by for each in payout.approvals):
        raise Conflict("You have approved it already; somebody else must.", code="already_approved")
    approvals = (*payout.approvals, Approval(by, now))
    if len(approvals) < payout.approvals_needed:
        return changed(payout, now, approvals=approvals)
    return moved_on(payout, Trigger.APPROVED, now, approvals=approvals)


# -- what the ledger says of it


def reserved(payout: Payout, now: int) -> Entry:
    """Set the amount aside: it cannot be spent a second time."""
    return _entry(payout, EntryType.RESERVED, payout.amount, now, payout.account, payable(payout.merchant_id))


def assigned(payout: Payout, now: int) -> Entry:
    """Give the merchant what belonged to no payment."""
    return _entry(payout, EntryType.ASSIGNED, payout.amount, now, payout.account, available(payout.merchant_id))


def returned(payout: Payout, now: int) -> Entry:
    """Give back what was set aside for a payout that is not made."""
    return _entry(payout, EntryType.RETURNED, payout.amount, now, payable(payout.merchant_id), payout.account)


def paid(payout: Payout, now: int, tx_hash: str) -> tuple[Entry, ...]:
    """Post a payout whose transaction is final, and the operator's fee."""
    kind = EntryType.SETTLED if payout.kind is PayoutKind.SETTLEMENT else EntryType.REFUNDED
    owed = payable(payout.merchant_id)
    sent = _entry(payout, kind, payout.net, now, owed, TREASURY, tx_hash=tx_hash)
    fee = _entry(payout, EntryType.FEE, payout.fee, now, owed, FEE_INCOME)
    return (sent, fee) if payout.fee else (sent,)


def gas(payout: Payout, fee: int, now: int, tx_hash: str) -> Entry:
    """Post what a payout's transaction cost, whether it moved anything or not: the operator bears it."""
    entry = _entry(payout, EntryType.GAS, fee, now, GAS_EXPENSE, TREASURY, tx_hash=tx_hash)
    return replace(entry, owner=OPERATOR, asset="native")


def moved(payout: Payout, treasury: str, receipt: Receipt, through: str | None = None) -> int:
    """Return what a receipt shows to have gone from the treasury to the payout's recipient.

    `through` is the contract that pays many: it logs what it paid of the coin, as tokens log theirs.
    """
    if not receipt.success or not same(receipt.sender, treasury):
        return 0
    emitter = payout.token or through
    if emitter is None:
        return receipt.value if receipt.to is not None and same(receipt.to, payout.to) else 0
    return sum(
        log.amount
        for log in receipt.token_transfers
        if same(log.token, emitter) and same(log.sender, treasury) and same(log.to, payout.to)
    )


def _entry(
    payout: Payout, kind: EntryType, amount: int, now: int, debit: str, credit: str, *, tx_hash: str | None = None
) -> Entry:
    return Entry(
        id=f"{payout.id}#{payout.version + 1:06d}#{kind}",
        type=kind,
        owner=payout.merchant_id,
        chain=payout.chain,
        asset=payout.asset_key,
        debit=debit,
        credit=credit,
        amount=amount,
        at=now,
        payment_id=payout.payment_id,
        payout_id=payout.id,
        tx_hash=tx_hash,
    )
