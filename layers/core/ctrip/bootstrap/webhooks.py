"""Webhooks, wired: deliver, repeat, read."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.webhooks.deliver_webhook import WebhookDeliverer
    from ctrip.services.webhooks.deliveries_of import PaymentDeliveries
    from ctrip.services.webhooks.manage_endpoints import EndpointManager
    from ctrip.services.webhooks.read_events import EventReader
    from ctrip.services.webhooks.redeliver import Redeliverer
    from ctrip.services.webhooks.relay_outbox import OutboxRelay
    from ctrip.services.webhooks.resolve_endpoint import EndpointResolver
    from ctrip.services.webhooks.send_test import EndpointTester


class Webhooks:
    """The services of webhooks."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def deliverer(self) -> "WebhookDeliverer":
        """Build what delivers webhooks."""
        from ctrip.aws.masking import mask
        from ctrip.services.webhooks.admit_delivery import EndpointGates
        from ctrip.services.webhooks.deliver_webhook import WebhookDeliverer
        from ctrip.services.webhooks.note_deliveries import DeliveryNotes

        on = self._on
        return WebhookDeliverer(
            events=on.events,
            endpoints=self.resolver,
            gates=EndpointGates(now=on.clock.now, spread=on.spread),
            notes=DeliveryNotes(
                endpoints=on.endpoints,
                known=self._stage.known_endpoints,
                ids=on.ids,
                jobs=self._stage.notifying("webhooks"),
                log=on.log("webhooks"),
                stage_url=on.settings.webhook_url,
            ),
            redeliverer=self.redeliverer,
            receivers=on.receivers,
            cipher=on.cipher,
            jobs=on.jobs,
            clock=on.clock,
            log=on.log("webhooks"),
            spread=on.spread,
            mask=mask,
        )

    @cached_property
    def redeliverer(self) -> "Redeliverer":
        """Build what reads an endpoint's log and delivers again."""
        from ctrip.services.webhooks.redeliver import Redeliverer

        on = self._on
        return Redeliverer(
            events=on.events,
            endpoints=on.endpoints,
            jobs=on.jobs,
            clock=on.clock,
            longest_cache_ms=on.settings.key_cache_seconds * 1000,
        )

    @cached_property
    def resolver(self) -> "EndpointResolver":
        """Build what finds an endpoint's address and secrets."""
        from ctrip.services.webhooks.resolve_endpoint import EndpointResolver

        settings = self._on.settings
        return EndpointResolver(
            access=self._on.access,
            stage_url=settings.webhook_url,
            remember_ms=settings.key_cache_seconds * 1000,
            known=self._stage.known_endpoints,
        )

    @cached_property
    def endpoints(self) -> "EndpointManager":
        """Build what makes and changes endpoints."""
        from ctrip.services.webhooks.manage_endpoints import EndpointManager

        on = self._on
        return EndpointManager(
            access=on.access,
            endpoints=on.endpoints,
            cipher=on.cipher,
            clock=on.clock,
            ids=on.ids,
            known=self._stage.known_endpoints,
            redeliverer=self.redeliverer,
            loopback=bool(on.settings.webhook_loopback),
        )

    @cached_property
    def tester(self) -> "EndpointTester":
        """Build what sends test events."""
        from ctrip.services.webhooks.send_test import EndpointTester

        on, jobs = self._on, self._stage.notifying("api")
        return EndpointTester(manager=self.endpoints, events=on.events, jobs=jobs, clock=on.clock, ids=on.ids)

    @cached_property
    def relay(self) -> "OutboxRelay":
        """Build what repeats the unacknowledged."""
        from ctrip.services.webhooks.relay_outbox import OutboxRelay

        return OutboxRelay(self._on.events, self._on.jobs, self._on.clock)

    @cached_property
    def reader(self) -> "EventReader":
        """Build what reads events."""
        from ctrip.services.webhooks.read_events import EventReader

        return EventReader(self._on.events, self._stage.payments.reader, self._on.clock)

    @cached_property
    def of_payment(self) -> "PaymentDeliveries":
        """Build what reads how a payment's events were delivered."""
        from ctrip.services.webhooks.deliveries_of import PaymentDeliveries

        return PaymentDeliveries(self._on.payments, self._on.events)
