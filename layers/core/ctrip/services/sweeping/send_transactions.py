"""Sign, store and send own transactions: what sweeping, funding and replacing have in common."""

from dataclasses import dataclass, field, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery, Block, Fees
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.domain.chains.kinds import address_at, address_path, rules_of
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, CtripError, Refused, Stale, Unavailable
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping import gas
from ctrip.domain.sweeping.sweep import NATIVE_GAS, Attempt, Kind, OutgoingTransaction
from ctrip.ports import Chain, Clock, Log, MoneyStore, Signer
from ctrip.services.sweeping.refusals import refusal_of

GAS_STATION = (0, 1)  # account and index
TRIES = 4


class Reverts(CtripError):
    """A transaction fails on the chain, whoever is asked: an answer, not a failure of a node."""


@dataclass(slots=True)
class Market:
    """What one job knows of the chain: the newest block and today's fees, asked for again once they are old."""

    network: Network
    chain: Chain
    clock: Clock
    _head: tuple[int, Block] | None = None
    _fees: tuple[int, Fees] | None = None
    _code: dict[str, bool] = field(default_factory=dict)

    def head(self) -> Block:
        """Return the newest block: balances and nonces are read at it."""
        if self._head is None or self._old(self._head[0]):
            self._head = (self.clock.now(), self.chain.head())
        return self._head[1]

    def fees(self) -> Fees:
        """Return today's fees."""
        if self._fees is None or self._old(self._fees[0]):
            self._fees = (self.clock.now(), self.chain.fees())
        return self._fees[1]

    def price(self) -> gas.Price:
        """Choose a price for a first attempt."""
        return gas.price(self.fees(), self.network.fee_floor)

    def balances(self, *wanted: BalanceQuery) -> list[int] | None:
        """Return balances at the newest block; None where one of them is unknown, which is never zero."""
        found = [each for each in self.chain.balances(self.head(), wanted) if each is not None]
        return found if len(found) == len(wanted) else None

    def plain_gas(self, sender: str, to: str, value: int) -> int:
        """Return the gas of a plain transfer: exactly 21,000 where no code and no layer below asks for more."""
        if not self.network.gas_estimated and not self._has_code(to):
            return NATIVE_GAS
        estimate = self.estimate(sender, to, value, "0x")
        return estimate * 6 // 5 if self.network.gas_estimated else estimate

    def estimate(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas of a call; raises `Reverts`."""
        try:
            return self.chain.estimate_gas(sender, to, value, data)
        except Refused as exc:
            raise Reverts(str(exc)) from exc

    def next_nonce(self, sender: str, last: OutgoingTransaction | None) -> int:
        """Return the nonce after our newest intent, never behind the chain's; `Unavailable` where that is unknown."""
        used = self.chain.nonce_at(sender, self.head())
        if used is None:
            raise Unavailable(f"no endpoint tells the nonce at block {self.head().number}")
        if last is not None and last.tx_hash is not None and used <= last.nonce:
            raise Unavailable("the nodes do not show our last transaction yet")
        return max(last.nonce + 1 if last else 0, used)

    def _has_code(self, address: str) -> bool:
        if address not in self._code:
            self._code[address] = self.chain.has_code(address)
        return self._code[address]

    def _old(self, at: int) -> bool:
        return self.clock.now() - at >= self.network.poll_seconds * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentSender:
    """Signs attempts and hands them to the nodes; that it was done is not stored: the follower asks and repeats it."""

    network: Network
    chain: Chain
    money: MoneyStore
    signer: Signer
    clock: Clock
    log: Log
    market: Market

    def attempt(
        self,
        path: str,
        sender: str,
        transaction: Transaction,
        *,
        recipient_path: str | None = None,
        amount: int = 0,
        below: int = 0,
        cancels: bool = False,
    ) -> Attempt:
        """Sign one attempt; `amount`, `below` and `cancels` are what the transaction itself does not tell."""
        signed = self.signer.sign(self.network.name, path, sender, transaction, recipient_path=recipient_path)
        return Attempt(
            raw=signed.raw,
            tx_hash=signed.tx_hash,
            gas=transaction.gas,
            max_fee=transaction.max_fee,
            priority_fee=transaction.priority_fee,
            value=transaction.value,
            head=self.market.head().number,
            at=self.clock.now(),
            amount=amount,
            below=below,
            cancels=cancels,
        )

    def broadcast(self, intent: OutgoingTransaction) -> None:
        """Hand the newest bytes over; a refusal is remembered, and answered by the next job."""
        try:
            self.chain.broadcast(intent.attempts[-1].raw)
        except BroadcastRejected as exc:
            self.log.warning("broadcast_rejected", intent=intent.key, error=str(exc))
            refusal = refusal_of(exc, intent.refusal)
            if gas.hopeless(refusal):
                self.log.error("fee_above_nodes_cap", intent=intent.key, what="lower the fee cap, or raise the nodes'")
            self.note(intent, replace(intent, refusal=refusal))

    def note(self, before: OutgoingTransaction, after: OutgoingTransaction) -> None:
        """Store what was learnt of an intent; where it has moved on meanwhile, it does not matter any more."""
        after = replace(after, updated_at=self.clock.now(), version=before.version + 1)
        try:
            self.money.write_intent(before, after)
        except Stale:
            self.log.info("intent_moved_on", intent=before.key)

    # -- the gas station

    def station(self) -> str:
        """Return the gas station's address."""
        return address_at(rules_of(self.network), self.signer.account_xpub(self.network.kind, 0), GAS_STATION[1])

    def fund(self, payment: Payment, cost: int, coin: int) -> OutgoingTransaction | None:
        """Sign gas for a transfer that costs `cost`, twice over: a rising base fee needs no second gift.

        Never more than the chain's cap; None, with an alarm, where that is too little, or the station has too little.
        The intent's nonce may be taken by the time that it is stored.
        """
        cap = self.network.gas_funding_cap
        if cost - coin > cap:
            self.log.error("gas_funding_cap_reached", payment=payment.id, amount=str(cost - coin), cap=str(cap))
            return None
        value, station, price = min(2 * cost, cap), self.station(), self.market.price()
        if value < 2 * cost:
            self.log.warning("gas_funding_capped", payment=payment.id, amount=str(2 * cost), cap=str(cap))
        needed = self.market.plain_gas(station, payment.address, value)
        held = self.market.balances(BalanceQuery(station, None))
        if held is None:
            raise Unavailable("the gas station's balance is unknown")
        if not self.affordable(payment.id, needed, price.max_fee):
            return None
        if held[0] < value + needed * price.max_fee:
            self.log.error("gas_station_low", chain=self.network.name, balance=str(held[0]))
            return None
        transaction = Transaction(
            chain_id=self.network.chain_id,
            nonce=self.market.next_nonce(station, self.money.last_intent(self.network.name, station)),
            to=payment.address,
            value=value,
            gas=needed,
            max_fee=price.max_fee,
            priority_fee=min(price.tip, price.max_fee),
            legacy=self.market.fees().legacy,
        )
        attempt = self.attempt(
            address_path(rules_of(self.network), *GAS_STATION),
            station,
            transaction,
            recipient_path=payment.derivation_path,
        )
        return self.intent(payment, Kind.FUND, transaction.nonce, attempt, sender=station)

    def affordable(self, payment_id: str, needed: int, max_fee: int) -> bool:
        """Whether a transaction stays under the chain's cap; one that does not waits, with an alarm."""
        if needed * max_fee <= self.network.fee_cap:
            return True
        self.log.error("fee_cap_reached", payment=payment_id, fee=str(needed * max_fee), cap=str(self.network.fee_cap))
        return False

    def intent(
        self, payment: Payment, kind: Kind, nonce: int, attempt: Attempt, *, sender: str, to: str = ""
    ) -> OutgoingTransaction:
        """Describe an own transaction of a payment."""
        fund, now = kind is Kind.FUND, self.clock.now()
        return OutgoingTransaction(
            chain=self.network.name,
            sender=sender,
            nonce=nonce,
            path=address_path(rules_of(self.network), *GAS_STATION) if fund else payment.derivation_path,
            kind=kind,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            asset="native" if fund else payment.asset_key,
            token=None if fund else payment.token_address,
            to=payment.address if fund else to,
            recipient_path=payment.derivation_path if fund else None,
            attempts=(attempt,),
            created_at=now,
            updated_at=now,
        )


def taken(exc: AlreadyExists) -> bool:
    """Whether only the nonce was taken: another one may do."""
    return exc.key == "intent"
