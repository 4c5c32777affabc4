"""What arrived at an address, in words: token logs, transactions, and value moved inside contracts.

The balance has decided already. An explanation that a node refuses is left out; none is ever made up.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ctrip.chains.evm.codec import TRANSFER, account, digest, from_topic, quantity, topic
from ctrip.chains.evm.endpoints import GARBAGE, Endpoint
from ctrip.chains.evm.errors import Unsupported
from ctrip.domain.chain import Transfer
from ctrip.domain.errors import ChainError, Refused

LOG_RANGE = 10_000
LOG_REQUESTS = 64
BLOCKS = 256
# Blocks with all their transactions weigh up to half a megabyte each.
_FULL_BLOCKS_AT_ONCE = 8
_TRACED_BLOCKS = 32
_STRIDE = 16

Sums = dict[str, tuple[str | None, int]]
"""What one block brought, by transaction: the first sender and the sum."""


def token_transfers(endpoint: Endpoint, contract: str, address: str, first: int, last: int) -> list[Transfer]:
    """Read Transfer logs to `address`, newest range first, halving ranges that the node refuses."""
    window = endpoint.window("logs", LOG_RANGE)
    found: list[Transfer] = []
    for _ in range(LOG_REQUESTS):
        if last < first:
            break
        start = max(first, last - window.size + 1)
        try:
            logs = endpoint.call("eth_getLogs", [_log_filter(contract, address, start, last)])
        except Refused:
            if not window.shrink(asked=last - start + 1):
                break
            continue
        window.fits()
        found += _incoming(logs, contract, address, start, last)
        last = start - 1
    return sorted(found, key=lambda transfer: (transfer.block_number, transfer.log_index))


def _log_filter(contract: str, address: str, first: int, last: int) -> dict[str, Any]:
    return {
        "address": contract,
        "topics": [TRANSFER, None, topic(address)],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }


def _incoming(logs: Sequence[dict[str, Any]], contract: str, address: str, first: int, last: int) -> Iterator[Transfer]:
    """Keep what is exactly asked for: a node's own filter is not relied on."""
    for log in logs:
        topics = log["topics"]
        if (
            log.get("removed")
            or account(log["address"]) != account(contract)
            or len(topics) != 3
            or len(log["data"]) != 66
        ):
            continue
        number, amount = quantity(log["blockNumber"]), quantity(log["data"])
        if topics[0] != TRANSFER or topics[2].lower() != topic(address) or not first <= number <= last:
            continue
        sender = from_topic(topics[1])
        if amount and sender != account(address):
            yield Transfer(
                digest(log["transactionHash"]),
                quantity(log["logIndex"]),
                number,
                digest(log["blockHash"]),
                sender,
                amount,
            )


def coin_transfers(endpoint: Endpoint, address: str, first: int, last: int, most: int = BLOCKS) -> list[Transfer]:
    """Read what the newest `most` blocks brought: by transactions, and inside them where the node traces."""
    address = account(address)
    first = max(first, last - most + 1, 0)
    gains = _gains(endpoint, address, first, last)
    numbers = [number for number in range(first, last + 1) if gains.get(number) != 0]
    found: list[Transfer] = []
    traced = 0
    for block in _full_blocks(endpoint, numbers):
        number, block_hash = quantity(block["number"]), digest(block["hash"])
        sums = _direct(endpoint, block, address)
        if sum(amount for _, amount in sums.values()) != gains.get(number) and traced < _TRACED_BLOCKS:
            traced += 1
            sums = {**sums, **_traced(endpoint, block, address)}
        found += [
            Transfer(tx, None, number, block_hash, sender, amount) for tx, (sender, amount) in sums.items() if amount
        ]
    return sorted(found, key=lambda transfer: transfer.block_number)


def _gains(endpoint: Endpoint, address: str, first: int, last: int) -> dict[int, int]:
    """Return by how much each block changed the balance; blocks whose state the node no longer has are left out.

    A long range is asked for in strides, and block by block only where a stride changed the balance.
    """
    low = max(0, first - 1)
    stride = _STRIDE if last - low > 2 * _STRIDE else 1
    points = sorted({*range(low, last + 1, stride), last})
    balances = _balances(endpoint, address, points)
    unclear: list[int] = []
    for start, end in itertools.pairwise(points):
        between = range(start + 1, end)
        if start in balances and balances[start] == balances.get(end):
            balances |= dict.fromkeys(between, balances[start])
        else:
            unclear += between
    if unclear:
        balances |= _balances(endpoint, address, unclear)
    return {
        number: balances[number] - balances[number - 1]
        for number in range(low, last + 1)
        if number in balances and number - 1 in balances
    }


