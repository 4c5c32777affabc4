"""Public keys only: BIP-32 children of an extended public key, their EIP-55 addresses, and who vouches for the key."""

import hmac
import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from coincurve import PublicKey
from Crypto.Hash import keccak

from ctrip.domain.merchants.access import Merchant

ACCOUNT_DEPTH = 3
_PUBLIC = bytes.fromhex("0488b21e")
_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A public key and its chain code."""

    key: bytes
    chain_code: bytes

    depth: int = ACCOUNT_DEPTH

    @classmethod
    def parse(cls, xpub: str) -> "ExtendedKey":
        """Read an `xpub` string; raises ValueError when it is not one."""
        number = 0
        for character in xpub:
            number = number * 58 + _B58.index(character)
        try:
            raw = number.to_bytes(82, "big")
        except OverflowError:
            raise ValueError("an extended key has 78 bytes and a checksum") from None
        if sha256(sha256(raw[:78]).digest()).digest()[:4] != raw[78:]:
            raise ValueError("the extended key's checksum is wrong")
        if raw[:4] != _PUBLIC:
            raise ValueError("not an extended public key (xpub)")
        PublicKey(raw[45:78])  # a point off the curve is no key
        return cls(key=raw[45:78], chain_code=raw[13:45], depth=raw[4])

    def child(self, index: int) -> "ExtendedKey":
        """Derive a non-hardened child. Source: BIP-32, CKDpub."""
        digest = hmac.digest(self.chain_code, self.key + index.to_bytes(4, "big"), "sha512")
        return ExtendedKey(PublicKey(self.key).add(digest[:32]).format(compressed=True), digest[32:], self.depth + 1)

    def address(self) -> str:
        """Spell the key's address in EIP-55."""
        point = PublicKey(self.key).format(compressed=False)[1:]
        return checksum(_keccak(point)[-20:].hex())


def checksum(address: str) -> str:
    """Spell 40 hex digits (with or without 0x) in EIP-55."""
    plain = address.lower().removeprefix("0x")
    digest = _keccak(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(digest[i], 16) > 7 else c for i, c in enumerate(plain))


def account_path(account: int) -> str:
    """Name a merchant's hardened account."""
    return f"m/44'/60'/{account}'"


def fingerprint(xpub: str) -> str:
    """Name an extended public key by what its addresses come from, however its text spells the rest."""
    parsed = ExtendedKey.parse(xpub)
    return sha256(parsed.key + parsed.chain_code).hexdigest()


def parse_account_xpub(text: str) -> str:
    """Check a merchant's own extended public key of an account (m/44'/60'/n'); raises ValueError saying what is wrong.

    Its text is never repeated: somebody may have pasted a private one.
    """
    if ExtendedKey.parse(text).depth != ACCOUNT_DEPTH:
        raise ValueError("must be the key of an account, at depth 3 (m/44'/60'/n')")
    return text


def key_statement(merchant: Merchant) -> bytes:
    """Write what the signer signs: whose key it is, on which curve, in whose custody, and its version."""
    custody = merchant.policy.custody.value
    parts = ["ctrip extended key 1", merchant.id, "evm", custody, merchant.xpub, merchant.key_version]
    return json.dumps(parts, separators=(",", ":")).encode()


def verify_extended_key(merchant: Merchant, verifying_key: str) -> bool:
    """Say whether the signer vouches for a merchant's extended key; without a verifying key it vouches for none.

    Whoever can write the merchant's row, or copy another's, changes what was signed. Checked once for each content.
    """
    return _verified(key_statement(merchant), merchant.key_signature, verifying_key)


@lru_cache(maxsize=4096)
def _verified(statement: bytes, signature: str, verifying_key: str) -> bool:
    try:
        return bool(PublicKey(bytes.fromhex(verifying_key)).verify(bytes.fromhex(signature), statement))
    except ValueError:
        return False


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()
