"""Scan one chain: look at what is watched, decide, commit, tell; pass after pass until superseded or out of time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ctrip.domain.access import Tip
from ctrip.domain.assets import Network
from ctrip.domain.chain import Block, Holding, Move
from ctrip.domain.decide import Step, next_step
from ctrip.domain.errors import AlreadyExists, Busy, ChainError, FenceLost, Stale, Unavailable, WrongChain
from ctrip.domain.observe import Look, canonical, promote, record, stands
from ctrip.domain.payment import Flag, Observation, Payment, Status, Tier
from ctrip.domain.sweep import parse_key
from ctrip.ports import AccessStore, Chain, Clock, Fence, Jobs, Log, MoneyStore, PaymentStore
from ctrip.services.count_open import OpenCounter
from ctrip.services.explain import Explainer
from ctrip.services.find_strays import StrayFinder
from ctrip.services.follow_intents import IntentFollower
from ctrip.services.recording import Recorder
from ctrip.services.trust_chain import ChainTrust

OVERLAP_MS = 60_000  # the watch index lags: each refresh looks back this far
REFRESH_MS = 15_000
KEEP_HOT_MS = 600_000
HORIZON = 128  # blocks within which a reorganisation is looked for, or four times the confirmations
LEAST_PATIENCE_MS = 15_000  # with an own transaction on its way whose receipt is not seen
STEPS = 12  # more than the longest walk through the machine; a guard against a rule that never ends


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
    follower: IntentFollower
    strays: StrayFinder
    trust: ChainTrust
    counter: OpenCounter
    log: Log
    monitor_ms: int
    other_ms: int
    sweep_ms: int

    def run(self, until: int) -> int:
        """Take the chain and scan it until unix milliseconds `until`; return the number of passes.

        Returns early when a newer scanner has taken the chain, or when nothing is due any more.
        """
        run = _Run(self, self.money.take(self.network.name))
        while run.due() and self._pass(run):
            pause = self.network.poll_seconds - (self.clock.now() - run.started) / 1000
            if self.clock.now() + pause * 1000 >= until:
                break
            self.clock.wait(max(pause, 0.0))
        if run.passes:
            run.measure()
        return run.passes

    def _pass(self, run: "_Run") -> bool:
        """Make one pass; False when the chain is another scanner's now."""
        try:
            run.one()
        except FenceLost:
            self.log.info("superseded", chain=self.network.name, fence=run.fence.number)
            return False
        except WrongChain as exc:
            self.log.error("wrong_chain", chain=self.network.name, error=str(exc))
            return False
        except (ChainError, Busy) as exc:
            run.failed += 1
            self.log.warning("pass_failed", chain=self.network.name, error=str(exc), kind=type(exc).__name__)
        return True


