"""Keys that KMS holds sign what a private key would: low s, v found, and nothing else is taken for a signature."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.evm.transaction import Authorization, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.signer.outside_keys import OutsideKey, WalletWithOutsideKeys, low_s
from ctrip.signer.wallet import MnemonicWallet

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MNEMONIC = MnemonicWallet("abandon " * 11 + "about")
OPERATOR, STATION, DEPOSIT = "m/44'/60'/0'/0/2", "m/44'/60'/0'/0/1", "m/44'/60'/3'/0/7"
TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PLAIN = Transaction(chain_id=31337, nonce=4, to=TO, value=5, gas=21_000, max_fee=100, priority_fee=3)


class Holder:
    """What KMS does with a key on a curve; `high` has it answer the higher s, `hashed` sign the digest's digest."""

    def __init__(self, secret: int, *, high: bool = False, hashed: bool = False, curve: type = ec.SECP256K1) -> None:
        self.key = ec.derive_private_key(secret, curve())
        self.high, self.hashed = high, hashed

    def public_key(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.DER, form)

    def sign(self, digest: bytes) -> bytes:
        algorithm = hashes.SHA256() if self.hashed else Prehashed(hashes.SHA256())
        r, s = decode_dss_signature(self.key.sign(digest, ec.ECDSA(algorithm)))
        return encode_dss_signature(r, max(s, ORDER - s) if self.high else min(s, ORDER - s))


def wallet(holder: Holder) -> WalletWithOutsideKeys:
    """Make a wallet whose operator's key is held elsewhere."""
    return WalletWithOutsideKeys(MNEMONIC, {2: OutsideKey(holder)})


@given(secret=st.integers(1, ORDER - 1), nonce=st.integers(0, 2**40), high=st.booleans(), legacy=st.booleans())
def test_whoever_recovers_the_sender_finds_the_keys_own_address(
    secret: int, nonce: int, high: bool, legacy: bool
) -> None:
    """Whichever s the holder answers, and for both kinds of fees; the hash is that of the bytes."""
    ours = wallet(Holder(secret, high=high))
    signed = ours.sign("evm", OPERATOR, replace(PLAIN, nonce=nonce, legacy=legacy))
    address = ours.address("evm", OPERATOR)
    assert address == Account.from_key(secret.to_bytes(32)).address
    assert Account.recover_transaction(signed.raw) == address
    assert signed.tx_hash == "0x" + keccak(bytes.fromhex(signed.raw[2:])).hex()


def test_a_batch_is_signed_by_the_operators_key_and_its_grants_by_the_deposit_addresses() -> None:
    """Byte for byte what a private key signs where the holder's signature is the same."""
    grant = Authorization(path=DEPOSIT, address=MNEMONIC.address("evm", DEPOSIT), delegate=TO, nonce=0)
    batch = replace(PLAIN, authorizations=(grant,), data="0x12345678", gas=200_000)
    signed = wallet(Holder(7)).sign("evm", OPERATOR, batch)
    assert Account.recover_transaction(signed.raw) == Account.from_key((7).to_bytes(32)).address


def test_the_other_keys_are_the_mnemonics() -> None:
    """Another index of the operator's account, and the same index of a merchant's."""
    ours = wallet(Holder(7))
    for path in (STATION, "m/44'/60'/3'/0/2"):
        assert ours.address("evm", path) == MNEMONIC.address("evm", path)
        assert ours.sign("evm", path, PLAIN) == MNEMONIC.sign("evm", path, PLAIN)
    assert ours.account_xpub("evm", 0) == MNEMONIC.account_xpub("evm", 0)


VECTORS = [
    # r, s as answered, s as used: both halves' ends, and values whose DER has a zero before them
    (1, 1, 1),
    (1, ORDER // 2, ORDER // 2),
    (1, ORDER // 2 + 1, ORDER // 2),
    (2**255, ORDER - 1, 1),
    (0x80, 0x7F, 0x7F),
]


@pytest.mark.parametrize(("r", "answered", "used"), VECTORS)
def test_the_lower_s_is_used(r: int, answered: int, used: int) -> None:
    """EIP-2: a transaction with the higher one is in no block."""
    assert low_s(encode_dss_signature(r, answered)) == (r, used)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"0",
        b"\x00" * 64,
        encode_dss_signature(1, 1) + b"\x00",
        encode_dss_signature(1, 1)[:-1],
        encode_dss_signature(1, ORDER),
        bytes.fromhex("30080202000102020001"),  # zeros that no integer needs
    ],
)
def test_what_is_no_signature_in_der_is_refused(der: bytes) -> None:
    """Cut, longer, out of range, or written another way than DER writes it."""
    with pytest.raises(SigningRefused):
        low_s(der)


def test_a_signature_of_something_else_is_refused() -> None:
    """As an emulator makes it that hashes the digest once more: nothing is broadcast that has another sender."""
    with pytest.raises(SigningRefused):
        wallet(Holder(7, hashed=True)).sign("evm", OPERATOR, PLAIN)


def test_a_key_on_another_curve_is_refused() -> None:
    """Before anything is sent to an address that would follow from it."""
    with pytest.raises(SigningRefused):
        wallet(Holder(7, curve=ec.SECP256R1)).address("evm", OPERATOR)
