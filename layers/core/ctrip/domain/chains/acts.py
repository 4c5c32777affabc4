"""What is signed: an unsigned transaction, what it would do, and what came of it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


class Unsigned(Protocol):
    """An unsigned transaction: a class of its chain kind's own, which only the kind's rules and rooms read."""

    kind: ClassVar[str]

    def fields(self) -> dict[str, Any]:
        """Return what the signer function is sent, as JSON holds it."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """An address of ours that lets a contract act for it."""

    path: str
    address: str
    to: str


@dataclass(frozen=True, slots=True)
class Collector:
    """The published contracts of one treasury and one operator that take tokens of many addresses at once.

    The operator calls `contract`, and each address has let `delegate` act for it, which pays the treasury alone.
    """

    contract: str
    delegate: str


@dataclass(frozen=True, slots=True)
class Act:
    """What an unsigned transaction would do, as its kind's rules read it; amounts are base units of the coin.

    The money goes to `to`: `amount` of `token`, or of the coin (None). `value` is the coin that it carries, `fee` the
    most that it may cost beside. One that is `idle` moves nothing and only takes its slot; `unclear` says why it is no
    transfer.
    One that `collects` calls a contract at `to` that takes the token of many addresses, of which some make a `grant`.
    One that `pays` calls a contract at `to` that pays so much to each of many; one with a `spender` lets that one take
    all of the token. One that `lends` lets `to` use what is staked, or ends that. All three are `unclear`: whoever does
    not ask for them refuses them.
    `slot` is what at most one transaction of its sender can have.
    """

    to: str
    token: str | None
    value: int
    fee: int
    idle: bool = False
    unclear: str = ""
    collects: bool = False
    grants: tuple[Grant, ...] = ()
    amount: int = 0
    pays: tuple[tuple[str, int], ...] = ()
    spender: str = ""
    slot: str = ""
    lends: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed bytes as text, ready to broadcast, and their hash."""

    raw: str
    tx_hash: str
