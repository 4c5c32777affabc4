"""A merchant, a chain that misbehaves, and every invariant of money, under rules chosen at random.

Uniform random rules miss the deep bugs, so some rules are whole stories: pay to completion, crash and then reorganise.
Each bug in `PLANTED` is put in once, and the same machine must find it.
"""

import json
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import FIRST, address_at
from ctrip.domain.errors import BroadcastRejected, Busy, ChainError, ChainUnavailable, Conflict, FenceLost
from ctrip.domain.figures import REVIEWED
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.payments.payment import Flag, Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.ports.events import EventFilter
from ctrip.ports.http import Reply
from ctrip.ports.idempotency import Idempotency
from ctrip.services.detection import decide_payments, look_at, troubles
from ctrip.services.payments.create_payment import ROUTE, CreatePayment
from ctrip.services.sweeping import follow_transactions
from tests.support.ledger import entries_of, owed_to
from tests.unit.payments.test_machine import ALLOWED
from tests.world import _WALLET as WALLET
from tests.world import ORIGIN, STATION, TREASURY, USDC, XPUB, World

COIN, TOKEN = 10**9, 5_000
URL = "https://shop.example/hooks"
OPERATOR = WALLET.address("evm", "m/44'/60'/0'/0/2")


class Gateway(RuleBasedStateMachine):
    """Rules are what merchants, buyers, nodes and crashes do."""

    def begin(self):
        """Make the world; tokens are swept one by one."""
        return World()

    @initialize()
    def start(self):
        self.world = self.begin()
        self.payments, self.stale, self.keys = [], None, {}
        commit = self.world.stores.payments.commit

        def checked(change):
            self._check_confirmation(change)
            commit(change)

        self.world.stores.payments.commit = checked

    # -- merchants and buyers

    @rule(token=st.booleans())
    def create(self, token):
        wanted = {"asset": "USDC"} if token else {}
        with self.refused_only_while_paused():
            # Payments in the coin have a receiver of their events, those in the token have none.
            url = None if token else URL
            self.payments.append(self.world.create(TOKEN if token else COIN, webhook_url=url, **wanted).id)

    @contextmanager
    def refused_only_while_paused(self):
        """A chain that a deep reorganisation has paused takes no payments; any other does."""
        try:
            yield
        except ChainUnavailable:
            assert self.world.stores.access.gates(["anvil"])["anvil"].paused

    @rule(key=st.sampled_from("ab"), amount=st.sampled_from([COIN, COIN + 1]))
    def create_with_a_key(self, key, amount):
        asked = Idempotency("m1", ROUTE, key, str(amount))
        command = CreatePayment(chain="anvil", amount=amount, webhook_url=URL)
        if key in self.keys and self.keys[key][0] != amount:
            with pytest.raises(Exception, match="another body"):
                self.world.creator.create(self.world.merchant, command, "http://x", ORIGIN, asked)
            return
        with self.refused_only_while_paused():
            made = self.world.creator.create(self.world.merchant, command, "http://x", ORIGIN, asked).view["id"]
            assert self.keys.setdefault(key, (amount, made)) == (amount, made)
            if made not in self.payments:
                self.payments.append(made)

    @precondition(lambda self: self.payments)
    @rule(
        which=st.integers(0, 20),
        share=st.sampled_from([(1, 1), (1, 2), (1, 2), (3, 2), (0, 1)]),
        explained=st.booleans(),
    )
    def pay(self, which, share, explained):
        payment = self._pick(which)
        amount = max(payment.due.amount * share[0] // share[1], 1)
        self.world.chain.deposit(payment.due.address, amount, payment.due.token_address, explained=explained)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def cancel(self, which):
        payment = self._pick(which)
        try:
            self.world.closer.cancel("m1", payment.id, ORIGIN)
        except Conflict:
            assert self._pick(which).status is payment.status

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def accept(self, which):
        try:
            self.world.closer.accept("m1", self._pick(which).id, ORIGIN)
        except Conflict:
            return

    # -- the chain and the node

    @rule(blocks=st.integers(1, 4))
    def mine(self, blocks):
        self.world.chain.mine(blocks)
        self.world.clock.at += blocks * 1000

    @rule(depth=st.integers(1, 2), drop=st.booleans(), later=st.booleans())
    def reorganise(self, depth, drop, later):
        removed = [tx for mined in self.world.chain.chain[-depth:] for tx in mined.txs]
        gone = [tx.tx_hash for tx in removed if not tx.sender and tx.to != STATION.lower()]
        self.world.chain.reorg(depth, drop=gone if drop else (), later=later)

    @rule(depth=st.integers(3, 7), drop=st.booleans(), later=st.booleans())
    def reorganise_beyond_the_confirmations(self, depth, drop, later):
        self.reorganise(depth, drop, later)
        self.world.run.one()

    @rule()
    def the_node_fails_for_a_while(self):
        self.world.chain.down = True
        before = len(self.world.stores.payments.commits)
        with pytest.raises(ChainError):
            self.world.run.one()
        self.world.chain.down = False
        assert len(self.world.stores.payments.commits) == before

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def a_balance_reads_as_unknown_for_a_pass(self, which):
        payment = self._pick(which)
        self.world.chain.unknown.add(payment.due.address)
        self.world.run.one()
        self.world.chain.unknown.clear()
        after = self._pick(which)
        # Its sweep may become final in this pass: that is told by receipts, not by its balance.
        swept = (payment.status, after.status) == (Status.PAID, Status.SETTLED)
        assert swept or after.status is payment.status, "unknown was taken for an amount"
        assert (after.flags, after.seen.amount_received) == (payment.flags, payment.seen.amount_received)

    @rule(behind=st.integers(1, 4))
    def a_lagging_half_answers_for_a_pass(self, behind):
        """The head from a fresh node, the state from one that is behind: older blocks are looked at, nothing undone."""
        self.world.scanner.attempt(self.world.run)  # what a reorganisation has moved before is told by this pass
        chain, before = self.world.chain, self._events_of("payment.reorged")
        newest = chain.chain[-1].block.number
        real = chain.balances
        chain.__class__.balances, kept = (
            lambda it, at, wanted: real(at, wanted) if at.number <= newest - behind else it.lacks(at),
            chain.__class__.balances,
        )
        try:
            self.world.scanner.attempt(self.world.run)
        finally:
            chain.__class__.balances = kept
        assert self._events_of("payment.reorged") == before, "a lagging node was taken for a reorganisation"

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def a_payments_partition_is_throttled(self, which):
        """Its commits fail for a while; everybody else's go on."""
        if self.world.stores.access.gates(["anvil"])["anvil"].paused:
            return  # nothing is created on a paused chain
        payment, commit = self._pick(which), self.world.stores.payments.commit
        self.payments.append(other := self.world.create(COIN, webhook_url=URL).id)
        self.world.chain.deposit(self.world.payment(other).due.address, COIN)
        self.world.chain.deposit(
            payment.due.address, payment.due.amount, payment.due.token_address
        )  # so that it wants to commit

        def throttled(change):
            if change.after.id == payment.id:
                raise Busy
            commit(change)

        self.world.stores.payments.commit = throttled
        for _ in range(4):
            self.world.scanner.attempt(self.world.run)
            self.world.chain.mine()
            self.world.clock.at += 1000
        self.world.stores.payments.commit = commit
        assert self.world.payment(payment.id).version == payment.version
        assert self.world.payment(other).status is Status.PAID, "one throttled payment starved another"

    @rule(passes=st.integers(1, 4))
    def receipts_are_missing_for_a_while(self, passes):
        """State and nonces are right, and no transaction of ours shows a receipt."""
        chain, held = self.world.chain, self._held()
        kept, chain.__class__.receipt = chain.__class__.receipt, lambda it, tx_hash: None
        try:
            for _ in range(passes):
                self.world.step()
                self.world.sweep()
        finally:
            chain.__class__.receipt = kept
        assert self._held() <= held | self._burnt(), "a missing receipt held a payment"

    @rule(passes=st.integers(1, 3))
    def broadcasts_are_refused_for_a_while(self, passes):
        """By every node, in words that say nothing."""
        chain = self.world.chain

        def refuse(it, raw):
            raise BroadcastRejected("-32603 internal error")

        kept, chain.__class__.broadcast = chain.__class__.broadcast, refuse
        try:
            for _ in range(passes):
                self.world.step()
                self.world.sweep()
        finally:
            chain.__class__.broadcast = kept

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20), blocks=st.integers(3, 8))
    def a_base_unit_comes_in_every_block(self, which, blocks):
        payment = self._pick(which)
        self.world.step()
        before = self._about_amounts(payment)
        for _ in range(blocks):
            self.world.chain.deposit(payment.due.address, 1, payment.due.token_address)
            self.world.step()
        assert self._about_amounts(payment) - before <= 2 + blocks // 3, "an event for each base unit"

    # -- our own workers

    @rule()
    def scan(self):
        self.world.step()
        for _ in range(2):  # what the API and the sweeper changed meanwhile is read anew once a decision meets it
            self.world.run.one()
        quiet = self._events()
        self.world.run.one()
        assert self._events() == quiet, "the same chain, looked at again, changed something"

    @rule()
    def sweep(self):
        self.world.sweep()

    @rule(reply=st.sampled_from([Reply(204), Reply(500), Reply(None, "timed out")]))
    def deliver(self, reply):
        self.world.receivers.replies = [reply]
        self.world.deliver_all()

    @rule()
    def another_scanner_takes_over(self):
        self.stale, self.world.run = self.world.run, self.world.new_run()

    @precondition(lambda self: self.stale is not None)
    @rule()
    def the_stale_scanner_wakes_up(self):
        before = len(self.world.stores.payments.commits)
        with pytest.raises(FenceLost):
            self.stale.one()
        assert len(self.world.stores.payments.commits) == before

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def messages_are_lost_while_somebody_pays(self, which):
        payment = self._pick(which)
        self.world.jobs.broken = True
        self.world.chain.deposit(payment.due.address, 7, payment.due.token_address)
        self.world.step(2)
        self.world.step(2)
        self.world.jobs.broken = False

    # -- stories

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def pay_to_completion(self, which):
        payment = self._pick(which)
        self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
        self.world.settle(14)

    @rule(token=st.booleans())
    def a_deposit_moves_to_a_later_block(self, token):
        """Seen in a block that is replaced, and mined again in the next one: its depth counts anew."""
        known = len(self.payments)
        self.create(token)
        for payment_id in self.payments[known:]:
            payment = self.world.payment(payment_id)
            self.world.step()
            self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
            self.world.step()
            self.world.chain.reorg(1, later=True)
            for _ in range(3):
                self.world.step()

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20), after=st.integers(1, 6))
    def crash_while_sweeping_and_reorganise(self, which, after):
        payment = self._pick(which)
        self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
        for _ in range(after):
            self.world.step()
            self.world.sweep()
        self.another_scanner_takes_over()
        self.world.chain.reorg(2)
        self.world.settle(6)

    # -- what must hold at every moment

    def _check_confirmation(self, change):
        """`confirmed` implies the depth and the amount, at the moment of the decision."""
        if change.event is None or change.event.type != "payment.confirmed":
            return
        payment, chain = change.after, self.world.chain
        depth = chain.chain[max(chain.head().number - payment.due.required_confirmations + 1, 0)].block
        balance = chain.balances(depth, [BalanceQuery(payment.due.address, payment.due.token_address)])[0]
        received = balance - payment.net_moves(payment.due.token_address, depth.number)
        assert received >= payment.enough > 0, "confirmed without the depth or the amount"

    def teardown(self):
        if not hasattr(self, "world"):
            return
        self.world.jobs.broken = False
        self.world.settle(25)
        self.world.clock.at += 60_000
        self._tell_everything()
        self._check()

    def _check(self):
        hidden = {"payment_broken", "own_transaction_stuck", "rules_without_end"} & set(self.world.log.alarms())
        assert not hidden, f"kept apart, but broken: {hidden}"
        commits = self.world.stores.payments.commits
        for commit in commits:
            if commit.before and commit.before.status is not commit.after.status:
                assert (commit.before.status.value, commit.after.status.value) in ALLOWED
        for payment_id in self.payments:
            self._check_payment(self.world.payment(payment_id))
        self._check_transactions()
        self._check_ledger()
        self._check_events()
        self._check_figures()

    def _check_figures(self):
        """What is counted from events alone is what the payments say, each once."""
        self.world.clock.at += 3_600_000
        self.world.stage.figures.counter.run()
        counted = {each.status: each.payments for each in self.world.stores.figures.totals().standings}
        held = [self.world.payment(each) for each in self.payments]
        assert counted == Counter(each.status for each in held), "the figures are not those of the payments"
        for flag in REVIEWED:
            listed, _ = self.world.stores.figures.reviewed(flag, before=None, limit=100)
            assert set(listed) == {each.id for each in held if flag in each.flags}, f"the list of {flag} is another"

    def _check_payment(self, payment):
        chain = self.world.chain
        index = int(payment.due.derivation_path.rsplit("/", 1)[1])
        assert address_at(FIRST, XPUB, index) == payment.due.address
        assert self.world.stores.payments.by_address(payment.due.address) == payment.id
        depth = chain.chain[chain.head().number - 2].block
        balance = chain.balances(depth, [BalanceQuery(payment.due.address, payment.due.token_address)])[0]
        arrived = balance - payment.net_moves(payment.due.token_address, depth.number)
        entries = [e for e in entries_of(self.world.stores, "m1") if e.payment_id == payment.id]
        assert owed_to(entries, "available", "held") == payment.own.credited, "the ledger and the payment disagree"
        waits = payment.own.credited if Flag.HELD in payment.flags else 0
        assert owed_to(entries, "held") == waits, "what is held is available, or the other way round"
        assert payment.own.credited in (0, arrived), "credited something else than what the chain holds and we swept"
        if payment.status in (Status.PAID, Status.SETTLED) and Flag.HELD not in payment.flags:
            assert payment.own.credited == arrived
        due = arrived >= payment.target and not payment.flags & {Flag.HELD, Flag.MANUAL}
        assert not due or payment.status in (Status.PAID, Status.SETTLED), "money is there, and nobody was paid"
        gone = balance == 0 and payment.own.credited
        stuck = payment.status is Status.PAID and gone and Flag.HELD not in payment.flags
        assert not stuck, "everything is where it belongs, and the payment is not settled"
        assert payment.tier is not Tier.SWEEP or balance or Flag.HELD in payment.flags, "swept for ever"
        if payment.status is Status.SETTLED and payment.tier not in (Tier.SWEEP, Tier.PARKED):
            assert balance == 0, "settled, and something is still there"

    def _check_transactions(self):
        by_payment = defaultdict(list)
        mined = Counter(tx.tx_hash for block in self.world.chain.chain for tx in block.txs)
        for transaction in self.world.stores.money._state.transactions.values():
            assert sum(mined[attempt.tx_hash] for attempt in transaction.attempts) <= 1
            ended = (TransactionState.FINAL, TransactionState.FAILED, TransactionState.CANCELLED)
            # A sweep whose deposit a reorganisation removed for good waits for it: nothing is there to be moved.
            waits = transaction.waiting and not any(
                self.world.payment(each).is_credited for each in transaction.payment_ids
            )
            assert transaction.state in ended or waits, f"an own transaction was never finished: {transaction.state}"
            for payment_id in transaction.payment_ids:
                by_payment[payment_id, transaction.kind].append(transaction)
        for payment_id in self.payments:
            credited = [c for c in self.world.stores.payments.commits if c.entries and c.after.id == payment_id]
            assert len(by_payment[payment_id, "sweep"]) <= max(len(credited), 1), "more sweeps than credits"

    def _check_ledger(self):
        entries = entries_of(self.world.stores)
        assert imbalance(added(Counter(), entries)) == {}, "the accounts do not balance"
        for asset, token in (("native", None), (USDC.id, USDC.address)):
            debits = sum(e.amount for e in entries if (e.debit, e.asset) == ("treasury", asset))
            debits -= sum(e.amount for e in entries if (e.credit, e.asset) == ("treasury", asset))
            assert debits == self.world.chain.total(token, [TREASURY]), "the treasury's books and the chain disagree"

    def _check_events(self):
        sent = defaultdict(set)
        for _, headers, body in self.world.receivers.got:
            sent[headers["webhook-id"]].add(body)
        committed = {c.event.id: c.event for c in self.world.stores.payments.commits if c.event}
        wanted = {name for name, event in committed.items() if event.endpoints}
        assert set(sent) == wanted, "an event was never delivered, or no endpoint wanted it, or it was never committed"
        self._check_places(list(committed.values()))
        for event_id, bodies in sent.items():
            assert bodies == {committed[event_id].body.encode()}, "an event's payload changed"
        sequences = defaultdict(list)
        for event in committed.values():
            sequences[event.payment_id].append(json.loads(event.body)["data"]["sequence"])
        assert all(len(set(found)) == len(found) for found in sequences.values())

    def _check_places(self, committed):
        """Every event is in the feed once, in order; what is delivered, or nobody wants, is not in the outbox."""
        events, found, position = self.world.stores.events, [], None
        while not found or position:
            page = events.page("m1", EventFilter(newest_first=False, limit=100, position=position))
            found, position = [*found, *page.events], page.position
            if not page.events:
                break
        assert found == sorted(committed, key=lambda event: event.ulid), "the feed lacks an event, or has one twice"
        assert events.unacknowledged(self.world.clock.at) == [], "an event is still to be delivered"

    def _tell_everything(self):
        self.world.receivers.replies = []
        for _ in range(12):
            self.world.deliver_all()
            delayed, self.world.jobs.delayed = self.world.jobs.delayed, []
            self.world.jobs.deliveries += [job for job, _ in delayed]
            self.world.clock.at += 90_000_000
            for _ in range(60):  # once a minute: what is old is repeated once an hour
                self.world.clock.at += 60_000
                self.world.relay.run()

    def _pick(self, which):
        return self.world.payment(self.payments[which % len(self.payments)])

    def _events_of(self, name):
        return sum(bool(c.event) and c.event.type == name for c in self.world.stores.payments.commits)

    def _about_amounts(self, payment):
        names = {"payment.underpaid", "payment.late", "payment.overpaid"}
        told = [c for c in self.world.stores.payments.commits if c.event and c.after.id == payment.id]
        return sum(commit.event.type in names for commit in told)

    def _held(self):
        return {each for each in self.payments if Flag.HELD in self.world.payment(each).flags}

    def _burnt(self):
        """Payments that may be held for a reason of their own: cancelled, and paid all the same."""
        return {each for each in self.payments if Flag.MANUAL in self.world.payment(each).flags}

    def _events(self):
        return sum(commit.event is not None for commit in self.world.stores.payments.commits)


