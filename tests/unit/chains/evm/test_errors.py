"""What nodes answer is read as what it means: recorded answers, and the kinds that they stand for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.chains.evm.errors import (
    BadSignature,
    Gone,
    Known,
    Missing,
    NotJudged,
    Reverted,
    TooMuch,
    Unreachable,
    Unsupported,
    translate,
)
from ctrip.chains.shared.errors import behind
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Underpriced

SEND = "eth_sendRawTransaction"
SAYINGS = [
    # (code, message, meaning), as seen from geth, Erigon, Nethermind, reth, Anvil and hosted gateways
    (-32000, "header not found", Missing),
    (-32000, "header for hash not found", Missing),
    (-32000, "hash 0xabab is not currently canonical", Missing),
    (-32000, "unknown block", Missing),
    (-32001, "Resource not found", Missing),
    (-32002, "No state available for block 0x12", Missing),
    (-32000, "missing trie node 5c1e (path ) state 0x5c1e is not available", Gone),
    (-32000, "historical state 5c1e is not available", Gone),
    (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]", TooMuch),
    (-32600, "You can make eth_getLogs requests with up to a 10 block range.", TooMuch),
    (-32005, "limit exceeded", TooMuch),
    (-32614, "eth_getLogs is limited to a 10,000 range", TooMuch),
    (-32000, "exceed maximum block range: 5000", TooMuch),
    (-32000, "block range is too wide", TooMuch),
    (-32000, "block range greater than 10000 max", TooMuch),
    (-32000, "eth_getLogs range is too large, max is 1k blocks", TooMuch),
    (-32000, "query exceeds max results 20000, retry with the range 1-2", TooMuch),
    (-32000, "max initcode size exceeded: code size 50000 limit 49152", TooMuch),
    (-32000, "out of gas", TooMuch),
    (-32000, "execution aborted (timeout = 5s)", TooMuch),
    (-32600, "batch too large", TooMuch),
    (-32000, "too many requests in batch", TooMuch),
    (-32600, "You can't send more than 10 calls in a batch", TooMuch),
    (-32600, "Batch of more than 3 requests are not allowed on free tier", TooMuch),
    (-32600, "batch requests are not supported", TooMuch),
    (-32600, "maximum batch size is 20", TooMuch),
    (-32003, "response too large", TooMuch),
    (-32601, "the method debug_traceBlockByHash does not exist/is not available", Unsupported),
    (-32601, "Method eth_getBlockByHash not found", Unsupported),
    (-32600, "The method is not whitelisted", Unsupported),
    (3, "execution reverted: ERC20: transfer amount exceeds balance", Reverted),
    (-32000, "execution reverted", Reverted),
    (-32015, "VM execution error. Reverted 0x", Reverted),
    (-32000, "execution reverted: rate limit exceeded", Reverted),  # a contract's own words are no node's
    (-32015, "VM execution error. Reverted api key, too many requests", Reverted),
    (-32603, "VM Exception while processing transaction: reverted with reason string 'too many requests'", Reverted),
    (-32000, "execution reverted: block range limit exceeded", Reverted),
    (429, "Your app has exceeded its compute units per second capacity.", Unreachable),
    (-32005, "daily request count exceeded, request rate limited", Unreachable),
    (-32000, "Too Many Requests", Unreachable),
    (-32603, "Internal error", Unreachable),
    (-32011, "no backend is currently healthy to serve traffic", Unreachable),
    (-32052, "API key is not allowed to access blockchain", Unreachable),
    (-32602, "invalid argument 0", Refused),
    (-32005, "not today", Refused),
    (None, "", Refused),
    (-32000, "missing to address", Refused),  # geth 1.17
]


@pytest.mark.parametrize(("code", "message", "meaning"), SAYINGS, ids=[f"{code} {text}" for code, text, _ in SAYINGS])
def test_a_nodes_words_have_one_meaning(code: int | None, message: str, meaning: type[ChainError]) -> None:
    """Each refusal that was seen is read as what it means."""
    assert type(translate({"code": code, "message": message}, "eth_call")) is meaning


def test_state_that_is_gone_is_not_asked_for_again() -> None:
    """A node that is behind may hold it a moment later; one that has pruned it will not."""
    assert behind(translate({"code": -32000, "message": "header not found"}, "eth_call"))
    assert not behind(translate({"code": -32000, "message": "missing trie node 5c1e"}, "eth_call"))


SENDING = [
    # (code, message, meaning, the least fee that it names), for refused broadcasts
    (-32000, "already known", Known, None),
    (-32010, "ALREADY_EXISTS: already known", Known, None),
    (-32603, "AlreadyKnown", Known, None),
    (-32000, "known transaction: 0xabab", Known, None),
    (-32003, "transaction already imported", Known, None),
    (-32010, "Transaction with the same hash was already imported.", Known, None),
    (-32000, "INTERNAL_ERROR: existing tx with same hash", Known, None),
    (-32000, "invalid sender", BadSignature, None),
    (-32010, "InvalidTxSignature: Signature is invalid.", BadSignature, None),
    (-32000, "invalid chain id for signer: have 5 want 1", BadSignature, None),
    (-32000, "transaction underpriced: gas tip cap 100000000, minimum needed 1000000000", Underpriced, 10**9),
    (-32000, "transaction gas price below minimum: gas tip cap 1, minimum needed 25000000000", Underpriced, 25 * 10**9),
    (-32000, "transaction underpriced: tip needed 30000000000, tip permitted 1000000000", Underpriced, 30 * 10**9),
    (
        -32000,
        "max fee per gas less than block base fee: address 0x88062d, maxFeePerGas: 20026000, baseFee: 20036000",
        Underpriced,
        20_036_000,
    ),
    (-32000, "max fee per gas less than block base fee: maxFeePerGas: 1 baseFee: 13 (supplied gas 1)", Underpriced, 13),
    (-32000, "replacement transaction underpriced", Underpriced, None),
    (
        -32000,
        "replacement transaction underpriced: new tx gas fee cap 1 < 101 queued + 10% replacement penalty",
        Underpriced,
        112,
    ),
    (-32000, "could not replace existing tx", Underpriced, None),  # Erigon
    (
        -32010,
        "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 100, MaxPriorityFeePerGas:200",
        Underpriced,
        100,
    ),
    (-32010, "FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30", Underpriced, 50),
    (
        -32010,
        "FeeTooLow, FeePerGas needs to be higher than 100 to be added to the TxPool. FeePerGas of rejected tx: 50.",
        Underpriced,
        101,
    ),
    (-32010, "FeeTooLowToCompete", Underpriced, None),
    (-32009, "Gas price below configured minimum gas price", Underpriced, None),  # Besu
    (-32000, "gasPrice is less than the current BaseFee", Underpriced, None),
    (-32000, "Gas price '83' is below configured minimum gas price '95'", Underpriced, 95),  # Hedera
    (-32000, "gas price too low: 18 wei, use at least tx.gasPrice = 19500000000 wei", Underpriced, 19_500_000_000),
    (
        -32000,
        "transaction underpriced: address 0x8db97C7c have gas tip cap (225) < pool gas tip cap (470)",  # Avalanche
        Underpriced,
        470,
    ),
    (-32000, "transaction underpriced, the minimum tip is 30 gwei", Underpriced, 30 * 10**9),
    (-32000, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", BroadcastRejected, None),
    (
        -32000,
        "transaction underpriced? no: tx fee (2 ether) exceeds the configured cap (1 ether)",
        BroadcastRejected,
        None,
    ),
    (-32000, "nonce too low: next nonce 5, tx nonce 4", BroadcastRejected, None),
    (-32000, "insufficient funds for gas * price + value: balance 0, tx cost 21000", BroadcastRejected, None),
    (-32000, "intrinsic gas too low: gas 20999, minimum needed 21000", BroadcastRejected, None),
    (-32000, "txpool is full", BroadcastRejected, None),
    (-32000, "txpool is at capacity", BroadcastRejected, None),
    (-32000, "transaction type not supported", BroadcastRejected, None),
    (-32601, "the method eth_sendRawTransaction does not exist/is not available", NotJudged, None),
    (-32000, "method not available", NotJudged, None),
    (-32000, "eth_sendRawTransaction is not on this plan", NotJudged, None),
    (-32603, "Internal error", NotJudged, None),
    (-32011, "no backend is healthy", Unreachable, None),
    (-32005, "rate limit exceeded", Unreachable, None),
]


@pytest.mark.parametrize(("code", "message", "meaning", "least"), SENDING, ids=[text for _, text, _, _ in SENDING])
def test_a_refused_broadcast_is_about_the_bytes_the_price_the_node_or_unknown(
    code: int, message: str, meaning: type[ChainError], least: int | None
) -> None:
    """The price's minimum is read in wei where one is named; the fee cap of a node is never a price that is too low."""
    error = translate({"code": code, "message": message}, SEND)
    assert type(error) is meaning
    assert getattr(error, "minimum", None) == least


