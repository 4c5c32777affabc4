"""Make merchants ready for their first payment: the signer gives them an account, or signs for the key they brought.

Asked for here, done by the signer, which alone can derive an account and sign; then the account is discovered.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from ctrip.domain.audit import Origin
from ctrip.domain.chains.kinds import FIRST, KINDS
from ctrip.domain.errors import AlreadyExists, ChainError, SigningRefused
from ctrip.domain.merchants.access import AccountKey, Merchant
from ctrip.domain.merchants.account_key import parse_account_xpub
from ctrip.domain.merchants.rotation import rotated
from ctrip.domain.merchants.vouching import key_statement, verify_extended_key, verify_key
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.signing import Provisioner
from ctrip.services.merchants.discover_account import AccountDiscoverer
from ctrip.services.merchants.manage_merchants import change_merchant

SIGNER = Origin("signer")
FIRST_VERSION = 1
PAGE = 100


class Authority(Protocol):
    """The signer's own key."""

    @property
    def verifying_key(self) -> str:
        """Return the public key, in hexadecimal."""
        ...

    @property
    def every_key(self) -> str:
        """Return the public keys of this mnemonic and of the former ones, by comma."""
        ...

    def sign(self, statement: bytes) -> str:
        """Sign; the signature is in hexadecimal."""
        ...

    def signed_before(self, statement: bytes, signature: str) -> bool:
        """Whether the key of a former mnemonic has signed a statement."""
        ...


class _SignedAlready(Exception):
    """Another call was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProvisioner:
    """The signer's end: derives a merchant's extended public key, or takes the one that it brought, and signs for it.

    `authority` opens the signing key when it is first needed; `expected_key` is the verifying key that the stage is
    configured with, empty where it is not yet; `kinds` are those of its chains; `newest` says whether the wallet that
    this process holds is still the stage's: a former one would derive accounts that are another mnemonic's by now.
    """

    access: AccessStore
    account_xpub: Callable[[str, int], str]
    authority: Callable[[], Authority]
    clock: Clock
    expected_key: str = ""
    kinds: Sequence[str] = ()
    newest: Callable[[], bool] = lambda: True

    def verifying_key(self) -> str:
        """Return the public key that signatures are verified by."""
        return self.authority().verifying_key

    def provision(self, merchant_id: str) -> None:
        """Write key and signature, once for each version of the key; raises `SigningRefused` for what may have none."""
        authority = self.authority()
        if self.expected_key and authority.verifying_key not in self.expected_key.lower().split(","):
            raise SigningRefused("CTRIP_VERIFYING_KEY is not the key of this stage's mnemonic")
        if not self.newest():
            raise SigningRefused("the wallet was rotated since this process began: deploy with its VerifyingKey")
        merchant = self.access.merchant(merchant_id)
        if merchant is None:
            raise SigningRefused("there is no such merchant to provision")
        if merchant.key_signature:
            self._again(merchant, authority)
            return
        xpub = self._xpub(merchant)

        def decide(merchant: Merchant) -> tuple[Merchant, str]:
            if merchant.key_signature:
                raise _SignedAlready
            if self._xpub(merchant) != xpub:
                raise SigningRefused("the merchant's extended key changed while it was being signed")
            keyed = replace(merchant, xpub=xpub)
            return replace(keyed, key_signature=authority.sign(key_statement(keyed))), "merchant.provisioned"

        try:
            change_merchant(self.access, merchant_id, decide, SIGNER, self.clock.now())
        except _SignedAlready:
            return
        except AlreadyExists as exc:
            now = self.access.merchant(merchant_id)
            if now is None or not now.key_signature:
                raise SigningRefused(_TAKEN.get(exc.key, f"{exc.key} is taken")) from exc
        if (made := self.access.merchant(merchant_id)) is not None:
            self._sign_own(made, authority)
            self._add_keys(made, authority)

    def _again(self, merchant: Merchant, authority: Authority) -> None:
        """Give a merchant whose key is signed what it lacks: other curves' keys, an account of the newest mnemonic."""
        former = authority.signed_before(key_statement(merchant), merchant.key_signature)
        if not former and not verify_extended_key(merchant, authority.verifying_key):
            raise SigningRefused("the merchant carries a signature that is not the signer's")
        self._sign_own(merchant, authority)
        merchant = self.access.merchant(merchant.id) or merchant
        if merchant.rotation is not None:
            self._rotate(merchant, authority)
        elif former:
            raise SigningRefused("the merchant's key was signed by a former mnemonic: ctrip wallet move")
        self._add_keys(self.access.merchant(merchant.id) or merchant, authority)

    def _rotate(self, merchant: Merchant, authority: Authority) -> None:
        """Give a merchant its account of the newest mnemonic, and sign for its former keys anew.

        Only for what a mnemonic of ours has signed for this very merchant before: the row may name another's account.
        """
        if not all(verify_key(merchant, key, authority.every_key) for key in (*merchant.former_keys, *merchant.keys)):
            raise SigningRefused("an extended key of the merchant carries no signature of the signer's")
        for key in () if merchant.own_keys else (*merchant.former_keys, *merchant.keys):
            account = key.account or merchant.account
            if key.xpub != self.account_xpub(_KIND_ON[key.curve], account):
                raise SigningRefused("an extended key of the merchant is not the one of its account")
        wanted = merchant.rotation
        assert wanted is not None
        if not merchant.own_keys and wanted.account < 1:
            raise SigningRefused("the merchant is to be moved to no account")
        xpubs = {each.curve: self.account_xpub(_KIND_ON[each.curve], wanted.account) for each in merchant.keys}

        def decide(now: Merchant) -> tuple[Merchant, str]:
            if now.rotation is None:
                raise _SignedAlready
            if (now.rotation, now.keys) != (wanted, merchant.keys):
                raise SigningRefused("the merchant's account changed while its key was being signed")
            return _signed(rotated(now, xpubs), authority), "merchant.moved"

        with suppress(_SignedAlready):
            change_merchant(self.access, merchant.id, decide, SIGNER, self.clock.now())

    def _sign_own(self, merchant: Merchant, authority: Authority) -> None:
        """Sign for the keys of other curves that a merchant has brought since, each version once."""
        for key in merchant.more_keys if merchant.own_keys else ():
            if key.signature:
                continue
            if key.version != FIRST_VERSION:
                raise SigningRefused("a later version of an extended key is signed at an operator's command only")
            try:
                parse_account_xpub(key.xpub, KINDS[_KIND_ON[key.curve]])
            except (KeyError, ValueError) as exc:
                raise SigningRefused("the merchant's own extended key is none of an account") from exc
            signed = replace(key, signature=authority.sign(key_statement(merchant, key)))

            def decide(now: Merchant, signed: AccountKey = signed) -> tuple[Merchant, str]:
                held = now.key_on(signed.curve)
                if held is not None and held.signature:
                    raise _SignedAlready
                if held is None or not now.own_keys or held.xpub != signed.xpub:
                    raise SigningRefused("the merchant's extended key changed while it was being signed")
                return now.with_key(replace(held, signature=signed.signature)), "merchant.provisioned"

            try:
                with suppress(_SignedAlready):
                    change_merchant(self.access, merchant.id, decide, SIGNER, self.clock.now())
            except AlreadyExists as exc:
                raise SigningRefused(_TAKEN.get(exc.key, f"{exc.key} is taken")) from exc

    def _add_keys(self, merchant: Merchant, authority: Authority) -> None:
        """Give a merchant whose keys are ours its account on each other curve that the stage's chains need."""
        for kind in self.kinds:
            curve = KINDS[kind].curve
            if merchant.own_keys or merchant.key_on(curve) is not None:
                continue
            key = AccountKey(curve=curve, xpub=self.account_xpub(kind, merchant.account))
            signed = replace(key, signature=authority.sign(key_statement(merchant, key)))

            def decide(now: Merchant, signed: AccountKey = signed) -> tuple[Merchant, str]:
                if now.key_on(signed.curve) is not None:
                    raise _SignedAlready
                if now.own_keys or now.account != merchant.account:
                    raise SigningRefused("the merchant's account changed while its key was being signed")
                return now.with_key(signed), "merchant.provisioned"

            with suppress(_SignedAlready):
                change_merchant(self.access, merchant.id, decide, SIGNER, self.clock.now())

    def _xpub(self, merchant: Merchant) -> str:
        """Return the extended public key that a merchant is to have."""
        if merchant.key_version != FIRST_VERSION:
            raise SigningRefused("a later version of an extended key is signed at an operator's command only")
        if merchant.own_keys:
            try:
                return parse_account_xpub(merchant.xpub)
            except ValueError as exc:
                raise SigningRefused("the merchant's own extended key is none of an account") from exc
        if merchant.account < 1:
            raise SigningRefused("the merchant has no account of its own")
        derived = self.account_xpub(FIRST.kind, merchant.account)
        if merchant.xpub not in ("", derived):
            raise SigningRefused("the merchant's extended key is not the one of its account")
        return derived


