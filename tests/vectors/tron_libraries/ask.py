"""Ask bip-utils for addresses and tronpy for transactions' octets and ids."""

import hashlib
import json
import sys

from bip_utils import Bip39SeedGenerator, Bip44, Bip44Changes, Bip44Coins
from tronpy.keys import PrivateKey
from tronpy.proto.transaction import _raw_data_to_protobuf

WORDS = "test test test test test test test test test test test junk"
KEYS = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 500), (7, 3), (2**31 - 1, 0)]
URL = "type.googleapis.com/protocol."


def addresses():
    seed = Bip39SeedGenerator(WORDS).Generate()
    for account, index in KEYS:
        node = Bip44.FromSeed(seed, Bip44Coins.TRON).Purpose().Coin().Account(account)
        node = node.Change(Bip44Changes.CHAIN_EXT).AddressIndex(index)
        key = PrivateKey(bytes(node.PrivateKey().Raw().ToBytes()))
        address = node.PublicKey().ToAddress()
        assert key.public_key.to_base58check_address() == address
        yield {"path": f"m/44'/195'/{account}'/0/{index}", "address": address, "hex": key.public_key.to_hex_address()}


def contract(kind, **value):
    return {"parameter": {"value": value, "type_url": URL + kind}, "type": kind}


def cases(owner, other, token):
    common = {"ref_block_bytes": "fe9a", "ref_block_hash": "0102030405060708"}
    times = {"expiration": 1_800_000_600_000, "timestamp": 1_800_000_000_001}
    call = "a9059cbb" + f"{other[2:]:0>64}" + f"{123_456_789:064x}"
    transfers = [1, 127, 128, 10**6, 2**53 - 1]
    wanted = [contract("TransferContract", owner_address=owner, to_address=other, amount=n) for n in transfers]
    trigger = contract("TriggerSmartContract", owner_address=owner, contract_address=token, data=call)
    for each in wanted:
        yield {"contract": [each], **common, **times}
    for limit in (1, 16_000_000, 15_000_000_000):
        yield {"contract": [trigger], **common, **times, "fee_limit": limit}


def main():
    held = list(addresses())
    token = "41a614f803b6fd780986a42c78ec9c7f77e6ded13c"
    found = []
    for raw in cases(held[1]["hex"], held[2]["hex"], token):
        octets = _raw_data_to_protobuf(raw).SerializeToString()
        found.append({"raw_data": raw, "raw_data_hex": octets.hex(), "txID": hashlib.sha256(octets).hexdigest()})
    json.dump({"mnemonic": WORDS, "addresses": held, "transactions": found}, sys.stdout)


if __name__ == "__main__":
    main()