# --- recorded: a file for each node, each of its answers with the meaning that it has


ANSWERS = Path(__file__).parent / "answers"
RECORDED: list[Any] = [
    pytest.param(answer, id=f"{recording['node']} {recording['version']}: {answer['asked']}")
    for recording in [json.loads(path.read_text()) for path in sorted(ANSWERS.glob("*.json"))]
    for answer in recording["answers"]
]


@pytest.mark.parametrize("answer", RECORDED)
def test_a_recorded_answer_has_its_meaning(answer: dict[str, Any]) -> None:
    """As geth, hardhat, ganache and ethereumjs answered when they were asked."""
    error = translate(answer["error"], answer["method"])
    assert (type(error).__name__, getattr(error, "minimum", None)) == (answer["meaning"], answer.get("minimum"))


SIZE = re.compile(
    r"size|gas|time|range|batch|limit|large|big|exceed|max|more|many|up to|abort|deadline|over", re.IGNORECASE
)


@given(code=st.sampled_from([-32000, -32005, -32602, -32600, -32003, None]), text=st.text(max_size=60))
def test_words_that_are_not_about_size_gas_or_time_never_mean_too_much(code: int | None, text: str) -> None:
    """Whatever a node invents: a smaller question is asked on known words alone."""
    error = translate({"code": code, "message": text}, "eth_getLogs")
    assert not isinstance(error, TooMuch) or SIZE.search(text)


