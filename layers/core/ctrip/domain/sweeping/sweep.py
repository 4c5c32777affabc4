"""Own transactions: written before they are sent, followed until they are final."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from ctrip.domain.chains.chain import OwnTransfer, Receipt, TokenTransfer
from ctrip.domain.chains.kinds import folded, same
from ctrip.domain.ledger.entries import (
    GAS_EXPENSE,
    GAS_STATION,
    ON_ADDRESSES,
    OPERATOR,
    TOKEN_FEE_EXPENSE,
    TREASURY,
    Entry,
    EntryType,
)
from ctrip.domain.payments.payment import Payment, Sweep

REVERTED_BACKOFF_MS = 60_000
FAILED_BACKOFF_MS = 5_000
LONGEST_BACKOFF_MS = 86_400_000

# What a chain kind notes for itself: names and numbers that only the rooms of the kind read.
Terms: TypeAlias = tuple[tuple[str, int], ...]


class TransactionState(StrEnum):
    """How far one own transaction has come.

    `prepared`: its members are being reserved one part after the other, and nothing is signed yet.
    `cancelled`: the chain took the transaction that was sent in its place and moves nothing. `lost`: the chain has
    used the slot and shows nothing of ours in any block; it is watched for a time all the same. `expired`: its time has
    passed, and no attempt can be mined any more. `unreadable`: what is stored of it cannot be read.
    """

    PREPARED = "prepared"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"


_UNSEEN = frozenset({TransactionState.SIGNED, TransactionState.SENT})
_ENDED = frozenset(
    {TransactionState.FINAL, TransactionState.FAILED, TransactionState.CANCELLED, TransactionState.EXPIRED}
)


class Kind(StrEnum):
    """What an own transaction is for: coin for a deposit address, its funds to the treasury, or payouts from there.

    An allowance lets the contract that pays many take a token of the treasury's. A reclaim ends what the gas station
    has lent to a deposit address, in place of coin.
    """

    FUND = "fund"
    SWEEP = "sweep"
    PAYOUT = "payout"
    ALLOWANCE = "allowance"
    RECLAIM = "reclaim"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Signed bytes of one try; all tries of an outgoing transaction share its slot, so at most one is mined.

    `head` and `at` are the newest block and the time (unix milliseconds) of the signing, `value` the coin and `amount`
    the token that it moves. It may cost `cost` at most, and `beside` what a layer below asks, which may rise. One that
    `cancels` moves nothing: it only uses the slot. `terms` are the chain kind's own.
    """

    raw: str
    tx_hash: str
    value: int
    head: int
    at: int = 0
    amount: int = 0
    cost: int = 0
    beside: int = 0
    cancels: bool = False
    terms: Terms = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nodes did not take the last attempt: its price alone (`priced`), of which they named the `minimum`.

    `capped`: the chain's cap leaves no room for a replacement.
    """

    reason: str
    priced: bool = False
    minimum: int | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a payment's sweep is not tried again before `until`, after how many failures.

    `at` is when the last of them was, `since` when the first.
    """

    failures: int
    until: int
    at: int
    reason: str
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One payment that a transaction serves, by its deposit address; amounts are base units, as the receipt tells.

    `amount` is what arrived where it was meant to, `left` what left the address (more, where a token keeps a share).
    `meant` is what a transaction for many was to take of it, and `terms` are the chain kind's own.
    """

    payment_id: str
    merchant_id: str
    path: str
    address: str
    amount: int = 0
    left: int = 0
    meant: int = 0
    terms: Terms = ()


@dataclass(frozen=True, slots=True)
class PaidOut:
    """One payout that a transaction of the treasury makes: how many base units go to whom."""

    merchant_id: str
    payout_id: str
    to: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingTransaction:
    """One (chain, sender, slot) and what it is meant to do for each of its members.

    A slot is what at most one transaction of a sender can have, as text that sorts as the slots follow each other: what
    it is, its chain kind says. A sweep takes an asset from its members' addresses to `to`, a gift brings coin to them.
    One of the treasury's has no members: it makes its `payouts`, one by itself to `to`, many by the contract at `to`.
    `direct`: `to` is the merchant's own treasury, and what arrives there is in our books no more.
    `fee` is the coin it cost, by its receipt. `search` is how far the kind has looked for a missing receipt, `lost_at`
    when it found that none will come.
    """

    chain: str
    sender: str
    slot: str
    path: str
    kind: Kind
    members: tuple[Member, ...]
    asset: str
    token: str | None
    to: str
    state: TransactionState = TransactionState.SIGNED
    attempts: tuple[Attempt, ...] = ()
    tx_hash: str | None = None
    block_number: int | None = None
    block_hash: str | None = None
    fee: int = 0
    created_at: int = 0
    updated_at: int = 0
    version: int = 1
    refusal: Refusal | None = None
    search: Terms = ()
    lost_at: int = 0
    payouts: tuple[PaidOut, ...] = ()
    direct: bool = False

    @property
    def key(self) -> str:
        """Name the outgoing transaction: one per chain, sender and slot."""
        return transaction_key(self.chain, self.sender, self.slot)

    @property
    def amount(self) -> int:
        """What arrived of all that its members sent, or were given."""
        return sum(member.amount for member in self.members)

    @property
    def payment_ids(self) -> tuple[str, ...]:
        """Name the payments that it serves."""
        return tuple(member.payment_id for member in self.members)

    @property
    def collects(self) -> bool:
        """Whether it takes from addresses that do not send it."""
        return self.kind is Kind.SWEEP and not any(same(each.address, self.sender) for each in self.members)

    @property
    def together(self) -> bool:
        """Whether it makes many payouts, through a contract."""
        return len(self.payouts) > 1

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Name its payouts as the signer is told of them, by merchant and id."""
        return tuple((each.merchant_id, each.payout_id) for each in self.payouts)

    @property
    def recipient_path(self) -> str | None:
        """Name the key of the deposit address that is given coin."""
        return self.members[0].path if self.kind is Kind.FUND else None

    def member(self, payment_id: str) -> Member | None:
        """Find what it does for a payment."""
        return next((each for each in self.members if each.payment_id == payment_id), None)

    @property
    def unfinished(self) -> bool:
        """Whether somebody must still look after it."""
        return self.state not in _ENDED

    @property
    def waiting(self) -> bool:
        """Whether it has been signed and not been seen in a block yet."""
        return self.state in _UNSEEN

    @property
    def skipped(self) -> tuple[Member, ...]:
        """Return the members of a mined sweep from whose addresses nothing was moved, though nothing failed.

        A batch tells of each member by itself; a token may say yes to a transfer and move nothing.
        """
        quietly = self.kind is Kind.SWEEP and self.token is not None and self.state is TransactionState.FINAL
        told = (self.collects or quietly) and not self.cancelled
        return tuple(each for each in self.members if told and each.left == 0)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt that the chain took was one that cancels."""
        return any(each.cancels for each in self.attempts if each.tx_hash == self.tx_hash)


def transaction_key(chain: str, sender: str, slot: str) -> str:
    """Write an outgoing transaction's key."""
    return f"{chain}#{sender}#{slot}"


