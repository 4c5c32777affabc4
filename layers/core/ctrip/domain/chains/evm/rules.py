"""The rules of EVM chains. A curve, Keccak and transactions are imported where they are used: all starts read these."""

import re
import uuid
from typing import TYPE_CHECKING, Any

from ctrip.domain.chains.assets import Asset, Network

if TYPE_CHECKING:
    from ctrip.domain.chains.acts import Act, Collector, Unsigned
    from ctrip.domain.chains.bip32 import ExtendedKey
    from ctrip.domain.chains.evm.transaction import Transaction

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_BEP = frozenset({56, 97})  # BNB Smart Chain and its test network


class EvmRules:
    """The `ChainRules` of EVM chains: one address on all of them, below m/44'/60'."""

    kind = "evm"
    curve = "evm"
    coin_type = 60
    address = _ADDRESS

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id: UUIDv5 (URL namespace) of its CAIP-19 asset id, the address in lower case."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"eip155:{chain_id}/erc20:{address.lower()}"))

    # -- addresses

    def address_of(self, key: "ExtendedKey") -> str:
        """Return a public key's address, in EIP-55."""
        from ctrip.domain.chains.evm.addresses import address_of

        return address_of(key)

    def owns(self, address: str) -> bool:
        """Whether a text is written as addresses are here: it begins with 0x."""
        return address.startswith("0x")

    def folded(self, address: str) -> str:
        """Return the form in which addresses are compared: lower case."""
        return address.lower()

    def shown(self, address: str) -> str:
        """Return the form that people see: EIP-55."""
        from ctrip.domain.chains.evm.addresses import checksum

        return checksum(address)

    def wrong_address(self, address: str) -> str | None:
        """Say what is wrong with an address that somebody wrote; None where nothing is."""
        if not _ADDRESS.fullmatch(address):
            # It is not repeated: somebody may have pasted a private key, or the words of a wallet.
            return f"its {len(address)} characters are no address, which is 0x and 40 hexadecimal digits"
        digits = address[2:]
        if digits not in (digits.lower(), digits.upper()) and self.shown(digits) != address:
            return f"{address} has a wrong checksum (EIP-55): a character is mistyped"
        if int(digits, 16) == 0:
            return "the zero address belongs to nobody: what is sent there is lost"
        return None

    # -- what wallets and people read

    shares_addresses = True
    seen_final = False

    def token_standard(self, network: Network) -> str:
        """Return ERC-20, or what BNB Smart Chain has named the same."""
        return "BEP-20" if network.chain_id in _BEP else "ERC-20"

    def payment_uri(self, network: Network, asset: Asset, address: str, amount: int) -> str:
        """Write the EIP-681 link that a wallet opens with everything filled in."""
        if asset.address is None:
            return f"ethereum:{address}@{network.chain_id}?value={amount}"
        return f"ethereum:{asset.address}@{network.chain_id}/transfer?address={address}&uint256={amount}"

    def wallet_request(self, network: Network, asset: Asset, address: str, amount: int) -> dict[str, Any] | None:
        """Write what EIP-1193 wallets take: the network as in EIP-3085, and a transfer of exactly the amount."""
        coin = network.coin
        chain = {
            "chainId": hex(network.chain_id),
            "chainName": network.title,
            "nativeCurrency": {"name": coin.symbol, "symbol": coin.symbol, "decimals": coin.decimals},
            # Of the public list alone, and what a wallet may use: the stage's own endpoints have keys in them.
            "rpcUrls": [url for url in network.rpc if url.startswith("https://")][:3],
            "blockExplorerUrls": [network.explorer] if network.explorer else [],
        }
        if asset.address is None:
            return {"chain": chain, "transaction": {"to": address, "value": hex(amount)}}
        from ctrip.domain.chains.evm.transaction import transfer_data

        transfer = {"to": asset.address, "value": "0x0", "data": transfer_data(address, amount)}
        return {"chain": chain, "transaction": transfer}

    def transaction_url(self, network: Network, tx_hash: str) -> str:
        """Return the page of a transaction, which all explorers of EVM chains have at the same path."""
        return f"{network.explorer.rstrip('/')}/tx/{tx_hash}"

    # -- before signing

    def read_transaction(self, fields: dict[str, Any]) -> "Transaction":
        """Read an unsigned transaction as it was sent to the signer."""
        from ctrip.domain.chains.evm.transaction import read_transaction

        return read_transaction(fields)

    def act(self, network: Network, sender: str, transaction: "Unsigned") -> "Act":
        """Say what a transaction would do; raises `SigningRefused` for another chain's."""
        from ctrip.domain.chains.evm.acts import act_of

        return act_of(network, sender, transaction)

    def payer(self, treasury: str) -> str:
        """Return the contract that pays many for a treasury."""
        from ctrip.domain.chains.evm.sweep_contracts import payout_batcher

        return payout_batcher(treasury).address

    def collector(self, treasury: str, operator: str) -> "Collector":
        """Return the contracts that sweep tokens by EIP-7702."""
        from ctrip.domain.chains.acts import Collector
        from ctrip.domain.chains.evm.sweep_contracts import sweep_pair

        pair = sweep_pair(treasury, operator)
        return Collector(pair.batcher.address, pair.delegate.address)


RULES = EvmRules()
