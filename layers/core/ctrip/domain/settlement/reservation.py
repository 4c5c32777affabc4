"""What is asked for and not booked yet, so that two requests at once never spend the same balance."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ctrip.domain.chains.kinds import folded, same
from ctrip.domain.ledger.balances import Sums, owed
from ctrip.domain.ledger.entries import payable
from ctrip.domain.settlement.payout import Payout, PayoutKind, Source, account_of

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


def spendable(sums: Sums, chain: str, asset: str, source: Source, merchant_id: str) -> int:
    """Return what may be paid out of an account.

    A payment that came to life again takes what was unmatched of it; where that was refunded before, the merchant owes.
    """
    of = {each: owed(sums, chain, asset, account_of(each, merchant_id)) for each in Source}
    return of[source] + (min(of[Source.UNMATCHED], 0) if source is Source.AVAILABLE else 0)


def set_aside(sums: Sums, reservations: Iterable[Reservation]) -> Sums:
    """Return the sums of accounts as they will be once the ledger knows what is asked for."""
    after = Counter(sums)
    for held in reservations:
        for _, source, amount in held.waiting:
            after[held.chain, held.asset, account_of(source, held.merchant_id)] += amount
            after[held.chain, held.asset, payable(held.merchant_id)] -= amount
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """What was refunded of one asset that came for a payment, refunds under way included.

    `assigned` of the total was not refunded, but assigned to a payment.
    """

    payment_id: str
    chain: str
    asset: str
    total: int = 0
    assigned: int = 0
    version: int = 0

    def plus(self, payout: Payout) -> "Refunded":
        """Add a refund or an assignment."""
        return self._changed(payout, payout.amount)

    def minus(self, payout: Payout) -> "Refunded":
        """Take one back that is not made."""
        return self._changed(payout, -payout.amount)

    def _changed(self, payout: Payout, amount: int) -> "Refunded":
        assigned = amount if payout.kind is PayoutKind.ASSIGNMENT else 0
        return replace(self, total=self.total + amount, assigned=self.assigned + assigned, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAddress:
    """Where a merchant's settlements of a chain go, and where they will go from `next_from` on (unix milliseconds).

    It is kept twice: as the merchant asks for it, and as the signer has taken it over, who counts the delay by itself
    and sends nothing anywhere else. In the first one `signature` says that the signer knows of it, in the second it is
    the signer's own on `address`.
    """

    merchant_id: str
    chain: str
    address: str
    since: int
    signature: str = ""
    next_address: str | None = None
    next_from: int = 0
    version: int = 1


def current(address: SettlementAddress, now: int) -> SettlementAddress:
    """Return the address as it is used now: a change whose time has come has replaced the one before."""
    if address.next_address is None or now < address.next_from:
        return address
    return replace(
        address, address=address.next_address, since=address.next_from, signature="", next_address=None, next_from=0
    )


def following(
    before: SettlementAddress | None, merchant_id: str, chain: str, wanted: str, now: int, delay_ms: int
) -> SettlementAddress:
    """Return what follows when somebody wants settlements to go elsewhere: the first address counts at once.

    Another one counts after a delay, and the one that is used takes it back. What changes nothing is returned as it is.
    """
    if before is None:
        return SettlementAddress(merchant_id=merchant_id, chain=chain, address=wanted, since=now)
    held, version = current(before, now), before.version + 1
    if same(held.address, wanted):
        return before if held.next_address is None else replace(held, next_address=None, next_from=0, version=version)
    if held.next_address is not None and same(held.next_address, wanted):
        return before  # asked again: its time goes on
    return replace(held, next_address=wanted, next_from=now + delay_ms, signature="", version=version)


def address_statement(merchant_id: str, chain: str, address: str) -> bytes:
    """Write what the signer signs: whose settlements of which chain go where."""
    parts = ["ctrip settlement address 1", merchant_id, chain, folded(address)]
    return json.dumps(parts, separators=(",", ":")).encode()
