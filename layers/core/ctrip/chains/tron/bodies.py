"""Whole final blocks, read for everybody who asks: payments of the coin in them, and what contracts moved.

What was read is kept by endpoint and height: a final block does not change.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ctrip.chains.shared.endpoints import GARBAGE
from ctrip.chains.shared.errors import Suspended, TooMuch, Unreachable
from ctrip.chains.tron import codec
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.domain.errors import ChainError, Refused

# What a node gives in one answer (101 are answered with nothing), and where we begin: a full block has half a megabyte.
BLOCKS_AT_ONCE, FIRST_AT_ONCE = 100, 20
KEPT = 512
_CALLS = frozenset({"TriggerSmartContract", "CreateSmartContract"})

Move = tuple[str, str, str, int]
"""One movement of the coin: transaction, sender, receiver, amount."""


@dataclass(slots=True)
class Body:
    """One block: what its transactions pay, who sent those that call contracts, and what these moved where known."""

    number: int
    hash: str
    payments: tuple[Move, ...]
    callers: dict[str, str]
    moves: tuple[Move, ...] | None = None


class Bodies:
    """The newest `KEPT` blocks that were read; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Endpoint, int], Body] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, endpoint: Endpoint, first: int, last: int) -> list[Body]:
        """Return the blocks from `first` to `last`, both included, the newest first."""
        with self._lock:
            found = {
                number: self._kept[endpoint, number]
                for number in range(first, last + 1)
                if (endpoint, number) in self._kept
            }
        missing = [number for number in range(first, last + 1) if number not in found]
        if missing:
            for body in _fetch(endpoint, missing[0], missing[-1]):
                found[body.number] = body
        with self._lock:
            for number, body in found.items():
                self._kept[endpoint, number] = body
                self._kept.move_to_end((endpoint, number))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return [found[number] for number in sorted(found, reverse=True)]


def _fetch(endpoint: Endpoint, first: int, last: int) -> Iterator[Body]:
    window = endpoint.window("blocks", BLOCKS_AT_ONCE, FIRST_AT_ONCE)
    while first <= last:
        count = min(window.size, last - first + 1)
        try:
            answer = endpoint.solid("getblockbylimitnext", {"startNum": first, "endNum": first + count})
        except TooMuch:
            if not window.shrink(count):
                raise
            continue
        bodies = [_body(each) for each in codec.rows(codec.table(answer).get("block"))]
        if [body.number for body in bodies] != list(range(first, first + count)):
            raise Unreachable(f"{endpoint.name}: other blocks than those asked for")
        window.fits()
        yield from bodies
        first += count


def _body(answer: Any) -> Body:
    header = codec.block(answer)
    payments, callers = list[Move](), dict[str, str]()
    for transaction in map(codec.table, codec.rows(answer.get("transactions"))):
        outcomes = codec.rows(transaction.get("ret"))
        if not outcomes or any(codec.table(each).get("contractRet") != "SUCCESS" for each in outcomes):
            continue
        for contract in codec.rows(codec.table(transaction["raw_data"])["contract"]):
            kind, value = contract["type"], codec.table(contract["parameter"]["value"])
            if kind == "TransferContract":
                sender, receiver = codec.address(value["owner_address"]), codec.address(value["to_address"])
                payments.append(
                    (codec.identifier(transaction["txID"]), sender, receiver, codec.number(value, "amount"))
                )
            elif kind in _CALLS:
                callers[codec.identifier(transaction["txID"])] = codec.address(value["owner_address"])
    return Body(header.number, header.hash, tuple(payments), callers)


def infos(endpoint: Endpoint, height: int) -> list[dict[str, Any]]:
    """Return what became of the transactions of a final block, in their order."""
    found = [codec.table(each) for each in codec.rows(endpoint.solid("gettransactioninfobyblocknum", {"num": height}))]
    if any(codec.number(each, "blockNumber") != height for each in found):
        raise Unreachable(f"{endpoint.name}: another block than the one asked for")
    return found


def succeeded(info: dict[str, Any]) -> bool:
    """Say whether a mined transaction succeeded: only its info tells, and a plain transfer's has no result at all."""
    outcome = codec.table(info.get("receipt", {})).get("result")
    return "result" not in info and outcome in (None, "SUCCESS")


def learn_moves(endpoint: Endpoint, body: Body) -> None:
    """Ask what a block's contracts moved, in the first way that the node offers; else it stays unknown.

    Raises `Suspended` alone.
    """
    if not body.callers:
        body.moves = ()
        return
    if not endpoint.traits.get("no block balances"):
        try:
            body.moves = tuple(_by_balances(endpoint, body))
            return
        except Refused:
            endpoint.traits["no block balances"] = True
        except Suspended:
            raise
        except (ChainError, *GARBAGE):
            pass  # the other way may tell
    try:
        body.moves = tuple(_by_infos(infos(endpoint, body.number)))
    except Suspended:
        raise
    except (ChainError, *GARBAGE):
        return  # an explanation less; what the transactions themselves say stands


def _by_balances(endpoint: Endpoint, body: Body) -> Iterator[Move]:
    """Read each change of a balance in a block; a node that keeps none refuses."""
    answer = codec.table(endpoint.full("getblockbalance", {"hash": body.hash, "number": body.number}))
    stands_on = codec.table(answer["block_identifier"])
    if codec.identifier(stands_on["hash"]) != body.hash:
        raise Unreachable(f"{endpoint.name}: another block than the one asked for")
    for trace in map(codec.table, codec.rows(answer.get("transaction_balance_trace"))):
        tx_hash = codec.identifier(trace["transaction_identifier"])
        sender = body.callers.get(tx_hash)
        if sender is None or trace.get("status") != "SUCCESS":
            continue
        for change in map(codec.table, codec.rows(trace.get("operation"))):
            receiver, amount = codec.address(change["address"]), codec.signed(change, "amount")
            if amount > 0 and receiver != sender:
                yield tx_hash, sender, receiver, amount


def _by_infos(found: Iterable[dict[str, Any]]) -> Iterator[Move]:
    """Read internal transactions of those that succeeded; one that was rejected moved nothing, a token id is no TRX."""
    for info in filter(succeeded, found):
        for inner in map(codec.table, codec.rows(info.get("internal_transactions"))):
            if inner.get("rejected"):
                continue
            amount = sum(
                codec.number(value, "callValue")
                for value in map(codec.table, codec.rows(inner.get("callValueInfo")))
                if not value.get("tokenId")
            )
            if amount:
                sender, receiver = codec.address(inner["caller_address"]), codec.address(inner["transferTo_address"])
                if sender != receiver:
                    yield codec.identifier(info["id"]), sender, receiver, amount
