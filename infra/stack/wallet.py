"""The local project's keys: worthless, public, the same at each start. Nothing but the local stack may use them."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_MNEMONIC = "comic wide siren aim maid hint weapon scare sphere open knee express"
"""Worthless, public: it stands in a public repository. The signer refuses it outside the stage `local`."""

ANVIL_MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's own, worthless and public: its ten default accounts pay in the demo and the tests."""

TREASURY_PATH = "m/44'/60'/0'/0/0"
GAS_STATION_PATH = "m/44'/60'/0'/0/1"
OPERATOR_PATH = "m/44'/60'/0'/0/2"
FEEDER_PATH = "m/44'/60'/0'/0/3"


@dataclass(frozen=True, slots=True)
class Account:
    """An address (EIP-55) and its private key (0x hex)."""

    address: str
    key: str


def derive(path: str, mnemonic: str = LOCAL_MNEMONIC) -> Account:
    """Derive one account by its BIP-32 path."""
    # Imported here: these take half a second, and most who import this module want the constants.
    from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator
    from eth_account import Account as EthAccount

    node = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(mnemonic).Generate()).DerivePath(path)
    key = "0x" + node.PrivateKey().Raw().ToHex()
    return Account(EthAccount.from_key(key).address, key)


def verifying_key() -> str:
    """What the local signer's signatures on merchants' extended keys are verified by, in hexadecimal."""
    from ctrip.signer.authority import KeyAuthority

    return KeyAuthority(LOCAL_MNEMONIC).verifying_key


def treasury() -> Account:
    """Where deposits are swept to."""
    return derive(TREASURY_PATH)


def gas_station() -> Account:
    """What funds sweeps."""
    return derive(GAS_STATION_PATH)


def operator() -> Account:
    """What deploys the local tokens, and later the sweep contracts."""
    return derive(OPERATOR_PATH)


def feeder() -> Account:
    """What deploys and moves the local price feeds."""
    return derive(FEEDER_PATH)


def funded(index: int) -> Account:
    """One of Anvil's ten default accounts."""
    if not 0 <= index <= 9:
        raise ValueError(f"Anvil funds accounts 0 to 9, not {index}")
    return derive(f"m/44'/60'/0'/0/{index}", ANVIL_MNEMONIC)
