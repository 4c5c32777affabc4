"""Find out whether a nonce that the chain has used was used by an attempt of ours: a missing receipt proves nothing."""

from dataclasses import dataclass, replace

from ctrip.chains.evm.node import EvmNode
from ctrip.chains.evm.terms import Search, nonce_of, search_of, written
from ctrip.domain.chains.assets import Network
from ctrip.domain.sweeping.plan import Fate, Outlook
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.ports.runtime import Clock, Log

# For so long a receipt may be late without anybody being alarmed.
LEAST_PATIENCE_MS = 20_000
PATIENCE_BLOCKS = 20
EARLIER = 8  # blocks that are read before the one that was newest at the first signing
BLOCKS_A_PASS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceSearch:
    """Judges transactions of one chain whose nonce is used and of which no receipt is seen.

    The nonce went to another only where every block from the first attempt to a final one by which the nonce was used
    has been read whole and lists none of the attempts. (An EIP-7702 authorization uses a nonce without a transaction of
    its sender.) The progress is kept with the transaction.
    """

    network: Network
    node: EvmNode
    clock: Clock
    log: Log

    def step(self, transaction: OutgoingTransaction, final: int) -> Fate:
        """Take the search a step further; it has ended where none of our attempts was found."""
        now, search = self.clock.now(), search_of(transaction)
        if not search.missing_since:
            return self._goes_on(Search(missing_since=now))
        if now - search.missing_since < self._patience_ms():
            return self._goes_on(search)
        if not search.passed_at:
            search = self._begun(transaction, search, final)
        return self._read(transaction, search) if search.passed_at else self._goes_on(search)

    def _begun(self, transaction: OutgoingTransaction, search: Search, final: int) -> Search:
        """Alarm, and begin the search, once a final block shows that the nonce is used."""
        block = self.node.blocks([final]).get(final) if final >= 0 else None
        used = self.node.nonce_at(transaction.sender, block) if block else None
        if block is None or used is None or used <= nonce_of(transaction):
            return search
        self.log.error(
            "receipt_missing",
            transaction=transaction.key,
            payment=", ".join(transaction.payment_ids),
            block=block.number,
        )
        first = max(min(each.head for each in transaction.attempts) - EARLIER, 0)
        return replace(search, passed_at=block.number, searched=first)

    def _read(self, transaction: OutgoingTransaction, search: Search) -> Fate:
        """Read the next blocks; one that no node holds, or that lists an attempt of ours, is where the search waits."""
        ours = {attempt.tx_hash.lower() for attempt in transaction.attempts}
        end = min(search.searched + BLOCKS_A_PASS, search.passed_at + 1)
        bodies = self.node.hashes(range(search.searched, end)) if end > search.searched else {}
        read = search.searched
        while read < end and read in bodies and not ours & {each.lower() for each in bodies[read]}:
            read += 1
        if read > search.passed_at:
            return Fate(Outlook.LOST, search=transaction.search)
        return self._goes_on(replace(search, searched=read))

    def _patience_ms(self) -> int:
        return max(LEAST_PATIENCE_MS, round(PATIENCE_BLOCKS * self.network.block_seconds * 1000))

    def _goes_on(self, search: Search) -> Fate:
        return Fate(Outlook.SEARCHED, search=written(search))
