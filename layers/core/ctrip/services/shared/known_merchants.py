"""Merchants that were read a moment ago, for workers that meet the same ones again and again."""

from dataclasses import dataclass, field

from ctrip.domain.merchants.access import Merchant
from ctrip.ports.merchants import AccessStore

AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class KnownMerchants:
    """Remembers merchants for a time, and no more than `AT_MOST`; one that is not there is asked for each time."""

    _held: dict[str, tuple[int, Merchant]] = field(default_factory=dict)

    def read(self, access: AccessStore, merchant_id: str, *, now: int, remember_ms: int) -> Merchant | None:
        """Return a merchant as it was at most `remember_ms` ago; None where there is none."""
        known = self._held.get(merchant_id)
        if known and now < known[0]:
            return known[1]
        merchant = access.merchant(merchant_id)
        if merchant is not None:
            if len(self._held) >= AT_MOST:
                self._held.clear()
            self._held[merchant_id] = (now + remember_ms, merchant)
        return merchant

    def forget(self, merchant_id: str) -> None:
        """Forget one, which is read anew the next time."""
        self._held.pop(merchant_id, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._held.clear()