class BatchingGateway(Gateway):
    """The same, where tokens are swept in batches."""

    def begin(self):
        world = World()
        world.chain.deploy(TREASURY, OPERATOR)
        world.chain.deposit(OPERATOR, 10**20)
        world.chain.mine(10)  # beyond what is reorganised
        world.clock.at += 10_000
        world.sweeper = world.stage.sweeping.new_sweeper("anvil", OPERATOR)
        return world


QUICK = settings(
    max_examples=300,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.mark.parametrize("machine", [Gateway, BatchingGateway])
def test_every_invariant_holds(machine):
    """Whatever merchants, buyers, nodes and crashes do."""
    run_state_machine_as_test(machine, settings=QUICK)


def confirmed_at_the_head(patch):
    patch.setattr(look_at, "promote", lambda seen, depth: seen[-1].amount if seen else 0)


def reorganisations_go_unnoticed(patch):
    patch.setattr(look_at, "canonical", lambda seen, headers, floor: tuple(seen))


def own_moves_are_forgotten(patch):
    patch.setattr(follow_transactions, "moves_with", lambda moves, transaction, member: moves)


def unknown_reads_as_zero(patch):
    from tests.fakes.chain import FakeChain

    real = FakeChain.balances
    patch.setattr(FakeChain, "balances", lambda self, at, wanted: [each or 0 for each in real(self, at, wanted)])


def the_fence_is_not_checked(patch):
    from tests.fakes.store import FakeMoney, FakePayments

    real = FakePayments._check
    patch.setattr(FakeMoney, "beat", lambda self, tip: None)
    patch.setattr(FakePayments, "_check", lambda self, c: real(self, __import__("dataclasses").replace(c, fence=None)))


def lost_messages_are_not_relayed(patch):
    from ctrip.services.webhooks.relay_outbox import OutboxRelay

    patch.setattr(OutboxRelay, "run", lambda self: 0)


def a_mined_sweep_is_not_watched_for_reorganisations(patch):
    from ctrip.services.sweeping.follow_transactions import TransactionFollower

    def final_at_once(self, transaction, head, fence):
        receipt = self.chain.receipt(transaction.tx_hash or "")
        return self._final(transaction, receipt, fence) if receipt else None

    patch.setattr(TransactionFollower, "_watch_mined", final_at_once)


def transactions_are_not_rebroadcast(patch):
    from tests.fakes.chain import FakeChain

    patch.setattr(FakeChain, "known", lambda self, tx_hash: True)


def an_overpayment_is_not_credited(patch):
    from ctrip.domain.detection import decide

    patch.setitem(decide._RULES, Status.PAID, lambda *_: None)
    patch.setitem(decide._RULES, Status.SETTLED, lambda *_: None)


def keys_are_forgotten(patch):
    from tests.fakes.store import FakePayments

    patch.setattr(FakePayments, "remembered", lambda self, *_: None)
    real = FakePayments.commit
    patch.setattr(
        FakePayments, "commit", lambda self, c: real(self, __import__("dataclasses").replace(c, idempotency=None))
    )


def observations_keep_a_block_that_is_gone(patch):
    patch.setattr(look_at, "record", lambda seen, new, depth, **_: tuple(seen) or tuple(n for n in new if n.amount))


def one_throttled_payment_ends_the_pass(patch):
    @contextmanager
    def together(self, name):
        yield

    patch.setattr(troubles.Troubles, "apart", together)


def an_older_look_undoes_a_newer_one(patch):
    patch.setattr(decide_payments, "_newest", lambda payment: 0)


def each_base_unit_is_told(patch):
    from ctrip.domain.detection import decide

    real = decide.next_step
    patch.setattr(decide_payments, "next_step", lambda p, look, now: real(p, replace(look, pause_ms=0), now))


PLANTED = [
    one_throttled_payment_ends_the_pass,
    an_older_look_undoes_a_newer_one,
    each_base_unit_is_told,
    confirmed_at_the_head,
    reorganisations_go_unnoticed,
    own_moves_are_forgotten,
    unknown_reads_as_zero,
    the_fence_is_not_checked,
    lost_messages_are_not_relayed,
    an_overpayment_is_not_credited,
    keys_are_forgotten,
    observations_keep_a_block_that_is_gone,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run_state_machine_as_test(Gateway, settings=settings(QUICK, phases=settings.default.phases[:3]))


def test_a_batch_that_is_believed_to_have_taken_what_it_was_to_take_is_found(monkeypatch):
    """What a member's receipt does not tell was not moved."""
    real = follow_transactions.mined

    def believing(transaction, receipt, now):
        after = real(transaction, receipt, now)
        members = tuple(replace(each, amount=each.meant, left=each.meant) for each in after.members)
        return replace(after, members=members) if after.collects else after

    monkeypatch.setattr(follow_transactions, "mined", believing)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(BatchingGateway, settings=settings(QUICK, phases=settings.default.phases[:3]))
