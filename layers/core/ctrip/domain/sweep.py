"""Own transactions: written before they are sent, followed until they are final."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ctrip.domain.chain import Fees, Move, Receipt, TokenTransfer, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.domain.payment import Payment, Sweep

NATIVE_GAS = 21_000
STUCK_AFTER_BLOCKS = 10


class IntentState(StrEnum):
    """How far one own transaction has come."""

    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"


class Kind(StrEnum):
    """What an own transaction is for: gas for a deposit address, or its funds to the treasury."""

    FUND = "fund"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Signed bytes of one try; all tries of an intent share its nonce, so at most one is mined."""

    raw: str
    tx_hash: str
    gas: int
    max_fee: int
    priority_fee: int
    value: int
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One (chain, sender, nonce) and what it is meant to do; amounts are base units, as receipts tell.

    `amount` is what arrived, `left` what left the sender (more, where a token keeps a share), `fee` the coin it cost.
    """

    chain: str
    sender: str
    nonce: int
    path: str
    kind: Kind
    payment_id: str
    merchant_id: str
    asset: str
    token: str | None
    to: str
    state: IntentState = IntentState.SIGNED
    attempts: tuple[Attempt, ...] = ()
    tx_hash: str | None = None
    block_number: int | None = None
    block_hash: str | None = None
    amount: int = 0
    left: int = 0
    fee: int = 0
    created_at: int = 0
    updated_at: int = 0
    version: int = 1

    @property
    def key(self) -> str:
        """Name the intent: one per chain, sender and nonce."""
        return f"{self.chain}#{self.sender}#{self.nonce:012d}"

    @property
    def unfinished(self) -> bool:
        """Whether somebody must still look after it."""
        return self.state in (IntentState.SIGNED, IntentState.SENT, IntentState.MINED)


def parse_key(key: str) -> tuple[str, str, int]:
    """Read chain, sender and nonce out of an intent's key."""
    chain, sender, nonce = key.split("#")
    return chain, sender, int(nonce)


def max_fee(fees: Fees) -> int:
    """Choose a fee per gas near the base fee, with room for one full block; a replacement does the rest."""
    return fees.base * 9 // 8 + max(fees.priority, 1)


def bumped(fee: int) -> int:
    """Raise a fee by the least that every node accepts as a replacement: 12.5 %, rounded up."""
    return -(-fee * 9 // 8)


def sweep_coin(*, chain_id: int, nonce: int, to: str, balance: int, gas: int, fee: int) -> Transaction | None:
    """Move the whole balance: priority fee equal to the fee, so that the cost is known and nothing stays behind."""
    value = balance - gas * fee
    if value <= 0:
        return None
    return Transaction(chain_id=chain_id, nonce=nonce, to=to, value=value, gas=gas, max_fee=fee, priority_fee=fee)


def transfer_data(to: str, amount: int) -> str:
    """Encode ERC-20 `transfer(address,uint256)`."""
    return f"0xa9059cbb{to.lower().removeprefix('0x'):0>64}{amount:064x}"


def transfer_destination(data: str) -> str:
    """Read the recipient of an ERC-20 `transfer`; raises `SigningRefused` for any other call."""
    if not data.startswith("0xa9059cbb") or len(data) != 138:
        raise SigningRefused("the call is not an ERC-20 transfer")
    return "0x" + data[34:74]


def mined(intent: Intent, receipt: Receipt, now: int) -> Intent:
    """Record which attempt the chain took, with amounts from the receipt alone."""
    return replace(
        intent,
        state=IntentState.MINED,
        tx_hash=receipt.tx_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        amount=moved(intent, receipt),
        left=left(intent, receipt),
        fee=receipt.fee,
        updated_at=now,
        version=intent.version + 1,
    )


def moves_of(intent: Intent) -> tuple[Move, ...]:
    """What a mined transaction did to the deposit address, as its receipt told."""

    def move(token: str | None, amount: int) -> Move:
        return Move(intent.tx_hash or "", token, amount, intent.block_number or 0, intent.block_hash or "", intent.key)

    if intent.kind is Kind.FUND:
        return (move(None, intent.amount),) if intent.amount else ()
    if intent.token is None:
        return (move(None, -(intent.amount + intent.fee)),)
    return (*((move(intent.token, -intent.left),) if intent.left else ()), move(None, -intent.fee))


def moves_with(moves: tuple[Move, ...], intent: Intent) -> tuple[Move, ...]:
    """Add what a mined transaction moved, in place of what was known of it."""
    others = (move for move in moves if move.tx_hash != intent.tx_hash and move.intent != intent.key)
    return (*others, *moves_of(intent))


def sweeps_with(sweeps: tuple[Sweep, ...], intent: Intent, status: str) -> tuple[Sweep, ...]:
    """Show a sweep, in place of what was shown of it."""
    others = tuple(sweep for sweep in sweeps if sweep.tx_hash != intent.tx_hash)
    return (*others, Sweep(intent.tx_hash or "", status, intent.amount))


def as_shown(payment: Payment, intent: Intent | None) -> Payment:
    """Show the sweep under way, which the payment itself does not carry before its end."""
    if intent is None or intent.kind is not Kind.SWEEP or intent.state is not IntentState.MINED:
        return payment
    return replace(payment, sweeps=sweeps_with(payment.sweeps, intent, "mined"))


def could_explain(intent: Intent, token: str | None, amount: int) -> bool:
    """Whether an unfinished transaction could have taken this much of an asset from its sender."""
    if not intent.unfinished or intent.kind is not Kind.SWEEP:
        return False
    cost = max((attempt.gas * attempt.max_fee for attempt in intent.attempts), default=0)
    if token is None:
        return amount <= max((attempt.value for attempt in intent.attempts), default=0) + cost
    return token == intent.token


def moved(intent: Intent, receipt: Receipt) -> int:
    """Return what the receipt shows to have arrived at the destination from the sender."""
    if intent.token is None:
        return receipt.value if receipt.success else 0
    to = intent.to.lower()
    return sum(log.amount for log in _sent(intent, receipt) if log.to.lower() == to)


def left(intent: Intent, receipt: Receipt) -> int:
    """Return what the receipt shows to have left the sender, wherever it went: some tokens keep a share."""
    if intent.token is None:
        return receipt.value if receipt.success else 0
    sender = intent.sender.lower()
    return sum(log.amount for log in _sent(intent, receipt) if log.to.lower() != sender)


def _sent(intent: Intent, receipt: Receipt) -> list[TokenTransfer]:
    wanted = ((intent.token or "").lower(), intent.sender.lower())
    logs = receipt.token_transfers if receipt.success else ()
    return [log for log in logs if (log.token.lower(), log.sender.lower()) == wanted]
