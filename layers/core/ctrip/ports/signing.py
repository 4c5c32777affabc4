"""Who holds private keys, behind a call."""

from typing import Protocol

from ctrip.domain.chains.acts import Signed, Unsigned


class Provisioner(Protocol):
    """Gives merchants their accounts, and signs for them; only where the mnemonic is can it be done."""

    def provision(self, merchant_id: str) -> None:
        """Write a merchant's extended public key and the signature on it to the merchant; a second time: nothing."""
        ...

    def verifying_key(self) -> str:
        """Return the public key, in hexadecimal, that these signatures are verified by."""
        ...


class Signer(Protocol):
    """The only holder of private keys, behind a call."""

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of an account, one for each chain kind; account 0 is the operator's."""
        ...

    def operators_address(self, kind: str, index: int) -> str:
        """Return an address of the operator's, by its index in account 0: its key may be in KMS."""
        ...

    def vouch(self, merchant_id: str, chain: str) -> str:
        """Take over where a merchant's settlements go, and return the signature on it; raises `SigningRefused`."""
        ...

    def sign(
        self,
        chain: str,
        path: str,
        sender: str,
        transaction: Unsigned,
        *,
        recipient_path: str | None = None,
        payouts: tuple[tuple[str, str], ...] = (),
    ) -> Signed:
        """Derive `path`, compare its address with `sender`, check what the transaction does on `chain`, sign.

        From a deposit address only to the treasury, or nothing at all to itself; from the gas station only to a deposit
        address, whose `recipient_path` is derived and compared too; from the operator only a call of the published
        contract that collects tokens for the treasury, to which deposit addresses may delegate with it; from the
        treasury only exactly the approved `payouts` (merchant and id), many through the published contract that pays
        them, which it may let take its tokens. Raises `SigningRefused`.
        """
        ...
