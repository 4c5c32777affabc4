"""Who vouches for a merchant's extended key: what the signer signs, and whether it has."""

import json
from functools import lru_cache

from coincurve import PublicKey

from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.merchants.access import AccountKey, Merchant


def key_statement(merchant: Merchant, key: AccountKey | None = None) -> bytes:
    """Write what the signer signs: whose key it is, on which curve, in whose custody, and its version.

    Without `key` it is the merchant's first one.
    """
    custody = merchant.policy.custody.value
    curve, xpub, version = FIRST.curve, merchant.xpub, merchant.key_version
    if key is not None:
        curve, xpub, version = key.curve, key.xpub, key.version
    parts = ["ctrip extended key 1", merchant.id, curve, custody, xpub, version]
    return json.dumps(parts, separators=(",", ":")).encode()


def verify_extended_key(merchant: Merchant, verifying_key: str, curve: str = FIRST.curve) -> bool:
    """Say whether the signer vouches for a merchant's key on a curve; without a verifying key it vouches for none.

    Whoever can write the merchant's row, or copy another's, changes what was signed. Checked once for each content.
    """
    key = merchant.key_on(curve)
    return key is not None and verify_key(merchant, key, verifying_key)


def verify_key(merchant: Merchant, key: AccountKey, verifying_key: str) -> bool:
    """Say whether the signer vouches for one of a merchant's keys; `verifying_key` may be several, by comma."""
    return _verified(key_statement(merchant, key), key.signature, verifying_key)


@lru_cache(maxsize=4096)
def _verified(statement: bytes, signature: str, verifying_key: str) -> bool:
    try:
        known = [PublicKey(bytes.fromhex(each)) for each in verifying_key.split(",")]
        return any(each.verify(bytes.fromhex(signature), statement) for each in known)
    except ValueError:
        return False
