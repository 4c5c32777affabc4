"""Sign, store and send own transactions: what sweeping, funding and replacing have in common."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import address_path, rules_of
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, Stale, Unavailable
from ctrip.domain.payments.payment import Custody, Payment
from ctrip.domain.sweeping.plan import Order, Planned, Quote
from ctrip.domain.sweeping.sweep import Attempt, Kind, Member, OutgoingTransaction
from ctrip.domain.sweeping.treasury import GAS_STATION
from ctrip.ports.chain import Chain
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.signing import Signer
from ctrip.ports.transfers import Transfers
from ctrip.services.sweeping.refusals import refusal_of

TRIES = 4
LOW_WATER = 20  # transactions like this one that the coin should suffice for

# What opens a kind's planning of transactions, for a chain's client, which is of that kind.
OpenTransfers: TypeAlias = Callable[[Network, Any, Clock, Log], Transfers]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSender:
    """Signs attempts and hands them to the nodes; that it was done is not stored: the follower asks and repeats it."""

    network: Network
    chain: Chain
    money: MoneyStore
    signer: Signer
    clock: Clock
    log: Log
    transfers: Transfers

    def attempt(
        self,
        path: str,
        sender: str,
        planned: Planned,
        *,
        recipient_path: str | None = None,
        payouts: tuple[tuple[str, str], ...] = (),
    ) -> Attempt:
        """Sign one attempt."""
        unsigned = planned.transaction
        signed = self.signer.sign(
            self.network.name, path, sender, unsigned, recipient_path=recipient_path, payouts=payouts
        )
        return Attempt(
            raw=signed.raw,
            tx_hash=signed.tx_hash,
            value=planned.value,
            head=self.transfers.head().number,
            at=self.clock.now(),
            amount=planned.amount,
            cost=planned.cost,
            beside=planned.beside,
            cancels=planned.cancels,
            terms=planned.terms,
        )

    def broadcast(self, transaction: OutgoingTransaction) -> None:
        """Hand the newest bytes over; a refusal is remembered, and answered by the next job."""
        try:
            self.chain.broadcast(transaction.attempts[-1].raw)
        except BroadcastRejected as exc:
            self.log.warning("broadcast_rejected", transaction=transaction.key, error=str(exc))
            refusal = refusal_of(exc, transaction.refusal)
            if self.transfers.hopeless(refusal):
                self.log.error(
                    "fee_above_nodes_cap", transaction=transaction.key, what="lower the fee cap, or raise the nodes'"
                )
            self.note(transaction, replace(transaction, refusal=refusal))

    def note(self, before: OutgoingTransaction, after: OutgoingTransaction) -> None:
        """Store what was learnt of a transaction; where it has moved on meanwhile, that does not matter any more."""
        after = replace(after, updated_at=self.clock.now(), version=before.version + 1)
        try:
            self.money.write_transaction(before, after)
        except Stale:
            self.log.info("own_transaction_moved_on", transaction=before.key)

    # -- the gas station

    def station(self) -> str:
        """Return the gas station's address."""
        return self.signer.operators_address(self.network.kind, GAS_STATION[1])

    def fund(self, payment: Payment, need: Quote) -> OutgoingTransaction | None:
        """Sign coin for an address that is short of what its transfer costs.

        Never more than the chain's cap; None, with an alarm, where that is too little, or the station has too little.
        The outgoing transaction's slot may be taken by the time that it is stored.
        """
        cap, station = self.network.gas_funding_cap, self.station()
        if need.short > cap:
            self.log.error("gas_funding_cap_reached", payment=payment.id, amount=str(need.short), cap=str(cap))
            return None
        if need.gift > cap:
            self.log.warning("gas_funding_capped", payment=payment.id, amount=str(need.gift), cap=str(cap))
        order = Order(station, None, payment.due.address, min(need.gift, cap))
        quote = self.transfers.quote_gift(order, need)
        order = replace(order, amount=quote.gift)
        held = self.transfers.balances(BalanceQuery(station, None))
        if held is None:
            raise Unavailable("the gas station's balance is unknown")
        if not self.affordable(payment.id, quote):
            return None
        if held[0] < order.amount + quote.cost:
            self.log.error("gas_station_low", chain=self.network.name, balance=str(held[0]))
            return None
        self.watch_water(station, held[0], order.amount + quote.cost)
        planned = self.transfers.give(order, quote, self.money.last_transaction(self.network.name, station))
        path = address_path(rules_of(self.network), *GAS_STATION)
        attempt = self.attempt(path, station, planned, recipient_path=payment.due.derivation_path)
        return self.transaction(payment, Kind.FUND, planned.slot, attempt, sender=station)

    def watch_water(self, address: str, balance: int, needed: int) -> None:
        """Raise an alarm while there is still time: a payer of gas that has enough for a few transactions more only."""
        if balance < LOW_WATER * needed:
            self.log.error("gas_runs_low", chain=self.network.name, address=address, balance=str(balance))

    def taken_away(self, payment: Payment, coin: int) -> bool:
        """Whether coin that we gave a deposit address is not there any more: whoever took it would take more."""
        newest = max((move.block_number for move in payment.own.moves), default=payment.folded_to)
        return coin < payment.given_coin // 2 and self.transfers.head().number >= newest

    def affordable(self, payment_id: str, quote: Quote) -> bool:
        """Whether a transaction stays under the chain's cap; one that does not waits, with an alarm."""
        if quote.fee <= self.network.fee_cap:
            return True
        self.log.error("fee_cap_reached", payment=payment_id, fee=str(quote.fee), cap=str(self.network.fee_cap))
        return False

    def transaction(
        self, payment: Payment, kind: Kind, slot: str, attempt: Attempt, *, sender: str, to: str = ""
    ) -> OutgoingTransaction:
        """Describe an own transaction of a payment."""
        fund, now = kind is Kind.FUND, self.clock.now()
        member = Member(
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            path=payment.due.derivation_path,
            address=payment.due.address,
        )
        return OutgoingTransaction(
            chain=self.network.name,
            sender=sender,
            slot=slot,
            path=address_path(rules_of(self.network), *GAS_STATION) if fund else payment.due.derivation_path,
            kind=kind,
            members=(member,),
            asset="native" if fund else payment.due.asset_key,
            token=None if fund else payment.due.token_address,
            to=payment.due.address if fund else to,
            attempts=(attempt,),
            created_at=now,
            updated_at=now,
            direct=not fund and payment.policy.custody is Custody.DIRECT,
        )


def taken(exc: AlreadyExists) -> bool:
    """Whether only the slot was taken: another one may do."""
    return exc.key == "transaction"
