"""Where a delivery goes and what signs it: from an endpoint's id to its address and secrets."""

from dataclasses import dataclass, field

from ctrip.domain.webhooks.endpoint import IMPLICIT, PAYMENT_ENDPOINT
from ctrip.domain.webhooks.events import Event
from ctrip.ports.merchants import AccessStore
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.services.shared.known_merchants import KnownMerchants


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a delivery, and the encrypted secrets that sign it, newest first.

    `name` is the same for deliveries that one receiver answers: payments have addresses of their own, in whose query
    an order may stand.
    """

    name: str
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointResolver:
    """Resolves endpoints; remembers merchants for `remember_ms`. `stage_url` is the stage's default address."""

    access: AccessStore
    stage_url: str
    remember_ms: int
    known: KnownEndpoints
    _merchants: KnownMerchants = field(default_factory=KnownMerchants)

    def resolve(self, event: Event, endpoint_id: str, now: int) -> Target | None:
        """Return where an event is delivered for an endpoint; None where the endpoint is gone or disabled.

        A payment's own address and the stage's have no secret of their own: the merchant's default one signs for them.
        """
        if endpoint_id not in IMPLICIT:
            return self._created(event.merchant_id, endpoint_id, now)
        url = event.webhook_url if endpoint_id == PAYMENT_ENDPOINT else self.stage_url
        merchant = self._merchants.read(self.access, event.merchant_id, now=now, remember_ms=self.remember_ms)
        if not url or merchant is None:
            return None
        return Target(f"{event.merchant_id} {url.partition('?')[0]}", url, merchant.webhook_secrets)

    def moved(self, event: Event, endpoint_id: str, url: str, now: int) -> bool:
        """Whether an endpoint has another address than this one by now."""
        if endpoint_id in IMPLICIT:
            return False
        self.known.forget(event.merchant_id)
        endpoint = self.known.one(event.merchant_id, endpoint_id, now)
        return endpoint is not None and endpoint.url != url

    def forget(self) -> None:
        """Have everything read again."""
        self._merchants.clear()

    def _created(self, merchant_id: str, endpoint_id: str, now: int) -> Target | None:
        endpoint = self.known.one(merchant_id, endpoint_id, now)
        if endpoint is None or not endpoint.enabled:
            # It may have been made, or enabled, since the list was read; what is concluded here is final.
            self.known.forget(merchant_id)
            endpoint = self.known.one(merchant_id, endpoint_id, now)
        if endpoint is None or not endpoint.enabled:
            return None
        return Target(f"{merchant_id} {endpoint_id}", endpoint.url, endpoint.live_secrets(now))
