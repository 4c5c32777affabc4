"""Find out whether a nonce that the chain has used was used by an attempt of ours: a missing receipt proves nothing."""

from dataclasses import dataclass, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.ports import Chain, Clock, Log, MoneyStore

# For so long a receipt may be late without anybody being alarmed.
LEAST_PATIENCE_MS = 20_000
PATIENCE_BLOCKS = 20
EARLIER = 8  # blocks that are read before the one that was newest at the first signing
BLOCKS_A_PASS = 64
# How often one is looked at whose nonce went to another: after an eighth of the time since, within these bounds.
SOONEST_LOOK_MS = 10_000
LATEST_LOOK_MS = 300_000
LEAST_WATCH_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceWatcher:
    """Judges intents of one chain whose nonce is used and of which no receipt is seen.

    The nonce went to another only where every block from the first attempt to a final one by which the nonce was used
    has been read whole and lists none of the attempts. (An EIP-7702 authorization uses a nonce without a transaction of
    its sender.) The progress is kept in the intent.
    """

    network: Network
    chain: Chain
    money: MoneyStore
    clock: Clock
    log: Log

    def taken(self, intent: OutgoingTransaction, final: int) -> OutgoingTransaction | None:
        """Take the search a step further; return the intent where it has ended without finding one of our attempts."""
        now = self.clock.now()
        if not intent.missing_since:
            self._note(intent, missing_since=now)
            return None
        if now - intent.missing_since < self._patience_ms():
            return None
        if not intent.passed_at:
            return self._begin(intent, final)
        return self._read(intent)

    def unused(self, intent: OutgoingTransaction) -> OutgoingTransaction:
        """Forget the search where a reorganisation has freed the nonce again."""
        if not intent.missing_since:
            return intent
        after = self.cleared(intent)
        return self._note(intent, missing_since=after.missing_since, passed_at=0, searched=0)

    def cleared(self, intent: OutgoingTransaction) -> OutgoingTransaction:
        """Return an intent that knows of no search."""
        return replace(intent, missing_since=0, passed_at=0, searched=0, taken_at=0)

    def look_again(self, intent: OutgoingTransaction) -> bool:
        """Whether it is time to look at one whose nonce went to another."""
        now = self.clock.now()
        pause = min(max((now - intent.taken_at) // 8, SOONEST_LOOK_MS), LATEST_LOOK_MS)
        return now - intent.updated_at >= pause

    def watched_long_enough(self, intent: OutgoingTransaction, payment: Payment) -> bool:
        """Whether the payment's monitoring time has gone by without a receipt, a day at least."""
        watch = max(payment.policy.monitoring_seconds * 1000, LEAST_WATCH_MS)
        return self.clock.now() - intent.taken_at >= watch

    def _begin(self, intent: OutgoingTransaction, final: int) -> OutgoingTransaction | None:
        """Alarm, and begin the search, once a final block shows that the nonce is used."""
        block = self.chain.blocks([final]).get(final) if final >= 0 else None
        used = self.chain.nonce_at(intent.sender, block) if block else None
        if block is None or used is None or used <= intent.nonce:
            return None
        self.log.error("receipt_missing", intent=intent.key, payment=intent.payment_id, block=block.number)
        first = max(min(each.head for each in intent.attempts) - EARLIER, 0)
        return self._read(self._note(intent, passed_at=block.number, searched=first))

    def _read(self, intent: OutgoingTransaction) -> OutgoingTransaction | None:
        """Read the next blocks; one that no node holds, or that lists an attempt of ours, is where the search waits."""
        ours = {attempt.tx_hash.lower() for attempt in intent.attempts}
        end = min(intent.searched + BLOCKS_A_PASS, intent.passed_at + 1)
        bodies = self.chain.hashes(range(intent.searched, end)) if end > intent.searched else {}
        read = intent.searched
        while read < end and read in bodies and not ours & {each.lower() for each in bodies[read]}:
            read += 1
        if read > intent.passed_at:
            return intent
        if read > intent.searched:
            self._note(intent, searched=read)
        return None

    def _patience_ms(self) -> int:
        return max(LEAST_PATIENCE_MS, round(PATIENCE_BLOCKS * self.network.block_seconds * 1000))

    def _note(self, intent: OutgoingTransaction, **changes: int) -> OutgoingTransaction:
        after = replace(intent, updated_at=self.clock.now(), version=intent.version + 1, **changes)  # type: ignore[arg-type]
        self.money.write_intent(intent, after)
        return after
