"""A consensus client for one geth: makes blocks when told or each second, moves safe and finalized, reorganises.

It speaks the Engine API, as every consensus client does: a block is handed over by `engine_newPayload` and made the
newest by `engine_forkchoiceUpdated`. What stands in a block is geth's own choice out of its pool, or exactly the
transactions that are given (`testing_buildBlockV1`, which answers once the block is built).
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from infra.nodes.geth import Geth

NOBODY = "0x" + "00" * 32
"""The hash that means "none yet" to the Engine API."""

Content = Sequence[str] | None
"""A block's transactions as signed bytes in hex; None takes what waits in the pool."""


class EngineError(Exception):
    """geth refused a call, or found a block invalid."""


@dataclass(frozen=True, slots=True)
class Made:
    """A block of the canonical chain."""

    number: int
    hash: str
    time: int


class Consensus:
    """Drives one geth; `safe_lag` and `finalized_lag` say how many blocks those tags stay behind the newest.

    Calls may come from several threads. Close it in the end.
    """

    def __init__(self, geth: Geth, *, safe_lag: int = 4, finalized_lag: int = 8) -> None:
        self.safe_lag, self.finalized_lag = safe_lag, finalized_lag
        self._geth = geth
        self._http = httpx.Client(timeout=20, trust_env=False)
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        first = self._ask("eth_getBlockByNumber", "0x0", False)
        self._chain = [Made(0, first["hash"], int(first["timestamp"], 16))]
        self._branch, self._finalized = 0, 0

    @property
    def head(self) -> Made:
        """The newest block."""
        return self._chain[-1]

    def mine(self, content: Content = None) -> Made:
        """Make the next block."""
        with self._lock:
            return self._add(max(int(time.time()), self.head.time + 1), content)

    def reorganise(self, depth: int, *contents: Content) -> list[Made]:
        """Replace the newest `depth` blocks, by one block for each of `contents`; return those that were lost.

        Their transactions go back to geth's pool, as in every reorganisation, and may be mined again.
        """
        with self._lock:
            if self.head.number - depth < self._finalized:
                raise ValueError(f"block {self._finalized} is finalized: geth keeps it")
            lost = self._go_back(depth)
            self._choose()
            self._make(lost, contents)
            return lost

    def forget(self, depth: int, *contents: Content) -> list[Made]:
        """Replace the newest `depth` blocks and drop their transactions for good, as a node that never had them.

        It may reach further back than what is finalized.
        """
        with self._lock:
            lost = self._go_back(depth)
            self._ask("debug_setHead", hex(self.head.number))
            self._finalized = max(0, min(self._finalized, self.head.number - self.finalized_lag))
            self._make(lost, contents)
            return lost

    @contextlib.contextmanager
    def running(self, seconds: float = 1.0) -> Iterator[None]:
        """Make a block each so many seconds, while the block lasts; a failure of the maker is raised at its end."""
        stop, failures = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                while not stop.wait(seconds):
                    self.mine()
            except BaseException as error:  # raised in the thread that waits
                failures.append(error)

        thread = threading.Thread(target=run, name="consensus", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failures:
            raise failures[0]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let no other thread make a block, while the block lasts."""
        with self._lock:
            yield

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- blocks

    def _go_back(self, depth: int) -> list[Made]:
        if not 1 <= depth < len(self._chain):
            raise ValueError(f"a chain of {len(self._chain) - 1} blocks cannot lose {depth}")
        lost = self._chain[-depth:]
        del self._chain[-depth:]
        self._branch += 1
        return lost

    def _make(self, lost: Sequence[Made], contents: Sequence[Content]) -> None:
        # The same heights keep their times, or the chain's clock would run ahead with each reorganisation.
        times = [block.time for block in lost]
        for number, content in enumerate(contents):
            wanted = times[number] if number < len(times) else self.head.time + 1
            self._add(max(wanted, self.head.time + 1), content)

    def _add(self, when: int, content: Content) -> Made:
        attributes = {
            "timestamp": hex(when),
            "prevRandao": NOBODY,
            # Another branch pays somebody else, so that its empty blocks are other blocks too.
            "suggestedFeeRecipient": f"0x{0xFEE << 64 | self._branch:040x}",
            "withdrawals": [],
            "parentBeaconBlockRoot": NOBODY,
        }
        built = self._ask("testing_buildBlockV1", self.head.hash, attributes, content, "0x")
        payload = built["executionPayload"]
        requests = built.get("executionRequests") or []
        _valid(self._ask("engine_newPayloadV4", payload, [], NOBODY, requests))
        self._chain.append(Made(int(payload["blockNumber"], 16), payload["blockHash"], when))
        self._choose()
        return self.head

    def _choose(self) -> None:
        """Say which block is the newest, and which ones are safe and finalized."""
        # What is safe may become less; what is finalized does not.
        self._finalized = max(self._finalized, self.head.number - self.finalized_lag)
        state = {
            "headBlockHash": self.head.hash,
            "safeBlockHash": self._at(max(self.head.number - self.safe_lag, self._finalized)),
            "finalizedBlockHash": self._at(self._finalized),
        }
        _valid(self._ask("engine_forkchoiceUpdatedV3", state, None)["payloadStatus"])

    def _at(self, number: int) -> str:
        return self._chain[number].hash if number > 0 else NOBODY

    # -- calls

    def _ask(self, method: str, *params: Any) -> Any:
        engine = method.startswith("engine_")
        body = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        headers = {"Authorization": f"Bearer {self._token()}"} if engine else {}
        url = self._geth.engine_url if engine else self._geth.url
        answer = self._http.post(url, json=body, headers=headers).json()
        if "error" in answer:
            raise EngineError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def _token(self) -> str:
        return jwt.encode({"iat": int(time.time())}, self._geth.secret, algorithm="HS256")


def _valid(status: dict[str, Any]) -> None:
    if status["status"] != "VALID":
        raise EngineError(f"geth finds a block {status['status']}: {status.get('validationError')}")
