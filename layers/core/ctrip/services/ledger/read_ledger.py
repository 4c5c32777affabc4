"""Read a merchant's balances and ledger entries."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.ledger.balances import Sums, added, folded_further
from ctrip.domain.settlement.reservation import set_aside
from ctrip.ports.ledger import EntryFilter, LedgerStore
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.views.ledger import BalancePage, EntryPageView, balance_views, entry_csv, entry_view

TRIES = 3  # at reading what is asked for and what is booked without a booking in between


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """Reads ledgers; `networks` name the assets. `keeps` lets it keep sums of older entries, which workers may."""

    ledger: LedgerStore
    payouts: PayoutStore
    clock: Clock
    networks: Mapping[str, Network]
    keeps: bool = False

    def sums(self, owner: str) -> Sums:
        """Add up an owner's entries by chain, asset and account, as of now.

        The older ones are kept as a sum, which is taken further where that saves the next reader enough.
        """
        fold = self.ledger.fold(owner)
        tail = list(self.ledger.entries(owner, fold.until))
        further = folded_further(fold, tail, self.clock.now()) if self.keeps else None
        if further is not None:
            self.ledger.keep_fold(fold, further)  # whoever was faster has kept as good a one
        return added(fold.totals(), tail)

    def balances(self, merchant_id: str) -> BalancePage:
        """Show what a merchant has in each asset, without what is asked for already; what never moved is left out."""
        # The reservations first: what is booked meanwhile counts twice and never not at all. So they are read again.
        reservations = self.payouts.reservations(merchant_id)
        for _ in range(TRIES):
            held, sums = reservations, self.sums(merchant_id)
            if not any(each.waiting for each in held):
                break
            if (reservations := self.payouts.reservations(merchant_id)) == held:
                break
        sums = set_aside(sums, held)
        return {"data": balance_views(sums, merchant_id, self.networks), "next_cursor": None}

    def page(self, merchant_id: str, wanted: EntryFilter) -> EntryPageView:
        """List a merchant's entries, newest first."""
        page = self.ledger.page(merchant_id, wanted)
        return {"data": [entry_view(each, self.networks) for each in page.entries], "next_cursor": page.cursor}

    def export(self, merchant_id: str, wanted: EntryFilter) -> tuple[str, str | None]:
        """Write a page of a merchant's entries as CSV, newest first; return it with the cursor of the next."""
        page = self.ledger.page(merchant_id, wanted)
        return entry_csv([entry_view(each, self.networks) for each in page.entries]), page.cursor
