"""How `chains.yaml` names TRC-20 tokens."""

import uuid

from ctrip.domain.chains.tron.addresses import PATTERN


class TronTokens:
    """Base58check contracts, and the ids of tokens."""

    address = PATTERN

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id: UUIDv5 (URL namespace) of its asset id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tron:0x{chain_id:x}/trc20:{address.lower()}"))


TOKENS = TronTokens()