def parse_key(key: str) -> tuple[str, str, str]:
    """Read chain, sender and slot out of an outgoing transaction's key."""
    chain, sender, slot = key.split("#")
    return chain, sender, slot


def mined(transaction: OutgoingTransaction, receipt: Receipt, now: int) -> OutgoingTransaction:
    """Record which attempt the chain took, with amounts from the receipt alone."""
    return replace(
        transaction,
        state=TransactionState.MINED,
        tx_hash=receipt.tx_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        members=_as_told(transaction, receipt),
        fee=receipt.fee,
        refusal=None,
        search=(),
        lost_at=0,
        updated_at=now,
        version=transaction.version + 1,
    )


def moves_of(transaction: OutgoingTransaction, member: Member) -> tuple[OwnTransfer, ...]:
    """Return what a mined transaction did to a member's deposit address, as its receipt told."""
    coin = member.amount if transaction.kind is Kind.FUND else -member.amount if transaction.token is None else 0
    if same(member.address, transaction.sender):
        coin -= transaction.fee
    moved = [(transaction.token, -member.left)] if transaction.token is not None else []
    return tuple(
        OwnTransfer(
            transaction.tx_hash or "",
            token,
            amount,
            transaction.block_number or 0,
            transaction.block_hash or "",
            transaction.key,
        )
        for token, amount in (*moved, (None, coin))
        if amount
    )


