"""Note now and then what payouts cost on each chain, so that requests are judged without asking a node."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.settlement.floor import AGAIN_MS, PayoutCosts, least_net
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.transfers import Transfers


@dataclass(slots=True, kw_only=True)
class CostNoting:
    """Asks the chains from which money is paid out; a chain whose nodes do not answer is asked again later."""

    networks: Sequence[Network]
    transfers: Callable[[str], Transfers]
    money: MoneyStore
    clock: Clock
    log: Log
    _asked: dict[str, int] = field(default_factory=dict)

    def run(self) -> int:
        """Ask where what is known has become old; return how many chains have answered."""
        known, count, now = self.money.payout_costs([each.name for each in self.networks]), 0, self.clock.now()
        for network in self.networks:
            held = known.get(network.name)
            last = max(held.at if held else 0, self._asked.get(network.name, 0))
            if now - last < AGAIN_MS:
                continue
            self._asked[network.name] = now
            count += self._note(network, now)
        return count

    def _note(self, network: Network, now: int) -> bool:
        try:
            transfers = self.transfers(network.name)
            token = next((each.address for each in network.tokens if each.address), None)
            coin = transfers.usual_payout(None)
            costs = PayoutCosts(
                chain=network.name, coin=coin, token=transfers.usual_payout(token) if token else coin, at=now
            )
        except Exception as exc:  # one chain's nodes, or a fault: the other chains' costs are noted all the same
            self.log.warning("payout_costs_unknown", chain=network.name, kind=type(exc).__name__, error=exc)
            return False
        self.money.note_payout_costs(costs)
        return True


@dataclass(frozen=True, slots=True)
class PayoutFloor:
    """Says by what the worker has noted how much a payout must send at least; no node is asked."""

    money: MoneyStore
    clock: Clock

    def least(self, network: Network, asset: Asset) -> int:
        """Return the least that is worth its transaction, in base units of the asset; one where that is unknown."""
        costs = self.money.payout_costs([network.name]).get(network.name)
        return least_net(asset, costs.of(asset, self.clock.now()) if costs else None)
