"""What the services ask of a chain kind about own transactions, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ctrip.domain.chains.acts import Unsigned
from ctrip.domain.chains.chain import Receipt
from ctrip.domain.sweeping.sweep import Terms


@dataclass(frozen=True, slots=True)
class Order:
    """A transfer that is wanted: an amount of a token, or of the coin (None), from the address that `path` leads to."""

    sender: str
    token: str | None
    to: str
    amount: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a transaction would cost now, in base units of the coin.

    `fee` is what the chain's cap is held against, `beside` what is paid on top of it. Where the sender lacks `short` of
    what it needs, it must first be given coin: `gift` is what gives it enough, and giving costs `gift_fee`. `terms` are
    the chain kind's own.
    """

    fee: int
    beside: int = 0
    short: int = 0
    gift: int = 0
    gift_fee: int = 0
    terms: Terms = ()

    @property
    def cost(self) -> int:
        """What the transaction may cost."""
        return self.fee + self.beside

    @property
    def used_up(self) -> int:
        """What the transaction may use up, with what giving coin for it costs."""
        return self.cost + (self.gift_fee if self.short else 0)

    @property
    def outlay(self) -> int:
        """What is spent before anything is moved: of a gift a part stays on the address."""
        return self.gift + self.gift_fee if self.short else self.cost


@dataclass(frozen=True, slots=True)
class Collection:
    """What one transaction would take of one token from many addresses, and what it would cost at most.

    `terms` are the chain kind's own, by the address that each is of. `refused` says by address why it cannot be swept
    like that now; an order that is in neither did not fit in.
    """

    quote: Quote
    orders: tuple[Order, ...]
    terms: Mapping[str, Terms] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """What an address holds: of the asset that is moved (the coin again where that is it), and of the coin."""

    amount: int
    coin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An unsigned transaction with its slot, and what is remembered of it: as in `Attempt`."""

    transaction: Unsigned
    slot: str
    value: int = 0
    amount: int = 0
    cost: int = 0
    beside: int = 0
    cancels: bool = False
    terms: Terms = ()


class Outlook(StrEnum):
    """What may still become of an own transaction that is in no block.

    `open`: an attempt may be mined. `unknown`: no endpoint tells. `searched`: its slot is used, and whether by an
    attempt of ours is being found out. `lost`: it was not. `expired`: none can be mined any more.
    """

    OPEN = "open"
    UNKNOWN = "unknown"
    SEARCHED = "searched"
    LOST = "lost"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a chain shows of an own transaction: the receipt of the attempt that was mined, else the outlook.

    `search` is what the kind has found out so far, to be remembered with the transaction.
    """

    outlook: Outlook
    receipt: Receipt | None = None
    search: Terms = ()
