"""Whose a deposit address is, as the signer finds out by itself: nobody else's word decides where it is swept to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import SigningRefused
from ctrip.domain.merchants.vouching import verify_key
from ctrip.domain.payments.payment import Custody
from ctrip.ports.merchants import AccessStore


class Holder(NamedTuple):
    """The merchant that has an account; `direct`: what comes to its addresses goes to the merchant's own treasury."""

    merchant_id: str
    direct: bool


class Accounts(Protocol):
    """Derives extended public keys."""

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of a hardened account."""
        ...


@dataclass(frozen=True, slots=True)
class AccountHolders:
    """Reads who has an account, once: the signer has signed merchant, key and custody together, and they never change.

    `verifying_key` is the signer's own and those of its former mnemonics, whatever is configured.
    """

    access: AccessStore
    wallet: Callable[[], Accounts]
    verifying_key: Callable[[], str]
    _known: dict[int, Holder] = field(default_factory=dict)

    def holder(self, account: int) -> Holder:
        """Return an account's holder; raises `SigningRefused` where the signer vouches for none."""
        if account not in self._known:
            self._known[account] = self._read(account)
        return self._known[account]

    def _read(self, account: int) -> Holder:
        merchant_id = self.access.holder(account)
        merchant = self.access.merchant(merchant_id) if merchant_id else None
        key = merchant.key_of(FIRST.curve, account) if merchant else None
        if merchant is None or key is None or merchant.own_keys:
            raise SigningRefused("the account at this path is no merchant's")
        derived = self.wallet().account_xpub(FIRST.kind, account)
        if key.xpub != derived or not verify_key(merchant, key, self.verifying_key()):
            raise SigningRefused("the merchant of this account is not the one that the signer vouches for")
        return Holder(merchant.id, merchant.policy.custody is Custody.DIRECT)
