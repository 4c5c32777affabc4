"""Explain what reconciliation found, for a person; and record what that person knows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.ledger.entries import OPERATOR, Entry
from ctrip.domain.ledger.reconcile import OPERATORS, Difference, Reconciliation, capital
from ctrip.domain.money import format_decimal
from ctrip.ports.ledger import EntryFilter, LedgerStore
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.runtime import Clock
from ctrip.services.ledger.audit_looks import audited

NEWEST = 5  # entries that are shown beside a difference
LOOKED_THROUGH = 100

# By whether it is a place of the operator's, and whether the chain shows more than is booked.
_MEANS = {
    (True, True): (
        "The chain shows more than is booked: somebody sent money there, as who tops it up, or its address was changed."
    ),
    (True, False): (
        "The chain shows less than is booked: who has the key took money out. If that was nobody of yours, the key has "
        "leaked."
    ),
    (False, True): (
        "More came to the payment's address than is recorded; the scanner records it with its next look there, within "
        "a day."
    ),
    (False, False): (
        "Less lies at the payment's address than is booked, and no transaction of ours took it: a leaked key, or a "
        "token that can be taken away."
    ),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference in words: amounts are decimal text, with their symbol; `entries` are the newest of the place."""

    difference: Difference
    symbol: str
    booked: str
    seen: str
    amount: str
    means: str
    recordable: bool
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class DifferenceExplainer:
    """Explains differences; records those at the operator's own places as its capital."""

    networks: Mapping[str, Network]
    ledger: LedgerStore
    reconciliations: ReconciliationStore
    clock: Clock

    def looks(self, chain: str | None = None) -> list[Reconciliation]:
        """Return the last look at each chain, or at one; raises `NotFound` for a chain that is not enabled."""
        if chain is not None and chain not in self.networks:
            raise NotFound(f"{chain} is none of this stage's chains.")
        names = [chain] if chain is not None else list(self.networks)
        return list(self.reconciliations.reconciliations(names).values())

    def explain(self, look: Reconciliation) -> list[Explained]:
        """Explain each difference of a look that was alarmed."""
        return [self._explained(look.chain, each) for each in look.established]

    def post(self, chain: str, account: str, asset: str, amount: int, reason: str, origin: Origin) -> Entry:
        """Record a difference at a place of the operator's as its capital: this very amount, as it was shown.

        Raises `NotFound` where there is no such difference, and `Conflict` where it is another by now, or where own
        transactions are under way at the place.
        """
        (look,) = self.looks(chain)
        found = next((each for each in look.established if each.key == (account, "", asset)), None)
        if account not in OPERATORS or found is None:
            raise NotFound(f"Reconciliation shows no difference of {asset} at the {account} of {chain}.")
        if found.amount != amount:
            raise Conflict(f"The difference is {found.amount} by now; nothing was recorded.")
        if found.because:
            raise Conflict("Own transactions are under way there; try again once they are final.")
        now = self.clock.now()
        entry = capital(look, found, now, "posted")
        left = tuple(each for each in look.differences if each.key != found.key)
        fact = {key: str(held) for key, held in asdict(found).items() if key in ("account", "asset", "booked", "seen")}
        posted = fact | {"amount": str(found.amount), "reason": reason, "entry": entry.id}
        after = replace(look, version=look.version + 1, differences=left)
        after, audit = audited(after, "reconciliation.posted", origin, now, {}, posted)
        self.reconciliations.keep(look, after, [entry], audit)
        return entry

    def _explained(self, chain: str, difference: Difference) -> Explained:
        symbol, decimals = self._named(chain, difference.asset)
        booked, seen, amount = (
            format_decimal(each, decimals) for each in (difference.booked, difference.seen, abs(difference.amount))
        )
        own = difference.account in OPERATORS
        return Explained(
            difference=difference,
            symbol=symbol,
            booked=booked,
            seen=seen,
            amount=f"{'+' if difference.amount > 0 else '-'}{amount}",
            means=_MEANS[own, difference.amount > 0],
            recordable=own and not difference.because,
            entries=self._entries(chain, difference) if own else (),
        )

    def _named(self, chain: str, asset: str) -> tuple[str, int]:
        network = self.networks[chain]
        known = {each.id or "native": each for each in (network.coin, *network.tokens)}
        return (known[asset].symbol, known[asset].decimals) if asset in known else (asset, 0)

    def _entries(self, chain: str, difference: Difference) -> tuple[Entry, ...]:
        page: Sequence[Entry] = self.ledger.page(OPERATOR, EntryFilter(limit=LOOKED_THROUGH)).entries
        place = (chain, difference.asset)
        mine = (each for each in page if (each.chain, each.asset) == place)
        return tuple(each for each in mine if difference.account in (each.debit, each.credit))[:NEWEST]
