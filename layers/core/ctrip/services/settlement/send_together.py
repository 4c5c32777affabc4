"""Send payouts of one chain together where that saves gas: one transaction, written before it is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import address_path, rules_of
from ctrip.domain.errors import AlreadyExists, Refused, Reverts, SigningRefused, Stale, Unavailable
from ctrip.domain.settlement.floor import worth_sending
from ctrip.domain.settlement.payout import Payout, Trigger, moved_on
from ctrip.domain.settlement.together import groups
from ctrip.domain.sweeping.plan import Collection, Order, Planned, Quote
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, PaidOut
from ctrip.domain.sweeping.treasury import TREASURY
from ctrip.ports.jobs import Jobs
from ctrip.ports.money import MoneyStore
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.settlement.treasury_funds import TreasuryFunds
from ctrip.services.shared.notify import notify
from ctrip.services.sweeping.send_transactions import TRIES, TransactionSender, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherSender:
    """Sends one chain's payouts through the contract that pays many for its treasury; what it leaves goes alone.

    `watch` has the chain's scanner follow what was sent.
    """

    network: Network
    treasury: str
    payouts: PayoutStore
    money: MoneyStore
    clock: Clock
    jobs: Jobs
    log: Log
    reporter: PayoutReporter
    funds: TreasuryFunds
    watch: Callable[[], None]

    def send(self, ready: Sequence[Payout], sender: TransactionSender) -> list[Payout]:
        """Send what saves gas together; return those payouts as they are after that.

        Whatever stands against it (no contract, too little money, a member that the signer refuses) is told of each
        payout by itself, when it goes alone.
        """
        sent: list[Payout] = []
        wanted = groups(ready, lambda payout: 2 + len(self.reporter.event("sent", payout).endpoints))
        if not wanted or (reason := sender.transfers.cannot_pay_together(self.treasury)):
            if wanted:
                self.log.info("payouts_go_alone", chain=self.network.name, error=reason)
            return []
        for group in wanted:
            try:
                sent += self._group(group, sender)
            except (Reverts, Refused, SigningRefused, Stale) as exc:
                self.log.warning("payouts_go_alone", chain=self.network.name, error=str(exc), count=len(group))
            except Exception as exc:
                if not sent:
                    raise
                # What is sent must be known to the caller; the others tell by themselves what is wrong.
                self.log.warning("payouts_go_alone", chain=self.network.name, error=str(exc), count=len(group))
        return sent

    def _group(self, group: Sequence[Payout], sender: TransactionSender) -> list[Payout]:
        token = group[0].token
        wanted = dict.fromkeys((token, None))
        held = sender.transfers.balances(*(BalanceQuery(self.treasury, each) for each in wanted))
        if held is None:
            raise Unavailable("the treasury's balance is unknown")
        there = held[0] - self.funds.leaving(token)
        found = self._worth(self._quoted(group, there, sender), group[0].token_id, sender)
        if not found.orders:
            if token is not None:
                self._allow(token, len(group), held[-1], sender)
            return []
        coin = sum(each.amount for each in found.orders) if token is None else 0
        if held[-1] - self.funds.leaving(None) < coin + found.quote.cost or not sender.affordable(
            group[0].id, found.quote
        ):
            return []
        chosen = {each.to for each in found.orders}
        return self._send([each for each in group if each.to in chosen], found, sender)

    def _quoted(self, group: Sequence[Payout], there: int, sender: TransactionSender) -> Collection:
        """Ask of as many as the treasury can pay, the oldest first."""
        orders: list[Order] = []
        for payout in group:
            there -= payout.net
            if there < 0:
                break
            orders.append(Order(self.treasury, payout.token, payout.to, payout.net))
        return sender.transfers.quote_payouts(orders) if len(orders) > 1 else Collection(Quote(0), ())

    def _worth(self, found: Collection, token_id: str | None, sender: TransactionSender) -> Collection:
        """Leave those out that are not worth their part of the cost."""
        asset = self.network.asset(token_id)
        if asset is None or not found.orders:
            return found
        share = found.quote.cost // len(found.orders)
        worth = tuple(each for each in found.orders if worth_sending(asset, each.amount, share))
        if len(worth) == len(found.orders):
            return found
        return sender.transfers.quote_payouts(worth) if len(worth) > 1 else Collection(Quote(0), ())

    def _send(self, members: Sequence[Payout], found: Collection, sender: TransactionSender) -> list[Payout]:
        named = tuple((each.merchant_id, each.id) for each in members)
        for _ in range(TRIES):
            last = self.money.last_transaction(self.network.name, self.treasury)
            planned = sender.transfers.pay_together(found, last)
            written = self._transaction(Kind.PAYOUT, members[0].asset_key, members[0].token, planned, sender, named)
            transaction = replace(
                written,
                to=rules_of(self.network).payer(self.treasury) or "",
                payouts=tuple(PaidOut(each.merchant_id, each.id, each.to, each.net) for each in members),
            )
            try:
                after = self._commit(members, transaction)
            except AlreadyExists as exc:
                if not taken(exc):
                    raise
                continue
            self.funds.note(transaction)
            sender.broadcast(transaction)
            self.watch()
            return after
        raise Stale("the treasury's slots are taken faster than ours are written")

    def _transaction(
        self,
        kind: Kind,
        asset: str,
        token: str | None,
        planned: Planned,
        sender: TransactionSender,
        named: tuple[tuple[str, str], ...] = (),
    ) -> OutgoingTransaction:
        path, now = address_path(rules_of(self.network), *TREASURY), self.clock.now()
        return OutgoingTransaction(
            chain=self.network.name,
            sender=self.treasury,
            slot=planned.slot,
            path=path,
            kind=kind,
            members=(),
            asset=asset,
            token=token,
            to=token or "",
            attempts=(sender.attempt(path, self.treasury, planned, payouts=named),),
            created_at=now,
            updated_at=now,
        )

    def _commit(self, members: Sequence[Payout], transaction: OutgoingTransaction) -> list[Payout]:
        now = self.clock.now()
        after = [moved_on(each, Trigger.SENT, now, transaction=transaction.key, reason="") for each in members]
        events = [self.reporter.event("sent", each) for each in after]
        commits = [
            PayoutCommit(before=before, after=then, event=event)
            for before, then, event in zip(members, after, events, strict=True)
        ]
        self.payouts.commit_all([replace(commits[0], transaction=(None, transaction)), *commits[1:]])
        notify(self.jobs, events)
        return after

    # -- what the contract needs before it may take a token

    def _allow(self, token: str, count: int, coin: int, sender: TransactionSender) -> None:
        """Let the contract take a token of the treasury's, once, where so many payouts pay for that; these go alone."""
        quote = sender.transfers.quote_allowance(self.treasury, token, count)
        if quote is None or coin < quote.cost or not sender.affordable(token, quote) or self._allowing(token):
            return
        last = self.money.last_transaction(self.network.name, self.treasury)
        planned = sender.transfers.allow(self.treasury, token, quote, last)
        asset = next((each.key for each in self.network.tokens if each.address == token), token)
        transaction = self._transaction(Kind.ALLOWANCE, asset, token, planned, sender)
        try:
            self.money.write_transaction(None, transaction)
        except AlreadyExists:
            return  # the slot was taken meanwhile: the next run asks again
        self.funds.note(transaction)
        sender.broadcast(transaction)
        self.watch()

    def _allowing(self, token: str) -> bool:
        waiting = self.money.unfinished(self.network.name)
        return any(each.kind is Kind.ALLOWANCE and each.token == token for each in waiting)