def _signed(merchant: Merchant, authority: Authority) -> Merchant:
    def signed(key: AccountKey) -> AccountKey:
        return replace(key, signature=authority.sign(key_statement(merchant, key)))

    made = replace(merchant, former_keys=tuple(map(signed, merchant.former_keys)))
    for key in merchant.keys:
        made = made.with_key(signed(key))
    return made


# A chain kind of each curve.
_KIND_ON = {rules.curve: kind for kind, rules in reversed(KINDS.items())}

_TAKEN = {
    "account": "another merchant has this account",
    "xpub": "another merchant has this extended key",
    "signature": "this version of the merchant's extended key was signed before",
}


@dataclass(frozen=True, slots=True)
class WaitingProvisioner:
    """The caller's end: makes every waiting merchant ready; one that fails holds no other up."""

    access: AccessStore
    provisioner: Provisioner
    discoverer: AccountDiscoverer
    log: Log
    curves: frozenset[str] = frozenset()

    def run(self) -> list[str]:
        """Make those ready that wait, and those that lack a key on a curve that was enabled since; return their ids."""
        done, after = [], ""
        while waiting := self.access.waiting(after):
            done += [merchant_id for merchant_id in waiting if self._one(merchant_id)]
            after = waiting[-1]
        return done + [merchant_id for merchant_id in self._without_key() if self._one(merchant_id)]

    def _without_key(self) -> Iterator[str]:
        """Find merchants that were ready before the stage enabled a chain of another curve."""
        after = ""
        while len(self.curves) > 1 and (page := self.access.merchants(after, PAGE)):
            for merchant in page:
                missing = self.curves - {key.curve for key in merchant.keys}
                if missing and not merchant.own_keys and not merchant.provisioning:
                    yield merchant.id
            after = page[-1].id

    def _one(self, merchant_id: str) -> bool:
        try:
            self.provisioner.provision(merchant_id)
            self.discoverer.discover(merchant_id)
        except ChainError as exc:  # unknown is not unused: it waits for the next run
            self.log.warning("discovery_waits", merchant=merchant_id, kind=type(exc).__name__, error=str(exc))
            return False
        except Exception as exc:  # whatever it is, it waits for the next run
            self.log.error("provisioning_failed", merchant=merchant_id, kind=type(exc).__name__, error=exc)
            return False
        return True
