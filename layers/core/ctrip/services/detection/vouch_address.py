"""Whether a deposit address comes from an extended key that the signer vouches for: asked before money is credited."""

from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import address_at, rules_of
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.domain.payments.payment import Payment
from ctrip.ports import AccessStore, Clock, Log
from ctrip.services.shared.known_merchants import KnownMerchants

REMEMBER_MS = 30_000


@dataclass(slots=True, kw_only=True)
class AddressVoucher:
    """Derives addresses again, from merchants' keys as the signer signed them.

    Whoever can write a merchant's row, or a payment's, cannot direct its payers' money elsewhere and have it credited.
    """

    network: Network
    access: AccessStore
    verifying_key: str
    clock: Clock
    log: Log
    _known: KnownMerchants = field(default_factory=KnownMerchants)
    _alarmed: set[str] = field(default_factory=set)

    def vouches(self, payment: Payment) -> bool:
        """Say whether a payment's address is its merchant's own at the payment's path; alarms once where it is not."""
        merchant = self._merchant(payment.merchant_id)
        curve = rules_of(self.network).curve
        vouched = merchant is not None and verify_extended_key(merchant, self.verifying_key, curve)
        if merchant is not None and vouched and self._derived(merchant, payment):
            return True
        if payment.id not in self._alarmed:
            self._alarmed.add(payment.id)
            self.log.error("extended_key_mismatch", merchant=payment.merchant_id, payment=payment.id)
        return False

    def _merchant(self, merchant_id: str) -> Merchant | None:
        return self._known.read(self.access, merchant_id, now=self.clock.now(), remember_ms=REMEMBER_MS)

    def _derived(self, merchant: Merchant, payment: Payment) -> bool:
        rules = rules_of(self.network)
        key = merchant.key_on(rules.curve)
        try:
            index = int(payment.due.derivation_path.rsplit("/", 1)[1])
            return key is not None and address_at(rules, key.xpub, index) == payment.due.address
        except (ValueError, IndexError):
            return False
