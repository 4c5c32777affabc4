"""Requests about balances and the ledger."""

from ctrip.ports.ledger import EntryFilter
from functions.http.models import Paged, Time


class EntryQuery(Paged):
    """Filters of a list of ledger entries; together, all hold."""

    created_after: Time | None = None
    created_before: Time | None = None

    def filtered(self) -> EntryFilter:
        """Return the filter in the store's terms."""
        return EntryFilter(
            created_after=self.created_after, created_before=self.created_before, limit=self.limit, cursor=self.cursor
        )
