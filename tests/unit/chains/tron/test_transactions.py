"""Tron's addresses and transactions, as a node has written them, and as two other libraries derive them."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bip_utils import Bip39SeedGenerator, Bip44, Bip44Changes, Bip44Coins
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.kinds import address_at
from ctrip.domain.chains.tron import addresses
from ctrip.domain.chains.tron.acts import transfer_data
from ctrip.domain.chains.tron.rules import RULES
from ctrip.domain.chains.tron.transaction import MOST, Transaction, stamp_after
from ctrip.domain.errors import SigningRefused
from ctrip.signer.wallet import MnemonicWallet
from infra.stack import wallet
from tests.world import NETWORK

RECORDED = sorted((Path(__file__).parents[3] / "vectors" / "tron").glob("*.json"))
SENDER, TO = addresses.encoded(bytes(range(20))), "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
made = st.builds(
    Transaction,
    sender=st.binary(min_size=20, max_size=20).map(addresses.encoded),
    to=st.binary(min_size=20, max_size=20).map(addresses.encoded),
    amount=st.integers(0, MOST),
    data=st.binary(max_size=200).map(bytes.hex),
    fee_limit=st.integers(0, MOST),
    ref_block=st.integers(0, 2**16 - 1),
    ref_hash=st.binary(min_size=8, max_size=8).map(bytes.hex),
    expiration=st.integers(1, MOST),
    timestamp=st.integers(1, 10**15 - 1),
)


def transactions(held: Any) -> list[dict[str, Any]]:
    """Find every transaction within an answer."""
    if isinstance(held, dict):
        own = [held] if "raw_data_hex" in held and "txID" in held else []
        return own + [each for value in held.values() for each in transactions(value)]
    return [each for value in held for each in transactions(value)] if isinstance(held, list) else []


def as_ours(held: dict[str, Any]) -> Transaction:
    """Say what a node's transaction is in our terms."""
    raw = held["raw_data"]
    value = raw["contract"][0]["parameter"]["value"]
    return Transaction(
        sender=addresses.from_hex(value["owner_address"]),
        to=addresses.from_hex(value.get("to_address") or value["contract_address"]),
        amount=value.get("amount", value.get("call_value", 0)),
        data=value.get("data", ""),
        fee_limit=raw.get("fee_limit", 0),
        ref_block=int(raw["ref_block_bytes"], 16),
        ref_hash=raw["ref_block_hash"],
        expiration=raw["expiration"],
        timestamp=raw["timestamp"],
    )


def known() -> dict[str, dict[str, Any]]:
    """Find every recorded transaction of the two kinds that are made here, by its id."""
    found = [each for path in RECORDED for each in transactions(json.loads(path.read_text()))]
    kinds = ("TransferContract", "TriggerSmartContract")
    plain = [each["raw_data"] for each in found]
    ours = [raw["contract"][0]["type"] in kinds and "data" not in raw and "timestamp" in raw for raw in plain]
    return {each["txID"]: each for each, own in zip(found, ours, strict=True) if own}


@pytest.mark.parametrize("held", known().values(), ids=lambda each: each["txID"][:8])
def test_our_octets_are_the_nodes_and_so_is_the_id(held: dict[str, Any]) -> None:
    """A node that is given them mines them under that id."""
    ours = as_ours(held)
    assert (ours.raw.hex(), ours.tx_hash) == (held["raw_data_hex"], held["txID"])


def test_there_are_recorded_transfers_of_both_kinds() -> None:
    assert {bool(as_ours(each).data) for each in known().values()} == {True, False}


@given(made)
def test_the_signer_is_told_every_field(ours: Transaction) -> None:
    """What it reads from the call is octet for octet what was planned."""
    read = RULES.read_transaction(json.loads(json.dumps(ours.fields())))
    assert (read.raw, read.tx_hash) == (ours.raw, sha256(ours.raw).hexdigest())


@given(made, made)
def test_what_differs_has_another_id(one: Transaction, other: Transaction) -> None:
    """No two transactions have the same octets, and so none is taken for the other."""
    assert (one.raw == other.raw) is (one == other)


