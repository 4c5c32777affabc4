"""Take back what the gas station has lent to deposit addresses: their sweeps are over, and others need it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ctrip.domain.chains.kinds import address_path, rules_of
from ctrip.domain.payments.payment import Flag, Payment, Tier
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction
from ctrip.domain.sweeping.treasury import GAS_STATION
from ctrip.ports.payments import PaymentStore
from ctrip.services.sweeping.send_transactions import TransactionSender

Apart = Callable[[Payment], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRecovery:
    """Ends loans, with a transaction for each; the chain itself says which there are."""

    sender: TransactionSender
    payments: PaymentStore

    def run(self, apart: Apart, enough: Callable[[], bool]) -> int:
        """End the loans to addresses that wait for no sweep; return how many. `apart` keeps one's trouble to itself."""
        station, count = self.sender.station(), 0
        loans = self.sender.transfers.on_loan(station)
        ending = self._ending() if loans else frozenset()
        for address in loans:
            if address in ending:
                continue
            payment = self._payment(address)
            if payment is None or _needs_it(payment) or enough():
                continue
            with apart(payment):
                count += self._one(payment, station)
        return count

    def _ending(self) -> frozenset[str]:
        """Return whose loans a transaction under way ends: not each node has heard of it, and two are one too many."""
        unfinished = self.sender.money.unfinished(self.sender.network.name)
        return frozenset(each.to for each in unfinished if each.kind is Kind.RECLAIM)

    def _payment(self, address: str) -> Payment | None:
        """Return whose address it is; one that is none of ours was lent to by a person."""
        found = self.payments.by_address(address)
        return self.payments.get(found) if found else None

    def _one(self, payment: Payment, station: str) -> bool:
        sender, name = self.sender, self.sender.network.name
        last = sender.money.last_transaction(name, station)
        planned = sender.transfers.take_back(station, payment.due.address, last)
        if planned is None:
            return False
        path, now = address_path(rules_of(sender.network), *GAS_STATION), sender.clock.now()
        attempt = sender.attempt(path, station, planned, recipient_path=payment.due.derivation_path)
        transaction = OutgoingTransaction(
            chain=name,
            sender=station,
            slot=planned.slot,
            path=path,
            kind=Kind.RECLAIM,
            members=(),
            asset="native",
            token=None,
            to=payment.due.address,
            attempts=(attempt,),
            created_at=now,
            updated_at=now,
        )
        sender.money.write_transaction(None, transaction)
        sender.broadcast(transaction)
        return True


def _needs_it(payment: Payment) -> bool:
    """Whether a transaction of the payment's address is under way, or will be: nothing is swept that is held."""
    swept = payment.tier is Tier.SWEEP and Flag.HELD not in payment.flags
    return swept or payment.own.pending is not None
