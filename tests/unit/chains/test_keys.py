"""Addresses from an extended public key."""

import pytest
from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator, Bip44, Bip44Changes, Bip44Coins

from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.evm.addresses import address_of, checksum
from ctrip.signer.wallet import MnemonicWallet

# BIP-39's first test mnemonic; its BIP-44 Ethereum addresses are published by every wallet that tests against it.
ABANDON = "abandon " * 11 + "about"
PUBLISHED = {
    0: "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
    1: "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0",
    2: "0xb6716976A3ebe8D39aCEB04372f22Ff8e6802D7A",
}
# BIP-32, test vector 2: chain m/0 from the public key of m.
VECTOR_2_M = (
    "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
)
VECTOR_2_M_0 = (
    "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH"
)


@pytest.mark.parametrize(("index", "address"), PUBLISHED.items())
def test_published_addresses_come_out(index, address):
    """m/44'/60'/0'/0/i of the published mnemonic, from the account's public key alone."""
    account = ExtendedKey.parse(MnemonicWallet(ABANDON).account_xpub("evm", 0))
    assert address_of(account.child(0).child(index)) == address


def test_the_bip32_vector_comes_out():
    """CKDpub of the standard's second test vector."""
    assert ExtendedKey.parse(VECTOR_2_M).child(0) == ExtendedKey.parse(VECTOR_2_M_0)


@pytest.mark.parametrize(("account", "index"), [(1, 0), (1, 2**31 - 1), (7, 12_345), (2**31 - 1, 3)])
def test_it_agrees_with_bip_utils(account, index):
    """Another implementation derives the same addresses, at the far ends too."""
    theirs = (
        Bip44.FromSeed(Bip39SeedGenerator(ABANDON).Generate(), Bip44Coins.ETHEREUM)
        .Purpose()
        .Coin()
        .Account(account)
        .Change(Bip44Changes.CHAIN_EXT)
        .AddressIndex(index)
    )
    ours = ExtendedKey.parse(MnemonicWallet(ABANDON).account_xpub("evm", account)).child(0).child(index)
    assert address_of(ours) == theirs.PublicKey().ToAddress()


def test_a_mistyped_key_is_refused():
    """The checksum tells."""
    with pytest.raises(ValueError, match="checksum"):
        ExtendedKey.parse(VECTOR_2_M[:-1] + "C")


def test_a_leaked_child_key_gives_its_own_merchant_and_no_other():
    """Threat 2: xpub and one child private key yield the account's private key, which opens no other account."""
    root = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(ABANDON).Generate())
    chain = root.DerivePath("m/44'/60'/1'/0")
    leaked = int.from_bytes(chain.ChildKey(5).PrivateKey().Raw().ToBytes())
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    import hmac

    public = chain.PublicKey().RawCompressed().ToBytes()
    tweak = int.from_bytes(hmac.digest(chain.ChainCode().ToBytes(), public + (5).to_bytes(4), "sha512")[:32])
    parent = (leaked - tweak) % order
    assert parent == int.from_bytes(chain.PrivateKey().Raw().ToBytes())
    other = root.DerivePath("m/44'/60'/2'/0")
    assert parent != int.from_bytes(other.PrivateKey().Raw().ToBytes())
    # The hardened step in between needs the parent's private key, which nothing public leads back to.
    assert (
        root.DerivePath("m/44'/60'/1'").PublicKey().RawCompressed()
        != root.DerivePath("m/44'/60'/2'").PublicKey().RawCompressed()
    )


def test_eip55_vectors():
    """The standard's own examples."""
    for address in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"):
        assert checksum(address) == address