@given(made, made)
def test_slots_sort_by_time_and_are_nobody_elses(one: Transaction, other: Transaction) -> None:
    """The next transaction's time is after the last one's."""
    assert (one.slot == other.slot) is (one == other)
    if one.timestamp < other.timestamp < 10**15:
        assert one.slot < other.slot
    assert stamp_after(one.slot) == one.timestamp + 1


def test_energy_that_is_lent_is_written_as_a_node_took_it() -> None:
    """The recorded delegation, octet for octet."""
    held = json.loads((RECORDED[0].parent / "bc_delegate.json").read_text())["request"]["body"]
    raw = held["raw_data"]
    value = raw["contract"][0]["parameter"]["value"]
    terms = {
        "sender": addresses.from_hex(value["owner_address"]),
        "to": addresses.from_hex(value["receiver_address"]),
        "amount": value["balance"],
        "ref_block": int(raw["ref_block_bytes"], 16),
        "ref_hash": raw["ref_block_hash"],
        "expiration": raw["expiration"],
        "timestamp": raw["timestamp"],
    }
    assert Transaction(**terms, lends=True).raw.hex() == held["raw_data_hex"]
    back = Transaction(**terms, takes_back=True)
    assert back.raw.hex() == held["raw_data_hex"].replace("0839126d0a35", "083a126f0a37").replace(
        "5a7108", "5a7308"
    ).replace(b"DelegateResource".hex(), b"UnDelegateResource".hex())
    for each in (Transaction(**terms, lends=True), back):
        act = RULES.act(NETWORK, each.sender, each)
        assert (act.lends, act.to, act.value, act.fee, bool(act.unclear)) == (True, each.to, 0, 0, True)
    with pytest.raises(SigningRefused):
        RULES.act(NETWORK, back.sender, Transaction(**terms, lends=True, takes_back=True))


def test_two_that_differ_in_their_timestamp_alone_are_two() -> None:
    """There is no nonce."""
    one = Transaction(sender=SENDER, to=TO, amount=1, ref_block=1, ref_hash="00" * 8, expiration=9, timestamp=5)
    later = one.fields() | {"timestamp": 6}
    assert Transaction(**later).tx_hash != one.tx_hash


# -- addresses


@pytest.mark.parametrize(
    ("address", "octets"),
    [
        # USDT's contract, as Tron's own documentation writes it both ways.
        (TO, "41a614f803b6fd780986a42c78ec9c7f77e6ded13c"),
    ],
)
def test_an_address_is_the_same_in_both_spellings(address: str, octets: str) -> None:
    assert (addresses.to_hex(address), addresses.from_hex(octets)) == (octets, address)
    assert addresses.from_hex(addresses.to_hex(address)) == address
    assert addresses.wrong(address) is None


@given(st.binary(min_size=20, max_size=20))
def test_addresses_are_read_back_and_begin_with_t(octets: bytes) -> None:
    address = addresses.encoded(octets)
    assert (addresses.decoded(address), address[0], len(address)) == (octets, "T", 34)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TO[:-1] + "u", "checksum"),
        (TO[:5] + ("a" if TO[5] != "a" else "b") + TO[6:], "checksum"),
        (TO.lower(), "no address of Tron"),
        ("41a614f803b6fd780986a42c78ec9c7f77e6ded13c", "hexadecimal"),
        ("0xa614f803b6fd780986a42c78ec9c7f77e6ded13c", "hexadecimal"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "no address of Tron"),
        (TO + "1", "no address of Tron"),
        ("", "no address of Tron"),
        (addresses.encoded(bytes(20)), "belongs to nobody"),
    ],
)
def test_what_is_no_address_is_told_why(text: str, why: str) -> None:
    """A mistyped one, one in hexadecimal digits, another network's, the zero address."""
    said = addresses.wrong(text)
    assert said is not None
    assert why in said


def test_a_word_that_is_no_address_is_not_repeated() -> None:
    """Somebody may have pasted the words of a wallet."""
    assert "hunter" not in str(addresses.wrong("hunter2 " * 4))