def moves_with(
    moves: tuple[OwnTransfer, ...], transaction: OutgoingTransaction, member: Member
) -> tuple[OwnTransfer, ...]:
    """Add what a mined transaction moved, in place of what was known of it."""
    others = (move for move in moves if move.tx_hash != transaction.tx_hash and move.transaction != transaction.key)
    return (*others, *moves_of(transaction, member))


def sweeps_with(
    sweeps: tuple[Sweep, ...], transaction: OutgoingTransaction, member: Member, status: str
) -> tuple[Sweep, ...]:
    """Show a sweep, in place of what was shown of it."""
    others = tuple(sweep for sweep in sweeps if sweep.tx_hash != transaction.tx_hash)
    return (*others, Sweep(transaction.tx_hash or "", status, member.amount))


def as_shown(payment: Payment, transaction: OutgoingTransaction | None) -> Payment:
    """Show the sweep under way, which the payment itself does not carry before its end."""
    member = transaction.member(payment.id) if transaction else None
    if transaction is None or member is None:
        return payment
    if transaction.kind is not Kind.SWEEP or transaction.state is not TransactionState.MINED:
        return payment
    return payment.changed(sweeps=sweeps_with(payment.own.sweeps, transaction, member, "mined"))


def _as_told(transaction: OutgoingTransaction, receipt: Receipt) -> tuple[Member, ...]:
    """Return the members with what the receipt shows of each: what arrived where it was meant to, and what left."""
    if transaction.token is None:
        value = receipt.value if receipt.success else 0
        return tuple(replace(each, amount=value, left=value) for each in transaction.members)
    sent = _sent_by(transaction.token, receipt)
    return tuple(_member_as_told(transaction, each, sent.get(folded(each.address), [])) for each in transaction.members)


def _member_as_told(transaction: OutgoingTransaction, member: Member, sent: list[TokenTransfer]) -> Member:
    """Some tokens keep a share: more leaves then than arrives."""
    arrived = sum(log.amount for log in sent if same(log.to, transaction.to))
    return replace(member, amount=arrived, left=sum(log.amount for log in sent if not same(log.to, member.address)))


def _sent_by(token: str, receipt: Receipt) -> dict[str, list[TokenTransfer]]:
    sent: dict[str, list[TokenTransfer]] = {}
    for log in receipt.token_transfers if receipt.success else ():
        if same(log.token, token):
            sent.setdefault(folded(log.sender), []).append(log)
    return sent


def could_explain(transaction: OutgoingTransaction, member: Member, token: str | None, amount: int) -> bool:
    """Say whether a transaction whose fate is unknown may have taken `amount` of an asset from a member's address.

    `token` None is the coin: the value and everything that the transaction may cost.
    """
    if transaction.kind is not Kind.SWEEP or not (transaction.waiting or transaction.state is TransactionState.LOST):
        return False
    if transaction.collects:
        return _may_collect(transaction, member, token, amount)
    return any(0 < amount <= _most(transaction, attempt, token) for attempt in transaction.attempts)


