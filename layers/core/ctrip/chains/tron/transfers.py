"""Own transactions on Tron: the `ports.Transfers` of energy, bandwidth and an expiry.

A transaction has no nonce and is never replaced: it is mined before it expires, or never. One more is made once a final
block's time is past its expiry and the node's final side does not know it. TRX are moved whole, for nothing where free
bytes are left. A token's transfer needs energy: what its sender was lent, or rented, is used first, and the rest is
burnt. So the gas station lends what an address lacks where it has staked enough, and gives it TRX to burn elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.chains.tron.node import TronNode
from ctrip.chains.tron.terms import AttemptTerms, QuoteTerms, expires_at, quote_terms, written
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.chains.tron.account import Account, Prices
from ctrip.domain.chains.tron.acts import transfer_data
from ctrip.domain.chains.tron.transaction import Transaction, stamp_after
from ctrip.domain.errors import Reverts, Unavailable
from ctrip.domain.sweeping.plan import Collection, Fate, Held, Order, Outlook, Planned, Quote
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, Refusal, Terms
from ctrip.ports.runtime import Clock, Log

# What transactions measure, signed; a node counts a few bytes more or less as amounts are long.
COIN_BYTES, TOKEN_BYTES, LENDING_BYTES = 270, 350, 285
# What the main network's USDT uses, to an address that holds some, and to one that holds none yet.
USUAL_ENERGY, USUAL_PAYOUT_ENERGY = 65_000, 131_000
EXPIRES_MS = 600_000  # after the final block that it names: that one is a minute old by itself
ACTIVATION_SUN = 1
# After its time a transaction is proven to be mined or not within a minute or two; so much later it is an alarm.
UNCLEAR_MS = 600_000
_TOLD: Terms = (("told", 1),)
PRICES_MS = 600_000  # for which prices are kept: they change by a vote


@dataclass(slots=True)
class TronTransfers:
    """What one job or pass knows of a Tron network: the newest final block and today's prices."""

    network: Network
    node: TronNode
    clock: Clock
    log: Log
    _head: tuple[int, Block] | None = None
    _prices: tuple[int, Prices] | None = None
    _loans: dict[str, int] | None = None

    def head(self) -> Block:
        """Return the newest final block."""
        if self._head is None or self.clock.now() - self._head[0] >= self.network.poll_seconds * 1000:
            self._head = (self.clock.now(), self.node.head())
        return self._head[1]

    def balances(self, *wanted: BalanceQuery) -> list[int] | None:
        """Return balances at the newest final block, of coin no more than is free; None where one is unknown.

        The full side knows what our own transactions that wait have taken already.
        """
        found = [
            balance if each.token is not None or balance is None else min(balance, self._free(each.address))
            for each, balance in zip(wanted, self.holdings(wanted), strict=True)
        ]
        known = [balance for balance in found if balance is not None]
        return known if len(known) == len(found) else None

    def holdings(self, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return balances at the newest final block, in the order asked; None is unknown."""
        self._head = None  # the chain shows the newest one's state alone
        return self.node.balances(self.head(), wanted)

    # -- first attempts

    def price(self) -> int:
        """Return what is burnt for a unit of energy."""
        return self._today().energy

    def usual_cost(self, token: str | None, *, together: int = 0) -> int:
        """Return about what a sweep costs that burns its energy, from an address that must be activated."""
        today = self._today()
        return today.activation + USUAL_ENERGY * today.energy if token else COIN_BYTES * today.byte

    def usual_payout(self, token: str | None) -> int:
        """Return about what a payout costs, to an address that is new."""
        today = self._today()
        work = USUAL_PAYOUT_ENERGY * today.energy if token else today.activation
        return work + (TOKEN_BYTES if token else COIN_BYTES) * today.byte

    @property
    def lends(self) -> bool:
        """Say yes: staked energy."""
        return True

    def quote(self, order: Order, coin: int, *, giver: str = "") -> Quote:
        """Say what a transfer costs whose sender may use so much coin; a `giver` may have staked the energy for it.

        Raises `Reverts` where the token would refuse it (a blacklisted sender, a paused contract), and where somebody
        else's key may sign for the sender: whatever is sent there may be gone before our transaction is mined.
        """
        sender = self.node.account(order.sender)
        if sender.foreign and order.path:  # a treasury's permissions are its owner's business
            self.log.error("account_permission_changed", chain=self.network.name, address=order.sender)
            raise Reverts("another key than ours may sign for its address: the account's permissions were changed")
        if order.token is None:
            return Quote(self._coin_cost(sender, order.to))
        return self._token_quote(order, sender, coin, giver)

    def transfer(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned | None:
        """Plan a transfer that was quoted; at most one of a deposit address is under way."""
        if last is not None and last.kind is Kind.SWEEP and last.waiting:
            raise Unavailable("the last transaction of this address may be mined yet")
        if order.token is None:
            amount = order.amount - quote.cost
            return self._planned(order, quote, last, to=order.to, coin=amount) if amount > 0 else None
        data = transfer_data(order.to, order.amount)
        return self._planned(order, quote, last, to=order.token, data=data, amount=order.amount)

    def quote_gift(self, order: Order, need: Quote) -> Quote:
        """Say what it costs to give coin, or to lend energy where the giver has staked enough for what is lacking.

        An address that does not exist yet is activated first, with the least that there is: it can be lent nothing.
        """
        station, terms = self.node.account(order.sender), quote_terms(need.terms)
        if terms.stake and not terms.idle:
            cost = _bytes_cost(station, LENDING_BYTES, self._today())
            return Quote(cost, terms=written(QuoteTerms(stake=terms.stake)))
        return Quote(self._coin_cost(station, order.to), gift=order.amount)

    def give(self, order: Order, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Plan a plain transfer of coin, or the lending of energy."""
        if stake := quote_terms(quote.terms).stake:
            return self._planned(order, quote, last, to=order.to, stake=stake)
        return self._planned(order, quote, last, to=order.to, coin=order.amount)

    # -- what was lent

    def on_loan(self, station: str) -> list[str]:
        """Return the addresses that the gas station has lent energy to."""
        self._loans = dict(self.node.lent(station))
        return list(self._loans)

    def take_back(self, station: str, address: str, last: OutgoingTransaction | None) -> Planned | None:
        """Plan to end a loan, whole; None where there is none any more."""
        # As they were listed: to list them is a request for each loan, and there may be many.
        loans = dict(self.node.lent(station)) if self._loans is None else self._loans
        stake = loans.pop(address, 0)
        if not stake:
            return None
        quote = Quote(_bytes_cost(self.node.account(station), LENDING_BYTES, self._today()))
        return self._planned(Order(station, None, address, 0), quote, last, to=address, back=stake)

    # -- many addresses, or many recipients, at once: one transaction for many is dearer here than many

    def cannot_collect(self, to: str, operator: str) -> str:
        """Say that there is no contract for it."""
        return "Tron's addresses cannot let a contract act for them for nothing"

    def quote_collection(self, orders: Sequence[Order], operator: str) -> Collection:
        """Choose nobody."""
        return Collection(Quote(0), ())

    def next_slot(self, sender: str, last: OutgoingTransaction | None) -> str:
        """Refuse: a slot here follows from the transaction."""
        raise Reverts(self.cannot_collect("", sender))

    def collect(self, collection: Collection, operator: str, slot: str) -> Planned:
        """Refuse."""
        raise Reverts(self.cannot_collect("", operator))

    def cannot_pay_together(self, treasury: str) -> str:
        """Say that it saves nothing."""
        return "one transaction for many recipients is dearer on Tron than one for each"

    def quote_payouts(self, orders: Sequence[Order]) -> Collection:
        """Choose nobody."""
        return Collection(Quote(0), ())

    def pay_together(self, collection: Collection, last: OutgoingTransaction | None) -> Planned:
        """Refuse."""
        raise Reverts(self.cannot_pay_together(""))

    def quote_allowance(self, treasury: str, token: str, count: int) -> Quote | None:
        """Need none."""
        return None

    def allow(self, treasury: str, token: str, quote: Quote, last: OutgoingTransaction | None) -> Planned:
        """Refuse."""
        raise Reverts(self.cannot_pay_together(""))

    # -- later attempts: there are none, as two would both be mined

    def in_turn(self, waiting: Sequence[OutgoingTransaction]) -> list[OutgoingTransaction]:
        """Choose all: none waits for another."""
        return list(waiting)

    def due(self, transaction: OutgoingTransaction, *, cancel: bool) -> bool:
        """Say no: it is mined, or expires."""
        return False

    def requote(self, transaction: OutgoingTransaction, *, cancel: bool) -> Quote | None:
        """Offer nothing."""
        return None

    def replacement(
        self, transaction: OutgoingTransaction, quote: Quote, held: Held, to: str, *, cancel: bool
    ) -> Planned | None:
        """Plan nothing."""
        return None

    def hopeless(self, refusal: Refusal) -> bool:
        """Say no: nothing is offered at another price."""
        return False

    # -- following

    def fate(self, transaction: OutgoingTransaction, head: Block, final: int) -> Fate:
        """Go by the final side alone; what a node answered to the broadcast says nothing of it."""
        for attempt in transaction.attempts:
            receipt = self.node.receipt(attempt.tx_hash)
            if receipt is not None:
                return Fate(Outlook.OPEN, receipt if receipt.block_number <= head.number else None)
        if head.time <= max(map(expires_at, transaction.attempts)):
            return Fate(Outlook.OPEN)
        # Nothing is offered again once its time is over: a node answers the same, whether it was mined or not.
        if all(self.node.missed(each.tx_hash, expires_at(each)) for each in transaction.attempts):
            return Fate(Outlook.EXPIRED, search=transaction.search)
        return Fate(Outlook.SEARCHED, search=self._told(transaction, head))

    def _told(self, transaction: OutgoingTransaction, head: Block) -> Terms:
        """Alarm once where nobody can tell for long: until somebody can, the money stays where it is."""
        late = head.time - max(map(expires_at, transaction.attempts)) > UNCLEAR_MS
        if late and transaction.search != _TOLD:
            told = {"transaction": transaction.key, "payment": ", ".join(transaction.payment_ids)}
            self.log.error("receipt_missing", **told, block=head.number)
        return _TOLD if late else transaction.search

    def hurry(self, transaction: OutgoingTransaction, head: Block) -> bool:
        """Say no."""
        return False

    # -- parts

    def _token_quote(self, order: Order, sender: Account, coin: int, giver: str) -> Quote:
        """Ask what the call needs: with room for what a vote on the energy factor may add meanwhile.

        The limit counts borrowed energy too, at its price.
        """
        today = self._today()
        need = self.node.energy_of(order.sender, str(order.token), transfer_data(order.to, order.amount))
        lacks = max(need - sender.energy, 0)
        # A new account has its free bytes for the day.
        by_bytes = _bytes_cost(sender, TOKEN_BYTES, today) if sender.activated else 0
        idle, room = not sender.activated, lacks * 11 // 10
        stake = self._lent_for(giver, room)
        least = ACTIVATION_SUN if idle else 0  # whoever has no account on the chain can send nothing
        short = max(lacks * today.energy + by_bytes - coin, least)
        gift = max(room * today.energy + by_bytes - coin, short)
        fee = lacks * 5 // 4 * today.energy + by_bytes
        if stake and short:
            short, gift, fee = 1, least, by_bytes
        terms = QuoteTerms(fee_limit=need * 5 // 4 * today.energy, stake=stake, idle=int(idle))
        giving = today.activation if idle else COIN_BYTES * today.byte
        return Quote(fee, short=short, gift=gift if short else 0, gift_fee=giving if short else 0, terms=written(terms))

    def _lent_for(self, owner: str, energy: int) -> int:
        """Return the sun of stake that lend so much energy; 0 where the owner cannot."""
        if not owner or not energy:
            return 0
        stake = self.node.stake(owner)
        sun = stake.for_energy(energy)
        return sun if sun is not None and sun <= stake.lendable else 0

    def _coin_cost(self, sender: Account, to: str) -> int:
        today = self._today()
        return _bytes_cost(sender, COIN_BYTES, today) if self.node.account(to).activated else today.activation

    def _planned(
        self,
        order: Order,
        quote: Quote,
        last: OutgoingTransaction | None,
        *,
        to: str,
        coin: int = 0,
        data: str = "",
        amount: int = 0,
        stake: int = 0,
        back: int = 0,
    ) -> Planned:
        reference = self.node.reference()
        if self.clock.now() - reference.time > EXPIRES_MS // 2:
            raise Unavailable("the final blocks stand still: what names one would expire before it is mined")
        transaction = Transaction(
            sender=order.sender,
            to=to,
            amount=coin or stake or back,
            data=data,
            fee_limit=quote_terms(quote.terms).fee_limit if data else 0,
            lends=stake > 0,
            takes_back=back > 0,
            ref_block=reference.number % 2**16,
            ref_hash=reference.hash[16:32],
            expiration=reference.time + EXPIRES_MS,
            # So that no two are the same, whatever else they have in common.
            timestamp=max(reference.time, stamp_after(last.slot) if last else 0),
        )
        return Planned(
            transaction=transaction,
            slot=transaction.slot,
            value=coin,
            amount=amount,
            cost=quote.fee,
            terms=written(AttemptTerms(expires=transaction.expiration)),
        )

    def _free(self, address: str) -> int:
        return self.node.account(address).balance

    def _today(self) -> Prices:
        if self._prices is None or self.clock.now() - self._prices[0] >= PRICES_MS:
            self._prices = (self.clock.now(), self.node.prices())
        return self._prices[1]


def _bytes_cost(sender: Account, size: int, today: Prices) -> int:
    """Return what is burnt for a transaction's bytes: nothing as long as its sender has so many free."""
    return 0 if sender.bandwidth >= size else size * today.byte
