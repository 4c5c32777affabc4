"""Give merchants accounts of their own: asked for here, done by the signer, which alone can derive one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ctrip.domain.access import Merchant
from ctrip.domain.audit import Origin
from ctrip.domain.errors import AlreadyExists, SigningRefused
from ctrip.ports import AccessStore, Clock, Log, Provisioner
from ctrip.services.manage_merchants import change_merchant

SIGNER = Origin("signer")


class _ProvisionedAlready(Exception):
    """Another call was faster."""


@dataclass(frozen=True, slots=True)
class AccountProvisioner:
    """The signer's end: derives a merchant's extended public key and writes it to the merchant itself."""

    access: AccessStore
    account_xpub: Callable[[int], str]
    clock: Clock

    def provision(self, merchant_id: str) -> None:
        """Write the key, once; raises `SigningRefused` for what may have none."""
        merchant = self.access.merchant(merchant_id)
        if merchant is None or merchant.own_keys or merchant.account < 1:
            raise SigningRefused("there is no such merchant to provision")
        if not merchant.provisioning:
            return
        xpub = self.account_xpub(merchant.account)

        def decide(merchant: Merchant) -> tuple[Merchant, str]:
            if not merchant.provisioning:
                raise _ProvisionedAlready
            return replace(merchant, xpub=xpub), "merchant.provisioned"

        try:
            change_merchant(self.access, merchant_id, decide, SIGNER, self.clock.now())
        except _ProvisionedAlready:
            return
        except AlreadyExists as exc:
            now = self.access.merchant(merchant_id)
            if now is None or now.provisioning:
                raise SigningRefused("another merchant has this account") from exc


@dataclass(frozen=True, slots=True)
class WaitingProvisioner:
    """The caller's end: has every waiting merchant provisioned; one that fails holds no other up."""

    access: AccessStore
    provisioner: Provisioner
    log: Log

    def run(self) -> list[str]:
        """Provision those that wait; return their ids."""
        done = []
        for merchant_id in self.access.waiting():
            try:
                self.provisioner.provision(merchant_id)
                done.append(merchant_id)
            except Exception as exc:  # whatever it is, it waits for the next run
                self.log.error("provisioning_failed", merchant=merchant_id, kind=type(exc).__name__)
        return done
