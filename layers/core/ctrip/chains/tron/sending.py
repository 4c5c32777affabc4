"""What it takes to send: bytes that are offered to every endpoint until one takes them, receipts, what is missed."""

from hashlib import sha256
from typing import Any

from ctrip.chains.shared.errors import Unreachable
from ctrip.chains.shared.pool import Pool
from ctrip.chains.tron import codec
from ctrip.chains.tron.bodies import succeeded
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.chains.tron.errors import TAKEN, judged, readable
from ctrip.chains.tron.logs import transfer_of
from ctrip.domain.chains.chain import Receipt, TokenTransfer
from ctrip.domain.chains.tron.transaction import raw_of
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Unavailable, WrongChain

# A transaction can be mined in a block whose time is its expiration at the latest; so much more must have passed.
AFTER_EXPIRATION_MS = 60_000
# Blocks in which a node that keeps transactions must show that it does.
_RECENT = 5


def broadcast(pool: Pool[Endpoint], raw: str) -> None:
    """Offer signed bytes to every usable endpoint until one holds them.

    A refusal goes on to the next endpoint: a node that lags knows less. `Unavailable` where each of them failed, or
    would take the bytes later; `BroadcastRejected` with all reasons otherwise. Whoever was too slow, or was cut off,
    may have taken the bytes, so neither of them says that they were not sent.
    """
    try:
        tx_hash = sha256(raw_of(bytes.fromhex(raw))).hexdigest()
    except ValueError as exc:
        raise BroadcastRejected("not a signed transaction") from exc
    reasons: list[tuple[str, ChainError]] = []
    for endpoint in pool.usable():
        try:
            return pool.attempt(endpoint, lambda each: _offer(each, raw, tx_hash))
        except ChainError as exc:
            reasons.append((endpoint.name, exc))
    raise _verdict(reasons) if reasons else pool.nobody()


def _offer(endpoint: Endpoint, raw: str, tx_hash: str) -> None:
    try:
        answer = codec.table(endpoint.full("broadcasthex", {"transaction": raw}))
    except Refused as exc:  # its path to broadcast fails: no word about the transaction
        raise Unreachable(str(exc)) from exc
    code = answer.get("code", "SUCCESS" if answer.get("result") is True else None)
    if code not in TAKEN:
        message = answer.get("message")
        raise judged(code, message if isinstance(message, str) else readable(message), endpoint.secrets)
    if "txid" in answer and codec.identifier(answer["txid"]) != tx_hash:
        raise Unreachable(f"{endpoint.name}: another transaction's id")


def _verdict(reasons: list[tuple[str, ChainError]]) -> ChainError:
    words = "; ".join(f"{name}: {str(reason).removeprefix(f'{name}: ')}" for name, reason in reasons)
    if any(isinstance(reason, BroadcastRejected) for _, reason in reasons):
        return BroadcastRejected(words)
    wrong = all(isinstance(reason, WrongChain) for _, reason in reasons)
    return WrongChain(words) if wrong else Unavailable(words)


def info_of(endpoint: Endpoint, tx_hash: str) -> dict[str, Any] | None:
    """Return what became of a transaction in a final block; None where it is in none."""
    found = codec.table(endpoint.solid("gettransactioninfobyid", {"value": tx_hash}))
    if found and codec.identifier(found["id"]) != tx_hash:
        raise Unreachable(f"{endpoint.name}: another transaction than the one asked for")
    return found or None


def transaction_of(endpoint: Endpoint, tx_hash: str, *, solid: bool) -> dict[str, Any] | None:
    """Return a transaction as it was sent; on the full side also one that waits, and then as if it had succeeded."""
    found = codec.table((endpoint.solid if solid else endpoint.full)("gettransactionbyid", {"value": tx_hash}))
    if found and codec.identifier(found["txID"]) != tx_hash:
        raise Unreachable(f"{endpoint.name}: another transaction than the one asked for")
    return found or None


def receipt(endpoint: Endpoint, tx_hash: str) -> Receipt | None:
    """Return a final transaction's receipt: what became of it is said by its info alone."""
    info = info_of(endpoint, tx_hash)
    transaction = transaction_of(endpoint, tx_hash, solid=True) if info is not None else None
    if info is None or transaction is None:
        return None
    height = codec.number(info, "blockNumber")
    block = endpoint.header(height)
    if block is None or block.number != height:
        return None
    (contract,) = codec.rows(codec.table(transaction["raw_data"])["contract"])
    value = codec.table(codec.table(contract["parameter"])["value"])
    success = succeeded(info)
    return Receipt(
        tx_hash=tx_hash,
        block_number=block.number,
        block_hash=block.hash,
        success=success,
        fee=codec.number(info, "fee"),
        value=codec.number(value, "amount" if contract["type"] == "TransferContract" else "call_value"),
        sender=codec.address(value["owner_address"]),
        to=_receiver(value),
        token_transfers=tuple(_token_transfers(info)) if success else (),
    )


def _receiver(value: dict[str, Any]) -> str | None:
    named = next(
        (value[name] for name in ("to_address", "contract_address", "receiver_address") if name in value), None
    )
    return None if named is None else codec.address(named)


def _token_transfers(info: dict[str, Any]) -> list[TokenTransfer]:
    """Read a transaction's Transfer logs, numbered within it."""
    found: list[TokenTransfer] = []
    for index, log in enumerate(map(codec.table, codec.rows(info.get("log")))):
        if moved := transfer_of(codec.rows(log.get("topics")), log.get("data", "")):
            sender, to, amount = moved
            found.append(TokenTransfer(codec.short_address(log["address"]), sender, to, amount, index))
    return found


def missed(pool: Pool[Endpoint], tx_hash: str, expiration: int) -> bool:
    """Whether a transaction was not mined and cannot be any more, as one endpoint proves and no other contradicts."""
    proven = False
    for endpoint in pool.usable():
        if not endpoint.sees(pool.now()):
            continue
        try:
            found = pool.attempt(endpoint, lambda each: _missed(each, tx_hash, expiration))
        except ChainError:
            continue
        if found is False:
            return False
        proven = proven or found is True
    return proven


def _missed(endpoint: Endpoint, tx_hash: str, expiration: int) -> bool | None:
    """Say whether one endpoint proves it; False where it knows the transaction, None where it proves nothing.

    The final block is read first: what is not known then was not mined up to it.
    """
    head = endpoint.head()
    if info_of(endpoint, tx_hash) is not None or transaction_of(endpoint, tx_hash, solid=True) is not None:
        return False
    if head.time <= expiration + AFTER_EXPIRATION_MS or not _keeps_transactions(endpoint, head.number):
        return None
    return True


def _keeps_transactions(endpoint: Endpoint, head: int) -> bool:
    """Whether a node knows those of its newest final blocks: one that keeps none would know no transaction at all."""
    if not endpoint.traits.get("keeps transactions"):
        asked = {"startNum": max(head - _RECENT + 1, 1), "endNum": head + 1}
        blocks = codec.rows(codec.table(endpoint.solid("getblockbylimitnext", asked)).get("block"))
        recent = [each for block in blocks for each in codec.rows(codec.table(block).get("transactions"))]
        if recent and info_of(endpoint, codec.identifier(codec.table(recent[-1])["txID"])) is None:
            return False
        endpoint.traits["keeps transactions"] = bool(recent)
    return True
