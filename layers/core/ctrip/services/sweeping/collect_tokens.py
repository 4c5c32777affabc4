"""Take a token from many deposit addresses at once: one transaction of the operator's, written before it is sent."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import address_path, rules_of
from ctrip.domain.errors import AlreadyExists, Busy, Reverts, Stale, Unavailable
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.plan import Collection, Order, Quote
from ctrip.domain.sweeping.policy import LARGEST_BATCH
from ctrip.domain.sweeping.sweep import Kind, Member, OutgoingTransaction, TransactionState
from ctrip.domain.sweeping.treasury import OPERATOR
from ctrip.ports.payments import PaymentStore
from ctrip.services.sweeping.admit_sweeps import SweepAdmission
from ctrip.services.sweeping.send_transactions import TransactionSender

BATCHES = 4  # of one job
ALONE_AFTER = 2  # failures in a row after which a payment is swept by itself, where it costs no others anything
PREPARED_MS = 90_000  # longer than a job lives: who has not signed by then never will
TURNS, TURN_SECONDS = 12, 0.25  # of jobs of several tokens, which share the operator's slots
READS = 3  # of payments that move on while they are released


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a sweep job says of one payment: how often it failed, what its policy asks, what becomes of it."""

    failures: Callable[[Payment], int]
    admission: SweepAdmission
    park: Callable[[Payment, int], object]
    set_back: Callable[[Payment, Exception], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCollector:
    """Sends batches from `operator` to `treasury`, each for one token.

    A batch is prepared, then signed, then broadcast. Preparing takes the operator's next slot and reserves the members,
    part after part. A batch that is found prepared long after was left by a job that died: nothing of it is signed, so
    its members are released and its slot is taken again. No slot is passed over before it is signed; the operator's
    transactions never wait for a gap. Once signed, the follower sends a batch again until a block takes it.
    """

    sender: TransactionSender
    payments: PaymentStore
    treasury: str
    operator: str

    def mend(self) -> None:
        """Give a batch up that was left behind before it was signed, so that its members are free again."""
        last = self._last()
        if last is None or last.state is not TransactionState.PREPARED:
            return
        if self.sender.clock.now() - last.updated_at < PREPARED_MS:
            self.sender.log.info("batch_is_being_prepared", transaction=last.key)
            return
        self.sender.log.warning("batch_given_up", transaction=last.key)
        self._give_up(last)

    def collect(self, payments: Sequence[Payment], judgement: Judgement) -> tuple[int, list[Payment]]:
        """Sweep payments of one token in batches; return how many were sent, and the payments to be swept alone."""
        alone = [each for each in payments if judgement.failures(each) >= ALONE_AFTER]
        waiting = [each for each in payments if judgement.failures(each) < ALONE_AFTER]
        sent, most = 0, judgement.admission.policy.batch
        while waiting and sent < BATCHES:
            offered, waiting = waiting[:most], waiting[most:]  # the most valuable first
            found, members = self._quote(offered, judgement)
            if not members:
                continue
            if not found.orders:
                self.sender.affordable(members[0].id, found.quote)
                break
            if not self._can_pay(found.quote):
                return sent, [*alone, *members, *waiting]
            fitting = len(found.orders)
            sent += self._send(found, members[:fitting], judgement.admission)
            waiting = [*members[fitting:], *waiting]
        return sent, alone

    # -- who is in

    def _quote(self, offered: Sequence[Payment], judgement: Judgement) -> tuple[Collection, list[Payment]]:
        """Quote a batch; return it with the payments that can be in one, those that are in this one first."""
        orders = self._orders(offered, judgement)
        if not orders:
            return Collection(Quote(0), ()), []
        found = self.sender.transfers.quote_collection(tuple(orders), self.operator)
        for order, payment in orders.items():
            if reason := found.refused.get(order.sender):
                judgement.set_back(payment, Reverts(reason))
        able = [order for order in orders if order.sender not in found.refused]
        return found, [orders[order] for order in (*found.orders, *(each for each in able if each not in found.orders))]

    def _orders(self, offered: Sequence[Payment], judgement: Judgement) -> dict[Order, Payment]:
        """Read what the addresses hold, and choose what may be swept now.

        What is worth too little in the largest batch is parked; what is unknown, waits for company, an approval or
        tomorrow is left for a later job.
        """
        admission, least = judgement.admission, self._part(offered[0], LARGEST_BATCH)
        wanted = [BalanceQuery(each.due.address, each.due.token_address) for each in offered]
        orders: dict[Order, Payment] = {}
        for payment, balance in zip(offered, self.sender.transfers.holdings(wanted), strict=True):
            if balance is None:
                self.sender.log.info("balance_unknown", payment=payment.id)
            elif balance and not admission.worth(payment, balance, least):
                judgement.park(payment, balance)
            elif balance and admission.approved(payment, balance):
                due = payment.due
                order = Order(due.address, due.token_address, self.treasury, balance, due.derivation_path)
                orders[order] = payment
        return self._with_company(admission.within_day(orders), admission)

    def _with_company(self, orders: dict[Order, Payment], admission: SweepAdmission) -> dict[Order, Payment]:
        """Leave out what is not worth its part of a batch of so few; the fewer are left, the more each costs."""
        while orders:
            part = self._part(next(iter(orders.values())), len(orders))
            kept = {order: each for order, each in orders.items() if admission.worth(each, order.amount, part)}
            if len(kept) == len(orders):
                break
            orders = kept
        return orders

    def _part(self, payment: Payment, together: int) -> int:
        """Return about what one of so many members costs."""
        return self.sender.transfers.usual_cost(payment.due.token_address, together=together)

    def _can_pay(self, quote: Quote) -> bool:
        """Whether the operator has the coin that a batch may cost; else payments are swept alone, with an alarm."""
        held = self.sender.transfers.balances(BalanceQuery(self.operator, None))
        if held is None:
            raise Unavailable("the operator's balance is unknown")
        if held[0] >= quote.cost:
            self.sender.watch_water(self.operator, held[0], quote.cost)
            return True
        told = {"chain": self.sender.network.name, "address": self.operator, "balance": str(held[0])}
        self.sender.log.error("operator_low", **told)
        return False

    # -- prepare, sign, send

    def _send(self, found: Collection, members: Sequence[Payment], admission: SweepAdmission) -> bool:
        prepared, reserved = self._reserve(found, members)
        if not reserved:
            return False
        try:
            signed = self._signed(found, prepared, {each.due.address for each in reserved})
            counted = admission.count(sum(each.meant for each in signed.members), members[0])
            self.sender.money.write_transaction(prepared, signed, counted)
        except Exception:
            with suppress(Stale):  # it was signed all the same, or another has taken it over
                self._give_up(prepared)
            raise
        self.sender.broadcast(signed)
        return True

    def _reserve(self, found: Collection, members: Sequence[Payment]) -> tuple[OutgoingTransaction, list[Payment]]:
        """Take the operator's next slot; raises `Busy` where others, of other tokens, are always quicker."""
        for _ in range(TURNS):
            last = self._last()
            if last is None or last.state is not TransactionState.PREPARED:
                slot = self.sender.transfers.next_slot(self.operator, last)
                given_up = last if last is not None and last.slot == slot else None
                prepared = self._prepared(found, members, slot, given_up)
                with suppress(AlreadyExists, Stale):  # another has taken the slot meanwhile
                    return prepared, self.payments.reserve_many(members, given_up, prepared)
            self.sender.clock.wait(TURN_SECONDS)
        raise Busy

    def _prepared(
        self, found: Collection, members: Sequence[Payment], slot: str, given_up: OutgoingTransaction | None
    ) -> OutgoingTransaction:
        now, network = self.sender.clock.now(), self.sender.network
        served = tuple(
            Member(
                payment_id=payment.id,
                merchant_id=payment.merchant_id,
                path=order.path,
                address=order.sender,
                meant=order.amount,
                terms=found.terms.get(order.sender, ()),
            )
            for order, payment in zip(found.orders, members, strict=True)
        )
        return OutgoingTransaction(
            chain=network.name,
            sender=self.operator,
            slot=slot,
            path=address_path(rules_of(network), *OPERATOR),
            kind=Kind.SWEEP,
            members=served,
            asset=members[0].due.asset_key,
            token=found.orders[0].token,
            to=self.treasury,
            state=TransactionState.PREPARED,
            created_at=now,
            updated_at=now,
            version=given_up.version + 1 if given_up else 1,
        )

    def _signed(self, found: Collection, prepared: OutgoingTransaction, reserved: set[str]) -> OutgoingTransaction:
        """Sign a batch for those members alone that were reserved."""
        part = replace(found, orders=tuple(order for order in found.orders if order.sender in reserved))
        planned = self.sender.transfers.collect(part, self.operator, prepared.slot)
        attempt = self.sender.attempt(prepared.path, self.operator, planned)
        return replace(
            prepared,
            state=TransactionState.SIGNED,
            members=tuple(each for each in prepared.members if each.address in reserved),
            attempts=(attempt,),
            updated_at=self.sender.clock.now(),
            version=prepared.version + 1,
        )

    # -- what a job that died has left

    def _give_up(self, prepared: OutgoingTransaction) -> None:
        """Release the members of a batch that nobody has signed: from the first write on nobody can any more."""
        money = self.sender.money
        held = self._later(prepared)
        money.write_transaction(prepared, held)
        for _ in range(READS):
            named = self.payments.read(prepared.payment_ids).values()
            bound = [each for each in named if each.own.pending == prepared.key]
            if not bound:
                break
            for payment in bound:
                with suppress(Stale):  # it is read again
                    self.payments.release(payment)
        else:
            raise Stale("the members of a batch move on faster than they are released")
        money.write_transaction(held, replace(self._later(held), state=TransactionState.EXPIRED))

    def _later(self, before: OutgoingTransaction) -> OutgoingTransaction:
        return replace(before, updated_at=self.sender.clock.now(), version=before.version + 1)

    def _last(self) -> OutgoingTransaction | None:
        return self.sender.money.last_transaction(self.sender.network.name, self.operator)