@dataclass(slots=True)
class _Run:
    """One invocation: what it holds in memory between passes."""

    scan: ChainScanner
    fence: Fence
    watched: dict[str, Payment] = field(default_factory=dict)
    refreshed: int = 0
    reloaded: int = 0
    monitored_at: int = 0
    swept_at: dict[str, int] = field(default_factory=dict)
    tip: Block | None = None
    following: int = 1  # unfinished own transactions at the last look; at first there may be some
    moves: dict[str, tuple[Move, ...]] = field(default_factory=dict)  # by payment: of sweeps mined and not final
    unsure: frozenset[str] = frozenset()  # payments with an own transaction whose fate is unknown in this pass
    final: int = 0
    base: int = 0  # the height from which the last look was taken, or this one where it is lower
    started: int = 0
    others_at: int = 0
    gate_read: int = 0
    hot_until: int = 0
    daily_at: int = 0
    passes: int = 0
    failed: int = 0

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
        self.started = now
        self.passes += 1
        scan.trust.check_once()
        head = scan.chain.head()
        previous = self.tip or self._stored_tip()
        believed = scan.trust.believable(head, previous)
        self._refresh(now)
        # A head that is not believed must not become the next scanner's memory.
        scan.money.beat(self._tip(head if believed or previous is None else previous, now))
        if not believed:
            return
        self.final = scan.trust.final_height(head)
        self.base = min(head.number, previous.number) if previous else head.number
        self._follow(head)
        if due := self._due_payments(now):
            self._look_at(due, head, previous)
        self.tip = head
        self._look_elsewhere(head, now)
        self._enqueue_sweeps(now)
        self._stay_hot(now)
        scan.counter.count(self.watched.values())

    def measure(self) -> None:
        """Publish what this invocation saw: once, as each line costs."""
        now, head = self.scan.clock.now(), self.tip
        states = [state for _, state, _ in self.scan.chain.endpoints()]
        self.scan.log.measure(
            self.scan.network.name,
            passes=self.passes,
            failed_passes=self.failed,
            open_payments=sum(payment.tier is Tier.OPEN for payment in self.watched.values()),
            head_age_seconds=(now - head.time) // 1000 if head else -1,
            usable_endpoints=states.count("usable"),
            unusable_endpoints=len(states) - states.count("usable"),
        )

    # -- what is watched

    def _stored_tip(self) -> Block | None:
        tip = self.scan.money.tips([self.scan.network.name]).get(self.scan.network.name)
        return Block(tip.number, tip.hash, "", tip.block_time) if tip and tip.number else None

    def _tip(self, head: Block, now: int) -> Tip:
        return Tip(
            chain=self.scan.network.name,
            fence=self.fence.number,
            number=head.number,
            hash=head.hash,
            block_time=head.time,
            scanned_at=now,
            endpoints=tuple(self.scan.chain.endpoints()),
            open_payments=sum(payment.tier is Tier.OPEN for payment in self.watched.values()),
        )

    def _refresh(self, now: int) -> None:
        """Ask for what was raised since the last pass; the slower tiers may wait a moment."""
        scan, after = self.scan, self.refreshed - OVERLAP_MS if self.refreshed else 0
        # What is held already needs no second reading: its changes are this scanner's own, or show at its next write.
        known = {payment.id: payment.raised_at for payment in self.watched.values() if payment.tier is Tier.OPEN}
        for payment in scan.payments.watched(scan.network.name, Tier.OPEN, raised_after=after, known=known):
            self._keep(payment)
        if not self.reloaded or now - self.reloaded >= REFRESH_MS:
            for tier in (Tier.SWEEP, Tier.MONITORED, Tier.PARKED):
                for payment in scan.payments.watched(scan.network.name, tier):
                    self._keep(payment)
            self.reloaded = now
        self.refreshed = now

    def _keep(self, payment: Payment) -> None:
        known = self.watched.get(payment.id)
        if payment.chain != self.scan.network.name or (known is not None and known.version > payment.version):
            return
        if payment.tier is Tier.CLOSED:
            self.watched.pop(payment.id, None)
        else:
            self.watched[payment.id] = payment

    def _follow(self, head: Block) -> None:
        """Follow our own transactions, where there may be any."""
        sweeping = any(payment.tier is Tier.SWEEP or payment.pending for payment in self.watched.values())
        self.moves, self.unsure = {}, frozenset()
        if self.following or sweeping:
            found = self.scan.follower.follow(head, self.final, self.fence)
            self.following, self.moves, self.unsure = found.unfinished, found.moves, found.unsure
            for payment in found.changed:
                self._keep(payment)

    def _due_payments(self, now: int) -> list[Payment]:
        slow = now - self.monitored_at >= self.scan.monitor_ms
        if slow:
            self.monitored_at = now
        return [payment for payment in self.watched.values() if slow or payment.tier is Tier.OPEN]

    # -- looking and deciding

    def _look_at(self, due: Sequence[Payment], head: Block, previous: Block | None) -> None:
        scan = self.scan
        headers = self._headers(due, head)
        due = [payment for payment in due if not self._reopened(payment, headers, head)]
        balances = scan.chain.balances(head, [Holding(payment.address, payment.token_address) for payment in due])
        seen = [self._with_moves(payment) for payment in due]
        received = {p.id: _received(p, balance, head.number) for p, balance in zip(seen, balances, strict=True)}
        earlier = self._earlier(seen, received, head, previous, headers)
        told: list[tuple[str, str, int]] = []
        try:
            for payment, as_seen in zip(due, seen, strict=True):
                if _nothing_new(payment, received[payment.id], head):
                    continue
                with self._apart(payment):
                    look = self._look(as_seen, received[payment.id], head, headers, earlier.get(payment.id), previous)
                    self._decide(payment, look, told)
        finally:
            for start in range(0, len(told), 10):
                scan.jobs.deliver(told[start : start + 10])

    def _with_moves(self, payment: Payment) -> Payment:
        """Add what our sweep under way has moved already: the balance shows it, the payment will once it is final."""
        moves = self.moves.get(payment.id)
        return replace(payment, moves=(*payment.moves, *moves)) if moves else payment

    @contextmanager
    def _apart(self, payment: Payment) -> Iterator[None]:
        """Keep one payment's trouble from all the others; what concerns the whole chain goes on."""
        try:
            yield
        except (FenceLost, Busy, ChainError):
            raise
        except Exception as exc:  # a bug: it must not stop a chain
            self.scan.log.error("payment_broken", payment=payment.id, kind=type(exc).__name__, error=exc)

    def _look_elsewhere(self, head: Block, now: int) -> None:
        """Look for what is not due, at a confirmed depth, so that it is told of once."""
        scan = self.scan
        others = bool(self.watched) and now - self.others_at >= scan.other_ms
        daily = 0 < self.daily_at <= now
        depth = head.number - scan.network.confirmations + 1
        at = scan.chain.blocks([depth]).get(depth) if (others or daily) and depth >= 0 else None
        if at is None:
            return
        if others:
            self.others_at = now
            # Gas that we may have sent ourselves is no stray money.
            sure = [payment for payment in self.watched.values() if payment.id not in self.unsure]
            for payment in scan.strays.beside(sure, at, self.fence):
                self._keep(payment)
        if daily:
            for payment in scan.strays.daily(at, self.fence):
                self._keep(payment)
            self.gate_read = 0  # the round may be over: ask the gate

    def _depth(self, payment: Payment, head: Block) -> int:
        """Return the newest height that counts as confirmed for a payment."""
        return min(head.number - payment.required_confirmations + 1, self.final)

    def _headers(self, due: Sequence[Payment], head: Block) -> dict[int, Block]:
        """Fetch the headers that this pass needs: of what was observed, and of confirmed depths past a deadline."""
        floor = self._floor(head)
        numbers = {seen.block_number for payment in due for seen in payment.observations}
        numbers |= {move.block_number for payment in due for move in payment.moves}
        numbers = {number for number in numbers if number >= floor}
        for payment in due:
            if head.time > payment.expires_at:
                numbers.add(max(self._depth(payment, head), 0))
        numbers.discard(head.number)
        numbers = {number for number in numbers if number <= head.number}
        headers = self.scan.chain.blocks(sorted(numbers)) if numbers else {}
        if missing := numbers - headers.keys():
            # It is behind the head that was seen: what it does not hold is unknown, not reorganised.
            raise Unavailable(f"no endpoint holds block {min(missing)}")
        return headers | {head.number: head}

    def _floor(self, head: Block) -> int:
        """Return the height below which nothing is reorganised any more."""
        return min(self.base, head.number) - max(HORIZON, 4 * self.scan.network.confirmations)

    def _reopened(self, payment: Payment, headers: Mapping[int, Block], head: Block) -> bool:
        """Take back own transactions whose block is gone; the payment is then decided in the next pass."""
        gone = {move.intent for move in payment.moves if not stands(move, headers, self._floor(head))}
        for key in sorted(gone):
            after = self.scan.follower.reopen(payment, key, self.fence)
            self.following = 1
            if after is not None:
                self._keep(after)
        return bool(gone)

    def _earlier(
        self,
        due: Sequence[Payment],
        received: Mapping[str, int | None],
        head: Block,
        previous: Block | None,
        headers: dict[int, Block],
    ) -> dict[str, Observation]:
        """After missed blocks, ask how much of what is new stood at the confirmed depth already."""
        scan = self.scan
        new = [p for p in due if (amount := received[p.id]) is not None and amount > p.amount_received]
        found: dict[str, Observation] = {}
        for depth in sorted({self._depth(p, head) for p in new}):
            if (previous is not None and previous.number >= depth) or depth <= 0 or depth >= head.number:
                continue
            group = [p for p in new if self._depth(p, head) == depth]
            try:
                block = headers.get(depth) or scan.chain.blocks([depth])[depth]
                balances = scan.chain.balances(block, [Holding(p.address, p.token_address) for p in group])
            except (ChainError, KeyError) as exc:
                scan.log.info("older_state_unknown", chain=scan.network.name, block=depth, error=str(exc))
                continue
            headers[depth] = block
            for payment, balance in zip(group, balances, strict=True):
                amount = _received(payment, balance, depth)
                if amount is not None and amount > payment.amount_received:
                    found[payment.id] = Observation.at(block, amount)
        return found

    def _look(
        self,
        payment: Payment,
        received: int | None,
        head: Block,
        headers: Mapping[int, Block],
        earlier: Observation | None,
        previous: Block | None,
    ) -> Look:
        depth = self._depth(payment, head)
        kept = canonical(payment.observations, headers, self._floor(head))
        if received is not None and self._awaited(payment, received, head, len(kept) == len(payment.observations)):
            received = None
        new = [seen for seen in (earlier, Observation.at(head, received) if received is not None else None) if seen]
        observations = record(kept, new, depth)
        look = Look(
            head=head,
            received=received,
            # What has left since is not there to be credited.
            confirmed=promote(observations, depth) if received is None else min(promote(observations, depth), received),
            depth_time=headers[depth].time if depth in headers else 0,
            intact=len(kept) == len(payment.observations),
            observations=observations,
            transfers=payment.transfers,
            explained_to=payment.explained_to,
        )
        if received is not None and (received != payment.amount_received or not look.intact):
            look = self.scan.explainer.explain(payment, look, previous)
        look = self.scan.explainer.on_time(payment, look)
        agreed = self.scan.trust.agreed(payment, look)
        return replace(look, agreed=agreed, superseded=self._superseded(payment, received))

    def _superseded(self, payment: Payment, received: int | None) -> bool:
        """Whether another payment has taken an expired one's order meanwhile."""
        if payment.status is not Status.EXPIRED or payment.order_id is None or not received:
            return False
        return self.scan.payments.by_order(payment.merchant_id, payment.order_id) != payment.id

    def _awaited(self, payment: Payment, received: int, head: Block, intact: bool) -> bool:
        """Whether money left by what must be our own transaction, whose receipt a node that is behind still owes us.

        It is waited for as long as a confirmation takes, from the last that was done about it; after that somebody
        else has taken it.
        """
        if payment.id in self.unsure and intact and received < payment.amount_received:
            return True
        own = payment.pending is not None and payment.pending.split("#")[1].lower() == payment.address.lower()
        known = any(move.intent == payment.pending for move in payment.moves)
        if not own or known or not intact or received >= payment.amount_received:
            return False
        network = self.scan.network
        patience = max(LEAST_PATIENCE_MS, round(payment.required_confirmations * network.block_seconds * 1000))
        intent = self.scan.money.intent(*parse_key(payment.pending or ""))
        since = intent.updated_at if intent else payment.updated_at
        return self.scan.clock.now() - since < patience

    def _decide(self, payment: Payment, look: Look, told: list[tuple[str, str, int]]) -> None:
        """Take every step that this look allows, each in its own transaction."""
        for _ in range(STEPS):
            step = next_step(payment, look, self.scan.clock.now())
            if step is None:
                return
            try:
                payment = self._commit(payment, step, told)
            except (Stale, AlreadyExists) as exc:
                self.scan.log.info("payment_moved_on", payment=payment.id, error=str(exc))
                self.monitored_at = 0  # look again in the next pass, whatever its tier
                fresh = self.scan.payments.get(payment.id)
                self.watched.pop(payment.id, None)
                if fresh:
                    self._keep(fresh)
                return
        self.scan.log.error("rules_without_end", payment=payment.id)

    def _commit(self, payment: Payment, step: Step, told: list[tuple[str, str, int]]) -> Payment:
        commit = self.scan.recorder.step(payment, step, fence=self.fence)
        if step.alarm == "deep_reorg":
            self.scan.access.pause(payment.chain, True)  # first: it can be repeated, and must not be lost
        self.scan.payments.commit(commit)
        self._keep(commit.after)
        if step.alarm == "deep_reorg":
            self.gate_read = 0  # undone and paused: this pass is the last
        if step.alarm:
            self.scan.log.error(step.alarm, payment=payment.id, chain=payment.chain)
        if commit.event:
            told.append((commit.after.merchant_id, commit.event.ulid, 1))
        return commit.after

    # -- what comes next

    def _enqueue_sweeps(self, now: int) -> None:
        wanted = {p.asset_key for p in self.watched.values() if p.tier is Tier.SWEEP}
        for asset in sorted(wanted):
            if now - self.swept_at.get(asset, 0) >= self.scan.sweep_ms:
                self.swept_at[asset] = now
                self.scan.jobs.sweep(self.scan.network.name, asset)

    def _stay_hot(self, now: int) -> None:
        """Keep the chain open while money is under way; only time closes it."""
        busy = any(_under_way(payment, now) for payment in self.watched.values())
        if busy and self.hot_until < now + KEEP_HOT_MS // 2:
            until = now + KEEP_HOT_MS
            self.scan.access.raise_gate(self.scan.network.name, hot_until=until, warm_until=until, now=now)
            self.hot_until = until


def _nothing_new(payment: Payment, received: int | None, head: Block) -> bool:
    """Whether an unpaid payment is as it was: most are, in most passes."""
    return payment.status is Status.PENDING and not (received or payment.flags or head.time > payment.expires_at)


def _under_way(payment: Payment, now: int) -> bool:
    """Whether somebody waits for it; funds not worth a sweep must not keep a scanner running."""
    fresh = payment.tier is Tier.SWEEP and now - payment.raised_at < KEEP_HOT_MS
    waiting = payment.tier is Tier.OPEN and (Flag.HELD not in payment.flags or payment.accept_requested)
    return waiting or payment.pending is not None or fresh


def _received(payment: Payment, balance: int | None, block: int) -> int | None:
    """Take our own moves out of a balance; a negative remainder means that the node has not seen them yet."""
    if balance is None:
        return None
    received = balance - payment.net_moves(payment.token_address, block)
    return received if received >= 0 else None
