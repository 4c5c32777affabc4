"""Sending on Tron: who takes the bytes, what became of a transaction, and when it can be mined no more."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from ctrip.domain.chains.tron.addresses import from_hex
from ctrip.domain.chains.tron.transaction import raw_of, signed_hex
from ctrip.domain.errors import BroadcastRejected, ChainError, Unavailable
from tests.tron_support import NOW, VECTORS, TronNode, chain_at, chain_block, recorded

RAW = signed_hex(b"\x0a\x02\x01\x02", b"\x01" * 65)
TX = sha256(b"\x0a\x02\x01\x02").hexdigest()

# What each recorded refusal of a broadcast becomes; None: it was sent.
FATES: dict[str, type[ChainError] | None] = {
    "bc_success": None,
    "bc_duplicate": None,
    "bc_duplicate_mined": None,
    "bc_mined_then_expired": BroadcastRejected,
    "bc_expired": BroadcastRejected,
    "bc_tapos": BroadcastRejected,
    "bc_wrong_key": BroadcastRejected,
    "bc_no_signature": BroadcastRejected,
    "bc_no_bandwidth": BroadcastRejected,
    "bc_insufficient_trx": BroadcastRejected,
    "bc_not_activated": BroadcastRejected,
    "bc_to_contract": BroadcastRejected,
    "bc_fee_limit_too_big": BroadcastRejected,
}


def recorded_broadcasts() -> Iterator[str]:
    """Name the recorded broadcasts that have a signed transaction."""
    for path in sorted(VECTORS.glob("bc_*.json")):
        if "transaction" in json.loads(path.read_text()).get("request", {}).get("body", {}):
            yield path.stem


# -- broadcasts


@pytest.mark.parametrize("name", list(recorded_broadcasts()))
def test_a_recorded_answer_means_sent_refused_or_unknown(tron: TronNode, name: str) -> None:
    """As each code says; its words are the error's, and the id is the one that we compute."""
    whole = json.loads((VECTORS / f"{name}.json").read_text())
    raw, answer = whole["request"]["body"]["transaction"], whole["response"]
    assert sha256(raw_of(bytes.fromhex(raw))).hexdigest() == answer["txid"]
    tron.rules["wallet/broadcasthex"] = lambda _: answer
    expected = FATES.get(name, None if answer["code"] == "SUCCESS" else BroadcastRejected)
    if expected is None:
        chain_at(tron).broadcast(raw)
        return
    with pytest.raises(expected) as told:
        chain_at(tron).broadcast(raw)
    assert answer["code"] in str(told.value)
    assert answer["message"][:40] in str(told.value)
    unknown = answer["code"] in ("TRANSACTION_EXPIRATION_ERROR", "TAPOS_ERROR")
    assert ("unknown whether it was sent" in str(told.value)) == unknown


def test_all_fates_were_recorded() -> None:
    """The table above names no answer that nobody has seen."""
    assert set(FATES) <= set(recorded_broadcasts())


@pytest.mark.parametrize(
    "code", ["SERVER_BUSY", "NO_CONNECTION", "NOT_ENOUGH_EFFECTIVE_CONNECTION", "BLOCK_UNSOLIDIFIED"]
)
def test_a_node_that_takes_nothing_at_present_is_unavailable(tron: TronNode, other_tron: TronNode, code: str) -> None:
    """The same bytes are offered to the next one; alone, they may be offered again."""
    tron.rules["wallet/broadcasthex"] = lambda _: {"result": False, "code": code, "message": "x", "txid": TX}
    with pytest.raises(Unavailable, match=code):
        chain_at(tron).broadcast(RAW)
    other_tron.rules["wallet/broadcasthex"] = lambda _: {"result": True, "code": "SUCCESS", "txid": TX}
    chain_at(tron, other_tron).broadcast(RAW)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        [],
        7,
        500,
        {"Error": "class java.lang.NullPointerException : null"},
        {"result": True, "code": "SUCCESS", "txid": "ab" * 32},
        {"result": True, "code": "SUCCESS", "txid": 5},
    ],
)
def test_an_answer_that_tells_nothing_leaves_it_unknown(tron: TronNode, answer: Any) -> None:
    """Unavailable is neither sent nor refused."""
    tron.rules["wallet/broadcasthex"] = lambda _: answer
    with pytest.raises(Unavailable):
        chain_at(tron).broadcast(RAW)


