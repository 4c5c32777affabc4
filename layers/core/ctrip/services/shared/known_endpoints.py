"""Merchants' endpoints that were read a moment ago, for commits and deliveries, which ask for the same ones again."""

from dataclasses import dataclass, field

from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.ports.endpoints import EndpointStore

AT_MOST = 1_000  # merchants that are remembered


@dataclass(frozen=True, slots=True)
class KnownEndpoints:
    """Remembers each merchant's endpoints for `remember_ms`, also that it has none."""

    store: EndpointStore
    remember_ms: int
    _held: dict[str, tuple[int, tuple[Endpoint, ...]]] = field(default_factory=dict)

    def of(self, merchant_id: str, now: int) -> tuple[Endpoint, ...]:
        """Return a merchant's endpoints as they were at most `remember_ms` ago, disabled ones included."""
        known = self._held.get(merchant_id)
        if known and now < known[0]:
            return known[1]
        found = tuple(self.store.endpoints_of(merchant_id))
        if len(self._held) >= AT_MOST:
            self._held.clear()
        self._held[merchant_id] = (now + self.remember_ms, found)
        return found

    def one(self, merchant_id: str, endpoint_id: str, now: int) -> Endpoint | None:
        """Return one of a merchant's endpoints; None where there is none of that id."""
        return next((each for each in self.of(merchant_id, now) if each.id == endpoint_id), None)

    def forget(self, merchant_id: str) -> None:
        """Have a merchant's endpoints read again."""
        self._held.pop(merchant_id, None)