def _balances(endpoint: Endpoint, address: str, heights: Sequence[int]) -> dict[int, int]:
    answers = endpoint.batch([("eth_getBalance", [address, hex(number)]) for number in heights])
    return {
        number: quantity(answer) for number, answer in zip(heights, answers, strict=True) if isinstance(answer, str)
    }


def _full_blocks(endpoint: Endpoint, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    newest_first = sorted(numbers, reverse=True)
    for start in range(0, len(newest_first), _FULL_BLOCKS_AT_ONCE):
        part = newest_first[start : start + _FULL_BLOCKS_AT_ONCE]
        for block in endpoint.batch([("eth_getBlockByNumber", [hex(number), True]) for number in part]):
            if isinstance(block, dict):
                yield block


def _direct(endpoint: Endpoint, block: dict[str, Any], address: str) -> Sums:
    """Return the successful transactions of a block that pay `address`."""
    paying = [
        tx for tx in block["transactions"] if tx.get("to") and account(tx["to"]) == address and quantity(tx["value"])
    ]
    paying = [tx for tx in paying if account(tx["from"]) != address]
    if not paying:
        return {}
    receipts = endpoint.batch([("eth_getTransactionReceipt", [tx["hash"]]) for tx in paying])
    return {
        digest(tx["hash"]): (account(tx["from"]), quantity(tx["value"]))
        for tx, receipt in zip(paying, receipts, strict=True)
        if isinstance(receipt, dict) and receipt["blockHash"] == block["hash"] and quantity(receipt["status"]) == 1
    }


def _traced(endpoint: Endpoint, block: dict[str, Any], address: str) -> Sums:
    """Return all value that a block's transactions moved to `address`, by the first tracer that the node offers."""
    for name, trace in (("debug", _by_call_tracer), ("parity", _by_trace_block)):
        if endpoint.traits.get(f"no {name} trace"):
            continue
        try:
            return trace(endpoint, block, address)
        except Unsupported:
            endpoint.traits[f"no {name} trace"] = True
        except (ChainError, *GARBAGE):
            continue  # an explanation less; what the transactions themselves say stands
    return {}


def _by_call_tracer(endpoint: Endpoint, block: dict[str, Any], address: str) -> Sums:
    traces = endpoint.call("debug_traceBlockByHash", [block["hash"], {"tracer": "callTracer"}])
    sums: Sums = {}
    for tx, trace in zip(block["transactions"], traces, strict=True):
        if trace.get("txHash", tx["hash"]) != tx["hash"]:
            return {}
        for sender, amount in _frames(trace.get("result") or {}, address):
            _add(sums, digest(tx["hash"]), sender, amount)
    return sums


def _frames(frame: dict[str, Any], address: str) -> Iterator[tuple[str, int]]:
    """Walk the frames that succeeded; a failed one takes its whole subtree with it."""
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
            sender, amount = account(frame["from"]), quantity(frame["value"])
            if account(frame["to"]) == address and sender != address and amount:
                yield sender, amount


def _by_trace_block(endpoint: Endpoint, block: dict[str, Any], address: str) -> Sums:
    entries = [entry for entry in endpoint.call("trace_block", [block["number"]]) if entry.get("transactionHash")]
    failed = {(entry["transactionHash"], *entry["traceAddress"]) for entry in entries if entry.get("error")}
    sums: Sums = {}
    for entry in entries:
        path = (entry["transactionHash"], *entry["traceAddress"])
        if entry["blockHash"] != block["hash"] or any(path[:length] in failed for length in range(1, len(path) + 1)):
            continue
        sender, to, amount = _moved(entry)
        if to == address and sender != address and amount:
            _add(sums, digest(entry["transactionHash"]), sender, amount)
    return sums


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


def _add(sums: Sums, tx_hash: str, sender: str, amount: int) -> None:
    first, before = sums.get(tx_hash, (sender, 0))
    sums[tx_hash] = (first, before + amount)
