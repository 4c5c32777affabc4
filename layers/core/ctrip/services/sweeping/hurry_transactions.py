"""Replace own transactions that no block takes, and cancel those of payments that are held."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.errors import AlreadyExists, Unavailable
from ctrip.domain.payments.payment import Flag, Payment
from ctrip.domain.sweeping.plan import Held, Quote
from ctrip.domain.sweeping.sweep import Attempt, Kind, OutgoingTransaction
from ctrip.ports.payments import PaymentStore
from ctrip.services.sweeping.send_transactions import TransactionSender


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionHurrier:
    """Looks at transactions that no block has taken, and that wait for no earlier one.

    The gas station's are hurried whatever became of the payment, as later ones may wait behind them. A held payment's
    own sweep is never hurried: its slot is used for a transaction that moves nothing. `treasury_of` says where a sweep
    goes now, empty where it waits for a treasury.
    """

    sender: TransactionSender
    payments: PaymentStore
    treasury_of: Callable[[OutgoingTransaction], str]

    def run(
        self,
        asset_key: str,
        known: Mapping[str, Payment],
        apart: Callable[[OutgoingTransaction], AbstractContextManager[None]],
        enough: Callable[[], bool],
    ) -> int:
        """Hurry what is due among the gas station's transactions and the sweeps of an asset; return how many.

        `known` are payments that need not be read again; `apart` keeps one's trouble to itself; `enough` ends the job.
        """
        unfinished = self.sender.money.unfinished(self.sender.network.name)
        waiting = self.sender.transfers.in_turn([each for each in unfinished if each.waiting])
        funded = {each for gift in unfinished if gift.kind is Kind.FUND for each in gift.payment_ids}
        count = 0
        # The gas station's first: the most depends on them.
        for transaction in sorted(waiting, key=lambda each: each.kind is not Kind.FUND):
            if not enough() and (transaction.kind is not Kind.SWEEP or transaction.asset == asset_key):
                with apart(transaction):
                    count += self._one(transaction, known, funded)
        return count

    def _one(self, transaction: OutgoingTransaction, known: Mapping[str, Payment], funded: set[str]) -> bool:
        served = [known.get(each) or self.payments.get(each) for each in self._swept(transaction)]
        cancel = any(payment is not None and Flag.HELD in payment.flags for payment in served)
        # A batch goes on whatever became of some of its payments: later ones wait behind it.
        if not cancel and not transaction.collects and not all(map(_swept_there, served)):
            return False
        transfers, treasury = self.sender.transfers, self.treasury_of(transaction)
        if transaction.kind is Kind.SWEEP and not treasury and not cancel:
            return False
        if not transfers.due(transaction, cancel=cancel):
            return False
        quote = transfers.requote(transaction, cancel=cancel)
        if quote is None:
            self._capped(transaction)
            return False
        held = self._held(transaction, cancel, served)
        planned = transfers.replacement(transaction, quote, held, treasury, cancel=cancel)
        if planned is None:
            alone = not cancel and len(served) == 1 and not transaction.collects
            self._too_poor(transaction, quote, held, served[0] if alone else None, funded)
            return False
        made = self.sender.attempt(
            transaction.path,
            transaction.sender,
            planned,
            recipient_path=transaction.recipient_path,
            payouts=transaction.named,
        )
        now = self.sender.clock.now()
        after = replace(
            transaction,
            attempts=(*_slimmed(transaction), made),
            refusal=None,
            updated_at=now,
            version=transaction.version + 1,
        )
        self.sender.money.write_transaction(transaction, after)
        self.sender.broadcast(after)
        return True

    def _swept(self, transaction: OutgoingTransaction) -> tuple[str, ...]:
        """Name the payments that are asked about: a gift goes on whatever became of them."""
        return transaction.payment_ids if transaction.kind is Kind.SWEEP else ()

    def _capped(self, transaction: OutgoingTransaction) -> None:
        refusal, cap = transaction.refusal, str(self.sender.network.fee_cap)
        if refusal is None or refusal.capped:
            self.sender.log.warning("fee_cap_reached", transaction=transaction.key, cap=cap)
            return
        self.sender.log.error("fee_cap_reached", transaction=transaction.key, cap=cap)
        self.sender.note(transaction, replace(transaction, refusal=replace(refusal, capped=True)))

    def _too_poor(
        self, transaction: OutgoingTransaction, quote: Quote, held: Held, payment: Payment | None, funded: set[str]
    ) -> None:
        """Give more coin to a token's sweep that has become too dear for what was given; the others can only wait."""
        gone = payment is not None and self.sender.taken_away(payment, held.coin)
        if payment is None or transaction.token is None or held.amount == 0 or gone:
            self.sender.log.error("cannot_replace", transaction=transaction.key, balance=str(held.coin))
            return
        need = replace(quote, short=max(quote.cost - held.coin, 0))
        if payment.id not in funded and (gift := self.sender.fund(payment, need)) is not None:
            try:
                self.sender.money.write_transaction(None, gift)  # the payment goes on naming its sweep
            except AlreadyExists:
                return  # the station's slot was taken meanwhile: the next job gives it
            self.sender.broadcast(gift)

    def _held(self, transaction: OutgoingTransaction, cancel: bool, served: Sequence[Payment | None]) -> Held:
        """Read what the sender may use: of the coin, and of the token that is to be moved.

        Of the coin at a token's deposit address what we have given; only what cancels may use all that is there.
        """
        tokens = [None] if cancel or transaction.collects or transaction.token is None else [None, transaction.token]
        found = self.sender.transfers.balances(*(BalanceQuery(transaction.sender, token) for token in tokens))
        if found is None:
            raise Unavailable("a balance is unknown")
        if len(tokens) > 1 and served and served[0] is not None:
            return Held(found[-1], min(found[0], max(served[0].given_coin, 0)))
        return Held(found[-1], found[0])


def _slimmed(transaction: OutgoingTransaction) -> tuple[Attempt, ...]:
    """Leave out the bytes of a batch's older attempts: they are long, and only the newest are ever sent again."""
    if not transaction.collects:
        return transaction.attempts
    return tuple(replace(each, raw="") for each in transaction.attempts)


def _swept_there(payment: Payment | None) -> bool:
    return payment is not None and payment.is_swept
