"""Move a merchant to the newest mnemonic: asked for here, done by the signer, which alone can derive and sign."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Stale
from ctrip.domain.merchants.access import Merchant, Rotation
from ctrip.domain.merchants.vouching import verify_key
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.services.merchants.manage_merchants import change_merchant
from ctrip.services.shared.retry import on_stale

TRIES = 8
TO_MOVE = "merchant.to_move"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantMover:
    """Asks for an account of the newest mnemonic, and that settlement addresses are signed anew."""

    access: AccessStore
    payouts: PayoutStore
    chains: Sequence[str]
    clock: Clock

    def move(self, merchant_id: str, verifying_key: str, origin: Origin, first_account: int = 0) -> bool:
        """Ask for it, unless the merchant is there; return whether.

        It is there once the key of the newest mnemonic has signed all that it has, and its account is one of that
        mnemonic's: `first_account` or above.
        """
        merchant = self.access.merchant(merchant_id)
        if merchant is None:
            return False
        newest = merchant.own_keys or merchant.account >= first_account
        if not merchant.key_signature:
            return not newest  # the signer first gives it the account that it was made with
        if merchant.rotation is not None:
            return True
        every = (*merchant.keys, *merchant.former_keys)
        if newest and all(verify_key(merchant, key, verifying_key) for key in every):
            return False
        for chain in self.chains:  # first: whoever begins again after a crash does both
            on_stale(partial(self._sign_anew, merchant_id, chain), tries=TRIES, otherwise=Stale(chain))
        # An account is taken for good, whoever changes the merchant meanwhile.
        account = 0 if merchant.own_keys else self.access.next_account()
        starts = tuple((key.curve, self.access.indexes(merchant_id, key.curve)) for key in merchant.keys)
        wanted = Rotation(account=account, first_indexes=starts)

        def decide(now: Merchant) -> tuple[Merchant, str]:
            return replace(now, rotation=now.rotation or wanted), TO_MOVE

        change_merchant(self.access, merchant_id, decide, origin, self.clock.now())
        return True

    def _sign_anew(self, merchant_id: str, chain: str) -> None:
        before = self.payouts.settlement_address(merchant_id, chain)
        if before is not None and before.signature:
            self.payouts.keep_settlement_address(before, replace(before, signature="", version=before.version + 1))
