"""Hold sweeps against the stage's policy: what is worth one, what waits, and what a day has room for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ctrip.domain.chains.assets import Network
from ctrip.domain.payments.payment import Payment, Status
from ctrip.domain.sweeping.plan import Order
from ctrip.domain.sweeping.policy import DEFAULT, UNLIMITED, LoudGas, SweepPolicy, SweptDay, day_of, worth_it
from ctrip.ports import Clock, Counted, Log, MoneyStore, Transfers


@dataclass(kw_only=True)
class SweepAdmission:
    """One job's view of the policy; `policies` are the chain's, by symbol."""

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
        if not self.policy.unapproved(payment, amount):
            return True
        self.log.error("sweep_waits_for_approval", payment=payment.id, amount=str(amount))
        return False

    def count(self, amount: int) -> Counted | None:
        """Return the day's count before and after a sweep of an amount; None where sweeps have no cap."""
        if self.policy.per_day == UNLIMITED:
            return None
        today = self._today()
        return today, today.plus(amount)

    def within_day(self, orders: Mapping[Order, Payment]) -> dict[Order, Payment]:
        """Choose, the most important first, what today's cap has room for; the others wait for tomorrow."""
        if self.policy.per_day == UNLIMITED:
            return dict(orders)
        room, chosen = self.policy.per_day - self._today().amount, {}
        for order, payment in orders.items():
            if order.amount <= room:
                chosen[order], room = payment, room - order.amount
        if (left := len(orders) - len(chosen)) and "day" not in self._told:
            self._told.add("day")
            self.log.info("sweeps_wait_for_tomorrow", chain=self.network.name, asset=self.asset_key, count=left)
        return chosen

    def _policy_of(self, payment: Payment) -> SweepPolicy:
        return self.policies.get(payment.due.symbol, DEFAULT)

    def _today(self) -> SweptDay:
        return self.money.swept_day(self.network.name, self.asset_key, day_of(self.clock.now()))

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
