"""The rules of Tron's networks."""

import uuid
from typing import TYPE_CHECKING, Any

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.tron import addresses

if TYPE_CHECKING:
    from ctrip.domain.chains.acts import Act, Collector, Unsigned
    from ctrip.domain.chains.bip32 import ExtendedKey
    from ctrip.domain.chains.tron.transaction import Transaction


class TronRules:
    """The `ChainRules` of Tron's networks: addresses that begin with T, below m/44'/195'."""

    kind = "tron"
    curve = "tron"
    coin_type = 195
    address = addresses.PATTERN

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id: UUIDv5 (URL namespace) of its asset id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tron:0x{chain_id:x}/trc20:{address.lower()}"))

    # -- addresses

    def address_of(self, key: "ExtendedKey") -> str:
        """Return a public key's address."""
        from ctrip.domain.chains.evm.keccak import keccak

        return addresses.encoded(keccak(key.coordinates())[-20:])

    def owns(self, address: str) -> bool:
        """Whether a text is written as addresses are here."""
        return self.address.fullmatch(address) is not None

    def folded(self, address: str) -> str:
        """Return it: the size of letters counts in base58."""
        return address

    def shown(self, address: str) -> str:
        """Return it."""
        return address

    def wrong_address(self, address: str) -> str | None:
        """Say what is wrong with an address that somebody wrote; None where nothing is."""
        return addresses.wrong(address)

    # -- what wallets and people read

    shares_addresses = False
    seen_final = True

    def token_standard(self, network: Network) -> str:
        """Return TRC-20."""
        return "TRC-20"

    def payment_uri(self, network: Network, asset: Asset, address: str, amount: int) -> str | None:
        """Return None: Tron's wallets have no link in common that names a token and an amount.

        `tron:` and an address is read by some, and TronLink's scanner refuses it as a wrong address; its own links are
        for web sites that it lists. All of them read the bare address.
        """
        return None

    def wallet_request(self, network: Network, asset: Asset, address: str, amount: int) -> dict[str, Any] | None:
        """Return None: what browsers' wallets of this kind ask for is no standard of theirs."""
        return None

    def transaction_url(self, network: Network, tx_hash: str) -> str:
        """Return the page of a transaction in the network's explorer."""
        return f"{network.explorer.rstrip('/')}/#/transaction/{tx_hash}"

    # -- before signing

    def read_transaction(self, fields: dict[str, Any]) -> "Transaction":
        """Read an unsigned transaction as it was sent to the signer."""
        from ctrip.domain.chains.tron.transaction import Transaction

        return Transaction(**fields)

    def act(self, network: Network, sender: str, transaction: "Unsigned") -> "Act":
        """Say what a transaction would do; nothing cancels here: what is not mined expires by itself.

        A reference block ties it to one chain's history, which the signer cannot see.
        """
        from ctrip.domain.chains.tron.acts import act_of

        return act_of(sender, transaction)

    def payer(self, treasury: str) -> str | None:
        """Return None: one transaction for many is dearer here than many."""
        return None

    def collector(self, treasury: str, operator: str) -> "Collector | None":
        """Return None: no account here can let a contract act for it for nothing."""
        return None


RULES = TronRules()
