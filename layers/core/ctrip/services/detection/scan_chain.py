"""Scan one chain: look at what is watched, decide, commit, tell; pass after pass until superseded or out of time.

Looking, following our own transactions, explaining and sweeping fail apart from each other; so do payments.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.chain import Block, Move
from ctrip.domain.detection.decide import next_step
from ctrip.domain.detection.gates import Tip
from ctrip.domain.detection.observe import Look
from ctrip.domain.detection.step import Step, fire, quiet
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import (
    AlreadyExists,
    Busy,
    ChainError,
    ConfigurationError,
    FenceLost,
    NotHeld,
    Stale,
    Unavailable,
    WrongChain,
)
from ctrip.domain.jobs import SweepJob
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Flag, Payment, Status, Tier
from ctrip.domain.sweeping.sweep import could_explain, parse_key
from ctrip.domain.webhooks.events import Event
from ctrip.ports import AccessStore, Chain, Clock, Fence, Jobs, Log, MoneyStore, PaymentStore
from ctrip.services.detection.count_open import OpenCounter
from ctrip.services.detection.explain import Explainer
from ctrip.services.detection.find_strays import StrayFinder
from ctrip.services.detection.look_at import Looker, Sight, net
from ctrip.services.detection.trust_chain import ChainTrust
from ctrip.services.detection.vouch_address import AddressVoucher
from ctrip.services.detection.watch_list import WatchList
from ctrip.services.shared.notify import notify
from ctrip.services.shared.recording import Recorder
from ctrip.services.sweeping.follow_intents import IntentFollower

REFRESH_MS = 15_000
KEEP_HOT_MS = 600_000
STEPS = 12  # more than the longest walk through the machine; a guard against a rule that never ends
OLDER = (1, 2, 4, 8)  # blocks before the head that are looked at instead, where no endpoint has the head's state
UNCLEAR_MS = 60_000  # after which an own transaction that moved money, and shows no receipt, is an alarm
RETRIES = 50  # explanations asked for again in one pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainScanner:
    """Scans one chain.

    `monitor_ms`, `other_ms` and `sweep_ms` are the rhythms of the slower tier, of other assets and of sweep jobs.
    """

    network: Network
    chain: Chain
    payments: PaymentStore
    money: MoneyStore
    access: AccessStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    explainer: Explainer
    looker: Looker
    follower: IntentFollower
    strays: StrayFinder
    trust: ChainTrust
    counter: OpenCounter
    voucher: AddressVoucher
    log: Log
    monitor_ms: int
    other_ms: int
    sweep_ms: int

    def run(self, until: int) -> int:
        """Take the chain and scan it until unix milliseconds `until`; return the number of passes.

        Returns early when a newer scanner has taken the chain, or when nothing is due any more.
        """
        run = ScanRun.begin(self)
        while run.due() and self.attempt(run):
            pause = self.network.poll_seconds - (self.clock.now() - run.started) / 1000
            if self.clock.now() + pause * 1000 >= until:
                break
            self.clock.wait(max(pause, 0.0))
        if run.passes:
            run.measure()
        return run.passes

    def attempt(self, run: "ScanRun") -> bool:
        """Make one pass; False when the chain is another scanner's now, or not ours to scan."""
        try:
            run.one()
        except FenceLost:
            self.log.info("superseded", chain=self.network.name, fence=run.fence.number)
            return False
        except (WrongChain, ConfigurationError) as exc:
            self.log.error("wrong_chain", chain=self.network.name, error=str(exc))
            return run.failed_with(exc) and False
        except (ChainError, Busy) as exc:
            self.log.warning("pass_failed", chain=self.network.name, error=str(exc), kind=type(exc).__name__)
            return run.failed_with(exc)
        except Exception as exc:  # a bug, or an answer in a shape nobody knows: the next pass may fare better
            self.log.error("pass_broken", chain=self.network.name, error=str(exc), kind=type(exc).__name__)
            return run.failed_with(exc)
        return True


