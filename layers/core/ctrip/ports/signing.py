"""Who holds private keys, behind a call."""

from typing import Protocol

from ctrip.domain.chains.chain import Signed, Transaction


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

    def account_xpub(self, account: int) -> str:
        """Return the extended public key of a hardened account; account 0 is the operator's own."""
        ...

    def sign(self, path: str, sender: str, transaction: Transaction, *, recipient_path: str | None = None) -> Signed:
        """Derive `path`, compare its address with `sender`, check the destination, sign.

        From a deposit address only to the treasury, or nothing at all to itself; from the gas station only to a deposit
        address, whose `recipient_path` is derived and compared too. Raises `SigningRefused`.
        """
        ...