def _may_collect(transaction: OutgoingTransaction, member: Member, token: str | None, amount: int) -> bool:
    """One for many takes all of its token that is there when it is mined, and none of the coin."""
    named = member in transaction.members and token is not None and same(transaction.token or "", token)
    return named and amount > 0 and any(not attempt.cancels for attempt in transaction.attempts)


def _most(transaction: OutgoingTransaction, attempt: Attempt, token: str | None) -> int:
    if token is None:
        # What the layer below asks may have risen since.
        return attempt.value + attempt.cost + 2 * attempt.beside
    return attempt.amount if transaction.token is not None and same(transaction.token, token) else 0


def set_back(before: Setback | None, reason: str, now: int, *, first: int = REVERTED_BACKOFF_MS) -> Setback:
    """Count one more failure, and wait four times as long as after the last, up to a day; old ones are forgotten."""
    recent = before if before is not None and now - before.until <= LONGEST_BACKOFF_MS else None
    failures = recent.failures + 1 if recent else 1
    pause = min(first << 2 * min(failures - 1, 10), LONGEST_BACKOFF_MS)
    return Setback(failures, now + pause, now, reason[:200], recent.since if recent else now)


def postings(transaction: OutgoingTransaction, member: Member, now: int) -> tuple[Entry, ...]:
    """Post what a mined transaction moved for a member; with the first one what it cost, the operator's expense.

    What went to the merchant's own treasury, and the coin that this took of the money, `delivered` posts.
    """
    source, target = (GAS_STATION, ON_ADDRESSES) if transaction.kind is Kind.FUND else (ON_ADDRESSES, TREASURY)
    first = member == transaction.members[0]
    suffix = "" if first else f"#{member.payment_id}"
    payer = source if same(member.address, transaction.sender) else GAS_STATION
    fund = transaction.kind is Kind.FUND
    moving = EntryType.GAS_FUNDING if fund else EntryType.SWEPT
    whose = OPERATOR if fund else member.merchant_id
    moved, kept = (0, 0) if transaction.direct else (member.amount, member.left - member.amount)
    fee = 0 if transaction.direct and transaction.token is None else transaction.fee
    rows = [
        ("moved", moving, whose, transaction.asset, source, target, moved),
        ("kept", EntryType.TOKEN_FEE, whose, transaction.asset, source, TOKEN_FEE_EXPENSE, kept),
        ("gas", EntryType.GAS, OPERATOR, "native", payer, GAS_EXPENSE, fee if first else 0),
    ]
    return tuple(
        Entry(
            # The version too: a reorganisation that is undone brings the very same block back.
            id=f"{transaction.key}#{transaction.block_hash}#{transaction.version:06d}#{name}{suffix}",
            type=kind,
            owner=owner,
            chain=transaction.chain,
            asset=asset,
            debit=debit,
            credit=credit,
            amount=amount,
            payment_id=member.payment_id,
            tx_hash=transaction.tx_hash,
            at=now,
        )
        for name, kind, owner, asset, credit, debit, amount in rows
        if amount
    )


def gas_alone(transaction: OutgoingTransaction, receipt: Receipt, now: int, payer: str) -> tuple[Entry, ...]:
    """Post what a transaction cost that serves no payment and no payout by itself: the operator bears it."""
    entry = Entry(
        id=f"{transaction.key}#{transaction.version + 1:06d}#gas",
        type=EntryType.GAS,
        owner=OPERATOR,
        chain=transaction.chain,
        asset="native",
        debit=GAS_EXPENSE,
        credit=payer,
        amount=receipt.fee,
        at=now,
        tx_hash=receipt.tx_hash,
    )
    return (entry,) if receipt.fee else ()


def reversed_posting(entry: Entry) -> Entry:
    """Take a posting back whose transaction a reorganisation removed."""
    return replace(entry, id=f"{entry.id}#reversed", type=EntryType.REVERSAL, debit=entry.credit, credit=entry.debit)
