"""What somebody pastes as the key of an account: only that is taken, and anything else is told what it is."""

import hashlib

import pytest
from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.merchants.account_key import parse_account_xpub
from ctrip.signer.wallet import MnemonicWallet

ABANDON = "abandon " * 11 + "about"
ROOT = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(ABANDON).Generate())
ACCOUNT = MnemonicWallet(ABANDON).account_xpub("evm", 0)
DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def xpub(path: str) -> str:
    """Return the extended public key at a path of the published mnemonic."""
    return ROOT.DerivePath(path).PublicKey().ToExtended()


def xprv(path: str) -> str:
    """Return the extended private key at a path of the published mnemonic."""
    return ROOT.DerivePath(path).PrivateKey().ToExtended()


def encoded(raw: bytes) -> str:
    """Encode 78 bytes with their checksum, as every extended key is."""
    number = int.from_bytes(raw + hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4])
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = DIGITS[digit] + text
    return text


def raw(text: str) -> bytes:
    """Decode the 78 bytes of an extended key."""
    number = 0
    for character in text:
        number = number * 58 + DIGITS.index(character)
    return number.to_bytes(82)[:78]


def version(prefix: str) -> str:
    """Spell the account's key with another network's version, such as zpub's."""
    versions = {"ypub": "049d7cb2", "zpub": "04b24746", "Ypub": "0295b43f", "Zpub": "02aa7ed3", "tpub": "043587cf"}
    versions |= {"upub": "044a5262", "vpub": "045f1cf6", "zprv": "04b2430c", "tprv": "04358394", "Ltub": "019da462"}
    return encoded(bytes.fromhex(versions[prefix]) + raw(ACCOUNT)[4:])


@pytest.mark.parametrize("account", ["0'", "7'", "2147483647'"])
def test_the_key_of_an_account_is_taken(account):
    """Of another coin or purpose too: the key itself does not tell."""
    for path in (f"m/44'/60'/{account}", f"m/44'/0'/{account}", f"m/84'/60'/{account}"):
        assert parse_account_xpub(xpub(path)) == xpub(path)


@pytest.mark.parametrize(
    "around", ["{} ", "\n{}\r\n", "\t {}", "\u00a0{}\u3000", "\ufeff{}\u200b", " \u200b{}\u200b\n"]
)
def test_white_space_around_a_key_is_left_out(around):
    assert parse_account_xpub(around.format(ACCOUNT)) == ACCOUNT


@pytest.mark.parametrize("path", ["m/0/0/0", "m/44'/60'/7", "m/44'/60'/0", "m/44/60/2147483647", "m/0'/0'/1"])
def test_a_third_level_that_is_not_hardened_is_no_account(path):
    with pytest.raises(ValueError, match="not hardened"):
        parse_account_xpub(xpub(path))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("m", "a wallet's master key"),
        ("m/44'", "above the accounts"),
        ("m/44'/60'", "above the accounts"),
        ("m/44'/60'/0'/0", "below the account"),
        ("m/44'/60'/0'/0/0", "the key of one address"),
        ("m/44'/60'/0'/0/0/0'", "far below"),
    ],
)
def test_a_key_of_another_level_is_told_its_level(path, words):
    with pytest.raises(ValueError, match=words):
        parse_account_xpub(xpub(path))


ADDRESS = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
ELSE = {
    "": "is empty",
    " \n": "is empty",
    "1" + ACCOUNT: "does not begin with xpub",
    "11" + ACCOUNT: "does not begin with xpub",
    ACCOUNT[1:]: "does not begin with xpub",
    version("Ltub"): "does not begin with xpub",
    "hello": "does not begin with xpub",
    f"wpkh([d34db33f/84h/0h/0h]{ACCOUNT}/0/*)": "output descriptor",
    f"[d34db33f/44'/60'/0']{ACCOUNT}": "output descriptor",
    f"pkh({ACCOUNT})#kczqajcv": "output descriptor",
    f"{ACCOUNT}/0/*": "output descriptor",
    version("ypub"): "Bitcoin wallet",
    version("zpub"): "Bitcoin wallet",
    version("Ypub"): "Bitcoin wallet",
    version("Zpub"): "Bitcoin wallet",
    version("tpub"): "test network",
    version("upub"): "test network",
    version("vpub"): "test network",
    "m/44'/60'/0'": "is a path",
    ADDRESS: "is an address",
    ADDRESS[2:].lower(): "is an address",
    "0x02" + "ab" * 32: "key of one address",
    ACCOUNT.upper(): "small and capital",
    ACCOUNT[:50] + "\n" + ACCOUNT[50:]: "white space inside",
    ACCOUNT[:-1]: "110 characters",
    ACCOUNT + "x": "112 characters",
    ACCOUNT[:-1] + ("2" if ACCOUNT[-1] != "2" else "3"): "checksum",
    ACCOUNT[:60] + "0" + ACCOUNT[61:]: "0, O, I and l",
    ACCOUNT[:60] + "é" + ACCOUNT[61:]: "0, O, I and l",
    encoded(raw(ACCOUNT)[:46] + bytes(32)): "not on the curve",
}
SECRETS = {
    xprv("m/44'/60'/0'"): "private key",
    version("zprv"): "private key",
    version("tprv"): "private key",
    f"wpkh([d34db33f/84h/0h/0h]{xprv('m')}/0/*)": "private key",
    f"my key: {xprv('m')}": "private key",
    "0x" + "4c" * 32: "private key",
    "4C" * 32: "private key",
    "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn": "private key",
    ABANDON: "words of a wallet",
    ABANDON.upper().replace(" ", "\n"): "words of a wallet",
    ABANDON.replace(" ", ", "): "words of a wallet",
    " ".join(f"{place}. {word}" for place, word in enumerate(ABANDON.split(), 1)): "words of a wallet",
    "あいこくしん " * 11 + "あおぞら": "words of a wallet",
}


@pytest.mark.parametrize(("text", "words"), (ELSE | SECRETS).items())
def test_anything_else_is_told_what_it_is(text, words):
    """In one sentence, which never repeats it."""
    with pytest.raises(ValueError, match=words) as refused:
        parse_account_xpub(text)
    said = str(refused.value)
    assert "\n" not in said
    assert "substring" not in said
    assert ACCOUNT[4:20] not in said
    assert all(word not in said for word in ("abandon", "ABANDON", "4c4c", "KwDi", ADDRESS))


@pytest.mark.parametrize("text", SECRETS)
def test_what_can_spend_is_to_be_kept_secret(text):
    with pytest.raises(ValueError, match="can spend the money: keep it secret"):
        parse_account_xpub(text)


@given(
    st.text()
    | st.text(alphabet=DIGITS, min_size=100, max_size=120)
    | st.text(alphabet=DIGITS, min_size=107, max_size=107).map(lambda rest: "xpub" + rest)
    | st.binary(min_size=74, max_size=74).map(lambda rest: encoded(bytes.fromhex("0488b21e") + rest))
    | st.sampled_from([*ELSE, *SECRETS]).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end]))
)
def test_no_text_breaks_it(text):
    """Any text is either a key or refused in the one way."""
    try:
        held = parse_account_xpub(text)
    except ValueError as refusal:
        kind, said = type(refusal), str(refusal)
    else:
        assert ExtendedKey.parse(held).depth == 3
        return
    # A subclass, such as UnicodeError, would be an accident.
    assert (kind, bool(said)) == (ValueError, True)