@dataclass(slots=True, kw_only=True)
class ScanRun:
    """One invocation: what it holds in memory between passes."""

    scan: ChainScanner
    fence: Fence
    tip: Tip  # as stored last, by the scanner before this one or by this one
    watch: WatchList
    seen: Block | None = None  # the newest block that a look of this run stood on
    swept_at: dict[str, int] = field(default_factory=dict)
    following: int = 1  # unfinished own transactions at the last look; at first there may be some
    moves: dict[str, tuple[Move, ...]] = field(default_factory=dict)  # by payment: of sweeps mined and not final
    unsure: frozenset[str] = frozenset()  # payments with an own transaction whose fate nobody can tell
    alarmed: set[str] = field(default_factory=set)  # payments that wait for an own transaction's receipt
    troubles: dict[str, Exception] = field(default_factory=dict)  # of this pass, by payment or by part
    started: int = 0
    others_at: int = 0
    gate_read: int = 0
    hot_until: int = 0
    daily_at: int = 0
    passes: int = 0
    failed: int = 0

    @classmethod
    def begin(cls, scan: ChainScanner) -> "ScanRun":
        """Take the chain, and what the scanner before knew of it."""
        name = scan.network.name
        fence = scan.money.take(name)
        tip = scan.money.tips([name]).get(name) or Tip(chain=name)
        watch = WatchList(
            chain=name,
            payments=scan.payments,
            log=scan.log,
            monitor_ms=scan.monitor_ms,
            looked_at=tip.looked_at,
            position=tip.position,
        )
        return cls(scan=scan, fence=fence, tip=replace(tip, fence=fence.number), watch=watch)

    def due(self) -> bool:
        """Say whether the gate wants another pass; a warm chain gets exactly one an invocation."""
        now = self.scan.clock.now()
        if now - self.gate_read >= REFRESH_MS or now >= self.hot_until:
            name = self.scan.network.name
            gate = self.scan.access.gates([name]).get(name)
            if gate is None or gate.paused:
                return False
            self.gate_read, self.hot_until, self.daily_at = now, gate.hot_until, gate.daily_at
            return now < gate.hot_until or gate.daily_due(now) or (self.passes == 0 and now < gate.warm_until)
        return True

    def one(self) -> None:
        """Look once at everything that is due."""
        scan, now = self.scan, self.scan.clock.now()
        self.started, self.troubles = now, {}
        self.passes += 1
        scan.trust.check()
        head = scan.chain.head()
        previous = self.seen or self._stored_block()
        stance = scan.trust.judge(head, previous)
        if stance.waits:
            self._beat(None, now, passed=False)
            return
        self.watch.refresh(now)
        with self._apart("monitored"):
            self.watch.next_slice(now)
        final = scan.trust.final_height(head)
        self._follow(head, final)
        at = head
        if due := self.watch.due():
            at = self._look_at(due, head, previous, final, lags=stance.lags)
        self.seen = at if self.seen is None or stance.rolled_back or at.number > self.seen.number else self.seen
        with self._apart("elsewhere"):
            self._look_elsewhere(head, now)
        with self._apart("sweeps"):
            self._enqueue_sweeps(now)
        with self._apart("gate"):
            self._stay_hot(now)
        with self._apart("counts"):
            scan.counter.count(self.watch.counts(), self.watch.round_counts)
        self._beat(head if stance.newest else None, now, passed=True)
        if self.troubles:
            name, trouble = next(iter(self.troubles.items()))
            scan.log.warning(
                "pass_incomplete", chain=scan.network.name, count=len(self.troubles), part=name, error=str(trouble)
            )

    def failed_with(self, exc: Exception) -> bool:
        """Note why a pass failed; False when the chain is another scanner's now."""
        self.failed += 1
        now = self.scan.clock.now()
        words = f"{type(exc).__name__}: {exc}"[:200]
        tip = replace(
            self.tip,
            scanned_at=now,
            failing_since=self.tip.failing_since or now,
            failure=words,
            endpoints=tuple(self.scan.chain.endpoints()),
        )
        try:
            self._store(tip)
        except FenceLost:
            return False
        except Busy as busy:
            self.scan.log.warning("beat_failed", chain=self.scan.network.name, error=str(busy))
        return True

    def measure(self) -> None:
        """Publish what this invocation saw: once, as each line costs."""
        now, head = self.scan.clock.now(), self.tip
        states = [state for _, state, _ in self.scan.chain.endpoints()]
        self.scan.log.measure(
            self.scan.network.name,
            passes=self.passes,
            failed_passes=self.failed,
            open_payments=self.watch.counts().total(),
            head_age_seconds=(now - head.block_time) // 1000 if head.number else -1,
            usable_endpoints=states.count("usable"),
            unusable_endpoints=len(states) - states.count("usable"),
        )

    # -- how far this has come

    def _stored_block(self) -> Block | None:
        tip = self.tip
        return Block(tip.number, tip.hash, "", tip.block_time) if tip.number else None

    def _beat(self, newest: Block | None, now: int, *, passed: bool) -> None:
        """Store how far this has come: a pass that succeeded says so, one that waited for a node says nothing.

        Without a `newest` block the stored one stays: a look may stand on an older one, the tip never goes back for it.
        """
        tip = self.tip
        if newest is not None:
            tip = replace(tip, number=newest.number, hash=newest.hash, block_time=newest.time)
        tip = replace(
            tip,
            scanned_at=now,
            endpoints=tuple(self.scan.chain.endpoints()),
            open_payments=self.watch.counts().total() if passed else self.tip.open_payments,
            position=self.watch.position,
        )
        if passed:
            tip = replace(tip, passed_at=now, failing_since=0)
            if not self.watch.fresh:
                tip = replace(tip, looked_at=now)
        self._store(tip)

    def _store(self, tip: Tip) -> None:
        self.scan.money.beat(tip)
        self.tip = tip

    @contextmanager
    def _apart(self, name: str) -> Iterator[None]:
        """Keep one payment's or part's trouble from all the others; only another scanner's claim ends the pass."""
        try:
            yield
        except FenceLost:
            raise
        except (Busy, ChainError) as exc:
            self.troubles[name] = exc
            self.scan.log.info("apart", part=name, error=str(exc), kind=type(exc).__name__)
        except Exception as exc:  # a bug, or what was stored cannot be read: it must not stop a chain
            self.troubles[name] = exc
            self.scan.log.error("payment_broken", payment=name, kind=type(exc).__name__, error=str(exc))

    # -- looking and deciding

    def _follow(self, head: Block, final: int) -> None:
        """Follow our own transactions, where there may be any; what fails leaves the payments concerned undecided."""
        sweeping = any(row.tier is Tier.SWEEP for row in self.watch.rows.values())
        busy = any(payment.pending for payment in self.watch.read.values())
        self.moves = {}
        if not (self.following or sweeping or busy):
            self.unsure = frozenset()
            return
        with self._apart("following"):
            found = self.scan.follower.follow(head, final, self.fence)
            self.following, self.moves, self.unsure = found.unfinished, found.moves, found.unsure
            for payment in found.changed:
                self.watch.keep(payment)
            if found.failure is not None:
                self.troubles["own transactions"] = found.failure

    def _look_at(self, due: Sequence[Watch], head: Block, previous: Block | None, final: int, *, lags: bool) -> Block:
        """Look at what is due, decide and commit; return the block that the look stood on."""
        at, balances = self._balances(due, head)
        by_id = {row.id: balance for row, balance in zip(due, balances, strict=True)}
        rows = [row for row in due if row.to_be_read(by_id[row.id], at.time)]
        rows = [row for row in rows if not self.scan.trust.set_aside(row.token)]
        payments = list(self.watch.payments_of(rows, self.started).values())
        if lags or at.number < head.number:
            payments = [each for each in payments if _newest(each) <= at.number]
        base = min(at.number, previous.number) if previous else at.number
        sight, blind = self.scan.looker.sight(payments, at, final=final, base=base, previous=previous)
        payments = [each for each in payments if each.id not in blind and not self._reopened(each, sight)]
        self._decide_all(payments, by_id, sight)
        self.watch.looked(due, by_id)
        if blind:
            self.troubles["headers"] = Unavailable(f"no endpoint holds what {len(blind)} payments need")
        with self._apart("explanations"):
            self._explain_again(sight)
        return at

    def _balances(self, due: Sequence[Watch], head: Block) -> tuple[Block, list[int | None]]:
        """Read the balances at the head, or at the newest block before it whose state an endpoint has."""
        chain = self.scan.chain
        try:
            return head, chain.balances(head, due)
        except NotHeld as exc:
            missing = exc
        older = chain.blocks([head.number - back for back in OLDER if head.number >= back])
        for number in sorted(older, reverse=True):
            try:
                return older[number], chain.balances(older[number], due)
            except NotHeld as exc:
                missing = exc
        raise missing

    def _with_moves(self, payment: Payment) -> Payment:
        """Add what our sweep under way has moved already: the balance shows it, the payment will once it is final."""
        moves = self.moves.get(payment.id)
        return replace(payment, moves=(*payment.moves, *moves)) if moves else payment

    def _reopened(self, payment: Payment, sight: Sight) -> bool:
        """Take back own transactions whose block is gone; the payment is then decided in the next pass."""
        gone: list[str] = []
        with self._apart(payment.id):
            gone = self.scan.looker.gone(payment, sight)
        for key in gone:
            with self._apart(payment.id):
                after = self.scan.follower.reopen(payment, key, self.fence)
                self.following = 1
                if after is not None:
                    self.watch.keep(after)
        return bool(gone)

    def _decide_all(self, payments: Sequence[Payment], balances: dict[str, int | None], sight: Sight) -> None:
        seen, stored = [], {payment.id: payment for payment in payments}
        for payment in payments:
            balance = balances[payment.id]
            if balance is None or _nothing_new(payment, balance, sight.at):
                continue
            with self._apart(payment.id):
                as_seen = self._with_moves(payment)
                if not self._awaited(as_seen, balance, sight):
                    seen.append((as_seen, balance))
        looks = self.scan.looker.looks(seen, sight, fresh=self.watch.fresh, apart=self._apart)
        told: list[Event] = []
        try:
            for as_seen, _ in seen:
                if as_seen.id not in looks:
                    continue  # whatever was in the way is noted
                with self._apart(as_seen.id):
                    self._decide(stored[as_seen.id], self._judged(as_seen, looks[as_seen.id]), told)
        finally:
            notify(self.scan.jobs, told)

    def _judged(self, payment: Payment, look: Look) -> Look:
        """Add what two hosts say of a large amount, and whether another payment has the order."""
        look = replace(look, superseded=self._superseded(payment, look.received))
        due = look.confirmed is not None and look.confirmed >= payment.enough and look.confirmed > payment.credited
        if due and not self.scan.voucher.vouches(payment):
            return replace(look, agreed=False)
        return replace(look, agreed=self.scan.trust.agreed(payment, look))

    def _superseded(self, payment: Payment, received: int | None) -> bool:
        """Whether another payment has taken an expired one's order meanwhile."""
        if payment.status is not Status.EXPIRED or payment.order_id is None or not received:
            return False
        return self.scan.payments.by_order(payment.merchant_id, payment.order_id) != payment.id

    def _awaited(self, payment: Payment, balance: int, sight: Sight) -> bool:
        """Whether money left by what must be our own transaction, of which no receipt is seen.

        Nothing is concluded from the missing receipt: the follower finds out what became of the transaction, however
        long that takes, and until then the payment stays as it is.
        """
        received = net(payment, balance, payment.baseline or 0, sight.at.number)
        left = payment.amount_received - (received if received is not None else 0)
        if left <= 0 or not self.scan.looker.intact(payment, sight):
            return False  # what a reorganisation took has not left by a transaction of ours
        key = payment.pending
        known = any(move.intent == key for move in payment.moves)
        intent = self.scan.money.intent(*parse_key(key)) if key and not known else None
        ours = intent is not None and could_explain(intent, payment.token_address, left)
        if not (ours or payment.id in self.unsure):
            return False
        since = intent.updated_at if intent else payment.updated_at
        overdue = self.scan.clock.now() - since > UNCLEAR_MS
        if overdue and payment.id not in self.unsure | self.alarmed:  # of the unsure ones the follower tells
            self.alarmed.add(payment.id)
            self.scan.log.error("own_transaction_unclear", payment=payment.id, chain=payment.chain)
        return True

    def _decide(self, payment: Payment, look: Look, told: list[Event]) -> None:
        """Take every step that this look allows, each in its own transaction."""
        for _ in range(STEPS):
            step = next_step(payment, look, self.scan.clock.now())
            if step is None:
                return
            try:
                payment = self._commit(payment, step, told)
            except (Stale, AlreadyExists) as exc:
                self.scan.log.info("payment_moved_on", payment=payment.id, error=str(exc))
                self.watch.round_at = 0  # look again in the next pass, whatever its tier
                if (fresh := self.scan.payments.get(payment.id)) is not None:
                    self.watch.forget(payment.id)
                    self.watch.keep(fresh)
                return
        self.scan.log.error("rules_without_end", payment=payment.id)

    def _commit(self, payment: Payment, step: Step, told: list[Event]) -> Payment:
        commit = self.scan.recorder.step(payment, step, fence=self.fence)
        if step.alarm == "deep_reorg":
            self.scan.access.pause(payment.chain, True)  # first: it can be repeated, and must not be lost
        self.scan.payments.commit(commit)
        self.watch.keep(commit.after)
        if step.alarm == "deep_reorg":
            self.gate_read = 0  # undone and paused: this pass is the last
        if step.alarm:
            self.scan.log.error(step.alarm, payment=payment.id, chain=payment.chain)
        if commit.event:
            told.append(commit.event)
        return commit.after

    # -- beside the decisions

    def _explain_again(self, sight: Sight) -> None:
        """Ask again for what is unexplained and due; what is found is told, what is not waits for longer."""
        scan, now = self.scan, self.scan.clock.now()
        held = [*self.watch.read.values(), *self.watch.slow_read.values()]
        wanted = [each for each in held if each.may_be_unexplained and each.explain_at <= now]
        wanted = [each for each in wanted if now < each.window_ends][:RETRIES] if scan.explainer.prompt else []
        if not wanted:
            return
        looks = [scan.looker.as_recorded(each, sight) for each in wanted]
        questions = [scan.looker.whole_question(each, look, sight) for each, look in zip(wanted, looks, strict=True)]
        found = scan.explainer.explain(questions, sight.at, self._apart)
        told: list[Event] = []
        for payment in wanted:
            with self._apart(payment.id):
                if (look := found.get(payment.id)) is None:
                    continue
                changes: dict[str, Any] = {
                    "transfers": look.transfers,
                    "explained": look.explained,
                    "explain_at": look.explain_at,
                    "explain_tries": look.explain_tries,
                }
                better = look.explained > payment.explained
                step = fire(payment, Trigger.EXPLAINED, now, **changes) if better else quiet(payment, now, **changes)
                try:
                    self._commit(payment, step, told)
                except Stale:
                    self.watch.forget(payment.id)  # it moved on, and is read again when it is due
        notify(scan.jobs, told)

    def _look_elsewhere(self, head: Block, now: int) -> None:
        """Look for what is not due, at a confirmed depth, so that it is told of once."""
        scan = self.scan
        others = bool(self.watch.rows or self.watch.slow) and now - self.others_at >= scan.other_ms
        daily = 0 < self.daily_at <= now
        depth = head.number - scan.network.confirmations + 1
        at = scan.chain.blocks([depth]).get(depth) if (others or daily) and depth >= 0 else None
        if at is None:
            return
        if others:
            self.others_at = now
            with self._apart("other assets"):
                rows = [*self.watch.rows.values(), *self.watch.slow.values()]
                for payment in scan.strays.beside(rows, at, self.fence, unsure=self.unsure):
                    self.watch.keep(payment)
        if daily:
            with self._apart("daily round"):
                for payment in scan.strays.daily(at, self.fence, unsure=self.unsure):
                    self.watch.keep(payment)
            self.gate_read = 0  # the round may be over: ask the gate
            for asset in scan_assets(scan.network):  # what was parked is judged again, though nothing else is swept
                scan.jobs.sweep(SweepJob(scan.network.name, asset.key))

    def _enqueue_sweeps(self, now: int) -> None:
        wanted = {(row.token or "native") for row in self.watch.rows.values() if row.tier is Tier.SWEEP}
        assets = {asset.address or "native": asset.key for asset in scan_assets(self.scan.network)}
        for token in sorted(wanted & assets.keys()):
            asset = assets[token]
            if now - self.swept_at.get(asset, 0) >= self.scan.sweep_ms:
                self.swept_at[asset] = now
                self.scan.jobs.sweep(SweepJob(self.scan.network.name, asset))

    def _stay_hot(self, now: int) -> None:
        """Keep the chain open while money is under way; only time closes it."""
        read = self.watch.read
        busy = any(_under_way(row, read.get(row.id), now) for row in self.watch.rows.values())
        if busy and self.hot_until < now + KEEP_HOT_MS // 2:
            until = now + KEEP_HOT_MS
            self.scan.access.raise_gate(self.scan.network.name, hot_until=until, warm_until=until, now=now)
            self.hot_until = until


def scan_assets(network: Network) -> list[Asset]:
    """List the coin and every token of a network, those not offered any more too."""
    return [network.coin, *network.tokens]


def _newest(payment: Payment) -> int:
    """Return the newest block that a payment's record speaks of: no look before it tells anything of it."""
    seen = [observation.block_number for observation in payment.observations[-1:]]
    return max([*seen, *(move.block_number for move in payment.moves)], default=0)


def _nothing_new(payment: Payment, balance: int, at: Block) -> bool:
    """Whether an unpaid payment is as it was: most are, in most passes."""
    known = balance == (payment.baseline or 0) and not payment.amount_received
    return payment.status is Status.PENDING and known and not (payment.flags or at.time > payment.expires_at)


def _under_way(row: Watch, payment: Payment | None, now: int) -> bool:
    """Whether somebody waits for it; funds not worth a sweep must not keep a scanner running."""
    if payment is None:
        return row.tier is Tier.OPEN
    fresh = payment.tier is Tier.SWEEP and now - payment.raised_at < KEEP_HOT_MS
    waiting = payment.tier is Tier.OPEN and (Flag.HELD not in payment.flags or payment.accept_requested)
    return waiting or payment.pending is not None or fresh
