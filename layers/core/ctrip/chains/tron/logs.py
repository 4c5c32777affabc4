"""What arrived of a token, by its Transfer logs: many addresses in one request, the newest range first.

Logs are asked of JSON-RPC: on final blocks where the entry names one, else on the full node up to a final block that
its own solid side shows. Where there is none at all, the newest `BLOCKS` blocks are read one by one.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from ctrip.chains.shared.errors import Missing, TooMuch, Unsupported
from ctrip.chains.shared.logs import Firsts, walked
from ctrip.chains.shared.pool import Pool
from ctrip.chains.tron import codec
from ctrip.chains.tron.bodies import infos, succeeded
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.domain.chains.chain import Transfer

LOG_RANGE = 5_000
RECIPIENTS = 1_000
BLOCKS = 256


def token_transfers(
    pool: Pool[Endpoint], contract: str, firsts: Firsts, last: int, turn: int
) -> dict[str, list[Transfer]]:
    """Return what came to each address. Raises where no endpoint answers for the newest range."""
    newest_range = functools.partial(_newest_range, contract=contract)
    return walked(pool, newest_range, firsts, last, recipients=RECIPIENTS, turn=turn, state=True)


def _newest_range(
    endpoint: Endpoint, *, contract: str, firsts: Firsts, last: int
) -> tuple[int, list[tuple[str, Transfer]]]:
    """Read as many of the newest blocks as the node gives at once; return the first of them too."""
    if endpoint.head().number < last:
        raise Missing(f"{endpoint.name}: block {last} is not final there yet")
    concerned = {address: first for address, first in firsts.items() if first <= last}
    if not endpoint.traits.get("no logs"):
        try:
            endpoint.check_rpc()
            return _by_logs(endpoint, contract, concerned, last)
        except Unsupported:
            endpoint.traits["no logs"] = True
    return _by_infos(endpoint, contract, concerned, last)


def _by_logs(endpoint: Endpoint, contract: str, firsts: Firsts, last: int) -> tuple[int, list[tuple[str, Transfer]]]:
    window = endpoint.window("logs", LOG_RANGE)
    kept = window.kept()
    while True:
        start = max(min(firsts.values()), last - window.size + 1)
        try:
            logs = endpoint.rpc("eth_getLogs", [_filter(contract, firsts, start, last)])
        except TooMuch:
            if not window.shrink(asked=last - start + 1):
                window.put_back(kept)
                raise
            continue
        window.fits()
        return start, list(_incoming(map(_from_rpc, logs), contract, firsts, start, last))


def _filter(contract: str, recipients: Firsts, first: int, last: int) -> dict[str, Any]:
    return {
        "address": codec.rpc_address(contract),
        "topics": [f"0x{codec.TRANSFER}", None, [f"0x{codec.topic(address)}" for address in recipients]],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }


def _by_infos(endpoint: Endpoint, contract: str, firsts: Firsts, last: int) -> tuple[int, list[tuple[str, Transfer]]]:
    """Read blocks one by one, and name the whole range as read: what lies further back stays unexplained."""
    first = min(firsts.values())
    found: list[tuple[str, Transfer]] = []
    for height in range(last, max(first, last - BLOCKS + 1) - 1, -1):
        some = list(_incoming(_of_block(infos(endpoint, height), height), contract, firsts, first, last))
        header = endpoint.header(height) if some else None
        if header is not None:
            found += [(to, _at(transfer, header.hash)) for to, transfer in some]
    return first, found


def _at(transfer: Transfer, block_hash: str) -> Transfer:
    return Transfer(
        transfer.tx_hash, transfer.log_index, transfer.block_number, block_hash, transfer.sender, transfer.amount
    )


_Log = tuple[str, Sequence[Any], Any, str, int, int, str]
"""Contract, topics, data, transaction, its log's index in the block, the block's number and id."""


def _from_rpc(log: Any) -> _Log:
    found = codec.table(log)
    if found.get("removed"):
        return "", (), "", "", 0, 0, ""
    return (
        codec.short_address(found["address"]),
        codec.rows(found["topics"]),
        found["data"],
        codec.identifier(found["transactionHash"]),
        codec.quantity(found["logIndex"]),
        codec.quantity(found["blockNumber"]),
        codec.identifier(found["blockHash"]),
    )


def _of_block(found: Sequence[dict[str, Any]], height: int) -> Iterator[_Log]:
    """Number a block's logs as JSON-RPC does: through all of its transactions."""
    index = 0
    for info in found:
        for log in map(codec.table, codec.rows(info.get("log"))):
            if succeeded(info):
                contract, topics = codec.short_address(log["address"]), codec.rows(log.get("topics"))
                yield contract, topics, log.get("data", ""), codec.identifier(info["id"]), index, height, ""
            index += 1


def _incoming(logs: Any, contract: str, firsts: Firsts, first: int, last: int) -> Iterator[tuple[str, Transfer]]:
    """Keep what is exactly asked for: a node's own filter is not relied on."""
    recipients = {codec.topic(address): address for address in firsts}
    for emitter, topics, data, tx_hash, index, number, block_hash in logs:
        moved = transfer_of(topics, data) if emitter == contract else None
        recipient = recipients.get(codec.topic(moved[1])) if moved else None
        if moved is None or recipient is None or not max(first, firsts[recipient]) <= number <= last:
            continue
        sender, _, amount = moved
        if amount and sender != recipient:
            yield recipient, Transfer(tx_hash, index, number, block_hash, sender, amount)


def transfer_of(topics: Sequence[Any], data: Any) -> tuple[str, str, int] | None:
    """Read a Transfer log as sender, receiver and amount; None of any other log."""
    if len(topics) != 3 or not isinstance(data, str) or len(data.removeprefix("0x")) != 64:
        return None
    if codec.identifier(topics[0]) != codec.TRANSFER:
        return None
    return codec.from_topic(topics[1]), codec.from_topic(topics[2]), int.from_bytes(codec.octets(data))
