"""What it takes to send: fees, receipts, and bytes that are offered to every endpoint until one takes them."""

from collections.abc import Callable
from typing import Any

from eth_utils.crypto import keccak

from ctrip.chains.evm.codec import TRANSFER, account, digest, from_topic, octets, quantity
from ctrip.chains.evm.endpoints import Endpoint
from ctrip.chains.evm.errors import SEND, BadSignature, Known, Unreachable
from ctrip.chains.shared.pool import Pool
from ctrip.domain.chains.chain import Receipt, TokenTransfer
from ctrip.domain.chains.evm.transaction import Fees
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Unavailable, Underpriced, WrongChain

# Blocks whose cheapest transactions show what the network takes, and how cheap those are: the tenth percentile.
_RECENT_BLOCKS, _CHEAPEST = 10, 10


def broadcast(pool: Pool[Endpoint], raw: str) -> None:
    """Offer signed bytes to every usable endpoint until one holds them; that it answers with their hash is no proof.

    A refusal of the signature ends the round, as no node would take the bytes. Any other refusal goes on to the next
    endpoint: "insufficient funds" and "nonce too low" may be a node that lags.

    How the round is judged where nobody took them: an endpoint that did not answer, has no such method, is throttled
    or failed within itself gave no opinion of the transaction. `Underpriced` where every opinion was that the price is
    too low, with the lowest fee that any of them names; it is a hint, which the caller bounds. `BroadcastRejected`
    with all reasons where anything else was answered, `Unavailable` where nothing was.
    """
    try:
        tx_hash = "0x" + keccak(octets(raw)).hex()
    except ValueError as exc:
        raise BroadcastRejected("not bytes") from exc
    for last in (False, True):
        reasons: list[tuple[str, ChainError]] = []
        for endpoint in pool.usable():
            try:
                return pool.attempt(endpoint, lambda each: _offer(each, raw, tx_hash, pool.pause))
            except BadSignature as exc:
                raise BroadcastRejected(f"{endpoint.name}: {exc}") from exc
            except ChainError as exc:
                reasons.append((endpoint.name, exc))
        if not reasons:
            raise pool.nobody()
        # Who was too slow may have taken them; it is not waited for twice.
        if last or not all(type(reason) is Unreachable for _, reason in reasons):
            raise _verdict(reasons)
        pool.pause()
    raise AssertionError  # the second turn returns or raises


def _offer(endpoint: Endpoint, raw: str, tx_hash: str, pause: Callable[[], None]) -> None:
    """Hand bytes to one node, and look them up: some take them with an error, some answer well and drop them.

    geth does the latter to a delegated account's second transaction, and to an authority's whose delegation waits.
    """
    try:
        if digest(endpoint.call(SEND, [raw])) != tx_hash:
            raise Unreachable(f"{endpoint.name}: another transaction's hash")
    except Known:
        return
    except BadSignature:
        raise
    except (BroadcastRejected, Refused):
        if not _holds(endpoint, tx_hash):
            raise
        return
    if _holds(endpoint, tx_hash) is False:
        pause()  # another node of one address may answer, a moment behind
        if _holds(endpoint, tx_hash) is False:
            raise BroadcastRejected(f"{endpoint.name}: it answers with the hash and does not hold the transaction")


def _holds(endpoint: Endpoint, tx_hash: str) -> bool | None:
    """Whether a node holds a transaction; None where it does not tell."""
    try:
        found = endpoint.call("eth_getTransactionByHash", [tx_hash])
    except ChainError:
        return None
    if found is not None and not isinstance(found, dict):
        return None
    return found is not None and digest(found["hash"]) == tx_hash


def _verdict(reasons: list[tuple[str, ChainError]]) -> ChainError:
    opinions = [reason for _, reason in reasons if isinstance(reason, BroadcastRejected)]
    words = "; ".join(f"{name}: {str(reason).removeprefix(f'{name}: ')}" for name, reason in reasons)
    if opinions and all(isinstance(reason, Underpriced) for reason in opinions):
        named = [reason.minimum for reason in opinions if isinstance(reason, Underpriced) and reason.minimum]
        return Underpriced(words, min(named, default=None))
    if any(isinstance(reason, BroadcastRejected | Refused) for _, reason in reasons):
        return BroadcastRejected(words)
    wrong = all(isinstance(reason, WrongChain) for _, reason in reasons)
    return WrongChain(words) if wrong else Unavailable(words)


def whole(answers: list[Any]) -> list[Any]:
    """Pass a batch on in which every call was answered; raise the first error otherwise."""
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return answers


def fees(endpoint: Endpoint) -> Fees:
    """Read what a transaction costs: a tip of at least one wei, and no less than what blocks lately took."""
    history = [hex(_RECENT_BLOCKS), "latest", [_CHEAPEST]]
    calls: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", ["latest", False]), ("eth_gasPrice", [])]
    calls += [("eth_maxPriorityFeePerGas", []), ("eth_feeHistory", history)]
    head, price, priority, recent = endpoint.batch(calls)
    whole([head, price])
    gas_price = quantity(price)
    if head.get("baseFeePerGas") is None:
        return Fees(gas_price, 0, legacy=True)
    base = quantity(head["baseFeePerGas"])
    # A node without eth_maxPriorityFeePerGas still adds its suggestion to eth_gasPrice.
    suggested = gas_price - base if isinstance(priority, ChainError) else quantity(priority)
    return Fees(base, max(1, suggested, _least_paid(recent)))


def _least_paid(history: Any) -> int:
    """Return the lowest tip among the cheapest ones of each recent block that held transactions; 0 where none tells."""
    if not isinstance(history, dict):
        return 0
    rewards, full = history.get("reward") or (), history.get("gasUsedRatio") or ()
    tips = [quantity(each[0]) for each, used in zip(rewards, full, strict=False) if each and used]
    return min(tips, default=0)


def receipt(transaction: dict[str, Any], found: dict[str, Any]) -> Receipt:
    """Read a receipt, and what its transaction paid."""
    price = quantity(found.get("effectiveGasPrice") or transaction["gasPrice"])
    l1_fee = quantity(found["l1Fee"]) if found.get("l1Fee") else 0  # OP stack: paid on top of gas
    return Receipt(
        tx_hash=digest(found["transactionHash"]),
        block_number=quantity(found["blockNumber"]),
        block_hash=digest(found["blockHash"]),
        success=quantity(found["status"]) == 1,
        fee=quantity(found["gasUsed"]) * price + l1_fee,
        value=quantity(transaction["value"]),
        sender=account(transaction["from"]),
        to=account(transaction["to"]) if transaction.get("to") else None,
        token_transfers=tuple(_token_transfer(log) for log in found["logs"] if _is_transfer(log)),
    )


def _is_transfer(log: dict[str, Any]) -> bool:
    return len(log["topics"]) == 3 and log["topics"][0] == TRANSFER and len(log["data"]) == 66


def _token_transfer(log: dict[str, Any]) -> TokenTransfer:
    sender, to = from_topic(log["topics"][1]), from_topic(log["topics"][2])
    return TokenTransfer(account(log["address"]), sender, to, quantity(log["data"]), quantity(log["logIndex"]))
