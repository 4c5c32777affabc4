"""A stage: its services by subject, each wired once, when it is first asked for."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ctrip.config import Settings
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from ctrip.bootstrap.adapters import Adapters
    from ctrip.bootstrap.admins import Admins
    from ctrip.bootstrap.audit import Audit
    from ctrip.bootstrap.detection import Detection
    from ctrip.bootstrap.figures import Figures
    from ctrip.bootstrap.invoices import Invoices
    from ctrip.bootstrap.ledger import Ledger
    from ctrip.bootstrap.links import Links
    from ctrip.bootstrap.merchants import Merchants
    from ctrip.bootstrap.payments import Payments
    from ctrip.bootstrap.payouts import Payouts
    from ctrip.bootstrap.prices import Prices
    from ctrip.bootstrap.settlement import Settlement
    from ctrip.bootstrap.sweeping import Sweeping
    from ctrip.bootstrap.webhooks import Webhooks
    from ctrip.ports.jobs import Jobs
    from ctrip.ports.runtime import Clock, Log, Metrics
    from ctrip.services.shared.known_endpoints import KnownEndpoints
    from ctrip.services.shared.once import Once
    from ctrip.services.shared.recording import Recorder


class Stage:
    """One stage of the gateway over its adapters."""

    def __init__(self, adapters: "Adapters") -> None:
        self.adapters = adapters

    @property
    def clock(self) -> "Clock":
        """Return the stage's time."""
        return self.adapters.clock

    @property
    def settings(self) -> Settings:
        """Return the stage's settings; raises `ConfigurationError` where it may not start."""
        return self.adapters.settings

    @property
    def networks(self) -> Mapping[str, Network]:
        """Return the enabled networks by name."""
        return self.adapters.networks

    def network(self, name: str) -> Network:
        """Return an enabled network; raises `ConfigurationError` for another."""
        if (network := self.networks.get(name)) is None:
            # The name came with a job, and this sentence goes into the log as it is.
            raise ConfigurationError("a job names a chain that is not among CTRIP_CHAINS")
        return network

    def log(self, service: str) -> "Log":
        """Return one entry point's log."""
        return self.adapters.log(service)

    @property
    def metrics(self) -> "Metrics":
        """Return what publishes figures."""
        return self.adapters.metrics

    # -- what services share

    def notifying(self, service: str) -> "Jobs":
        """Build queues for those who have committed already."""
        from ctrip.services.shared.notify import BestEffort

        return BestEffort(self.adapters.jobs, self.log(service))

    def recorder(self, actor: str) -> "Recorder":
        """Build a recorder for one kind of actor."""
        from ctrip.services.shared.recording import Recorder

        return Recorder(self.adapters.ids, actor, self.settings.webhook_url, self.known_endpoints)

    @cached_property
    def known_endpoints(self) -> "KnownEndpoints":
        """Build what remembers merchants' endpoints, for commits and deliveries alike."""
        from ctrip.services.shared.known_endpoints import KnownEndpoints

        return KnownEndpoints(self.adapters.endpoints, self.settings.key_cache_seconds * 1000)

    def once(self) -> "Once":
        """Build what does a payment's requests once for each idempotency key."""
        from ctrip.services.shared.once import Once

        return Once(self.adapters.payments, self.adapters.events)

    # -- services, by subject

    @cached_property
    def payments(self) -> "Payments":
        """Payments as merchants ask for them."""
        from ctrip.bootstrap.payments import Payments

        return Payments(self)

    @cached_property
    def invoices(self) -> "Invoices":
        """Invoices."""
        from ctrip.bootstrap.invoices import Invoices

        return Invoices(self)

    @cached_property
    def links(self) -> "Links":
        """Payment links."""
        from ctrip.bootstrap.links import Links

        return Links(self)

    @cached_property
    def merchants(self) -> "Merchants":
        """Merchants and their keys."""
        from ctrip.bootstrap.merchants import Merchants

        return Merchants(self)

    @cached_property
    def admins(self) -> "Admins":
        """The people who operate the stage."""
        from ctrip.bootstrap.admins import Admins

        return Admins(self)

    @cached_property
    def detection(self) -> "Detection":
        """Scanning chains."""
        from ctrip.bootstrap.detection import Detection

        return Detection(self)

    @cached_property
    def sweeping(self) -> "Sweeping":
        """From deposits to the treasury."""
        from ctrip.bootstrap.sweeping import Sweeping

        return Sweeping(self)

    @cached_property
    def ledger(self) -> "Ledger":
        """What merchants are owed."""
        from ctrip.bootstrap.ledger import Ledger

        return Ledger(self)

    @cached_property
    def figures(self) -> "Figures":
        """The figures of the stage."""
        from ctrip.bootstrap.figures import Figures

        return Figures(self)

    @cached_property
    def payouts(self) -> "Payouts":
        """What becomes of settlements and refunds."""
        from ctrip.bootstrap.payouts import Payouts

        return Payouts(self)

    @cached_property
    def settlement(self) -> "Settlement":
        """Money that leaves: settlements and refunds."""
        from ctrip.bootstrap.settlement import Settlement

        return Settlement(self)

    @cached_property
    def prices(self) -> "Prices":
        """Rates, and what is due for a price."""
        from ctrip.bootstrap.prices import Prices

        return Prices(self)

    @cached_property
    def webhooks(self) -> "Webhooks":
        """Events on their way to merchants."""
        from ctrip.bootstrap.webhooks import Webhooks

        return Webhooks(self)

    @cached_property
    def audit(self) -> "Audit":
        """The audit chains."""
        from ctrip.bootstrap.audit import Audit

        return Audit(self)
