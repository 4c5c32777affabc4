"""Have the signer take over settlement addresses that it does not know of yet."""

from dataclasses import dataclass, replace

from ctrip.domain.errors import SigningRefused
from ctrip.ports import Log, PayoutStore, Signer


@dataclass(frozen=True, slots=True)
class AddressVouching:
    """Asks the signer, and notes that it knows."""

    payouts: PayoutStore
    signer: Signer
    log: Log

    def run(self) -> int:
        """Ask for each address that waits; return how many the signer has taken over."""
        count = 0
        for address in self.payouts.unvouched():
            try:
                signature = self.signer.vouch(address.merchant_id, address.chain)
            except SigningRefused as exc:
                self.log.error(
                    "settlement_address_refused", merchant=address.merchant_id, chain=address.chain, error=str(exc)
                )
                continue
            after = replace(address, signature=signature, version=address.version + 1)
            self.payouts.keep_settlement_address(address, after)
            count += 1
        return count
