"""Send what is approved and set aside from a chain's treasury; where its key is not here, hand it to a person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import address_path, rules_of, same
from ctrip.domain.errors import AlreadyExists, Reverts, SigningRefused, Stale, Unavailable
from ctrip.domain.jobs import ScanJob
from ctrip.domain.settlement.floor import worth_sending
from ctrip.domain.settlement.payout import Payout, Trigger, changed, moved_on
from ctrip.domain.sweeping.plan import Order, Quote
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, PaidOut
from ctrip.domain.sweeping.treasury import TREASURY
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.settlement.send_together import TogetherSender
from ctrip.services.settlement.treasury_funds import TreasuryFunds
from ctrip.services.shared.notify import notify
from ctrip.services.sweeping.send_transactions import TRIES, TransactionSender, taken

LOOK_MS = 600_000  # a chain is kept open for so long after something was sent
DEAR_MS = 21_600_000  # after which a payout that waits for cheaper gas is a person's to look at
TOO_DEAR = "it waits: its transaction would cost more than it moves"
TOO_LITTLE = "it waits: the operator's treasury holds too little, of the asset or of the coin for gas"


class Failing(Protocol):
    """Ends a payout that cannot be made."""

    def fail(self, payout: Payout, reason: str) -> Payout:
        """End it, and give back what was set aside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSender:
    """Sends one chain's payouts, written before they are sent; `sender` opens what signs and broadcasts, for a run."""

    network: Network
    treasury: str
    payouts: PayoutStore
    money: MoneyStore
    clock: Clock
    jobs: Jobs
    access: AccessStore
    log: Log
    reporter: PayoutReporter
    failing: Failing
    funds: TreasuryFunds
    sender: Callable[[], TransactionSender]

    def paused(self) -> bool:
        """Whether the chain is paused, by a person or by a deep reorganisation: credits there may be undone yet."""
        gate = self.access.gates([self.network.name]).get(self.network.name)
        if gate is None or not gate.paused:
            return False
        self.log.warning("payouts_wait_for_a_paused_chain", chain=self.network.name)
        return True

    def send(self, payout: Payout) -> Payout:
        """Take a payout that is ready a step further; return the payout after that.

        What may mend itself (a node that does not answer, a treasury with too little) is tried again by the next run.
        """
        if not self.treasury:
            self.log.error("payout_without_treasury", payout=payout.id, chain=self.network.name)
            return payout
        sender = self.sender()
        if not self._signed(sender):
            return self._commit(payout, Trigger.HANDED_OVER, "awaiting_transfer", None)
        try:
            return self._send(payout, sender)
        except Reverts as exc:
            self.log.error("payout_reverts", payout=payout.id, error=str(exc))
            return self.failing.fail(payout, f"the chain refuses it: {exc}"[:200])
        except SigningRefused as exc:
            self.log.error("payout_not_signed", payout=payout.id, error=str(exc))
            return payout

    def send_together(self, ready: Sequence[Payout]) -> list[Payout]:
        """Send what saves gas in one transaction; return those payouts as they are after that. The others go alone."""
        if not self.treasury or len(ready) < 2:
            return []
        sender = self.sender()
        if not self._signed(sender):
            return []
        together = TogetherSender(
            network=self.network,
            treasury=self.treasury,
            payouts=self.payouts,
            money=self.money,
            clock=self.clock,
            jobs=self.jobs,
            log=self.log,
            reporter=self.reporter,
            funds=self.funds,
            watch=self._watch,
        )
        return together.send(ready, sender)

    def _signed(self, sender: TransactionSender) -> bool:
        """Whether the treasury's key is the signer's."""
        return same(sender.signer.operators_address(self.network.kind, TREASURY[1]), self.treasury)

    def _send(self, payout: Payout, sender: TransactionSender) -> Payout:
        transfers, token = sender.transfers, payout.token
        held = transfers.balances(*(BalanceQuery(self.treasury, each) for each in dict.fromkeys((token, None))))
        if held is None:
            raise Unavailable("the treasury's balance is unknown")
        if held[0] < payout.net:  # asked first: a transfer of what is not there would be told to revert
            return self._low(payout)
        leaving = {each: self.funds.leaving(each) for each in (token, None)}
        if held[0] - leaving[token] < payout.net:
            return payout  # it is spoken for: once that is in a block, the balance tells
        order = Order(self.treasury, token, payout.to, payout.net)
        quote = transfers.quote_gift(order, Quote(0)) if token is None else transfers.quote(order, held[-1])
        asset = self.network.asset(payout.token_id)
        if asset is not None and not worth_sending(asset, payout.net, quote.cost):
            return self._wait(payout, quote)
        coin = quote.cost + (payout.net if token is None else 0)
        if held[-1] < coin:
            return self._low(payout)
        if held[-1] - leaving[None] < coin:
            return payout
        if not sender.affordable(payout.id, quote):
            return payout
        for _ in range(TRIES):
            last = self.money.last_transaction(self.network.name, self.treasury)
            planned = transfers.give(order, quote, last) if token is None else transfers.transfer(order, quote, last)
            if planned is None:
                return payout
            path, now = address_path(rules_of(self.network), *TREASURY), self.clock.now()
            attempt = sender.attempt(path, self.treasury, planned, payouts=((payout.merchant_id, payout.id),))
            transaction = OutgoingTransaction(
                chain=self.network.name,
                sender=self.treasury,
                slot=planned.slot,
                path=path,
                kind=Kind.PAYOUT,
                members=(),
                payouts=(PaidOut(payout.merchant_id, payout.id, payout.to, payout.net),),
                asset=payout.asset_key,
                token=token,
                to=payout.to,
                attempts=(attempt,),
                created_at=now,
                updated_at=now,
            )
            try:
                after = self._commit(payout, Trigger.SENT, "sent", transaction)
            except AlreadyExists as exc:
                if not taken(exc):
                    raise
                continue
            self.funds.note(transaction)
            sender.broadcast(transaction)
            self._watch()
            return after
        raise Stale("the treasury's slots are taken faster than ours are written")

    def _wait(self, payout: Payout, quote: Quote) -> Payout:
        """Leave a payout for cheaper times: more gas than it moves is paid for none; it says so, and in time aloud."""
        after = self._because(payout, TOO_DEAR)
        if after is payout and self.clock.now() - payout.updated_at >= DEAR_MS:
            told = {"payout": payout.id, "chain": self.network.name, "asset": payout.symbol}
            self.log.error("payout_too_dear", **told, amount=str(payout.net), fee=str(quote.cost))
        return after

    def _low(self, payout: Payout) -> Payout:
        self.log.error("treasury_low", payout=payout.id, chain=self.network.name, asset=payout.symbol)
        return self._because(payout, TOO_LITTLE)

    def _because(self, payout: Payout, reason: str) -> Payout:
        """Have a payout that waits say why."""
        if payout.reason == reason:
            return payout
        after = changed(payout, self.clock.now(), reason=reason)
        self.payouts.commit(PayoutCommit(before=payout, after=after))
        return after

    def _watch(self) -> None:
        """Have the chain's scanner follow what was sent."""
        now, name = self.clock.now(), self.network.name
        self.access.raise_gate(name, hot_until=now + LOOK_MS, warm_until=now + LOOK_MS, now=now)
        self.jobs.scan(ScanJob(name))

    def _commit(self, payout: Payout, trigger: Trigger, what: str, transaction: OutgoingTransaction | None) -> Payout:
        key = transaction.key if transaction else None
        after = moved_on(payout, trigger, self.clock.now(), transaction=key, treasury=self.treasury, reason="")
        event = self.reporter.event(what, after)
        self.payouts.commit(
            PayoutCommit(
                before=payout, after=after, event=event, transaction=(None, transaction) if transaction else None
            )
        )
        notify(self.jobs, [event])
        return after
