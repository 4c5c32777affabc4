"""Whether a deposit address comes from an extended key that the signer vouches for: asked before money is credited."""

from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import address_at, parse_path, rules_of
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.vouching import verify_key
from ctrip.domain.payments.payment import Payment
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.shared.known_merchants import KnownMerchants

REMEMBER_MS = 30_000
LONGEST_INDEX = 10  # digits


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
        if self._vouched(self._merchant(payment.merchant_id), payment):
            return True
        self._known.forget(payment.merchant_id)  # it may have been given another account a moment ago
        if self._vouched(self._merchant(payment.merchant_id), payment):
            return True
        if payment.id not in self._alarmed:
            self._alarmed.add(payment.id)
            self.log.error("extended_key_mismatch", merchant=payment.merchant_id, payment=payment.id)
        return False

    def _merchant(self, merchant_id: str) -> Merchant | None:
        return self._known.read(self.access, merchant_id, now=self.clock.now(), remember_ms=REMEMBER_MS)

    def _vouched(self, merchant: Merchant | None, payment: Payment) -> bool:
        """Whether the address is that of its index, below a key of the merchant's that the signer vouches for."""
        rules, path = rules_of(self.network), payment.due.derivation_path
        if merchant is None:
            return False
        account, index = parse_path(rules, path) or (merchant.account, _last_of(path))
        key = merchant.key_of(rules.curve, account)
        if key is None or index < 0 or not verify_key(merchant, key, self.verifying_key):
            return False
        return address_at(rules, key.xpub, index) == payment.due.address


def _last_of(path: str) -> int:
    """Return the index at the end of a path below a merchant's own key; -1 for what is none."""
    end = path.rsplit("/", 1)[-1]
    return int(end) if end.isascii() and end.isdigit() and len(end) < LONGEST_INDEX else -1
