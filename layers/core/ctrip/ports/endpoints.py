"""Webhook endpoints, as the services keep them; they are made and changed with their merchant (`AccessChange`)."""

from typing import Protocol

from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.events import Event


class EndpointStore(Protocol):
    """Webhook endpoints."""

    def endpoint(self, merchant_id: str, endpoint_id: str) -> Endpoint | None:
        """Read a merchant's endpoint, consistently."""
        ...

    def endpoints_of(self, merchant_id: str) -> list[Endpoint]:
        """Return a merchant's endpoints by id, read consistently."""
        ...

    def note(self, before: Endpoint, after: Endpoint, event: Event | None = None) -> None:
        """Store what deliveries have shown of an endpoint, and the event that reports it, in one transaction.

        Raises `Stale` where the endpoint has moved on or is gone.
        """
        ...
