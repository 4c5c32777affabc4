"""Have the signer take over settlement addresses that it does not know of yet."""

from dataclasses import dataclass, replace

from ctrip.domain.errors import SigningRefused
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Log
from ctrip.ports.signing import Signer


@dataclass(frozen=True, slots=True)
class AddressVouching:
    """Asks the signer, and notes that it knows."""

    payouts: PayoutStore
    signer: Signer
    log: Log

    def run(self) -> int:
        """Ask for each address that waits; return how many the signer has taken over.

        The first failure that is no refusal is raised once all were asked for.
        """
        count, failure = 0, None
        for address in self.payouts.unvouched(self._unreadable):
            try:
                signature = self.signer.vouch(address.merchant_id, address.chain)
                after = replace(address, signature=signature, version=address.version + 1)
                self.payouts.keep_settlement_address(address, after)
                count += 1
            except SigningRefused as exc:
                self.log.error(
                    "settlement_address_refused", merchant=address.merchant_id, chain=address.chain, error=str(exc)
                )
            except Exception as exc:  # one merchant's trouble keeps no other's address from counting
                failure = failure or exc
        if failure is not None:
            raise failure
        return count

    def _unreadable(self, key: str, exc: Exception) -> None:
        self.log.error("payout_failed", payout=key, kind=type(exc).__name__, error=exc)
