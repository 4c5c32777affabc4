"""What arrived of a token, by its Transfer logs: many addresses in one request, the newest range first.

The budget: at most `LOG_REQUESTS` ranges for each hundred addresses of a contract, each of as many blocks as the node
gives (10,000 at most). What lies further back stays unexplained; nothing is ever made up.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from ctrip.chains.evm.codec import TRANSFER, account, digest, from_topic, quantity, topic
from ctrip.chains.evm.endpoints import Endpoint
from ctrip.chains.evm.errors import TooMuch
from ctrip.chains.shared.logs import Firsts, walked
from ctrip.chains.shared.pool import Pool
from ctrip.domain.chains.chain import Transfer

LOG_RANGE = 10_000
# Providers take up to a thousand topics in one position; some take fewer.
RECIPIENTS = 100


def token_transfers(
    pool: Pool[Endpoint], contract: str, firsts: Firsts, last: int, turn: int
) -> dict[str, list[Transfer]]:
    """Return what came to each address. Raises where no endpoint answers for the newest range."""
    newest_range = functools.partial(_newest_range, contract=contract)
    return walked(pool, newest_range, firsts, last, recipients=RECIPIENTS, turn=turn, state=False)


def _newest_range(
    endpoint: Endpoint, *, contract: str, firsts: Firsts, last: int
) -> tuple[int, list[tuple[str, Transfer]]]:
    """Read as many of the newest blocks as the node gives at once; return the first of them too."""
    window = endpoint.window("logs", LOG_RANGE)
    kept = window.kept()
    concerned = {address: first for address, first in firsts.items() if first <= last}
    while True:
        start = max(min(concerned.values()), last - window.size + 1)
        try:
            logs = endpoint.call("eth_getLogs", [_log_filter(contract, concerned, start, last)])
        except TooMuch:
            if not window.shrink(asked=last - start + 1):
                window.put_back(kept)
                raise
            continue
        window.fits()
        return start, list(_incoming(logs, contract, concerned, start, last))


def _log_filter(contract: str, recipients: Firsts, first: int, last: int) -> dict[str, Any]:
    topics = [topic(address) for address in recipients]
    return {
        "address": contract,
        "topics": [TRANSFER, None, topics[0] if len(topics) == 1 else topics],
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }


def _incoming(
    logs: Sequence[dict[str, Any]], contract: str, firsts: Firsts, first: int, last: int
) -> Iterator[tuple[str, Transfer]]:
    """Keep what is exactly asked for: a node's own filter is not relied on."""
    recipients = {topic(address): address for address in firsts}
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
        recipient = recipients.get(topics[2].lower())
        if topics[0] != TRANSFER or recipient is None or not max(first, firsts[recipient]) <= number <= last:
            continue
        sender = from_topic(topics[1])
        if amount and sender != account(recipient):
            yield (
                recipient,
                Transfer(
                    digest(log["transactionHash"]),
                    quantity(log["logIndex"]),
                    number,
                    digest(log["blockHash"]),
                    sender,
                    amount,
                ),
            )
