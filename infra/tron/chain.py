"""Blocks of the stand-in's ledger, and the transactions in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from infra.tron.evm import Environment
from infra.tron.wire import Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A transaction that was executed, once: when it was broadcast.

    `result` is its contractRet, `info` what nodes tell of it without block and time, and `moves` what it changed of
    whose TRX, in order.
    """

    signed: Signed
    version: int
    result: str
    info: dict[str, Any] = field(default_factory=dict)
    moves: tuple[tuple[bytes, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of the ledger; `version` names the machine's state after it."""

    number: int
    id: str
    parent: str
    time: int
    version: int
    transactions: tuple[Executed, ...] = ()

    @property
    def environment(self) -> Environment:
        """Return what contracts are told of the chain at this block."""
        return Environment(self.number, self.time, self.parent)

    @property
    def root(self) -> str:
        """Return the hash of its transactions."""
        ids = b"".join(bytes.fromhex(each.signed.tx_id) for each in self.transactions)
        return sha256(ids).hexdigest() if ids else "00" * 32


def genesis(chain_id: int, time: int, version: int) -> Block:
    """Return the first block, whose id ends with the chain's own."""
    digest = sha256(f"the stand-in's first block, {chain_id}".encode()).digest()
    identifier = bytes(8) + digest[8:28] + chain_id.to_bytes(4, "big")
    return Block(number=0, id=identifier.hex(), parent="00" * 32, time=time, version=version)


def next_block(head: Block, time: int, version: int, transactions: tuple[Executed, ...], fork: int) -> Block:
    """Return the block after another; `fork` tells apart what would else be the same block on another branch."""
    number = head.number + 1
    ids = b"".join(bytes.fromhex(each.signed.tx_id) for each in transactions)
    digest = sha256(bytes.fromhex(head.id) + ids + f"{time} {fork}".encode()).hexdigest()
    identifier = number.to_bytes(8, "big").hex() + digest[16:]
    return Block(number=number, id=identifier, parent=head.id, time=time, version=version, transactions=transactions)
