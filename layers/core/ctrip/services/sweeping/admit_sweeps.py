"""Hold sweeps against the stage's policy: what is worth one, what waits, and what a day has room for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ctrip.domain.chains.assets import Network
from ctrip.domain.payments.payment import Payment, Status
from ctrip.domain.sweeping.plan import Order
from ctrip.domain.sweeping.policy import (
    DEFAULT,
    UNLIMITED,
    LoudGas,
    SweepPolicy,
    SweptDay,
    counted_as,
    day_of,
    policy_of,
    worth_it,
)
from ctrip.ports.money import Counted, MoneyStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.transfers import Transfers


@dataclass(kw_only=True)
class SweepAdmission:
    """One job's view of the policy; `policies` are the chain's, by symbol or merchant and symbol."""

    network: Network
    asset_key: str
    policies: Mapping[str, SweepPolicy]
    money: MoneyStore
    clock: Clock
    log: Log
    transfers: Transfers
    _told: set[str] = field(default_factory=set)

    @cached_property
    def policy(self) -> SweepPolicy:
        """Return the policy of the job's asset."""
        every = (self.network.coin, *self.network.tokens)
        symbol = next((each.symbol for each in every if each.key == self.asset_key), "")
        return self.policies.get(symbol, DEFAULT)

    def old(self, payment: Payment) -> bool:
        """Whether a payment's money has waited for as long as it may."""
        return self._policy_of(payment).old(payment, self.clock.now())

    def worth(self, payment: Payment, amount: int, cost: int, outlay: int = 0) -> bool:
        """Whether a sweep that costs so much, and needs such an outlay before, moves enough."""
        asset = self.network.asset(payment.due.token_id)
        settled, old = payment.status is Status.SETTLED, self.old(payment)
        policy = self._policy_of(payment)
        return asset is None or worth_it(asset, amount, cost, policy, settled=settled, old=old, outlay=outlay)

    def waits_for_gas(self, payment: Payment) -> bool:
        """Whether gas is too dear today for a sweep that can wait."""
        return self._loud and not self.old(payment)

    def approved(self, payment: Payment, amount: int) -> bool:
        """Whether nobody has to approve a sweep, or somebody has."""
        if not self._policy_of(payment).unapproved(payment, amount):
            return True
        self.log.error("sweep_waits_for_approval", payment=payment.id, amount=str(amount))
        return False

    def count(self, amount: int, payment: Payment) -> Counted | None:
        """Return the day's count before and after a sweep of an amount; None where such sweeps have no cap.

        `payment` is the one that is swept, or any of a batch, which serves nobody who is counted alone.
        """
        if self._policy_of(payment).per_day == UNLIMITED:
            return None
        today = self._today(counted_as(self.policies, payment))
        return today, today.plus(amount)

    def within_day(self, orders: Mapping[Order, Payment]) -> dict[Order, Payment]:
        """Choose, the most important first, what today's cap has room for; the others wait for tomorrow."""
        room: dict[str, int] = {}
        chosen = {}
        for order, payment in orders.items():
            per_day = self._policy_of(payment).per_day
            if per_day == UNLIMITED:
                chosen[order] = payment
                continue
            count = counted_as(self.policies, payment)
            left_today = room[count] if count in room else per_day - self._today(count).amount
            fits = order.amount <= left_today
            room[count] = left_today - order.amount if fits else left_today
            if fits:
                chosen[order] = payment
        if (left := len(orders) - len(chosen)) and "day" not in self._told:
            self._told.add("day")
            self.log.info("sweeps_wait_for_tomorrow", chain=self.network.name, asset=self.asset_key, count=left)
        return chosen

    def _policy_of(self, payment: Payment) -> SweepPolicy:
        return policy_of(self.policies, payment)

    def _today(self, count: str) -> SweptDay:
        return self.money.swept_day(self.network.name, count, day_of(self.clock.now()))

    @cached_property
    def _loud(self) -> bool:
        """Whether gas is above the policy's price; a change is noted, for people who ask why nothing is swept."""
        if self.policy.quiet_gas == UNLIMITED:
            return False
        price, known = self.transfers.price(), self.money.loud_gas(self.network.name).get(self.asset_key)
        loud = price > self.policy.quiet_gas
        if loud != (known is not None):
            noted = LoudGas(price if loud else 0, self.clock.now())
            self.money.note_gas(self.network.name, self.asset_key, noted)
            told = {"chain": self.network.name, "asset": self.asset_key, "fee": str(price)}
            self.log.info("sweeps_wait_for_cheaper_gas" if loud else "gas_is_cheap_enough_for_sweeps", **told)
        return loud