def test_a_connection_cut_after_the_bytes_were_taken_leaves_it_unknown(tron: TronNode) -> None:
    """Whether they were taken is looked up."""
    chain = chain_at(tron)
    chain.head()
    tron.cut.add("wallet/broadcasthex")
    with pytest.raises(Unavailable):
        chain.broadcast(RAW)


def test_a_refusal_goes_on_to_the_next_endpoint(tron: TronNode, other_tron: TronNode) -> None:
    """One that lags knows less; where all refuse, all reasons are told."""
    refused = {"result": False, "code": "CONTRACT_VALIDATE_ERROR", "message": "does not exist", "txid": TX}
    tron.rules["wallet/broadcasthex"] = lambda _: refused
    other_tron.rules["wallet/broadcasthex"] = lambda _: {"result": True, "code": "SUCCESS", "txid": TX}
    chain_at(tron, other_tron).broadcast(RAW)
    other_tron.rules["wallet/broadcasthex"] = lambda _: {
        "result": False,
        "code": "SIGERROR",
        "message": "bad",
        "txid": TX,
    }
    with pytest.raises(BroadcastRejected, match=r"does not exist.*bad"):
        chain_at(tron, other_tron).broadcast(RAW)


@pytest.mark.parametrize("raw", ["", "zz", "0a", "0a05", "1201ff", "0x0a0201021201ff", "0a8080808080"])
def test_what_is_no_signed_transaction_is_offered_to_nobody(tron: TronNode, raw: str) -> None:
    """It is refused here."""
    with pytest.raises(BroadcastRejected):
        chain_at(tron).broadcast(raw)
    assert tron.seen == []


# -- receipts


def serve(node: TronNode, info: Any, transaction: Any) -> str:
    """Let the solid side know a recorded transaction; return its id."""
    node.head = max(node.head, 2_000)
    node.rules["walletsolidity/gettransactioninfobyid"] = lambda _: info
    node.rules["walletsolidity/gettransactionbyid"] = lambda _: transaction
    return str(info["id"] if info else transaction["txID"])


def test_a_transfer_of_the_coin_has_a_receipt(tron: TronNode) -> None:
    """Success without any result, amount and addresses from the transaction itself, the fee from its info."""
    tx_hash = serve(tron, recorded("txinfo_trx_transfer"), recorded("tx_trx_transfer"))
    receipt = chain_at(tron).receipt(tx_hash)
    assert receipt is not None
    assert (receipt.tx_hash, receipt.success, receipt.fee, receipt.value) == (tx_hash, True, 267_000, 2_000_000)
    assert (receipt.block_number, receipt.block_hash) == (240, chain_block(240).hash)
    assert receipt.sender == from_hex("4170051163dafa4050840bfeb157b214838f4d6fd8")
    assert receipt.to == from_hex("41534b81c9bedf3844660be8abeb6585309d70d1c5")
    assert receipt.token_transfers == ()


def test_a_transfer_of_a_token_has_a_receipt(tron: TronNode) -> None:
    """What it moved is told by its log alone: USDT's transfer returns zero on success."""
    info = recorded("txinfo_usdt_transfer_new_holder")
    assert int(info["contractResult"][0], 16) == 0
    receipt = chain_at(tron).receipt(serve(tron, info, recorded("gettransactionbyid_trc20")))
    assert receipt is not None
    assert (receipt.success, receipt.fee, receipt.value) == (True, 3_300_100, 0)
    (moved,) = receipt.token_transfers
    assert (moved.token, moved.to) == (receipt.to, from_hex("419387dfba4cab6f1231541b57783a38b647f40669"))
    assert (moved.amount, moved.sender) == (1_000_000_000, receipt.sender)


@pytest.mark.parametrize(
    ("name", "fee"),
    [
        ("txinfo_reverted_internal", 3_571_000),
        ("txinfo_out_of_energy", 1_344_000),
        ("txinfo_fee_limit_caps_staked_energy", None),
        ("txinfo_blacklisted_sender", None),
    ],
)
def test_a_failed_transaction_is_never_a_success(tron: TronNode, name: str, fee: int | None) -> None:
    """Whatever its transaction says of itself: that one says SUCCESS while it waits, too."""
    info = recorded(name)
    transaction = recorded("gettransactionbyid_trc20") | {"txID": info["id"], "ret": [{"contractRet": "SUCCESS"}]}
    receipt = chain_at(tron).receipt(serve(tron, info, transaction))
    assert receipt is not None
    assert receipt.success is False
    assert receipt.token_transfers == ()
    assert fee is None or receipt.fee == fee


