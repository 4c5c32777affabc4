"""The ledger: blocks, transactions that wait, which block is final, and the order in which a broadcast is checked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from coincurve import PublicKey

from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.tron.addresses import encoded
from infra.tron.chain import Block, Executed, genesis, next_block
from infra.tron.evm import Evm
from infra.tron.execution import execute
from infra.tron.options import Faults, Options
from infra.tron.refusals import Refusal, expired, unsigned
from infra.tron.wire import Signed, parse
from infra.tron.world import World

_KEPT_REFERENCES = 65_536
_DAY = 86_400_000
_BIGGEST = 512_000
Clock = Callable[[], int]


def wall_clock() -> int:
    """Return the time in unix milliseconds."""
    return time.time_ns() // 1_000_000


class Ledger:
    """One chain. Whoever uses it holds its `lock`."""

    def __init__(self, evm: Evm, options: Options, clock: Clock = wall_clock) -> None:
        self.options, self.faults, self.clock = options, Faults(), clock
        self.world = World(evm, options)
        self.lock = threading.RLock()
        first = clock() // 1000 * 1000 - options.block_ms
        self.blocks: list[Block] = [genesis(options.chain_id, first, evm.version())]
        self.pool: list[Executed] = []
        self.final = 0
        self._branch = 0
        self._by_id: dict[str, tuple[Executed, Block | None]] = {}
        self._lost: set[str] = set()

    # -- reading

    @property
    def head(self) -> Block:
        """Return the newest block."""
        return self.blocks[-1]

    @property
    def solid(self) -> Block:
        """Return the newest final block."""
        return self.blocks[self.final]

    def block(self, number: int, *, solid: bool) -> Block | None:
        """Return a block, up to the newest of a side."""
        return self.blocks[number] if 0 <= number <= (self.final if solid else self.head.number) else None

    def find(self, tx_id: str, *, solid: bool) -> tuple[Executed, Block | None] | None:
        """Return a transaction and its block; on the full side also one that waits, which has none."""
        found = self._by_id.get(tx_id)
        if found is None or (solid and (found[1] is None or found[1].number > self.final)):
            return None
        return found

    # -- time goes on

    def mine(self, count: int = 1, *, seconds: int | None = None) -> None:
        """Make blocks: the first takes what waits. The time goes on with the clock, and by a block at least."""
        for _ in range(count):
            step = self.options.block_ms if seconds is None else seconds * 1000
            at = max(self.head.time + step, self.clock() // 1000 * 1000 if seconds is None else 0)
            self._forget(at)
            taken = () if self.faults.hold else tuple(self.pool)
            waiting = [each.version for each in self.pool[len(taken) :]]
            version = min(waiting) - 1 if waiting else self.world.evm.version()
            block = next_block(self.head, at, max(version, self.head.version), taken, self._branch)
            self.blocks.append(block)
            self.pool = self.pool[len(taken) :]
            self._by_id |= {each.signed.tx_id: (each, block) for each in taken}
            self._finalize()

    def _finalize(self) -> None:
        if not self.faults.still:
            self.final = max(self.final, self.head.number - self.options.lag)

    def _forget(self, at: int) -> None:
        """Let go of what was lost, and of what the next block comes too late for."""
        over = {each.signed.tx_id for each in self.pool if each.signed.expiration < at}
        if gone := {each.signed.tx_id for each in self.pool} & (self._lost | over):
            self.drop(gone)

    def drop(self, gone: Iterable[str] | None = None) -> None:
        """Forget transactions that wait, or all of them, as if they had never been sent."""
        held = {each.signed.tx_id for each in self.pool} if gone is None else set(gone)
        waiting = [each.signed for each in self.pool if each.signed.tx_id not in held]
        self._undo_pool()
        for each in waiting:
            try:
                self._take(each)
            except Refusal:
                continue  # it needed what one that was dropped would have given

    def fork(self) -> None:
        """Forget all that is not final, mined or not, as a node does that was killed and starts again."""
        for block in self.blocks[self.final + 1 :]:
            for each in block.transactions:
                self._by_id.pop(each.signed.tx_id, None)
        self.blocks = self.blocks[: self.final + 1]
        self._branch += 1
        self._undo_pool()

    def _undo_pool(self) -> None:
        for each in self.pool:
            self._by_id.pop(each.signed.tx_id, None)
        self.pool = []
        self.world.back_to(self.head.version)

    # -- sending

    def broadcast(self, octets: bytes) -> Signed:
        """Take a signed transaction: it is executed now, and waits for a block. Raises `Refusal`."""
        signed = parse(octets)
        if self.faults.take("busy"):
            raise Refusal("SERVER_BUSY", "Server busy.")
        self._check(signed)
        self._take(signed)
        if self.faults.take("lost"):
            self._lost.add(signed.tx_id)
        return signed

    def _take(self, signed: Signed) -> None:
        done = execute(self.world, self.head, signed)
        self.pool.append(done)
        self._by_id[signed.tx_id] = (done, None)

    def _check(self, signed: Signed) -> None:
        """Refuse in the order in which a node does: expiry goes before the rest, so that it says nothing of a twin."""
        if not signed.signatures:
            raise unsigned("miss sig or contract")
        if signed.expiration < self.head.time + self.options.block_ms:
            raise expired()
        if not self._stands_on(signed):
            raise Refusal("TAPOS_ERROR", "Tapos check error.")
        if signed.size > _BIGGEST:
            raise Refusal("TOO_BIG_TRANSACTION_ERROR", "Transaction size is too big.")
        if signed.expiration > self.head.time + _DAY:
            raise expired()
        if signed.tx_id in self._by_id:
            raise Refusal("DUP_TRANSACTION_ERROR", "Dup transaction.")
        self._check_signers(signed)

    def _stands_on(self, signed: Signed) -> bool:
        """Whether the block that it names is one of this chain: head or final, of the last 65,536."""
        wanted = int.from_bytes(signed.ref_bytes, "big")
        number = self.head.number - (self.head.number - wanted) % _KEPT_REFERENCES
        return number >= 0 and bytes.fromhex(self.blocks[number].id)[8:16] == signed.ref_hash

    def _check_signers(self, signed: Signed) -> None:
        owner = signed.call.owner
        account = self.world.accounts.get(owner)
        allowed = dict(account.signers(owner).keys) if account else {owner: 1}
        needed = account.signers(owner).threshold if account else 1
        weight = 0
        for signature in signed.signatures:
            signer = _signer(signed, signature)
            if signer not in allowed:
                told = f"{signature.hex()} is signed by {encoded(signer)}"
                raise unsigned(f"{told} but it is not contained of permission.")
            weight += allowed[signer]
        if weight < needed:
            raise unsigned("the weight of the signatures is below the threshold")


def _signer(signed: Signed, signature: bytes) -> bytes:
    """Return the 20 octets of who signed."""
    if len(signature) < 65:
        raise unsigned(f"Signature size is {len(signature)}")
    place = signature[64] - 27 if signature[64] >= 27 else signature[64]
    try:
        digest = bytes.fromhex(signed.tx_id)
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([place]), digest, hasher=None)
    except Exception as exc:  # coincurve raises nothing narrower for a signature that recovers to no key
        raise unsigned("java.lang.IllegalArgumentException: Invalid point compression") from exc
    return keccak(key.format(compressed=False)[1:])[-20:]
