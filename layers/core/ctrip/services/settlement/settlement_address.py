"""Where a merchant's settlements go: changed only after a delay, of which its webhooks are told at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.settlement.reservation import current, following
from ctrip.ports import Clock, Jobs, PayoutStore
from ctrip.services.settlement.check_address import AddressCheck
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.choose_asset import chosen_network
from ctrip.services.shared.notify import notify
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import SettlementDestinationView, address_view

TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAddresses:
    """Sets and shows settlement addresses; a change counts after `delay_ms`, the first one at once."""

    networks: Mapping[str, Network]
    check: AddressCheck
    payouts: PayoutStore
    clock: Clock
    jobs: Jobs
    reporter: PayoutReporter
    delay_ms: int

    def show(self, merchant_id: str, chain: str) -> SettlementDestinationView:
        """Show where the settlements of a chain go; raises `NotFound` where no address is set."""
        network = chosen_network(self.networks, chain)
        address = self.payouts.settlement_address(merchant_id, network.name)
        if address is None:
            raise NotFound(f"There is no settlement address for {network.name}.", code="settlement_address_not_found")
        return address_view(current(address, self.clock.now()))

    def set(self, merchant_id: str, chain: str, address: str, origin: Origin) -> SettlementDestinationView:
        """Set where the settlements of a chain go; raises `BadRequest` and `Conflict`.

        The address that is used already takes a change back that does not count yet.
        """
        network = chosen_network(self.networks, chain)
        wanted = self.check.check(network, address)

        def attempt() -> SettlementDestinationView:
            now = self.clock.now()
            before = self.payouts.settlement_address(merchant_id, network.name)
            after = following(before, merchant_id, network.name, wanted, now, self.delay_ms)
            if after == before:
                return address_view(after)
            event = self.reporter.address(after, now, origin.request_id)
            self.payouts.keep_settlement_address(before, after, event)
            notify(self.jobs, [event])
            self.jobs.settle()
            return address_view(after)

        changed = Conflict("The address is being changed; read it and try again.", code="payout_changed")
        return on_stale(attempt, tries=TRIES, otherwise=changed)
