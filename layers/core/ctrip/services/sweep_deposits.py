"""Sweep what was credited to the treasury: the intent is written before anything is sent."""

from dataclasses import dataclass, replace

from ctrip.domain.assets import Network
from ctrip.domain.chain import Fees, Holding, Transaction
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, ChainError, SigningRefused, Stale, Unavailable
from ctrip.domain.keys import ExtendedKey, account_path
from ctrip.domain.payment import Custody, Flag, Payment, Tier
from ctrip.domain.sweep import (
    NATIVE_GAS,
    STUCK_AFTER_BLOCKS,
    Attempt,
    Intent,
    IntentState,
    Kind,
    bumped,
    max_fee,
    parse_key,
    sweep_coin,
    transfer_data,
)
from ctrip.ports import Chain, Clock, Log, MoneyStore, PaymentStore, Signer

GAS_STATION_PATH = f"{account_path(0)}/0/1"
FAILURES_ALLOWED = 3
FEE_CEILING = 8  # times today's fee: a replacement that costs more only feeds what is really wrong
TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositSweeper:
    """Sweeps one chain's deposits to `treasury`."""

    network: Network
    chain: Chain
    payments: PaymentStore
    money: MoneyStore
    signer: Signer
    clock: Clock
    log: Log
    treasury: str

    def sweep(self, asset_key: str) -> int:
        """Take each payment of an asset that has funds to move a step further; return how many transactions were sent.

        One bad member harms no other; the first failure is raised at the end, so that the job is tried again.
        """
        sent, _ = 0, self.chain.head()  # an endpoint whose head stands still steps aside before balances are read
        failure: Exception | None = None
        for payment in self.payments.watched(self.network.name, Tier.SWEEP):
            if payment.asset_key != asset_key:
                continue
            try:
                sent += self._one(payment)
            except (AlreadyExists, Stale) as exc:
                self.log.info("sweep_left_to_another", payment=payment.id, error=str(exc))
            except Unavailable as exc:
                self.log.warning("sweep_waits_for_a_node", payment=payment.id, error=str(exc))
                failure = failure or exc
            except (ChainError, SigningRefused) as exc:
                self.log.error("sweep_failed", payment=payment.id, error=str(exc), kind=type(exc).__name__)
                failure = failure or exc
        if failure:
            raise failure
        return sent

    def _one(self, payment: Payment) -> bool:
        if payment.tier is not Tier.SWEEP or Flag.HELD in payment.flags or payment.policy.custody is not Custody.HOT:
            return False
        if payment.pending:
            return self._hurry(payment)
        return self._transfer(payment) if payment.token_address else self._coin(payment)

    def _coin(self, payment: Payment) -> bool:
        balance = self.chain.balance(Holding(payment.address, None))
        if balance == 0:
            return False
        fees = self.chain.fees()
        gas = self.chain.estimate_gas(payment.address, self.treasury, 1, "0x")
        transaction = sweep_coin(
            chain_id=self.network.chain_id,
            nonce=self._nonce(payment.address),
            to=self.treasury,
            balance=balance - self.chain.layer_fee(),
            gas=gas,
            fee=max_fee(fees),
        )
        if transaction is None:
            self.log.info("not_worth_sweeping", payment=payment.id, balance=str(balance))
            return False
        return self._send(payment, replace(transaction, legacy=fees.legacy), Kind.SWEEP)

    def _transfer(self, payment: Payment) -> bool:
        token = payment.token_address or ""
        balance = self.chain.balance(Holding(payment.address, token))
        if balance == 0 or self._failed_too_often(payment):
            return False
        fees, data = self.chain.fees(), transfer_data(self.treasury, balance)
        gas = self.chain.estimate_gas(payment.address, token, 0, data) * 6 // 5
        fee = max_fee(fees)
        cost = gas * fee + self.chain.layer_fee()
        if self.chain.balance(Holding(payment.address, None)) < cost:
            return self._fund(payment, cost * 2, fees)
        transaction = Transaction(
            chain_id=self.network.chain_id,
            nonce=self._nonce(payment.address),
            to=token,
            value=0,
            data=data,
            gas=gas,
            max_fee=fee,
            priority_fee=min(fees.priority, fee),
            legacy=fees.legacy,
        )
        return self._send(payment, transaction, Kind.SWEEP)

    def _fund(self, payment: Payment, value: int, fees: Fees) -> bool:
        """Give a deposit address the gas for its transfer, twice over: a rising base fee needs no second one."""
        station = ExtendedKey.parse(self.signer.account_xpub(0)).child(0).child(1).address()
        fee = max_fee(fees)
        # More than 21,000 where the gas of a layer below is part of it.
        estimate = self.chain.estimate_gas(station, payment.address, value, "0x")
        gas = NATIVE_GAS if estimate <= NATIVE_GAS else estimate * 6 // 5
        for _ in range(TRIES):
            transaction = Transaction(
                chain_id=self.network.chain_id,
                nonce=self._nonce(station),
                to=payment.address,
                value=value,
                gas=gas,
                max_fee=fee,
                priority_fee=min(fees.priority, fee),
                legacy=fees.legacy,
            )
            try:
                return self._send(payment, transaction, Kind.FUND, sender=station)
            except AlreadyExists as exc:
                if exc.key != "intent":
                    raise
        raise Stale("the gas station's nonces are taken faster than ours are written")

    def _send(self, payment: Payment, transaction: Transaction, kind: Kind, *, sender: str | None = None) -> bool:
        """Sign, commit the intent, and only then broadcast; a crash in between is mended by the follower."""
        fund = kind is Kind.FUND
        path = GAS_STATION_PATH if fund else payment.derivation_path
        source = sender or payment.address
        now = self.clock.now()
        intent = Intent(
            chain=self.network.name,
            sender=source,
            nonce=transaction.nonce,
            path=path,
            kind=kind,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            asset="native" if fund else payment.asset_key,
            token=None if fund else payment.token_address,
            to=payment.address if fund else self.treasury,
            attempts=(self._attempt(path, source, transaction, payment.derivation_path if fund else None),),
            created_at=now,
            updated_at=now,
        )
        self.payments.reserve(payment, intent)
        self._broadcast(intent)
        return True

    def _hurry(self, payment: Payment) -> bool:
        """Replace a transaction that no block takes, at the same nonce, both fees raised."""
        chain, sender, nonce = parse_key(payment.pending or "")
        intent = self.money.intent(chain, sender, nonce)
        if intent is None or intent.state not in (IntentState.SIGNED, IntentState.SENT):
            return False
        last = intent.attempts[-1]
        if self.chain.head().number - last.head < STUCK_AFTER_BLOCKS:
            return False
        if self.chain.nonce(sender) < nonce:
            return False  # it waits for an earlier one, which more money would not hurry
        fees = self.chain.fees()
        fee = max(bumped(last.max_fee), max_fee(fees))
        if fee > FEE_CEILING * max_fee(fees):
            self.log.error("fee_ceiling", intent=intent.key, fee=str(fee))
            return False
        balance = self.chain.balance(Holding(sender, None))
        coin = intent.kind is Kind.SWEEP and intent.token is None
        below = self.chain.layer_fee()
        value = balance - last.gas * fee - below if coin else last.value
        if (value <= 0 and coin) or balance < value + last.gas * fee:
            self.log.error("cannot_replace", intent=intent.key, balance=str(balance))
            return False
        transaction = Transaction(
            chain_id=self.network.chain_id,
            nonce=intent.nonce,
            to=intent.token or intent.to,
            value=value,
            data=self._data(intent) if intent.token else "0x",
            gas=last.gas,
            max_fee=fee,
            priority_fee=fee if coin else min(bumped(last.priority_fee), fee),
            legacy=fees.legacy,
        )
        recipient = payment.derivation_path if intent.kind is Kind.FUND else None
        attempt = self._attempt(intent.path, sender, transaction, recipient)
        after = replace(
            intent, attempts=(*intent.attempts, attempt), updated_at=self.clock.now(), version=intent.version + 1
        )
        self.money.write_intent(intent, after)
        self._broadcast(after)
        return True

    def _data(self, intent: Intent) -> str:
        return transfer_data(self.treasury, self.chain.balance(Holding(intent.sender, intent.token)))

    def _attempt(self, path: str, sender: str, transaction: Transaction, recipient_path: str | None) -> Attempt:
        signed = self.signer.sign(path, sender, transaction, recipient_path=recipient_path)
        return Attempt(
            raw=signed.raw,
            tx_hash=signed.tx_hash,
            gas=transaction.gas,
            max_fee=transaction.max_fee,
            priority_fee=transaction.priority_fee,
            value=transaction.value,
            head=self.chain.head().number,
        )

    def _broadcast(self, intent: Intent) -> None:
        """Hand the bytes over; that it was done is not stored, as the follower asks the node and does it again."""
        try:
            self.chain.broadcast(intent.attempts[-1].raw)
        except BroadcastRejected as exc:
            self.log.warning("broadcast_rejected", intent=intent.key, error=str(exc))

    def _nonce(self, sender: str) -> int:
        """Take the next nonce: after our newest intent, and never behind the chain."""
        last = self.money.last_intent(self.network.name, sender)
        return max(last.nonce + 1 if last else 0, self.chain.nonce(sender))

    def _failed_too_often(self, payment: Payment) -> bool:
        failed = [i for i in self.money.intents_of(self.network.name, payment.address) if i.state is IntentState.FAILED]
        if len(failed) >= FAILURES_ALLOWED:
            self.log.error("sweep_given_up", payment=payment.id, failures=len(failed))
        return len(failed) >= FAILURES_ALLOWED
