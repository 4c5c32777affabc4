"""Where a merchant's settlements go: changed only after a delay, of which its webhooks are told at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of, same
from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.settlement.reservation import SettlementAddress
from ctrip.ports import Clock, Jobs, PaymentStore, PayoutStore
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.choose_asset import chosen_network
from ctrip.services.shared.notify import notify
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import SettlementAddressView, address_view

TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAddresses:
    """Sets and shows settlement addresses; a change counts after `delay_ms`, the first one at once."""

    networks: Mapping[str, Network]
    treasuries: Mapping[str, str]
    payments: PaymentStore
    payouts: PayoutStore
    clock: Clock
    jobs: Jobs
    reporter: PayoutReporter
    delay_ms: int

    def show(self, merchant_id: str, chain: str) -> SettlementAddressView:
        """Show where the settlements of a chain go; raises `NotFound` where no address is set."""
        network = chosen_network(self.networks, chain)
        address = self.payouts.settlement_address(merchant_id, network.name)
        if address is None:
            raise NotFound(f"There is no settlement address for {network.name}.", code="settlement_address_missing")
        return address_view(current(address, self.clock.now()))

    def set(self, merchant_id: str, chain: str, address: str, origin: Origin) -> SettlementAddressView:
        """Set where the settlements of a chain go; raises `BadRequest` and `Conflict`.

        The address that is used already takes a change back that does not count yet.
        """
        network = chosen_network(self.networks, chain)
        wanted = self._checked(network, address)

        def attempt() -> SettlementAddressView:
            now = self.clock.now()
            before = self.payouts.settlement_address(merchant_id, network.name)
            after = _following(before, merchant_id, network.name, wanted, now, self.delay_ms)
            if after == before:
                return address_view(after)
            event = self.reporter.address(after, now, origin.request_id)
            self.payouts.keep_settlement_address(before, after, event)
            notify(self.jobs, [event])
            self.jobs.settle()
            return address_view(after)

        changed = Conflict("The address is being changed; read it and try again.", code="payout_changed")
        return on_stale(attempt, tries=TRIES, otherwise=changed)

    def _checked(self, network: Network, address: str) -> str:
        rules = rules_of(network)
        if reason := rules.wrong_address(address):
            raise InvalidField("address", "invalid_address", reason)
        if any(token.address and same(token.address, address) for token in network.tokens):
            raise InvalidField("address", "contract_address", "is a token's contract: what is sent there is lost")
        ours = self.payments.by_address(address) is not None
        if ours or any(treasury and same(treasury, address) for treasury in self.treasuries.values()):
            raise InvalidField("address", "own_address", "is an address of this gateway")
        return rules.shown(address)


def current(address: SettlementAddress, now: int) -> SettlementAddress:
    """Return the address as it is used now: a change whose time has come has replaced the one before."""
    if address.next_address is None or now < address.next_from:
        return address
    return replace(
        address, address=address.next_address, since=address.next_from, signature="", next_address=None, next_from=0
    )


def _following(
    before: SettlementAddress | None, merchant_id: str, chain: str, wanted: str, now: int, delay_ms: int
) -> SettlementAddress:
    if before is None:
        return SettlementAddress(merchant_id=merchant_id, chain=chain, address=wanted, since=now)
    held = current(before, now)
    version = before.version + 1
    if same(held.address, wanted):
        return before if held.next_address is None else replace(held, next_address=None, next_from=0, version=version)
    if held.next_address is not None and same(held.next_address, wanted):
        return before  # asked again: its time goes on
    return replace(held, next_address=wanted, next_from=now + delay_ms, version=version)
