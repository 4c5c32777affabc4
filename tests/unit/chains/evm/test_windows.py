"""Whatever a node answers, windows become smaller on words about size, gas or time alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ctrip.chains.evm.client import EvmChain
from ctrip.chains.evm.errors import TooMuch, translate
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.errors import ChainError
from tests.evm_support import NETWORK, TestClock, address

AT = Block(7, "0x" + "ab" * 32, "0x" + "cd" * 32, 1_000)
WORDS = [
    "Received invalid block tag 0xabab. Latest block number is 7",
    "block range extends beyond current head block",
    "invalid block range params",
    "header not found",
    "missing trie node 5c1e",
    "the method does not exist/is not available",
    "rate limit exceeded",
    "Internal error",
    "execution reverted: out of gas",
    "computer says no",
    "out of gas",
    "batch too large",
    "block range is too wide",
    "execution aborted (timeout = 5s)",
]
ERRORS = st.builds(
    lambda code, words: {"code": code, "message": words},
    st.sampled_from([-32000, -32005, -32602, -32603, 17]),
    st.sampled_from(WORDS) | st.text(max_size=30),
)


class Words:
    """A provider that refuses everything but the chain id, each time in the next words."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self._errors, self._asked = errors, 0

    def _error(self) -> dict[str, Any]:
        self._asked += 1
        return self._errors[self._asked % len(self._errors)]

    def call(self, method: str, _: list[Any]) -> dict[str, Any]:
        return {"id": 1, "result": "0x7a69"} if method == "eth_chainId" else {"id": 1, "error": self._error()}

    def batch(self, calls: list[Any]) -> Any:
        whole = {"id": None, "error": self._error()}
        return whole if self._asked % 2 else [{"id": place, "error": self._error()} for place in range(len(calls))]


@given(errors=st.lists(ERRORS, min_size=1, max_size=4))
def test_a_window_shrinks_on_words_about_size_alone(errors: list[dict[str, Any]]) -> None:
    """Balances, logs, headers and blocks, refused in any words and in any order, as a batch or each by itself."""
    chain = EvmChain(NETWORK, ["http://127.0.0.1:9"], TestClock())
    (endpoint,) = chain._pool.endpoints
    endpoint._rpc = Words(errors)  # type: ignore[assignment]
    wanted = [BalanceQuery(address(number), None) for number in range(3_000)]
    questions: list[Any] = [
        lambda: chain.balances(AT, wanted),
        lambda: chain.transfers([Arrivals(address(1), address(2), 0)], 50_000),
        lambda: chain.transfers([Arrivals(address(number), None, 0) for number in range(3)], 50),
        lambda: chain.blocks(range(90)),
        lambda: chain.hashes(range(90)),
        chain.fees,
    ]
    for ask in questions:
        endpoint.breaker.worked()
        try:
            ask()
        except ChainError:
            continue
    about_size = any(isinstance(translate(error, "eth_call"), TooMuch) for error in errors)
    # A way to read balances that is refused as a revert was refused for its size: the probe itself never reverts.
    about_size |= any("revert" in error["message"].lower() for error in errors)
    for name, window in endpoint.windows.items():
        assert window.size == window.maximum or about_size, name
        assert 1 <= window.size <= window.maximum
