"""Our own transactions as one scanner knows them: what they have moved, and which payments wait for their fate."""

from dataclasses import dataclass, field

from ctrip.domain.chains.chain import Block, OwnTransfer
from ctrip.domain.detection.observe import net
from ctrip.domain.payments.payment import Payment, Tier
from ctrip.domain.sweeping.sweep import could_explain, parse_key
from ctrip.ports.gates import Fence
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.sight import Sight
from ctrip.services.detection.troubles import Troubles
from ctrip.services.detection.watch_list import WatchList
from ctrip.services.sweeping.follow_transactions import TransactionFollower

UNCLEAR_MS = 60_000  # after which an own transaction that moved money, and shows no receipt, is an alarm


@dataclass(slots=True, kw_only=True)
class OwnTransactions:
    """Our own transactions on one chain, from pass to pass."""

    follower: TransactionFollower
    money: MoneyStore
    clock: Clock
    log: Log
    fence: Fence
    watch: WatchList
    troubles: Troubles
    following: int = 1  # unfinished ones at the last look; at first there may be some
    moves: dict[str, tuple[OwnTransfer, ...]] = field(default_factory=dict)  # by payment: of sweeps mined and not final
    unsure: frozenset[str] = frozenset()  # payments with an own transaction whose fate nobody can tell
    followed: int = -1  # the block up to which our own transactions were asked about in this pass
    alarmed: set[str] = field(default_factory=set)  # payments that wait for an own transaction's receipt

    def follow(self, head: Block, final: int) -> None:
        """Follow our own transactions, where there may be any; what fails leaves the payments concerned undecided."""
        sweeping = any(row.tier is Tier.SWEEP for row in self.watch.rows.values())
        busy = any(payment.own.pending for payment in self.watch.read.values())
        self.moves, self.followed = {}, head.number
        if not (self.following or sweeping or busy):
            self.unsure = frozenset()
            return
        with self.troubles.apart("following"):
            found = self.follower.follow(head, final, self.fence)
            self.following, self.moves, self.unsure = found.unfinished, found.moves, found.unsure
            for payment in found.changed:
                self.watch.keep(payment)
            if found.failure is not None:
                self.troubles.found["own transactions"] = found.failure

    def with_moves(self, payment: Payment) -> Payment:
        """Add what our sweep under way has moved already: the balance shows it, the payment will once it is final."""
        moves = self.moves.get(payment.id)
        return payment.changed(moves=(*payment.own.moves, *moves)) if moves else payment

    def reopened(self, payment: Payment, sight: Sight) -> bool:
        """Take back own transactions whose block is gone; the payment is then decided in the next pass."""
        gone: list[str] = []
        with self.troubles.apart(payment.id):
            gone = sight.gone(payment)
        for key in gone:
            with self.troubles.apart(payment.id):
                changed = self.follower.reopen(payment, key, self.fence)
                self.following = 1
                for after in changed:
                    self.watch.keep(after)
        return bool(gone)

    def awaited(self, payment: Payment, balance: int, sight: Sight) -> bool:
        """Whether money left by what must be our own transaction, of which no receipt is seen.

        Nothing is concluded from the missing receipt: the follower finds out what became of the transaction, however
        long that takes, and until then the payment stays as it is.
        """
        received = net(payment, balance, payment.seen.baseline or 0, sight.at.number)
        left = payment.seen.amount_received - (received if received is not None else 0)
        if left <= 0 or not sight.intact(payment):
            return False  # what a reorganisation took has not left by a transaction of ours
        key = payment.own.pending
        known = any(move.transaction == key for move in payment.own.moves)
        transaction = self.money.transaction(*parse_key(key)) if key and not known else None
        member = transaction.member(payment.id) if transaction else None
        ours = bool(transaction and member and could_explain(transaction, member, payment.due.token_address, left))
        if not (ours or payment.id in self.unsure):
            return False
        since = transaction.updated_at if transaction else payment.times.updated_at
        # In a block that came after that the receipt may well be: the next pass asks.
        overdue = self.clock.now() - since > UNCLEAR_MS and sight.at.number <= self.followed
        if overdue and payment.id not in self.unsure | self.alarmed:  # of the unsure ones the follower tells
            self.alarmed.add(payment.id)
            self.log.error("own_transaction_unclear", payment=payment.id, chain=payment.due.chain)
        return True
