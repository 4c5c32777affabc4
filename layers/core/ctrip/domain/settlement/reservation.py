"""What is asked for and not booked yet, so that two requests at once never spend the same balance."""

from dataclasses import dataclass, replace

from ctrip.domain.settlement.payout import Payout, Source

MOST_WAITING = 100  # requests of one merchant and asset that are not booked yet; the worker books them within seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The requests of a merchant and an asset that the ledger does not know yet: payout, account and amount.

    Each request and each booking raises `version`: who read an older one reads the balance anew.
    """

    merchant_id: str
    chain: str
    asset: str
    version: int = 0
    waiting: tuple[tuple[str, Source, int], ...] = ()

    def total(self, source: Source) -> int:
        """Return what is asked for of one account."""
        return sum(amount for _, account, amount in self.waiting if account is source)

    def plus(self, payout: Payout) -> "Reservation":
        """Add a request."""
        waiting = (*self.waiting, (payout.id, payout.source, payout.amount))
        return replace(self, version=self.version + 1, waiting=waiting)

    def minus(self, payout: Payout) -> "Reservation":
        """Leave a request out that the ledger knows, or that came to nothing."""
        waiting = tuple(each for each in self.waiting if each[0] != payout.id)
        return replace(self, version=self.version + 1, waiting=waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """What was refunded of one asset that came for a payment, refunds under way included."""

    payment_id: str
    chain: str
    asset: str
    total: int = 0
    version: int = 0

    def plus(self, amount: int) -> "Refunded":
        """Add a refund, or take one back that is not made (a negative amount)."""
        return replace(self, total=self.total + amount, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAddress:
    """Where a merchant's settlements of a chain go, and where they will go from `next_from` on (unix milliseconds).

    `signature` is the signer's on `address`; without one that verifies nothing is sent there.
    """

    merchant_id: str
    chain: str
    address: str
    since: int
    signature: str = ""
    next_address: str | None = None
    next_from: int = 0
    version: int = 1
