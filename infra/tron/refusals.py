"""Why a broadcast is not taken: the node's code, and its words."""

from __future__ import annotations

from ctrip.domain.chains.tron.addresses import encoded


class Refusal(Exception):
    """A broadcast is answered with a code other than SUCCESS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message

    @staticmethod
    def of_missing(address: bytes) -> Refusal:
        """Return what the owner of an address is answered that is no account yet."""
        return invalid(f"account [{encoded(address)}] does not exist")


def invalid(message: str) -> Refusal:
    """Return what the contract's own check answers."""
    return Refusal("CONTRACT_VALIDATE_ERROR", f"Contract validate error : {message}")


def insufficient() -> Refusal:
    """Return what is answered to whoever can pay for no bytes; the node writes the code so."""
    return Refusal("BANDWITH_ERROR", "Account resource insufficient error.")


def expired() -> Refusal:
    """Return what a transaction is answered whose time is over, or too far away: whether it was mined or not."""
    return Refusal("TRANSACTION_EXPIRATION_ERROR", "Transaction expired")


def unsigned(message: str) -> Refusal:
    """Return what is answered where a signature is missing or wrong."""
    return Refusal("SIGERROR", f"Validate signature error: {message}")
