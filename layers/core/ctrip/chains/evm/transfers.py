"""Own transactions on EVM chains: the `ports.Transfers` of nonces and gas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ctrip.chains.evm import gas
from ctrip.chains.evm.batches import USUAL_GAS, USUAL_START_GAS, EvmBatches, batch
from ctrip.chains.evm.node import EvmNode
from ctrip.chains.evm.payouts import EvmPayouts, pay_together
from ctrip.chains.evm.search import NonceSearch
from ctrip.chains.evm.terms import GasTerms, gas_terms, nonce_of, terms_of, written
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery, Block, Receipt
from ctrip.domain.chains.evm.pay_call import approve_data
from ctrip.domain.chains.evm.sweep_contracts import payout_batcher
from ctrip.domain.chains.evm.transaction import (
    NATIVE_GAS,
    NO_CALL,
    Authorization,
    Fees,
    Transaction,
    slot_of,
    transfer_data,
)
from ctrip.domain.errors import Refused, Reverts, Unavailable
from ctrip.domain.sweeping.plan import Collection, Fate, Held, Order, Outlook, Planned, Quote
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, Refusal, Terms, TransactionState
from ctrip.ports.runtime import Clock, Log

TOKEN_SWEEP_GAS = 100_000  # about what the gas and the transfer of a token cost together
TOKEN_PAYOUT_GAS = 65_000  # about what a transfer of a token needs, to an address that held none of it


@dataclass(slots=True)
class EvmTransfers:
    """What one job or pass knows of an EVM chain: the newest block and today's fees, asked for again once old."""

    network: Network
    node: EvmNode
    clock: Clock
    log: Log
    _head: tuple[int, Block] | None = None
    _fees: tuple[int, Fees] | None = None
    _code: dict[str, bool] = field(default_factory=dict)

    def head(self) -> Block:
        """Return the newest block: balances and nonces are read at it."""
        if self._head is None or self._old(self._head[0]):
            self._head = (self.clock.now(), self.node.head())
        return self._head[1]

    def balances(self, *wanted: BalanceQuery) -> list[int] | None:
        """Return balances at the newest block; None where one of them is unknown, which is never zero."""
        found = [each for each in self.node.balances(self.head(), wanted) if each is not None]
        return found if len(found) == len(wanted) else None

    def holdings(self, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return balances at the newest block, in the order asked; None is unknown."""
        return self.node.balances(self.head(), wanted)

    # -- first attempts

    def price(self) -> int:
        """Return what a unit of gas costs now."""
        return self._price().max_fee

    def usual_cost(self, token: str | None, *, together: int = 0) -> int:
        """Return about what a sweep costs, with the gas that its address must be given, or its part of a batch."""
        usual = USUAL_GAS + USUAL_START_GAS // together if together else TOKEN_SWEEP_GAS
        return (usual if token else NATIVE_GAS) * self._price().max_fee

    def usual_payout(self, token: str | None) -> int:
        """Return about what a payout costs, with what the layer below asks."""
        return self._quoted(TOKEN_PAYOUT_GAS if token else NATIVE_GAS, self._price()).cost

    @property
    def lends(self) -> bool:
        """Say no: gas is paid in coin."""
        return False

    def quote(self, order: Order, coin: int, *, giver: str = "") -> Quote:
        """Say what a transfer costs; a token's is given its gas twice over: a rising base fee needs no second gift."""
        price = self._price()
        if order.token is None:
            return self._quoted(self._plain_gas(order.sender, order.to, 1), gas.Price(price.max_fee, price.max_fee))
        data = transfer_data(order.to, order.amount)
        needed = self._estimate(order.sender, order.token, 0, data) * 6 // 5
        quote = self._quoted(needed, gas.Price(price.max_fee, min(price.tip, price.max_fee)))
        short = max(quote.cost - coin, 0)
        if short and (reason := self._batches().elsewhere(order.sender)):
            raise Reverts(reason)  # coin that is sent there may be taken at once
        return replace(quote, short=short, gift=2 * quote.cost, gift_fee=NATIVE_GAS * price.max_fee)

    def transfer(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned | None:
        """Plan a transfer that was quoted; the whole coin leaves nothing behind, as its price is all tip."""
        nonce = self._next_nonce(order.sender, last)
        if order.token is not None:
            data = transfer_data(order.to, order.amount)
            return self._planned(quote, nonce, order.token, data=data, amount=order.amount)
        value = order.amount - quote.cost
        return self._planned(quote, nonce, order.to, value=value) if value > 0 else None

    def quote_gift(self, order: Order, need: Quote) -> Quote:
        """Say what it costs to give coin."""
        price = self._price()
        needed = self._plain_gas(order.sender, order.to, order.amount)
        terms = GasTerms(needed, price.max_fee, min(price.tip, price.max_fee))
        return Quote(needed * price.max_fee, gift=order.amount, terms=written(terms))

    def give(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Plan a plain transfer of coin."""
        return self._planned(quote, self._next_nonce(order.sender, last), order.to, value=order.amount)

    def on_loan(self, station: str) -> list[str]:
        """Return nobody: coin is given, and nothing is lent."""
        return []

    def take_back(self, station: str, address: str, last: OutgoingTransaction | None) -> Planned | None:
        """Plan nothing."""
        return None

    # -- many addresses at once

    def cannot_collect(self, to: str, operator: str) -> str:
        """Say why batches cannot be sent: a contract is missing, or the chain does not know EIP-7702."""
        return self._batches().missing(to, operator)

    def quote_collection(self, orders: Sequence[Order], operator: str) -> Collection:
        """Choose whom one batch can sweep, and say what it costs."""
        return self._batches().quote(orders, operator)

    def next_slot(self, sender: str, last: OutgoingTransaction | None) -> str:
        """Return the next nonce's slot."""
        return slot_of(self._next_nonce(sender, last))

    def collect(self, collection: Collection, operator: str, slot: str) -> Planned:
        """Plan a batch."""
        quote = self._batches().narrowed(collection, operator)
        return self._batch(quote, int(slot), operator, collection.orders, collection.terms)

    # -- many recipients at once

    def cannot_pay_together(self, treasury: str) -> str:
        """Say why payouts cannot be sent together: the contract is missing, or the chain's gas is of another kind."""
        return self._payouts().missing(treasury)

    def quote_payouts(self, orders: Sequence[Order]) -> Collection:
        """Choose whom one transaction pays for less gas, and say what it costs."""
        return self._payouts().quote(orders)

    def pay_together(self, collection: Collection, last: OutgoingTransaction | None) -> Planned:
        """Plan a call of the contract that pays many."""
        first = collection.orders[0]
        payments = [(each.to, each.amount) for each in collection.orders]
        nonce = self._next_nonce(first.sender, last)
        return self._paid_together(collection.quote, nonce, first.sender, first.token, payments)

    def quote_allowance(self, treasury: str, token: str, count: int) -> Quote | None:
        """Say what an approval of the token costs."""
        try:
            return self._payouts().quote_allowance(treasury, token, count)
        except Refused as exc:
            raise Reverts(str(exc)) from exc

    def allow(self, treasury: str, token: str, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Plan the approval."""
        data = approve_data(payout_batcher(treasury).address)
        return self._planned(quote, self._next_nonce(treasury, last), token, data=data)

    # -- later attempts

    def in_turn(self, waiting: Sequence[OutgoingTransaction]) -> list[OutgoingTransaction]:
        """Choose the lowest nonce of each sender: those behind it wait for it."""
        lowest: dict[str, OutgoingTransaction] = {}
        for transaction in sorted(waiting, key=nonce_of, reverse=True):
            lowest[transaction.sender.lower()] = transaction
        return list(lowest.values())

    def due(self, transaction: OutgoingTransaction, *, cancel: bool) -> bool:
        """Whether a higher price may help: the last one was refused, or waits too long, and the chain waits for it."""
        if len(transaction.attempts) >= gas.MOST_ATTEMPTS:
            self.log.error("too_many_attempts", transaction=transaction.key)
            return False
        return self._wanted(transaction, cancel) and self._lowest(transaction)

    def requote(self, transaction: OutgoingTransaction, *, cancel: bool) -> Quote | None:
        """Raise the price; None where the chain's cap leaves no room for that."""
        network, whole = self.network, transaction.kind is Kind.SWEEP and transaction.token is None
        last = terms_of(transaction.attempts[-1])
        needed = NATIVE_GAS if cancel and not network.gas_estimated else last.gas
        price = gas.raised(transaction, self._today(), network.fee_floor, network.fee_cap // needed, whole=whole)
        if price is None:
            return None
        quote = self._quoted(needed, price, last.gas_each)
        return replace(quote, gift=2 * quote.cost)

    def replacement(
        self, transaction: OutgoingTransaction, quote: Quote, held: Held, to: str, *, cancel: bool
    ) -> Planned | None:
        """Do the same at a higher price, or use the nonce for what moves nothing, to the sender itself."""
        nonce = nonce_of(transaction)
        again = transaction.collects and not cancel and transaction.to.lower() == to.lower()
        if again:
            return self._again(transaction, quote) if held.coin >= quote.cost else None
        if transaction.kind in (Kind.PAYOUT, Kind.ALLOWANCE):
            return self._paid_again(transaction, quote, held)
        elsewhere = transaction.kind is Kind.SWEEP and transaction.to.lower() != to.lower()  # the treasury has changed
        if cancel or elsewhere or (transaction.token is not None and held.amount == 0):
            made = self._planned(quote, nonce, transaction.sender, cancels=True)
        elif transaction.token is not None:
            data = transfer_data(to, held.amount)
            made = self._planned(quote, nonce, transaction.token, data=data, amount=held.amount)
        elif transaction.kind is Kind.FUND:
            made = self._planned(quote, nonce, transaction.to, value=self._regiven(transaction, quote, held.coin))
        else:
            made = self._planned(quote, nonce, transaction.to, value=held.coin - quote.cost)
        empty = made.value <= 0 and transaction.token is None and not made.cancels
        return None if empty or held.coin < made.value + quote.cost else made

    def hopeless(self, refusal: Refusal) -> bool:
        """Whether nodes refused what a higher price makes worse."""
        return gas.hopeless(refusal)

    # -- following

    def fate(self, transaction: OutgoingTransaction, head: Block, final: int) -> Fate:
        """Go by the nonce: free, used by an attempt with a receipt, or used by whoever it was."""
        used = self.node.nonce_at(transaction.sender, head)
        if used is not None and used <= nonce_of(transaction):
            return Fate(Outlook.OPEN)
        if receipt := self._receipt(transaction, head):
            return Fate(Outlook.OPEN, receipt, transaction.search)
        if used is None:
            return Fate(Outlook.UNKNOWN, search=transaction.search)
        if transaction.state is TransactionState.LOST:
            return Fate(Outlook.LOST, search=transaction.search)
        search = NonceSearch(network=self.network, node=self.node, clock=self.clock, log=self.log)
        return search.step(transaction, final)

    def hurry(self, transaction: OutgoingTransaction, head: Block) -> bool:
        """Whether its price was refused, or it is slow."""
        if transaction.refusal is not None:
            return gas.refused(transaction, head) and not transaction.refusal.capped
        now = self.clock.now()
        waited = now - transaction.attempts[-1].at
        turn = waited % gas.patience_ms(self.network, len(transaction.attempts)) < 2_000 * self.network.poll_seconds
        return turn and gas.slow(transaction, self.network, head, now)

    # -- parts

    def _payouts(self) -> EvmPayouts:
        return EvmPayouts(self.network, self.node, self.head(), self._price())

    def _batches(self) -> EvmBatches:
        return EvmBatches(self.network, self.node, self.head(), self._price())

    def _paid_again(self, transaction: OutgoingTransaction, quote: Quote, held: Held) -> Planned | None:
        """Pay the same amount to the same address: a payout is never changed by what is there now."""
        nonce, last = nonce_of(transaction), transaction.attempts[-1]
        if transaction.kind is Kind.ALLOWANCE:
            data = approve_data(payout_batcher(transaction.sender).address)
            made = self._planned(quote, nonce, str(transaction.token), data=data)
        elif transaction.together:
            payments = [(each.to, each.amount) for each in transaction.payouts]
            made = self._paid_together(quote, nonce, transaction.sender, transaction.token, payments)
        elif transaction.token is None:
            made = self._planned(quote, nonce, transaction.to, value=last.value)
        else:
            data = transfer_data(transaction.to, last.amount)
            made = self._planned(quote, nonce, transaction.token, data=data, amount=last.amount)
        return made if held.coin >= made.value + quote.cost and held.amount >= last.amount else None

    def _paid_together(
        self, quote: Quote, nonce: int, treasury: str, token: str | None, payments: Sequence[tuple[str, int]]
    ) -> Planned:
        to, value, data = pay_together(treasury, token, payments, gas_terms(quote.terms).gas_each)
        amount = 0 if token is None else sum(each for _, each in payments)
        return self._planned(quote, nonce, to, value=value, data=data, amount=amount)

    def _again(self, transaction: OutgoingTransaction, quote: Quote) -> Planned:
        """Repeat a batch: the same members with the same authorizations, whichever attempt is mined."""
        token, to = transaction.token, transaction.to
        orders = [Order(each.address, token, to, each.meant, each.path) for each in transaction.members]
        terms = {each.address: each.terms for each in transaction.members}
        return self._batch(quote, nonce_of(transaction), transaction.sender, orders, terms)

    def _batch(
        self, quote: Quote, nonce: int, operator: str, orders: Sequence[Order], terms: Mapping[str, Terms]
    ) -> Planned:
        to, data, authorizations = batch(orders, terms, operator, gas_terms(quote.terms).gas_each)
        amount = sum(order.amount for order in orders)
        return self._planned(quote, nonce, to, data=data, amount=amount, authorizations=authorizations)

    def _today(self) -> Fees:
        if self._fees is None or self._old(self._fees[0]):
            self._fees = (self.clock.now(), self.node.fees())
        return self._fees[1]

    def _price(self) -> gas.Price:
        return gas.price(self._today(), self.network.fee_floor)

    def _quoted(self, needed: int, price: gas.Price, gas_each: int = 0) -> Quote:
        terms = GasTerms(needed, price.max_fee, price.tip, gas_each)
        return Quote(needed * price.max_fee, self.node.layer_fee(), terms=written(terms))

    def _planned(
        self,
        quote: Quote,
        nonce: int,
        to: str,
        *,
        value: int = 0,
        data: str = NO_CALL,
        amount: int = 0,
        cancels: bool = False,
        authorizations: tuple[Authorization, ...] = (),
    ) -> Planned:
        offer = gas_terms(quote.terms)
        transaction = Transaction(
            chain_id=self.network.chain_id,
            nonce=nonce,
            to=to,
            value=value,
            data=data,
            gas=offer.gas,
            max_fee=offer.max_fee,
            priority_fee=offer.priority_fee,
            legacy=self._today().legacy,
            authorizations=authorizations,
        )
        return Planned(
            transaction=transaction,
            slot=slot_of(nonce),
            value=value,
            amount=amount,
            cost=quote.fee,
            beside=quote.beside,
            cancels=cancels,
            terms=quote.terms,
        )

    def _regiven(self, gift: OutgoingTransaction, quote: Quote, coin: int) -> int:
        """Return what to give now: the transfer that waits for this gas will cost more, too."""
        last = gift.attempts[-1]
        grown = last.value * gas_terms(quote.terms).max_fee // terms_of(last).max_fee
        value = max(last.value, min(grown, self.network.gas_funding_cap))
        return value if coin >= value + quote.cost else last.value

    def _plain_gas(self, sender: str, to: str, value: int) -> int:
        """Return the gas of a plain transfer: exactly 21,000 where no code and no layer below asks for more."""
        if not self.network.gas_estimated and not self._has_code(to):
            return NATIVE_GAS
        estimate = self._estimate(sender, to, value, NO_CALL)
        return estimate * 6 // 5 if self.network.gas_estimated else estimate

    def _estimate(self, sender: str, to: str, value: int, data: str) -> int:
        try:
            return self.node.estimate_gas(sender, to, value, data)
        except Refused as exc:
            raise Reverts(str(exc)) from exc

    def _has_code(self, address: str) -> bool:
        if address not in self._code:
            self._code[address] = self.node.has_code(address)
        return self._code[address]

    def _next_nonce(self, sender: str, last: OutgoingTransaction | None) -> int:
        """Return the nonce after our newest one, never behind the chain's; `Unavailable` where that is unknown."""
        used = self._used(sender)
        if last is not None and last.tx_hash is not None and used <= nonce_of(last):
            raise Unavailable("the nodes do not show our last transaction yet")
        if last is not None and not last.attempts:
            return max(nonce_of(last), used)  # it was given up before anything was signed
        return max(nonce_of(last) + 1 if last else 0, used)

    def _lowest(self, transaction: OutgoingTransaction) -> bool:
        """Whether the chain waits for this very nonce: one behind an earlier one is not hurried by more money."""
        return self._used(transaction.sender) == nonce_of(transaction)

    def _used(self, sender: str) -> int:
        used = self.node.nonce_at(sender, self.head())
        if used is None:
            raise Unavailable(f"no endpoint tells the nonce at block {self.head().number}")
        return used

    def _wanted(self, transaction: OutgoingTransaction, cancel: bool) -> bool:
        last = transaction.attempts[-1]
        if cancel and not last.cancels:
            return True
        if gas.refused(transaction, self.head()):
            return not self.node.known(last.tx_hash)
        slow = gas.slow(transaction, self.network, self.head(), self.clock.now())
        return slow and not gas.hopeless(transaction.refusal)

    def _receipt(self, transaction: OutgoingTransaction, head: Block) -> Receipt | None:
        """Find the attempt that the chain took."""
        for attempt in reversed(transaction.attempts):
            receipt = self.node.receipt(attempt.tx_hash)
            if receipt is not None and receipt.block_number <= head.number:
                return receipt
        return None

    def _old(self, at: int) -> bool:
        return self.clock.now() - at >= self.network.poll_seconds * 1000
