"""Sweep what was credited to the treasury: the outgoing transaction is written before anything is sent."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.errors import AlreadyExists, Busy, Reverts, Stale, Unavailable
from ctrip.domain.payments.payment import Custody, Flag, Payment, Tier
from ctrip.domain.sweeping.plan import Order, Planned, Quote
from ctrip.domain.sweeping.policy import SweepPolicy
from ctrip.domain.sweeping.sweep import (
    FAILED_BACKOFF_MS,
    REVERTED_BACKOFF_MS,
    Kind,
    OutgoingTransaction,
    Setback,
    TransactionState,
    set_back,
)
from ctrip.ports.chain import Chain
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.signing import Signer
from ctrip.ports.transfers import Transfers
from ctrip.services.sweeping.admit_sweeps import SweepAdmission
from ctrip.services.sweeping.collect_tokens import Judgement, TokenCollector
from ctrip.services.sweeping.hurry_transactions import TransactionHurrier
from ctrip.services.sweeping.send_transactions import TRIES, OpenTransfers, TransactionSender, taken
from ctrip.services.sweeping.take_back import LoanRecovery

TIME_MS = 40_000  # of the minute that a job has
MOST_PAYMENTS = 100  # of one job, the most valuable first
PARKED_SLICE = 20  # of the parked payments are judged again in each job
BACK_FACTOR = 2  # a parked payment comes back once it is worth so many times what keeps others from being parked


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositSweeper:
    """Sweeps one chain's deposits to `treasury`; `transfers` opens what plans them, as the chain's kind does it.

    Tokens go in batches that `operator` sends, where there is one. Without a treasury only those deposits are swept
    that go to the merchant's own, which `own_treasury` names; they are always swept one by one. `policies` are the
    chain's, by symbol.
    """

    network: Network
    chain: Chain
    payments: PaymentStore
    money: MoneyStore
    signer: Signer
    clock: Clock
    log: Log
    treasury: str
    transfers: OpenTransfers
    own_treasury: Callable[[str], str]
    operator: str = ""
    policies: Mapping[str, SweepPolicy] = field(default_factory=dict)

    def sweep(self, asset_key: str) -> int:
        """Take each payment of an asset that has funds to move a step further; return how many transactions were sent.

        One bad member harms no other. What a retry may mend (a node or the store that does not answer) is raised at the
        end, so that the job is tried again; all else is remembered with the payment, and tried later and later.
        """
        return _Job(self, asset_key).run()


@dataclass(slots=True)
class _Tried:
    """Whether a batch failed by a fault of ours."""

    failed: bool = False


@dataclass(slots=True)
class _Job:
    """One job: what it has sent, and what went wrong."""

    sweeper: DepositSweeper
    asset_key: str
    sent: int = 0
    began: int = 0
    failure: Exception | None = None
    setbacks: dict[str, Setback] = field(default_factory=dict)
    treasuries: dict[str, str] = field(default_factory=dict)
    sender: TransactionSender = field(init=False)
    transfers: Transfers = field(init=False)
    admission: SweepAdmission = field(init=False)
    collector: TokenCollector | None = None

    def __post_init__(self) -> None:
        own = self.sweeper
        self.began = own.clock.now()
        self.transfers = own.transfers(own.network, own.chain, own.clock, own.log)
        self.sender = TransactionSender(
            network=own.network,
            chain=own.chain,
            money=own.money,
            signer=own.signer,
            clock=own.clock,
            log=own.log,
            transfers=self.transfers,
        )
        self.admission = SweepAdmission(
            network=own.network,
            asset_key=self.asset_key,
            policies=own.policies,
            money=own.money,
            clock=own.clock,
            log=own.log,
            transfers=self.transfers,
        )
        if own.operator:
            self.collector = TokenCollector(
                sender=self.sender, payments=own.payments, treasury=own.treasury, operator=own.operator
            )

    def run(self) -> int:
        self.transfers.head()  # an endpoint whose head stands still steps aside before balances are read
        self._read_setbacks()
        own = self.sweeper
        if self.collector:
            with self._apart_batches():
                self.collector.mend()
        waiting = own.payments.watched(own.network.name, Tier.SWEEP)
        known = {payment.id: payment for payment in waiting}
        hurrier = TransactionHurrier(sender=self.sender, payments=own.payments, treasury_of=self._goes_to)
        self.sent += hurrier.run(self.asset_key, known, self._apart_transaction, self._enough)
        if self.transfers.lends:
            recovery = LoanRecovery(sender=self.sender, payments=own.payments)
            with self._apart_batches():
                self.sent += recovery.run(self._apart, self._enough)
        candidates = self._candidates([*waiting, *self._judge_parked(waiting)])
        if self.collector:
            candidates = self._together(self.collector, candidates)
        for payment in candidates[:MOST_PAYMENTS]:
            if self._enough():
                own.log.info("sweeping_goes_on_later", chain=own.network.name, asset=self.asset_key)
                break
            with self._apart(payment):
                self.sent += self._one(payment)
        if self.failure:
            raise self.failure
        return self.sent

    def _enough(self) -> bool:
        """Whether the job's time is over: what is left is the next one's."""
        return self.sweeper.clock.now() - self.began >= TIME_MS

    # -- apart from each other

    @contextmanager
    def _apart(self, payment: Payment) -> Iterator[None]:
        """Keep one payment's trouble from all the others."""
        log = self.sweeper.log
        try:
            yield
        except (AlreadyExists, Stale) as exc:
            log.info("sweep_left_to_another", payment=payment.id, error=str(exc))
        except (Unavailable, Busy) as exc:
            log.warning("sweep_waits_for_a_node", payment=payment.id, error=str(exc))
            self.failure = self.failure or exc
        except Exception as exc:  # a revert, a refusal, or a bug
            self._set_back(payment, exc)

    @contextmanager
    def _apart_transaction(self, transaction: OutgoingTransaction) -> Iterator[None]:
        """Keep the trouble of one transaction under way from all the others."""
        log = self.sweeper.log
        try:
            yield
        except (AlreadyExists, Stale) as exc:
            log.info("sweep_left_to_another", transaction=transaction.key, error=str(exc))
        except (Unavailable, Busy) as exc:
            log.warning("hurrying_waits_for_a_node", transaction=transaction.key, error=str(exc))
            self.failure = self.failure or exc
        except Exception as exc:  # a refusal, or a bug
            log.error("hurrying_failed", transaction=transaction.key, kind=type(exc).__name__, error=exc)

    def _set_back(self, payment: Payment, exc: Exception) -> None:
        """Remember a failure with its payment: the sweep is tried again later, and each time later still."""
        own = self.sweeper
        first = REVERTED_BACKOFF_MS if isinstance(exc, Reverts) else FAILED_BACKOFF_MS
        # What else fails may quote anything: its kind is enough.
        known, reason = self.setbacks.get(payment.id), str(exc) if isinstance(exc, Reverts) else type(exc).__name__
        setback = set_back(known, reason, own.clock.now(), first=first)
        count = setback.failures
        if not isinstance(exc, Reverts):
            own.log.error("sweep_failed", payment=payment.id, failures=count, kind=type(exc).__name__, error=exc)
        elif count == 1:
            own.log.error("sweep_reverts", payment=payment.id, failures=count, error=exc)
        else:
            own.log.warning("sweep_reverts_again", payment=payment.id, failures=count, error=exc)
        try:
            own.money.set_back(own.network.name, payment.id, setback)
        except Exception as lost:  # it is only tried again too soon
            own.log.warning("setback_not_stored", payment=payment.id, error=lost)

    def _read_setbacks(self) -> None:
        try:
            self.setbacks = self.sweeper.money.setbacks(self.sweeper.network.name)
        except Busy:
            raise
        except Exception as exc:  # what cannot be read sets nobody back
            self.sweeper.log.error("setbacks_unreadable", chain=self.sweeper.network.name, error=exc)

    # -- which payments

    def _candidates(self, waiting: Sequence[Payment]) -> list[Payment]:
        due = [each for each in waiting if self._due(each)]
        return sorted(due, key=lambda each: (-each.unswept, each.times.raised_at))

    def _due(self, payment: Payment) -> bool:
        if payment.due.asset_key != self.asset_key or payment.tier is not Tier.SWEEP or payment.own.pending:
            return False
        if Flag.HELD in payment.flags or payment.policy.custody is Custody.XPUB:
            return False
        if payment.policy.custody is Custody.HOT and not self.sweeper.treasury:
            return False
        setback = self.setbacks.get(payment.id)
        if setback is not None and self.sweeper.clock.now() < setback.until:
            return False
        return not self.admission.waits_for_gas(payment)

    def _judge_parked(self, waiting: Sequence[Payment]) -> list[Payment]:
        """Bring back what has become worth its gas, of those that were judged the longest ago."""
        own, now = self.sweeper, self.sweeper.clock.now()
        judged = []
        company = Counter(each.due.asset_key for each in waiting)
        for payment in own.payments.longest_in(own.network.name, Tier.PARKED, PARKED_SLICE):
            with self._apart(payment):
                worth = payment.unswept > 0 and self._worth_bringing_back(payment, company[payment.due.asset_key])
                judged.append(own.payments.retier(payment, Tier.SWEEP if worth else Tier.PARKED, now))
        return judged

    def _worth_bringing_back(self, payment: Payment, others: int) -> bool:
        together = others + 1 if self.collector and payment.policy.custody is Custody.HOT else 0
        usual = self.transfers.usual_cost(payment.due.token_address, together=together)
        # What is old goes with the batch as soon as it pays for its part; alone more coin than that must be given.
        margin = 1 if together and self.admission.old(payment) else BACK_FACTOR
        return self.admission.worth(payment, payment.unswept, margin * usual)

    def _park(self, payment: Payment, balance: int) -> bool:
        own = self.sweeper
        own.payments.retier(payment, Tier.PARKED, own.clock.now())
        own.log.info("not_worth_sweeping", payment=payment.id, balance=str(balance))
        return False

    # -- many payments

    def _together(self, collector: TokenCollector, candidates: list[Payment]) -> list[Payment]:
        """Sweep tokens in batches; return what is to be swept alone."""
        shared = [each for each in candidates if each.policy.custody is Custody.HOT]
        if not shared or shared[0].due.token_address is None:
            return candidates
        judgement = Judgement(
            failures=lambda payment: setback.failures if (setback := self.setbacks.get(payment.id)) else 0,
            admission=self.admission,
            park=self._park,
            set_back=self._set_back,
        )
        alone: list[Payment] = []
        with self._apart_batches() as tried:
            sent, alone = collector.collect(shared, judgement)
            self.sent += sent
        if tried.failed:
            return candidates
        return [*alone, *(each for each in candidates if each.policy.custody is Custody.DIRECT)]

    @contextmanager
    def _apart_batches(self) -> Iterator["_Tried"]:
        """Keep the trouble of a batch from what can be swept alone."""
        log, chain, tried = self.sweeper.log, self.sweeper.network.name, _Tried()
        try:
            yield tried
        except (AlreadyExists, Stale) as exc:
            log.info("sweep_left_to_another", chain=chain, error=str(exc))
        except (Unavailable, Busy) as exc:
            log.warning("sweep_waits_for_a_node", chain=chain, error=str(exc))
            self.failure = self.failure or exc
        except Exception as exc:  # a refusal, or a bug
            log.error("batch_failed", chain=chain, kind=type(exc).__name__, error=exc)
            tried.failed = True

    # -- one payment

    def _goes_to(self, transaction: OutgoingTransaction) -> str:
        """Return where a sweep goes now: its treasury may have changed since it was sent."""
        return self._own_treasury(transaction.members[0].merchant_id) if transaction.direct else self.sweeper.treasury

    def _own_treasury(self, merchant_id: str) -> str:
        if merchant_id not in self.treasuries:
            self.treasuries[merchant_id] = self.sweeper.own_treasury(merchant_id)
        return self.treasuries[merchant_id]

    def _treasury(self, payment: Payment) -> str:
        if payment.policy.custody is Custody.HOT:
            return self.sweeper.treasury
        treasury = self._own_treasury(payment.merchant_id)
        if not treasury:
            self.sweeper.log.warning("merchant_without_treasury", payment=payment.id, merchant=payment.merchant_id)
        return treasury

    def _one(self, payment: Payment) -> bool:
        if not (treasury := self._treasury(payment)):
            return False
        last = self.sweeper.money.last_transaction(self.sweeper.network.name, payment.due.address)
        self._look_back(payment, last)
        holdings = [
            BalanceQuery(payment.due.address, token) for token in dict.fromkeys((payment.due.token_address, None))
        ]
        found = self.transfers.balances(*holdings)
        if found is None:
            self.sweeper.log.info("balance_unknown", payment=payment.id)
            return False
        if found[0] == 0:
            return False
        if not self.admission.worth(payment, found[0], 0):
            return self._park(payment, found[0])
        return self._transfer(payment, treasury, found[0], self._own_coin(payment, found[-1]), last)

    def _own_coin(self, payment: Payment, coin: int) -> int:
        """Return how much of the coin at an address is ours to use: what came there with a token is the merchant's."""
        if payment.due.token_address is None:
            return coin
        own = min(coin, max(payment.given_coin, 0))
        if self.sender.taken_away(payment, coin):
            raise Reverts("the coin that its address was given has left it without us")
        if stray := coin - own:
            self.sweeper.log.info("stray_coin_left", payment=payment.id, amount=str(stray))
        return own

    def _look_back(self, payment: Payment, last: OutgoingTransaction | None) -> None:
        """Set a payment back whose last sweep was mined and failed."""
        known = self.setbacks.get(payment.id)
        failed = last is not None and last.state is TransactionState.FAILED and last.tx_hash is not None
        if last is not None and failed and (known is None or known.at < last.updated_at):
            raise Reverts(f"transaction {last.tx_hash} failed")

    def _transfer(
        self, payment: Payment, treasury: str, balance: int, coin: int, last: OutgoingTransaction | None
    ) -> bool:
        order = Order(payment.due.address, payment.due.token_address, treasury, balance, payment.due.derivation_path)
        quote = self.transfers.quote(order, coin, giver=self.sender.station() if self.transfers.lends else "")
        if not self.admission.worth(payment, balance, quote.used_up, quote.outlay):
            return self._park(payment, balance)
        if not self.sender.affordable(payment.id, quote):
            return False
        if not self.admission.approved(payment, balance) or not self.admission.within_day({order: payment}):
            return False
        if quote.short:
            return self._fund(payment, quote)
        planned = self.transfers.transfer(order, quote, last)
        return self._send(payment, planned, treasury) if planned else self._park(payment, balance)

    def _fund(self, payment: Payment, need: Quote) -> bool:
        """Have the gas station give an address the coin for its transfer."""
        for _ in range(TRIES):
            transaction = self.sender.fund(payment, need)
            if transaction is None:
                return False
            try:
                self.sweeper.payments.reserve(payment, transaction)
            except AlreadyExists as exc:
                if not taken(exc):
                    raise
                continue
            self.sender.broadcast(transaction)
            return True
        raise Stale("the gas station's slots are taken faster than ours are written")

    def _send(self, payment: Payment, planned: Planned, treasury: str) -> bool:
        """Sign, commit what was signed, and only then broadcast; a crash in between is mended by the follower."""
        attempt = self.sender.attempt(payment.due.derivation_path, payment.due.address, planned)
        transaction = self.sender.transaction(
            payment, Kind.SWEEP, planned.slot, attempt, sender=payment.due.address, to=treasury
        )
        self.sweeper.payments.reserve(
            payment, transaction, self.admission.count(planned.amount or planned.value, payment)
        )
        self.sender.broadcast(transaction)
        return True
