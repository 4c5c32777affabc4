"""Scan one chain: one pass after another, until a newer scanner takes the chain, nothing is due, or the time is over.

Looking, following our own transactions, explaining and sweeping fail apart from each other; so do payments.
"""

from dataclasses import dataclass, field, replace

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.chain import Block
from ctrip.domain.detection.gates import Tip
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import Busy, ChainError, ConfigurationError, FenceLost, WrongChain
from ctrip.domain.jobs import SweepJob
from ctrip.domain.payments.payment import Flag, Payment, Tier
from ctrip.ports.chain import Chain
from ctrip.ports.gates import Fence
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.count_open import OpenCounter
from ctrip.services.detection.count_parked import ParkedCount
from ctrip.services.detection.decide_payments import PaymentDecider
from ctrip.services.detection.find_deposits import DepositFinder
from ctrip.services.detection.look_at import Looker
from ctrip.services.detection.own_transactions import OwnTransactions
from ctrip.services.detection.troubles import Troubles
from ctrip.services.detection.trust_chain import ChainTrust
from ctrip.services.detection.vouch_address import AddressVoucher
from ctrip.services.detection.watch_list import WatchList
from ctrip.services.shared.recording import Recorder
from ctrip.services.sweeping.follow_transactions import TransactionFollower

FORMER_MS = 60_000  # between two looks at what payers have chosen before another chain
REFRESH_MS = 15_000  # between two reads of the gate
KEEP_HOT_MS = 600_000  # for which a chain is kept open while money is under way


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
    looker: Looker
    follower: TransactionFollower
    strays: DepositFinder
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
    troubles: Troubles
    own: OwnTransactions
    decider: PaymentDecider
    seen: Block | None = None  # the newest block that a look of this run stood on
    swept_at: dict[str, int] = field(default_factory=dict)
    started: int = 0
    others_at: int = 0
    former_at: int = 0
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
            parked=ParkedCount.going_on(tip.parking),
        )
        troubles = Troubles(scan.log)
        own = OwnTransactions(
            follower=scan.follower,
            money=scan.money,
            clock=scan.clock,
            log=scan.log,
            fence=fence,
            watch=watch,
            troubles=troubles,
        )
        decider = PaymentDecider(
            chain=scan.chain,
            payments=scan.payments,
            access=scan.access,
            jobs=scan.jobs,
            clock=scan.clock,
            recorder=scan.recorder,
            looker=scan.looker,
            trust=scan.trust,
            voucher=scan.voucher,
            log=scan.log,
            fence=fence,
            watch=watch,
            own=own,
            troubles=troubles,
        )
        tip = replace(tip, fence=fence.number)
        return cls(scan=scan, fence=fence, tip=tip, watch=watch, troubles=troubles, own=own, decider=decider)

    def due(self) -> bool:
        """Say whether the gate wants another pass; a warm chain gets exactly one an invocation."""
        now = self.scan.clock.now()
        if self.decider.paused or now - self.gate_read >= REFRESH_MS or now >= self.hot_until:
            name = self.scan.network.name
            gate = self.scan.access.gates([name]).get(name)
            if gate is None or gate.paused:
                return False
            self.decider.paused = False
            self.gate_read, self.hot_until, self.daily_at = now, gate.hot_until, gate.daily_at
            return now < gate.hot_until or gate.daily_due(now) or (self.passes == 0 and now < gate.warm_until)
        return True

    def one(self) -> None:
        """Look once at everything that is due."""
        scan, now = self.scan, self.scan.clock.now()
        self.started = now
        self.troubles.found.clear()
        self.passes += 1
        scan.trust.check()
        head = scan.chain.head()
        previous = self.seen or self._stored_block()
        stance = scan.trust.judge(head, previous)
        if stance.waits:
            self._beat(None, now, passed=False)
            return
        self.watch.refresh(now)
        with self.troubles.apart("monitored"):
            self.watch.next_slice(now)
        final = scan.trust.final_height(head)
        self.own.follow(head, final)
        at = head
        if due := self.watch.due():
            at = self.decider.decide(due, head, previous, now=now, final=final, lags=stance.lags)
        self.seen = at if self.seen is None or stance.rolled_back or at.number > self.seen.number else self.seen
        with self.troubles.apart("elsewhere"):
            self._look_elsewhere(head, now)
        with self.troubles.apart("sweeps"):
            self._enqueue_sweeps(now)
        with self.troubles.apart("gate"):
            self._stay_hot(now)
        with self.troubles.apart("counts"):
            scan.counter.count(self.watch.counts(), self.watch.round_counts)
        self._beat(head if stance.newest else None, now, passed=True)
        if troubles := self.troubles.found:
            name, trouble = next(iter(troubles.items()))
            scan.log.warning(
                "pass_incomplete", chain=scan.network.name, count=len(troubles), part=name, error=str(trouble)
            )

    def failed_with(self, exc: Exception) -> bool:
        """Note why a pass failed; False when the chain is another scanner's now."""
        self.failed += 1
        self.watch.parked.spoiled = True
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
            tip = self.watch.parked.noted(replace(tip, passed_at=now, failing_since=0), now)
            if not self.watch.fresh:
                tip = replace(tip, looked_at=now)
        self._store(tip)

    def _store(self, tip: Tip) -> None:
        self.scan.money.beat(tip)
        self.tip = tip

    # -- beside the decisions

    def _look_elsewhere(self, head: Block, now: int) -> None:
        """Look for what is not due, at a confirmed depth, so that it is told of once."""
        scan = self.scan
        former = self._former(now)
        others = bool(self.watch.rows or self.watch.slow) and now - self.others_at >= scan.other_ms
        daily = 0 < self.daily_at <= now
        depth = head.number - scan.network.confirmations + 1
        at = self._confirmed(depth, head) if (others or daily or former) and depth >= 0 else None
        if at is None:
            return
        if others or former:
            self.others_at = now if others else self.others_at
            with self.troubles.apart("other assets"):
                rows = [*self.watch.rows.values(), *self.watch.slow.values()] if others else []
                for payment in scan.strays.beside(rows, former, at, self.fence, unsure=self.own.unsure):
                    self.watch.keep(payment)
        if daily:
            with self.troubles.apart("daily round"):
                for payment in scan.strays.daily(at, self.fence, unsure=self.own.unsure):
                    self.watch.keep(payment)
            self.gate_read = 0  # the round may be over: ask the gate
            for asset in scan_assets(scan.network):  # what was parked is judged again, though nothing else is swept
                scan.jobs.sweep(SweepJob(scan.network.name, asset.key))

    def _confirmed(self, depth: int, head: Block) -> Block | None:
        """Return the block at a height; where the newest is confirmed at once, the newest there is by now."""
        return self.scan.chain.head() if depth == head.number else self.scan.chain.blocks([depth]).get(depth)

    def _former(self, now: int) -> list[Watch]:
        """Return what payers had chosen here before another chain, once in a while: few ever do."""
        if now - self.former_at < max(self.scan.other_ms, FORMER_MS):
            return []
        self.former_at = now
        return self.scan.payments.former(self.scan.network.name, now)

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


def _under_way(row: Watch, payment: Payment | None, now: int) -> bool:
    """Whether somebody waits for it; funds not worth a sweep must not keep a scanner running."""
    if payment is None:
        return row.tier is Tier.OPEN
    fresh = payment.tier is Tier.SWEEP and now - payment.times.raised_at < KEEP_HOT_MS
    waiting = payment.tier is Tier.OPEN and (Flag.HELD not in payment.flags or payment.review.accept_requested)
    return waiting or payment.own.pending is not None or fresh
