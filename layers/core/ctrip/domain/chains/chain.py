"""What a chain shows: blocks, balances, transfers, receipts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header; `time` is unix milliseconds."""

    number: int
    hash: str
    parent: str
    time: int


@dataclass(frozen=True, slots=True)
class BalanceQuery:
    """What to probe: one address and a token's contract, or None for the coin."""

    address: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What to explain: what came of one asset (`token` None: the coin) to one address from block `first` on."""

    address: str
    token: str | None
    first: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """One explained arrival; `log_index` is None for the coin, `tx_hash` for what no log or trace explains."""

    tx_hash: str | None
    log_index: int | None
    block_number: int
    block_hash: str
    sender: str | None
    amount: int

    @property
    def key(self) -> str:
        """Deduplicate by the block too: the same transaction mined twice is two facts."""
        log = "" if self.log_index is None else f"{self.log_index:06d}"
        return f"{self.tx_hash or 'unexplained'}#{log}#{self.block_hash}"


@dataclass(frozen=True, slots=True)
class OwnTransfer:
    """One of our own transactions' effects on a deposit address: signed base units (`token` None: the coin)."""

    tx_hash: str
    token: str | None
    amount: int
    block_number: int
    block_hash: str
    transaction: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction: whether it succeeded, what it cost in the coin's base units, what it moved."""

    tx_hash: str
    block_number: int
    block_hash: str
    success: bool
    fee: int
    value: int
    sender: str
    to: str | None
    token_transfers: tuple["TokenTransfer", ...] = ()


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """One transfer of a token, as a receipt tells it."""

    token: str
    sender: str
    to: str
    amount: int
    log_index: int
