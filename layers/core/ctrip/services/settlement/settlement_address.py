"""Where a merchant's money goes: changed only after a delay, of which its webhooks are told at once.

With custody `hot` that is where settlements go, which the merchant says; with custody `direct` it is the merchant's own
treasury, which deposits are swept to, and the operator says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import Conflict, Forbidden, InvalidField, NotFound
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Custody
from ctrip.domain.settlement.reservation import current, following
from ctrip.domain.sweeping.treasury import own_address
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.services.settlement.check_address import AddressCheck
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.choose_asset import chosen_network
from ctrip.services.shared.notify import notify
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import SettlementDestinationView, address_view

TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAddresses:
    """Sets and shows addresses; a change counts after `delay_ms`, the first one at once. `merchant` finds one by id."""

    networks: Mapping[str, Network]
    check: AddressCheck
    payouts: PayoutStore
    merchant: Callable[[str], Merchant]
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

    def show_treasury(self, merchant_id: str, chain: str) -> SettlementDestinationView:
        """Show a merchant's own treasury of a chain; raises `NotFound`, and `Conflict` where its custody has none."""
        _require_direct(self.merchant(merchant_id))
        network = chosen_network(self.networks, chain)
        address = self.payouts.settlement_address(merchant_id, network.name)
        if address is None:
            raise NotFound(f"The merchant has no treasury on {network.name}.", code="treasury_not_found")
        return address_view(current(address, self.clock.now()))

    def set(self, merchant_id: str, chain: str, address: str, origin: Origin) -> SettlementDestinationView:
        """Set where the settlements of a chain go.

        The address that is used already takes a change back that does not count yet. Raises `BadRequest`, `Conflict`,
        and `Forbidden` where the deposits themselves go there: that is the operator's to say.
        """
        if self.merchant(merchant_id).policy.custody is Custody.DIRECT:
            raise Forbidden(
                "Your deposits are swept to your own treasury: the operator sets its address.", code="operator_required"
            )
        return self._set(merchant_id, chosen_network(self.networks, chain), address, origin)

    def set_treasury(self, merchant_id: str, chain: str, address: str, origin: Origin) -> SettlementDestinationView:
        """Set the treasury that a merchant's deposits of a chain are swept to, in the operator's name.

        The first one counts at once, another one after the delay. Raises `BadRequest`, and `Conflict` where the
        merchant's custody has none.
        """
        merchant = self.merchant(merchant_id)
        _require_direct(merchant)
        network = chosen_network(self.networks, chain)
        rules = rules_of(network)
        keys = () if rules.wrong_address(address) else merchant.all_keys_on(rules.curve)
        if any(own_address(rules, address, key.account or merchant.account, key.xpub) for key in keys):
            raise InvalidField("address", "own_address", "is an address of this gateway itself")
        return self._set(merchant_id, network, address, origin)

    def _set(self, merchant_id: str, network: Network, address: str, origin: Origin) -> SettlementDestinationView:
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


def _require_direct(merchant: Merchant) -> None:
    if merchant.policy.custody is not Custody.DIRECT:
        raise Conflict(
            "The merchant's custody is not direct: it has no treasury of its own here.", code="custody_not_direct"
        )
