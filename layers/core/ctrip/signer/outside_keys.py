"""Keys of the operator that are outside of the mnemonic, where nobody can read them: KMS signs with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from coincurve.ecdsa import cdata_to_der, der_to_cdata, serialize_compact, signature_normalize
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.kinds import KINDS, parse_path
from ctrip.domain.errors import SigningRefused
from ctrip.domain.sweeping.treasury import OPERATORS_ACCOUNT
from ctrip.signer.wallet import SIGN, MnemonicWallet, RotatedWallet

# What a public key on secp256k1 begins with as a SubjectPublicKeyInfo (RFC 5480), before its 65 uncompressed bytes.
SPKI_PREFIX = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
POINT_BYTES = 65


class DigestSigner(Protocol):
    """What holds a key on secp256k1 and never shows it."""

    def public_key(self) -> bytes:
        """Return the public key, as a SubjectPublicKeyInfo in DER."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes as they are; return the signature in DER."""
        ...


@dataclass(slots=True)
class OutsideKey:
    """A key that signs transactions as a private key of eth-keys does."""

    held_by: DigestSigner
    _public: PublicKey | None = field(default=None, init=False)

    @property
    def public(self) -> PublicKey:
        """Return the public key; raises `SigningRefused` where it is none on secp256k1."""
        if self._public is None:
            self._public = PublicKey(_point(self.held_by.public_key())[1:])
        return self._public

    def sign_msg_hash(self, digest: bytes) -> Signature:
        """Sign a digest; raises `SigningRefused` where what comes back is no signature of the digest by this key.

        Of the two values of s the lower one is taken (EIP-2), and which point is meant (v) is found by trying: the
        holder of the key tells neither.
        """
        r, s = low_s(self.held_by.sign(digest))
        for v in (0, 1):
            signature = Signature(vrs=(v, r, s))
            if self._is_by(signature, digest):
                return signature
        raise SigningRefused("what the key's holder answered is no signature of the transaction by this key")

    def _is_by(self, signature: Signature, digest: bytes) -> bool:
        try:
            return bool(signature.recover_public_key_from_msg_hash(digest) == self.public)
        except BadSignature:
            return False


def low_s(der: bytes) -> tuple[int, int]:
    """Read r and s of a signature in DER, s in the lower half of its range; raises `SigningRefused`."""
    try:
        signature = der_to_cdata(der)
    except ValueError as exc:
        raise SigningRefused("what the key's holder answered is no signature") from exc
    # libsecp256k1 reads what is no strict DER as well: written again it must be the same bytes.
    if cdata_to_der(signature) != der:
        raise SigningRefused("what the key's holder answered is no signature")
    compact = serialize_compact(signature_normalize(signature)[1])
    return int.from_bytes(compact[:32]), int.from_bytes(compact[32:])


def _point(spki: bytes) -> bytes:
    point = spki[len(SPKI_PREFIX) :]
    if not spki.startswith(SPKI_PREFIX) or len(point) != POINT_BYTES or point[0] != 4:
        raise SigningRefused("the key is none on secp256k1: make it with the key spec ECC_SECG_P256K1")
    return point


@dataclass(frozen=True, slots=True)
class WalletWithOutsideKeys:
    """A mnemonic's wallet, but for the operator's keys of some indexes, which are held elsewhere."""

    mnemonic: MnemonicWallet | RotatedWallet
    outside: Mapping[int, OutsideKey]

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of a hardened account of the mnemonic."""
        return self.mnemonic.account_xpub(kind, account)

    def address(self, kind: str, path: str) -> str:
        """Return the address of the key at a path."""
        if (key := self._at(kind, path)) is None:
            return self.mnemonic.address(kind, path)
        return KINDS[kind].address_of(ExtendedKey(key.public.to_compressed_bytes(), b"", path.count("/")))

    def sign(self, kind: str, path: str, transaction: Any) -> Signed:
        """Sign with the key at a path; the other keys that a transaction names are the mnemonic's."""
        if (key := self._at(kind, path)) is None:
            return self.mnemonic.sign(kind, path, transaction)
        return SIGN[kind](key, transaction, self._private)

    def _private(self, path: str) -> bytes:
        return self.mnemonic.key(path)

    def _at(self, kind: str, path: str) -> OutsideKey | None:
        account, index = parse_path(KINDS[kind], path) or (None, -1)
        return self.outside.get(index) if account == OPERATORS_ACCOUNT else None
