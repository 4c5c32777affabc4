"""How `chains.yaml` names TRC-20 tokens."""

import re
import uuid


class TronTokens:
    """Base58check contracts, and the ids of tokens."""

    address = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}", re.ASCII)

    def token_id(self, chain_id: int, address: str) -> str:
        """Derive a token's id: UUIDv5 (URL namespace) of its asset id."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tron:0x{chain_id:x}/trc20:{address.lower()}"))


TOKENS = TronTokens()