def test_the_account_of_the_local_mnemonic_has_the_addresses_that_bip_utils_derives() -> None:
    """At m/44'/195'/1'/0/i, by another library."""
    seed = Bip39SeedGenerator(wallet.LOCAL_MNEMONIC).Generate()
    account = Bip44.FromSeed(seed, Bip44Coins.TRON).Purpose().Coin().Account(1)
    key = ExtendedKey.parse(account.PublicKey().ToExtended())
    for index in range(5):
        theirs = account.Change(Bip44Changes.CHAIN_EXT).AddressIndex(index).PublicKey().ToAddress()
        assert RULES.address_of(key.child(0).child(index)) == theirs


# -- what the signer reads


def test_a_transfer_says_where_how_much_and_of_what() -> None:
    """Of the coin, and of a token; coin beside a token's transfer shows."""
    terms = {"ref_block": 1, "ref_hash": "00" * 8, "expiration": 9, "timestamp": 5}
    coin = Transaction(sender=SENDER, to=TO, amount=7, **terms)
    act = RULES.act(NETWORK, SENDER, RULES.read_transaction(coin.fields()))
    assert (act.to, act.token, act.value, act.amount, act.fee, act.slot) == (TO, None, 7, 7, 0, coin.slot)
    call = Transaction(sender=SENDER, to=TO, amount=3, data=transfer_data(SENDER, 2**255), fee_limit=50, **terms)
    act = RULES.act(NETWORK, SENDER, call)
    assert (act.to, act.token, act.value, act.amount, act.fee) == (SENDER, TO, 3, 2**255, 50)
    with pytest.raises(SigningRefused):
        RULES.act(NETWORK, TO, coin)


@pytest.mark.parametrize(
    "data", ["00", "a9059cbb", "095ea7b3" + "0" * 128, "a9059cbb" + "41" * 64, "a9059cbb" + "0" * 130]
)
def test_another_call_is_unclear(data: str) -> None:
    """A word with 41 before the address is one: older contracts would cut it off."""
    call = Transaction(sender=SENDER, to=TO, data=data, ref_block=1, ref_hash="00" * 8, expiration=9, timestamp=5)
    assert RULES.act(NETWORK, SENDER, call).unclear


@pytest.mark.parametrize("place", [8, 72, 100, 134])
@pytest.mark.parametrize("filler", ["  ", "\t\n"])
def test_a_call_whose_octets_are_not_its_digits_is_unclear(place: int, filler: str) -> None:
    """With a blank in its amount the octets are fewer, and the contract reads 256 times as much as was compared."""
    data = transfer_data(SENDER, 100)
    data = data[:place] + filler + data[place + 2 :]
    call = Transaction(sender=SENDER, to=TO, data=data, ref_block=1, ref_hash="00" * 8, expiration=9, timestamp=5)
    assert RULES.act(NETWORK, SENDER, call).unclear


def test_the_recorded_transfer_of_usdt_is_read_as_one() -> None:
    [held] = [each for each in known().values() if each["txID"].startswith("1fd1af8b")]
    act = RULES.act(NETWORK, as_ours(held).sender, as_ours(held))
    assert (addresses.to_hex(act.to), act.amount) == ("419387dfba4cab6f1231541b57783a38b647f40669", 10**9)


# -- other libraries


AGREED = json.loads((RECORDED[0].parents[1] / "tron_libraries" / "agreed.json").read_text())


@pytest.mark.parametrize("held", AGREED["transactions"], ids=lambda each: each["txID"][:8])
def test_our_octets_are_those_of_tronpy_and_tronweb(held: dict[str, Any]) -> None:
    """Amounts at the edges of a varint's size, limits of a call, the main network's USDT."""
    ours = as_ours(held)
    assert (ours.raw.hex(), ours.tx_hash) == (held["raw_data_hex"], held["txID"])


@pytest.mark.parametrize("held", AGREED["addresses"], ids=lambda each: each["path"])
def test_our_addresses_are_those_of_bip_utils_tronpy_and_tronweb(held: dict[str, str]) -> None:
    """From the account's extended public key alone, as the API derives them."""
    made = MnemonicWallet(AGREED["mnemonic"])
    account, index = (int(part.rstrip("'")) for part in (held["path"].split("/")[3], held["path"].split("/")[5]))
    address = address_at(RULES, made.account_xpub("tron", account), index)
    assert (address, addresses.to_hex(address)) == (held["address"], held["hex"])
    assert made.address("tron", held["path"]) == address
