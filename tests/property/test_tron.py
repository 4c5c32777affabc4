"""A merchant on Tron, nodes that lie in Tron's ways, and every invariant of money, under rules chosen at random.

Each bug that `PLANTED` names is put in once, and the same machine must find it.
"""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from ctrip.chains.tron import transfers
from ctrip.domain.errors import Unavailable
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.payments.payment import Status
from ctrip.domain.sweeping.plan import Fate, Outlook
from tests.fakes.tron import LAG, FakeTron
from tests.support.ledger import entries_of, owed_to
from tests.tron_world import NETWORK, TREASURY, TRX, USDT, TronWorld

ROUNDING = NETWORK.coin.sweep_floor // 10
ROUNDS = 200  # of which a few are enough, once everything heals
AMOUNT = 40 * TRX
QUICK = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


class Gateway(RuleBasedStateMachine):
    """Rules are what buyers, producers, nodes and crashes do."""

    @initialize(stake=st.sampled_from([0, 100 * TRX]))
    def start(self, stake):
        self.world = Steady()
        self.payments, self.paid, self.before = [], Counter(), self.world.held(TREASURY)
        if stake:
            self.world.chain.freeze(self.world.station, stake)

    # -- buyers

    @precondition(lambda self: len(self.payments) < 5)
    @rule(token=st.booleans())
    def create(self, token):
        wanted = {"asset": "USDT"} if token else {}
        self.payments.append(self.world.create(AMOUNT, expires_in=86_400, **wanted))

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20), share=st.sampled_from([1, 1, 2]), mined=st.booleans())
    def pay(self, which, share, mined):
        """Broadcast a payment; one that is not mined is dropped by its node."""
        payment = self.payments[which % len(self.payments)]
        tx_hash = self.world.chain.deposit(payment.due.address, AMOUNT // share, payment.due.token_address)
        self.world.run_safely()
        if mined or tx_hash not in self.world.chain.pool:  # a block may have come within the pass
            self.paid[payment.id] += AMOUNT // share
        else:
            del self.world.chain.pool[tx_hash]

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def pay_and_be_paid(self, which):
        """A whole story: the deepest rules need money on the way."""
        self.pay(which, 1, True)
        self.mine(LAG + 1, 1)

    @rule()
    def sweep_is_mined_and_over(self):
        """Its time is past by the head's clock before its block is final."""
        self.sweep()
        self.mine(1, 1)
        self.mine(LAG - 1, 700)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def paid_swept_and_over(self, which):
        """The whole of it, on a node that listens."""
        self.world.chain.deaf = False
        self.pay_and_be_paid(which)
        self.sweep_is_mined_and_over()

    # -- producers and nodes

    @rule(blocks=st.integers(1, 6), seconds=st.sampled_from([1, 1, 3, 700]))
    def mine(self, blocks, seconds):
        for _ in range(blocks):
            self.world.chain.mine(seconds=seconds)
            self.world.clock.at += seconds * 1000
            self.world.run_safely()

    @rule(keep=st.booleans())
    def fork(self, keep):
        self.world.chain.fork(keep=keep)
        self.world.clock.at = max(self.world.clock.at, self.world.chain.chain[-1].block.time)
        self.world.run_safely()

    @rule()
    def lose_what_waits(self):
        self.world.chain.drop()

    @rule(deaf=st.booleans())
    def listen(self, deaf):
        self.world.chain.deaf = deaf

    @rule(after=st.integers(0, 3))
    def go_on_within_a_question(self, after):
        self.world.chain.goes_on_after = after
        self.world.run_safely()

    @rule()
    def cut_the_answer(self):
        self.world.chain.taken_in_silence = 1

    @rule(paused=st.booleans())
    def pause_the_token(self, paused):
        self.world.chain.paused = paused

    # -- the gateway

    @rule()
    def sweep(self):
        with suppress(Unavailable):
            self.world.sweep()

    @rule()
    def restart(self):
        self.world.scanner = self.world.new_scanner()
        self.world.run = self.world.new_run()

    # -- what always holds

    @invariant()
    def money_is_right(self):
        for payment in self.payments:
            now = self.world.payment(payment.id)
            solid = self.world.chain.transfers_to(payment.due.address, payment.due.token_address)
            assert now.own.credited <= solid, "something was credited that is not final"
            waiting = [each for each in self.world.sent(payment.due.address) if each.waiting]
            assert len(waiting) <= 1, "two transactions of one address may both be mined"
        entries = entries_of(self.world.stores)
        assert imbalance(added(Counter(), entries)) == {}, "the accounts do not balance"

    def teardown(self):
        """Once everything heals, all that was paid is credited and swept, once."""
        if not hasattr(self, "world"):
            return
        chain = self.world.chain
        chain.deaf, chain.paused, chain.goes_on_after, chain.taken_in_silence = False, False, None, 0
        for seconds in (700, 1, 1, 1, 1, 700, *[1] * 8):
            self.world.advance(seconds)
        for _ in range(ROUNDS):
            if not self.waiting() and all(map(self.swept, self.due())):
                break
            self.world.advance(pause(self.world))
            with suppress(Unavailable):
                self.world.sweep()
        assert not self.waiting()
        credited = 0
        for payment in self.payments:
            now = self.world.payment(payment.id)
            known = now.own.credited + now.own.unmatched
            assert known <= self.paid[payment.id]
            if payment in self.due():
                assert now.status is Status.SETTLED, "paid money was not swept"
                assert self.left(payment) < ROUNDING, "more than the rounding of a fee was left behind"
            credited += now.own.credited
        assert owed_to(entries_of(self.world.stores), "available") == credited
        arrived = {token: self.world.held(TREASURY, token) for token in (None, USDT.address)}
        assert arrived[None] - self.before + arrived[USDT.address] <= sum(self.paid.values())

    def waiting(self):
        return [each for each in self.world.stores.money.unfinished("tron") if each.waiting]

    def left(self, payment):
        return self.world.held(payment.due.address, payment.due.token_address)

    def swept(self, payment):
        return self.world.payment(payment.id).status is Status.SETTLED and self.left(payment) < ROUNDING

    def due(self):
        return [each for each in self.payments if self.paid[each.id] >= AMOUNT]


def pause(world):
    """Return how many seconds the next round may be away: what reverted, or failed, is tried ever later."""
    until = max((each.until for each in world.stores.money.setbacks("tron").values()), default=0)
    return max((until - world.clock.at) // 1000 + 1, 30)


class Steady(TronWorld):
    """A world in which nodes may fail a pass or a job."""

    def run_safely(self):
        """Make one pass, as a scanner does; a node's failure ends that pass alone."""
        self.scanner.attempt(self.run)

    def advance(self, seconds):
        """Mine a block, and scan; blocks whose times a fork set back catch up with the clock, which never goes back."""
        behind = max(self.clock.at - self.chain.newest_time, 0) // 1000
        self.chain.mine(seconds=behind + seconds)
        self.clock.at = self.chain.newest_time
        self.run_safely()


def test_money_is_right_whatever_tron_does():
    """Nothing that was not final is credited, nothing is sent twice, nothing is lost."""
    run(Gateway, settings=QUICK)


def the_full_side_decides(patch):
    """Balances are read where unmined transactions show."""
    patch.setattr(
        FakeTron,
        "balances",
        lambda self, at, wanted: [self._held(self._full(), each) for each in wanted],
    )


def expired_is_taken_for_never_mined(patch):
    """By the clock alone, without asking the final side."""
    kept = transfers.TronTransfers.fate

    def fate(self, transaction, head, final):
        found = kept(self, transaction, head, final)
        over = self.node.chain[-1].block.time > max(map(transfers.expires_at, transaction.attempts))
        return Fate(Outlook.EXPIRED) if found.receipt is None and over else found

    patch.setattr(transfers.TronTransfers, "fate", fate)


@pytest.mark.parametrize("plant", [the_full_side_decides, expired_is_taken_for_never_mined], ids=lambda p: p.__name__)
def test_a_planted_bug_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run(Gateway, settings=settings(QUICK, max_examples=200, phases=QUICK.phases[:3]))