def test_a_sweep_with_lent_energy_cost_nothing(tron: TronNode) -> None:
    """A fee that is left out is zero."""
    info = recorded("txinfo_sweep_delegated_energy")
    transaction = recorded("gettransactionbyid_trc20") | {"txID": info["id"]}
    receipt = chain_at(tron).receipt(serve(tron, info, transaction))
    assert receipt is not None
    assert (receipt.success, receipt.fee) == (True, 0)


def test_a_transaction_that_waits_has_no_receipt(tron: TronNode) -> None:
    """Although it says of itself that it succeeded; it is known, on the full side."""
    waiting = recorded("tx_trx_transfer")
    assert waiting["ret"] == [{"contractRet": "SUCCESS"}]
    tx_hash = serve(tron, {}, waiting)
    tron.rules["wallet/gettransactionbyid"] = lambda _: waiting
    chain = chain_at(tron)
    assert chain.receipt(tx_hash) is None
    assert chain.known(tx_hash) is True
    tron.rules["wallet/gettransactionbyid"] = lambda _: recorded("gettransactionbyid_unknown")
    assert chain.known(tx_hash) is False


def test_another_transactions_receipt_is_none_of_ours(tron: TronNode) -> None:
    """The id is compared."""
    serve(tron, recorded("txinfo_trx_transfer"), recorded("tx_trx_transfer"))
    with pytest.raises(Unavailable):
        chain_at(tron).receipt("ab" * 32)


# -- when it can be mined no more


EXPIRED = NOW - 61_000  # more than a minute before the newest final block's time


def forgetful(node: TronNode) -> None:
    """Let the solid side know no transaction, and show none in its newest blocks."""
    node.rules["walletsolidity/gettransactioninfobyid"] = lambda _: {}
    node.rules["walletsolidity/gettransactionbyid"] = lambda _: {}
    node.rules["walletsolidity/getblockbylimitnext"] = lambda asked: {
        "block": [node.header(number) for number in range(asked["startNum"], asked["endNum"])]
    }


def test_what_is_not_known_well_after_its_time_was_missed(tron: TronNode) -> None:
    """By the clock of a final block, not by ours."""
    forgetful(tron)
    chain = chain_at(tron)
    assert chain.missed(TX, EXPIRED) is True
    assert chain.missed(TX, EXPIRED + 1_000) is False, "exactly a minute is not more than one"
    assert chain.missed(TX, NOW + 1_000_000) is False


def test_what_any_endpoint_knows_was_not_missed(tron: TronNode, other_tron: TronNode) -> None:
    """In either form, of either endpoint, whichever is asked first."""
    info = recorded("txinfo_trx_transfer") | {"id": TX}
    for side, known in (("gettransactioninfobyid", info), ("gettransactionbyid", {"txID": TX})):
        for knowing, other in ((tron, other_tron), (other_tron, tron)):
            forgetful(other)
            forgetful(knowing)
            knowing.rules[f"walletsolidity/{side}"] = lambda _, known=known: known
            assert chain_at(tron, other_tron).missed(TX, EXPIRED) is False


def test_who_does_not_answer_proves_nothing(tron: TronNode, other_tron: TronNode) -> None:
    """A failure is not a no; the other endpoint proves it alone."""
    forgetful(tron)
    tron.rules["walletsolidity/gettransactionbyid"] = lambda _: 500
    assert chain_at(tron).missed(TX, EXPIRED) is False
    forgetful(other_tron)
    assert chain_at(tron, other_tron).missed(TX, EXPIRED) is True


def test_a_node_that_keeps_no_transactions_proves_nothing(tron: TronNode) -> None:
    """It would know none at all: it must know those of its newest blocks."""
    forgetful(tron)
    listed = recorded("getblockbylimitnext")["block"][1]["transactions"]
    tron.rules["walletsolidity/getblockbylimitnext"] = lambda _: {
        "block": [tron.header(999) | {"transactions": listed}]
    }
    chain = chain_at(tron)
    assert chain.missed(TX, EXPIRED) is False
    own = listed[0]["txID"]
    tron.rules["walletsolidity/gettransactioninfobyid"] = lambda asked: {"id": own} if asked["value"] == own else {}
    assert chain.missed(TX, EXPIRED) is True
