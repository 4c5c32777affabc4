"""Detection, wired: scanners, what starts them, and what judges whether they do their work."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.domain.chains.assets import Network
    from ctrip.ports.chain import Chain
    from ctrip.services.detection.check_health import HealthChecker
    from ctrip.services.detection.explain import Explainer
    from ctrip.services.detection.find_deposits import DepositFinder
    from ctrip.services.detection.look_at import Looker
    from ctrip.services.detection.scan_chain import ChainScanner
    from ctrip.services.detection.start_scans import ScanStarter
    from ctrip.services.detection.trust_chain import ChainTrust
    from ctrip.services.sweeping.follow_transactions import TransactionFollower


class Detection:
    """The services of detection."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters
        self._scanners: dict[str, ChainScanner] = {}

    @cached_property
    def starter(self) -> "ScanStarter":
        """Build what starts scanners."""
        from ctrip.services.detection.start_scans import ScanStarter

        on = self._on
        return ScanStarter(
            networks=on.networks, access=on.access, money=on.money, jobs=on.jobs, clock=on.clock, log=on.log("tick")
        )

    @cached_property
    def health(self) -> "HealthChecker":
        """Build what judges readiness."""
        from ctrip.services.detection.check_health import HealthChecker

        on = self._on
        return HealthChecker(
            networks=on.networks,
            money=on.money,
            access=on.access,
            rates=on.rates,
            clock=on.clock,
            log=on.log("api"),
            queues=on.queue_depths,
            treasury_of=on.settings.treasury_of,
        )

    def scanner(self, name: str) -> "ChainScanner":
        """Return one chain's scanner; raises `ConfigurationError` for a chain that is not enabled."""
        if name not in self._scanners:
            self._scanners[name] = self.new_scanner(name)
        return self._scanners[name]

    def new_scanner(self, name: str) -> "ChainScanner":
        """Build a scanner that remembers nothing."""
        from ctrip.services.detection.count_open import OpenCounter
        from ctrip.services.detection.explain import Explainer
        from ctrip.services.detection.scan_chain import ChainScanner
        from ctrip.services.detection.vouch_address import AddressVoucher

        stage, on, own = self._stage, self._on, self._on.settings
        network = stage.network(name)
        chain, log = on.chain(name), on.log("scan")
        explainer = Explainer(chain=chain, clock=on.clock, log=log)
        return ChainScanner(
            network=network,
            chain=chain,
            payments=on.payments,
            money=on.money,
            access=on.access,
            jobs=stage.notifying("scan"),
            clock=on.clock,
            recorder=stage.recorder("scan"),
            looker=self.looker(network, chain, explainer),
            follower=self.follower(network, chain),
            strays=self._strays(network, chain),
            counter=OpenCounter(on.limits, on.clock, name),
            voucher=AddressVoucher(
                network=network, access=on.access, verifying_key=own.verifying_key, clock=on.clock, log=log
            ),
            trust=self._trust(network, chain),
            log=log,
            monitor_ms=own.monitor_seconds * 1000,
            other_ms=own.other_seconds * 1000,
            sweep_ms=own.sweep_seconds * 1000,
        )

    def looker(self, network: "Network", chain: "Chain", explainer: "Explainer") -> "Looker":
        """Build what looks at payments."""
        from ctrip.services.detection.find_blocks import BlockFinder
        from ctrip.services.detection.look_at import Looker

        return Looker(
            network=network,
            chain=chain,
            payments=self._on.payments,
            explainer=explainer,
            finder=BlockFinder(network, chain),
            clock=self._on.clock,
            log=self._on.log("scan"),
        )

    def follower(self, network: "Network", chain: "Chain") -> "TransactionFollower":
        """Build what follows own transactions."""
        from ctrip.bootstrap.kinds import adapters_of
        from ctrip.services.sweeping.follow_transactions import TransactionFollower

        return TransactionFollower(
            network=network,
            chain=chain,
            payments=self._on.payments,
            money=self._on.money,
            jobs=self._stage.notifying("scan"),
            clock=self._on.clock,
            recorder=self._stage.recorder("scan"),
            log=self._on.log("scan"),
            transfers=adapters_of(network).transfers,
            payouts=self._stage.payouts.ender,
        )

    def _strays(self, network: "Network", chain: "Chain") -> "DepositFinder":
        from ctrip.services.detection.find_blocks import BlockFinder
        from ctrip.services.detection.find_deposits import DepositFinder

        return DepositFinder(
            network=network,
            chain=chain,
            payments=self._on.payments,
            access=self._on.access,
            jobs=self._stage.notifying("scan"),
            clock=self._on.clock,
            recorder=self._stage.recorder("scan"),
            log=self._on.log("scan"),
            daily_ms=self._on.settings.daily_seconds * 1000,
            finder=BlockFinder(network, chain),
        )

    def _trust(self, network: "Network", chain: "Chain") -> "ChainTrust":
        from ctrip.networks import amounts_that_need_agreement
        from ctrip.services.detection.trust_chain import ChainTrust

        amounts = self._on.settings.agree_above.get(network.name, {})
        return ChainTrust(
            network=network,
            chain=chain,
            clock=self._on.clock,
            log=self._on.log("scan"),
            agree_above=amounts_that_need_agreement(network, amounts),
        )