@given(text=st.text(max_size=80), number=st.integers(0, 10**40))
def test_any_words_to_a_broadcast_are_an_error_and_any_minimum_a_positive_number(text: str, number: int) -> None:
    """Nothing that a node writes raises anything else, or names a fee of nothing."""
    for message in (
        text,
        f"transaction underpriced: minimum needed {number}",
        f"underpriced {text} minimum {number}{text}",
    ):
        error = translate({"code": -32000, "message": message}, SEND)
        assert isinstance(error, ChainError)
        least = getattr(error, "minimum", None)
        assert least is None or least > 0


def test_a_nodes_text_is_cut_cleaned_and_without_the_key() -> None:
    """It goes to logs: no key, no line breaks, no megabyte."""
    message = "no key v2/s3cr3t, project s3cr3t\n\x1b[31m" + "x" * 10_000
    text = str(translate({"code": 1, "message": message}, "eth_call", ("v2/s3cr3t", "s3cr3t")))
    assert "s3cr3t" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 300


@pytest.mark.parametrize("error", ["busy", None, 7, [], {"message": None}, {"code": "x", "data": {}}])
@pytest.mark.parametrize("method", ["eth_call", SEND])
def test_a_malformed_error_is_an_error_all_the_same(error: object, method: str) -> None:
    """Nodes put anything there."""
    assert isinstance(translate(error, method), ChainError)
