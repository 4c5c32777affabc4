"""Our JSON-RPC and web3's own provider say the same to one node, and hear the same."""

from typing import Any

import pytest
from web3 import HTTPProvider

from ctrip.chains.shared.transport import JsonRpc, Transport
from infra.stack import wallet
from tests.evm_support import Anvil, address

PAYER = wallet.funded(1).address


@pytest.fixture
def both(anvil: Anvil) -> tuple[JsonRpc, HTTPProvider]:
    """Speak to one Anvil in both ways."""
    return JsonRpc(anvil.url, Transport(5)), HTTPProvider(anvil.url)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_chainId", []),
        ("eth_getBlockByNumber", ["latest", True]),
        ("eth_getBalance", [PAYER, "latest"]),
        ("eth_getTransactionByHash", ["0x" + "ab" * 32]),  # null: nobody has sent it
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}]),
        ("eth_call", [{"to": PAYER, "data": "0x"}, "latest"]),
        ("eth_getBalance", ["0x12", "latest"]),  # an error
        ("eth_nonsense", []),
    ],
)
def test_a_call_is_answered_alike(both: tuple[JsonRpc, HTTPProvider], method: str, params: list[Any]) -> None:
    """Results, null and errors; ids are each one's own."""
    ours, theirs = both
    expected: Any = theirs.make_request(method, params)  # type: ignore[arg-type]
    answer = ours.call(method, params)
    assert answer.keys() == expected.keys()
    assert {**answer, "id": 0} == {**expected, "id": 0}


def test_a_batch_is_answered_alike(both: tuple[JsonRpc, HTTPProvider]) -> None:
    """In the order of its calls, an error among them."""
    ours, theirs = both
    calls: list[tuple[str, Any]] = [("eth_getBalance", [address(number), "latest"]) for number in range(20)]
    calls[7] = ("eth_nonsense", [])
    calls[3] = ("eth_getBalance", [PAYER, "latest"])
    expected: Any = theirs.make_batch_request(calls)  # type: ignore[arg-type]
    answers = ours.batch(calls)
    assert [{**each, "id": 0} for each in answers] == [{**each, "id": 0} for each in expected]
    assert "error" in answers[7]
    assert answers[3]["result"] != "0x0"
