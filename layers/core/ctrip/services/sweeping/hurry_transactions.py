"""Replace own transactions that no block takes, and cancel those of payments that are held."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.evm.transaction import Transaction, transfer_data
from ctrip.domain.errors import AlreadyExists, Unavailable
from ctrip.domain.payments.payment import Flag, Payment, Status
from ctrip.domain.sweeping import gas
from ctrip.domain.sweeping.gas import Price
from ctrip.domain.sweeping.sweep import NATIVE_GAS, Attempt, Kind, OutgoingTransaction
from ctrip.ports import PaymentStore
from ctrip.services.sweeping.send_transactions import IntentSender


@dataclass(frozen=True, slots=True)
class _Cost:
    needed: int  # gas
    price: Price
    below: int

    @property
    def total(self) -> int:
        """What the transaction may cost."""
        return self.needed * self.price.max_fee + self.below


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentHurrier:
    """Looks at the lowest nonce of each sender that no block has taken: those behind it wait for it.

    The gas station's are hurried whatever became of the payment, as all later ones wait behind them. A held payment's
    own sweep is never hurried: its nonce is used for a transaction that moves nothing.
    """

    sender: IntentSender
    payments: PaymentStore
    treasury: str

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
        lowest: dict[str, OutgoingTransaction] = {}
        for intent in sorted(unfinished, key=lambda each: -each.nonce):
            if intent.waiting:
                lowest[intent.sender.lower()] = intent
        funded = {each.payment_id for each in unfinished if each.kind is Kind.FUND}
        count = 0
        # The gas station's first: the most depends on them.
        for intent in sorted(lowest.values(), key=lambda each: each.kind is not Kind.FUND):
            if not enough() and (intent.kind is Kind.FUND or intent.asset == asset_key):
                with apart(intent):
                    count += self._one(intent, known, funded)
        return count

    def _one(self, intent: OutgoingTransaction, known: Mapping[str, Payment], funded: set[str]) -> bool:
        payment = known.get(intent.payment_id) if intent.kind is Kind.SWEEP else None
        if payment is None and intent.kind is Kind.SWEEP:
            payment = self.payments.get(intent.payment_id)
        cancel = payment is not None and Flag.HELD in payment.flags
        if intent.kind is Kind.SWEEP and not cancel and not _credited(payment):
            return False
        if not self._due(intent, cancel) or not self._lowest(intent):
            return False
        whole = intent.kind is Kind.SWEEP and intent.token is None
        network, fees = self.sender.network, self.sender.market.fees()
        price = gas.raised(intent, fees, network.fee_floor, network.fee_cap, whole=whole)
        if price is None:
            self._capped(intent)
            return False
        needed = NATIVE_GAS if cancel and not network.gas_estimated else intent.attempts[-1].gas
        cost = _Cost(needed, price, self.sender.chain.layer_fee())
        made = self._cancelling(intent, cost) if cancel else self._replacement(intent, cost, payment, funded)
        if made is None:
            return False
        now = self.sender.clock.now()
        after = replace(
            intent, attempts=(*intent.attempts, made), refusal=None, updated_at=now, version=intent.version + 1
        )
        self.sender.money.write_intent(intent, after)
        self.sender.broadcast(after)
        return True

    def _due(self, intent: OutgoingTransaction, cancel: bool) -> bool:
        market, last = self.sender.market, intent.attempts[-1]
        if len(intent.attempts) >= gas.MOST_ATTEMPTS:
            self.sender.log.error("too_many_attempts", intent=intent.key)
            return False
        if cancel and not last.cancels:
            return True
        if gas.refused(intent, market.head()):
            return not self.sender.chain.known(last.tx_hash)
        slow = gas.slow(intent, self.sender.network, market.head(), self.sender.clock.now())
        return slow and not gas.hopeless(intent.refusal)

    def _lowest(self, intent: OutgoingTransaction) -> bool:
        """Whether the chain waits for this very nonce: one behind an earlier one is not hurried by more money."""
        market = self.sender.market
        used = self.sender.chain.nonce_at(intent.sender, market.head())
        if used is None:
            raise Unavailable(f"no endpoint tells the nonce at block {market.head().number}")
        return used == intent.nonce

    def _capped(self, intent: OutgoingTransaction) -> None:
        refusal, cap = intent.refusal, str(self.sender.network.fee_cap)
        if refusal is None or refusal.capped:
            self.sender.log.warning("fee_cap_reached", intent=intent.key, cap=cap)
            return
        self.sender.log.error("fee_cap_reached", intent=intent.key, cap=cap)
        self.sender.note(intent, replace(intent, refusal=replace(refusal, capped=True)))

    def _cancelling(self, intent: OutgoingTransaction, cost: _Cost) -> Attempt | None:
        """Use the nonce for a transaction to the sender itself that moves nothing."""
        coin = self._coin(intent)
        if coin < cost.total:
            self.sender.log.error("cannot_replace", intent=intent.key, balance=str(coin))
            return None
        return self._sign(intent, self._transaction(intent, cost, to=intent.sender), below=cost.below, cancels=True)

    def _replacement(
        self, intent: OutgoingTransaction, cost: _Cost, payment: Payment | None, funded: set[str]
    ) -> Attempt | None:
        """Do the same at a higher price; what is moved is what is there now."""
        last, coin, amount = intent.attempts[-1], self._coin(intent), 0
        transaction = self._transaction(intent, cost, to=intent.token or intent.to)
        if intent.kind is Kind.FUND:
            # The transfer that waits for this gas will cost more, too.
            grown = last.value * cost.price.max_fee // last.max_fee
            value = max(last.value, min(grown, self.sender.network.gas_funding_cap))
            transaction = replace(transaction, value=value if coin >= value + cost.total else last.value)
        elif intent.token is None:
            transaction = replace(transaction, value=coin - cost.total)
        else:
            amount = self._balance(intent.sender, intent.token)
            if amount == 0:
                return self._cancelling(intent, cost)
            transaction = replace(transaction, data=transfer_data(self.treasury, amount))
        if coin < transaction.value + cost.total or (transaction.value <= 0 and intent.token is None):
            self._too_poor(intent, cost, coin, payment, funded)
            return None
        return self._sign(intent, transaction, below=cost.below, amount=amount)

    def _too_poor(
        self, intent: OutgoingTransaction, cost: _Cost, coin: int, payment: Payment | None, funded: set[str]
    ) -> None:
        """Give more gas to a token's sweep that has become too dear for what was given; the others can only wait."""
        if payment is None or intent.token is None:
            self.sender.log.error("cannot_replace", intent=intent.key, balance=str(coin))
        elif payment.id not in funded and (gift := self.sender.fund(payment, cost.total, coin)) is not None:
            try:
                self.sender.money.write_intent(None, gift)  # the payment goes on naming its sweep
            except AlreadyExists:
                return  # the station's nonce was taken meanwhile: the next job gives it
            self.sender.broadcast(gift)

    def _transaction(self, intent: OutgoingTransaction, cost: _Cost, *, to: str) -> Transaction:
        return Transaction(
            chain_id=self.sender.network.chain_id,
            nonce=intent.nonce,
            to=to,
            value=0,
            gas=cost.needed,
            max_fee=cost.price.max_fee,
            priority_fee=cost.price.tip,
            legacy=self.sender.market.fees().legacy,
        )

    def _sign(
        self,
        intent: OutgoingTransaction,
        transaction: Transaction,
        *,
        below: int,
        amount: int = 0,
        cancels: bool = False,
    ) -> Attempt:
        return self.sender.attempt(
            intent.path,
            intent.sender,
            transaction,
            recipient_path=intent.recipient_path,
            amount=amount,
            below=below,
            cancels=cancels,
        )

    def _coin(self, intent: OutgoingTransaction) -> int:
        return self._balance(intent.sender, None)

    def _balance(self, address: str, token: str | None) -> int:
        found = self.sender.market.balances(BalanceQuery(address, token))
        if found is None:
            raise Unavailable("a balance is unknown")
        return found[0]


def _credited(payment: Payment | None) -> bool:
    return payment is not None and payment.status in (Status.PAID, Status.SETTLED)
