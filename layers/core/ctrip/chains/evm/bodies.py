"""Whole blocks, read for everybody who asks: payments in them, whether those succeeded, and value moved by contracts.

What was read is kept by endpoint and block hash, so that the next look does not fetch it again; another endpoint, asked
because the first one's answer was not enough, is asked anew.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ctrip.chains.evm.codec import account, digest, quantity
from ctrip.chains.evm.endpoints import GARBAGE, Endpoint
from ctrip.chains.evm.errors import Unreachable, Unsupported
from ctrip.domain.errors import ChainError

# Blocks with all their transactions weigh up to half a megabyte each.
_FULL_BLOCKS_AT_ONCE = 8
KEPT = 128

OwnTransfer = tuple[str, str, str, int]
"""One movement of the coin: transaction, sender, receiver, amount."""


@dataclass(slots=True)
class Body:
    """One block: what its transactions pay, and what is known of them so far."""

    number: int
    hash: str
    hashes: tuple[str, ...]
    payments: tuple[OwnTransfer, ...]
    success: dict[str, bool] = field(default_factory=dict)
    moves: tuple[OwnTransfer, ...] | None = None


class Bodies:
    """The newest `KEPT` blocks that were read; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Endpoint, int], Body] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, endpoint: Endpoint, numbers: Iterable[int]) -> list[Body]:
        """Return the canonical blocks at these heights, newest first; raises where the node refuses each of them."""
        wanted = sorted(set(numbers), reverse=True)
        found = {body.number: body for body in self._still_canonical(endpoint, wanted)}
        fresh = list(_fetch(endpoint, [number for number in wanted if number not in found]))
        with self._lock:
            for body in fresh:
                self._kept[endpoint, body.number] = body
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        found |= {body.number: body for body in fresh}
        return [found[number] for number in wanted if number in found]

    def _still_canonical(self, endpoint: Endpoint, numbers: Sequence[int]) -> list[Body]:
        with self._lock:
            kept = [self._kept[endpoint, number] for number in numbers if (endpoint, number) in self._kept]
            for body in kept:
                self._kept.move_to_end((endpoint, body.number))
        headers = endpoint.batch([("eth_getBlockByNumber", [hex(body.number), False]) for body in kept])
        return [
            body
            for body, header in zip(kept, headers, strict=True)
            if isinstance(header, dict) and digest(header["hash"]) == body.hash
        ]


def _fetch(endpoint: Endpoint, numbers: Sequence[int]) -> Iterator[Body]:
    refusals: list[ChainError] = []
    for start in range(0, len(numbers), _FULL_BLOCKS_AT_ONCE):
        part = numbers[start : start + _FULL_BLOCKS_AT_ONCE]
        answers = endpoint.batch([("eth_getBlockByNumber", [hex(number), True]) for number in part])
        for number, answer in zip(part, answers, strict=True):
            if isinstance(answer, ChainError):
                refusals.append(answer)
            elif answer is not None:
                yield _body(endpoint, number, answer)
    if numbers and len(refusals) == len(numbers):
        raise refusals[0]


def _body(endpoint: Endpoint, number: int, block: dict[str, Any]) -> Body:
    if quantity(block["number"]) != number:
        raise Unreachable(f"{endpoint.name}: another block than the one asked for")
    transactions = block["transactions"]
    payments = [
        (digest(tx["hash"]), account(tx["from"]), account(tx["to"]), quantity(tx["value"]))
        for tx in transactions
        if tx.get("to") and tx["value"] != "0x0"
    ]
    return Body(number, digest(block["hash"]), tuple(digest(tx["hash"]) for tx in transactions), tuple(payments))


def learn_success(endpoint: Endpoint, wanted: Sequence[tuple[Body, str]]) -> None:
    """Ask for the receipts of these transactions, all at once; one that is absent leaves its success unknown."""
    unknown = [(body, tx_hash) for body, tx_hash in wanted if tx_hash not in body.success]
    receipts = endpoint.batch([("eth_getTransactionReceipt", [tx_hash]) for _, tx_hash in unknown])
    for (body, tx_hash), receipt in zip(unknown, receipts, strict=True):
        if isinstance(receipt, dict) and digest(receipt["blockHash"]) == body.hash:
            body.success[tx_hash] = quantity(receipt["status"]) == 1


def learn_moves(endpoint: Endpoint, body: Body) -> None:
    """Ask what a block's transactions moved, by the first tracer that the node offers; else it stays unknown."""
    for name, trace in (("debug", _by_call_tracer), ("parity", _by_trace_block)):
        if body.moves is not None or endpoint.traits.get(f"no {name} trace"):
            continue
        try:
            body.moves = trace(endpoint, body)
        except Unsupported:
            endpoint.traits[f"no {name} trace"] = True
        except (ChainError, *GARBAGE):
            continue  # an explanation less; what the transactions themselves say stands


def _by_call_tracer(endpoint: Endpoint, body: Body) -> tuple[OwnTransfer, ...] | None:
    traces = endpoint.call("debug_traceBlockByHash", [body.hash, {"tracer": "callTracer"}])
    moves: list[OwnTransfer] = []
    for tx_hash, trace in zip(body.hashes, traces, strict=True):
        if digest(trace.get("txHash", tx_hash)) != tx_hash:
            return None
        moves += [(tx_hash, *move) for move in _frames(trace.get("result") or {})]
    return tuple(moves)


def _frames(frame: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Walk the frames that succeeded, for sender, receiver and value; a failed one takes its whole subtree with it."""
    waiting = [frame]
    while waiting:
        frame = waiting.pop()
        if frame.get("error"):
            continue
        waiting += frame.get("calls") or ()
        if (
            frame.get("type") in ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT")
            and frame.get("to")
            and frame.get("value")
        ):
            sender, receiver, amount = account(frame["from"]), account(frame["to"]), quantity(frame["value"])
            if sender != receiver and amount:
                yield sender, receiver, amount


def _by_trace_block(endpoint: Endpoint, body: Body) -> tuple[OwnTransfer, ...] | None:
    entries = [
        entry for entry in endpoint.call("trace_block", [hex(body.number)]) or () if entry.get("transactionHash")
    ]
    if any(digest(entry["blockHash"]) != body.hash for entry in entries):
        return None
    failed = {(entry["transactionHash"], *entry["traceAddress"]) for entry in entries if entry.get("error")}
    moves: list[OwnTransfer] = []
    for entry in entries:
        path = (entry["transactionHash"], *entry["traceAddress"])
        if any(path[:length] in failed for length in range(1, len(path) + 1)):
            continue
        sender, receiver, amount = _moved(entry)
        if sender != receiver and amount:
            moves.append((digest(entry["transactionHash"]), sender, receiver, amount))
    return tuple(moves)


def _moved(entry: dict[str, Any]) -> tuple[str, str, int]:
    """Return sender, receiver and value of one flat trace; nothing where it moves none."""
    action, kind = entry["action"], entry["type"]
    if kind == "call" and action.get("callType") == "call":
        return account(action["from"]), account(action["to"]), quantity(action["value"])
    if kind == "create" and entry.get("result"):
        return account(action["from"]), account(entry["result"]["address"]), quantity(action["value"])
    if kind == "suicide":
        return account(action["address"]), account(action["refundAddress"]), quantity(action["balance"])
    return "", "", 0
