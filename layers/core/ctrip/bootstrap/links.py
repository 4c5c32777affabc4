"""Payment links, wired."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.links.manage_links import LinkManager
    from ctrip.services.links.open_link import LinkOpener


class Links:
    """The services of payment links."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def manager(self) -> "LinkManager":
        """Build what makes and changes links."""
        from ctrip.services.links.manage_links import LinkManager

        on = self._on
        return LinkManager(
            networks=on.networks, links=on.links, clock=on.clock, ids=on.ids, plain_http=on.settings.local
        )

    @cached_property
    def opener(self) -> "LinkOpener":
        """Build what makes payments for whoever opens a link."""
        from ctrip.services.links.open_link import LinkOpener

        on = self._on
        return LinkOpener(
            manager=self.manager,
            links=on.links,
            payments=on.payments,
            access=on.access,
            limits=on.limits,
            creator=self._stage.payments.creator,
            clock=on.clock,
        )
