"""Ways in which a node answers wrongly, late, or not at all: each is a rule for the proxy before Anvil."""

import json
import random
import threading
from collections.abc import Callable
from typing import Any

from tests.evm_support import Anvil, Proxy, Rule

Fault = Callable[[Proxy, Anvil], Rule]
FAULT_SECONDS = 0.15  # the client's patience where an answer is late
LATE = threading.Event()  # set when a test is over, so that no late answer outlives it


def too_many_requests(proxy: Proxy, anvil: Anvil) -> Rule:
    """Refuse by HTTP."""
    return lambda _: 429


def rate_limited(proxy: Proxy, anvil: Anvil) -> Rule:
    """Refuse by JSON-RPC, under HTTP 200."""
    return lambda _: {"error": {"code": -32005, "message": "rate limit exceeded, retry in 10m0s"}}


def late(proxy: Proxy, anvil: Anvil) -> Rule:
    """Answer after the client has gone."""

    def rule(_: Any) -> int:
        LATE.wait(20)
        return 503

    return rule


def truncated(proxy: Proxy, anvil: Anvil) -> Rule:
    """Cut the true answer short."""

    def rule(request: Any) -> bytes:
        answer = proxy.ask(json.dumps(request).encode())
        return answer[: len(answer) * 2 // 3]

    return rule


def garbage(proxy: Proxy, anvil: Anvil) -> Rule:
    """Answer with a page of a load balancer."""
    return lambda _: b"<html><h1>502 Bad Gateway</h1></html>"


def wrong_shape(proxy: Proxy, anvil: Anvil) -> Rule:
    """Answer with well-formed nonsense."""
    return lambda _: {"result": {"number": "0x", "hash": 7, "timestamp": None}}


def unknown_hash(proxy: Proxy, anvil: Anvil) -> Rule:
    """Hold no state at all of any block that is named by its hash."""

    def rule(request: Any) -> dict[str, Any] | None:
        named = any(_pin(call) for call in _calls(request))
        return {"error": {"code": -32000, "message": "header not found"}} if named else None

    return rule


def no_logs(proxy: Proxy, anvil: Anvil) -> Rule:
    """Answer every question for logs by: there are none."""
    return lambda request: {"result": []} if _calls(request)[0]["method"] == "eth_getLogs" else None


def no_receipts(proxy: Proxy, anvil: Anvil) -> Rule:
    """Know no receipt and no transaction: a node whose index lags behind its head."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
            return {"jsonrpc": "2.0", "id": call["id"], "result": None}
        return _asked(proxy, call)

    return _each(one)


def behind(proxy: Proxy, anvil: Anvil, blocks: int = 3, stuck_at: int | None = None) -> Rule:
    """Be a healthy node that is some blocks behind, or stands still."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        newest = int(anvil.rpc("eth_blockNumber"), 16) - blocks if stuck_at is None else stuck_at
        if (named := _pin(call)) is not None:
            held = anvil.rpc("eth_getBlockByHash", named, False)
            if held is None or int(held["number"], 16) > newest:
                return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": "header not found"}}
        call = {**call, "params": [_earlier(call, value, newest) for value in call["params"]]}
        answer = _asked(proxy, call)
        mined = answer.get("result")
        if not isinstance(mined, dict) or not isinstance(mined.get("blockNumber"), str):
            past = call["method"] == "eth_getBlockByNumber" and mined and int(mined["number"], 16) > newest
            return {**answer, "result": None} if past else answer
        return {**answer, "result": None} if int(mined["blockNumber"], 16) > newest else answer

    return _each(one)


def sometimes(share: float, rule: Rule) -> Rule:
    """Let a rule hold of some requests alone, always the same ones: one bad node of several behind one address."""
    chance = random.Random(7)
    return lambda request: rule(request) if chance.random() < share else None


def _calls(request: Any) -> list[dict[str, Any]]:
    return request if isinstance(request, list) else [request]


def _pin(call: dict[str, Any]) -> str | None:
    """Return the hash by which a call names its block."""
    last = call["params"][-1] if call["params"] else None
    return last.get("blockHash") if isinstance(last, dict) and call["method"] != "eth_getLogs" else None


def _earlier(call: dict[str, Any], value: Any, newest: int) -> Any:
    if value == "latest":
        return hex(newest)
    if isinstance(value, dict) and "toBlock" in value:
        return {**value, "toBlock": hex(min(int(value["toBlock"], 16), newest))}
    return value


def _asked(proxy: Proxy, call: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(proxy.ask(json.dumps(call).encode()))
    return answer


def _each(one: Callable[[dict[str, Any]], dict[str, Any]]) -> Rule:
    def rule(request: Any) -> bytes:
        answers = [one(call) for call in _calls(request)]
        return json.dumps(answers if isinstance(request, list) else answers[0]).encode()

    return rule
