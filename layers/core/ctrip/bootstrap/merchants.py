"""Merchants and their keys, wired; and the signer's end of provisioning."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.merchants.authenticate import Authenticator
    from ctrip.services.merchants.discover_account import AccountDiscoverer
    from ctrip.services.merchants.limit_calls import CallLimiter
    from ctrip.services.merchants.manage_keys import KeyManager
    from ctrip.services.merchants.manage_merchants import MerchantManager
    from ctrip.services.merchants.move_merchant import MerchantMover
    from ctrip.services.merchants.provision_merchant import AccountProvisioner, WaitingProvisioner
    from ctrip.services.merchants.set_brand import Brands


class Merchants:
    """The services of merchants."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def authenticator(self) -> "Authenticator":
        """Build what verifies callers."""
        from ctrip.services.merchants.authenticate import Authenticator

        on = self._on
        remembered = on.settings.key_cache_seconds * 1000
        return Authenticator(on.access, on.limits, on.cipher, on.clock, on.log("api"), remembered)

    @cached_property
    def mover(self) -> "MerchantMover":
        """Build what moves merchants to the newest mnemonic."""
        from ctrip.services.merchants.move_merchant import MerchantMover

        on = self._on
        return MerchantMover(access=on.access, payouts=on.payouts, chains=tuple(on.networks), clock=on.clock)

    @cached_property
    def limiter(self) -> "CallLimiter":
        """Build what keeps merchants to their share."""
        from ctrip.domain.merchants.access import Limits
        from ctrip.services.merchants.limit_calls import CallLimiter

        own = self._on.settings
        most = Limits(calls_per_second=own.calls_per_second, open_payments=own.open_payments)
        return CallLimiter(self._on.limits, self._on.clock, most)

    @cached_property
    def manager(self) -> "MerchantManager":
        """Build what makes and changes merchants."""
        from ctrip.services.merchants.manage_merchants import MerchantManager

        on = self._on
        jobs = self._stage.notifying("api")
        return MerchantManager(
            access=on.access, cipher=on.cipher, jobs=jobs, clock=on.clock, ids=on.ids, networks=on.networks
        )

    @cached_property
    def brands(self) -> "Brands":
        """Build what keeps how shops look."""
        from ctrip.services.merchants.set_brand import Brands

        on = self._on
        return Brands(access=on.access, clock=on.clock, plain_http=on.settings.local)

    @cached_property
    def keys(self) -> "KeyManager":
        """Build what makes and ends API keys."""
        from ctrip.services.merchants.manage_keys import KeyManager

        on = self._on
        return KeyManager(access=on.access, cipher=on.cipher, clock=on.clock, ids=on.ids)

    def discoverer(self) -> "AccountDiscoverer":
        """Build what finds used addresses; for each run anew, as it remembers which chains did not answer."""
        from ctrip.services.merchants.discover_account import AccountDiscoverer

        on = self._on
        return AccountDiscoverer(networks=on.networks, open_chain=on.chain, access=on.access, clock=on.clock)

    def waiting(self) -> "WaitingProvisioner":
        """Build what has waiting merchants provisioned by the signer."""
        from ctrip.domain.chains.kinds import FIRST, rules_of
        from ctrip.services.merchants.provision_merchant import WaitingProvisioner

        on = self._on
        curves = frozenset({FIRST.curve, *(rules_of(each).curve for each in on.networks.values())})
        return WaitingProvisioner(on.access, on.provisioner, self.discoverer(), on.log("provision"), curves)

    @cached_property
    def provisioner(self) -> "AccountProvisioner":
        """Build the signer's end of provisioning."""
        from ctrip.services.merchants.provision_merchant import AccountProvisioner

        return AccountProvisioner(
            access=self._on.access,
            account_xpub=self._stage.sweeping.signer.account_xpub,
            authority=self._on.authority,
            clock=self._on.clock,
            expected_key=self._on.settings.verifying_key,
            kinds=tuple(dict.fromkeys(each.kind for each in self._on.networks.values())),
            newest=self._on.wallet_is_newest,
        )
