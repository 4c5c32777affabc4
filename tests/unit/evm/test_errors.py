"""What nodes say is read as what it means."""

import pytest

from ctrip.chains.evm.errors import Missing, Reverted, TooMuch, Unreachable, Unsupported, held, translate
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused

SAYINGS = [
    # (code, message, meaning), as seen from geth, Erigon, Nethermind, reth, Anvil and hosted gateways
    (-32000, "header not found", Missing),
    (-32000, "header for hash not found", Missing),
    (-32000, "hash 0xabab is not currently canonical", Missing),
    (-32000, "missing trie node 5c1e (path ) state 0x5c1e is not available", Missing),
    (-32000, "unknown block", Missing),
    (-32001, "Resource not found", Missing),
    (-32002, "No state available for block 0x12", Missing),
    (-32000, "historical state 5c1e is not available", Missing),
    (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]", TooMuch),
    (-32600, "You can make eth_getLogs requests with up to a 10 block range.", TooMuch),
    (-32005, "limit exceeded", TooMuch),
    (-32614, "eth_getLogs is limited to a 10,000 range", TooMuch),
    (-32000, "max initcode size exceeded: code size 50000 limit 49152", TooMuch),
    (-32000, "out of gas", TooMuch),
    (-32000, "execution aborted (timeout = 5s)", TooMuch),
    (-32600, "batch too large", TooMuch),
    (-32003, "response too large", TooMuch),
    (-32601, "the method debug_traceBlockByHash does not exist/is not available", Unsupported),
    (-32601, "Method eth_getBlockByHash not found", Unsupported),
    (-32600, "The method is not whitelisted", Unsupported),
    (3, "execution reverted: ERC20: transfer amount exceeds balance", Reverted),
    (-32000, "execution reverted", Reverted),
    (-32015, "VM execution error. Reverted 0x", Reverted),
    (429, "Your app has exceeded its compute units per second capacity.", Unreachable),
    (-32005, "daily request count exceeded, request rate limited", Unreachable),
    (-32603, "Internal error", Unreachable),
    (-32052, "API key is not allowed to access blockchain", Unreachable),
    (-32602, "invalid argument 0", Refused),
    (None, "", Refused),
]


@pytest.mark.parametrize(("code", "message", "meaning"), SAYINGS, ids=[f"{code} {text}" for code, text, _ in SAYINGS])
def test_a_nodes_words_have_one_meaning(code: int | None, message: str, meaning: type[ChainError]) -> None:
    """Each refusal that was seen is read as what it means."""
    assert type(translate({"code": code, "message": message}, "eth_call")) is meaning


@pytest.mark.parametrize(
    ("message", "fine"),
    [
        ("already known", True),
        ("ALREADY_EXISTS: already known", True),
        ("AlreadyKnown", True),
        ("known transaction: 0xabab", True),
        ("transaction already imported", True),
        ("Transaction with the same hash was already imported.", True),
        ("nonce too low: next nonce 5, tx nonce 4", False),
        ("replacement transaction underpriced", False),
        ("insufficient funds for gas * price + value", False),
        ("max fee per gas less than block base fee", False),
        ("transaction type not supported", False),
    ],
)
@pytest.mark.parametrize("code", [-32000, -32603, -32010])
def test_a_refused_broadcast_is_told_from_one_that_is_held_already(code: int, message: str, fine: bool) -> None:
    """Known bytes are fine under any code; an internal error with other words may be tried elsewhere."""
    error = translate({"code": code, "message": message}, "eth_sendRawTransaction")
    assert held(error) is fine
    if fine or code != -32603 or "not supported" in message:
        assert type(error) is BroadcastRejected


def test_a_nodes_text_is_cut_cleaned_and_without_the_key() -> None:
    """It goes to logs: no key, no line breaks, no megabyte."""
    text = str(translate({"code": 1, "message": "no key v2/s3cr3t\n\x1b[31m" + "x" * 10_000}, "eth_call", "v2/s3cr3t"))
    assert "s3cr3t" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 300


@pytest.mark.parametrize("error", ["busy", None, 7, [], {"message": None}, {"code": "x", "data": {}}])
def test_a_malformed_error_is_an_error_all_the_same(error: object) -> None:
    """Nodes put anything there."""
    assert isinstance(translate(error, "eth_call"), ChainError)
