"""The machine of `test_tron` over HTTP: our own client of a node that does what nodes of Tron were seen to do wrong."""

from collections import Counter
from contextlib import ExitStack, suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from ctrip.domain.errors import ChainError, Unavailable
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.payments.payment import Status
from tests.fakes.tron import LAG
from tests.property.test_tron import ROUNDS, pause
from tests.support.ledger import entries_of
from tests.tron.network import TRX, running_world

AMOUNT = 40 * TRX
FEW = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
FAULTS = ("torn", "moves", "cut", "lost", "busy", "refuse", "tired")


class Node(RuleBasedStateMachine):
    """Rules are what buyers, producers and the node do."""

    @initialize(with_rpc=st.booleans())
    def start(self, with_rpc):
        self.stack = ExitStack()
        self.world = self.stack.enter_context(running_world(with_rpc=with_rpc))
        self.node, self.payments = self.world.chain.node, []
        self.paid = []  # payment, transaction and amount

    # -- buyers

    @precondition(lambda self: len(self.payments) < 3)
    @rule(token=st.booleans())
    def create(self, token):
        wanted = {"asset": "USDT"} if token else {}
        self.payments.append(self.world.create(AMOUNT, expires_in=86_400, **wanted))

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def pay(self, which):
        payment = self.payments[which % len(self.payments)]
        to, token = payment.due.address, payment.due.token_address
        faults = self.node.ledger.faults
        lost, faults.lost = faults.lost, 0
        with suppress(Exception):  # a payer that a node is too busy for tries again later
            self.paid.append((payment.id, self.world.chain.deposit(to, AMOUNT, token), AMOUNT))
        faults.lost = lost
        self.look()

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20))
    def pay_and_be_paid(self, which):
        self.pay(which)
        self.mine(LAG + 1, 1)

    # -- producers and the node

    @rule(blocks=st.integers(1, 5), seconds=st.sampled_from([1, 1, 3, 700]))
    def mine(self, blocks, seconds):
        for _ in range(blocks):
            self.go_on(seconds)

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def go_wrong(self, fault, times):
        self.node.fault(**{fault: times})

    @rule(still=st.booleans(), hold=st.booleans(), no_rpc=st.booleans())
    def change(self, still, hold, no_rpc):
        self.node.fault(still=still, hold=hold, no_rpc=no_rpc)

    @rule()
    def lose_what_waits(self):
        with self.node.ledger.lock:
            self.node.ledger.drop()

    @rule()
    def lose_what_is_not_final(self):
        with self.node.ledger.lock:
            self.node.ledger.fork()
        self.look()

    # -- the gateway

    @rule()
    def sweep(self):
        with suppress(ChainError):
            self.world.sweep()

    @rule()
    def restart(self):
        self.world.scanner = self.world.new_scanner()
        self.world.run = self.world.new_run()

    def look(self):
        """Make one pass, as a scanner does."""
        self.world.scanner.attempt(self.world.run)

    def go_on(self, seconds, blocks=1):
        """Make blocks that far apart, and scan."""
        self.world.chain.mine(blocks, seconds=seconds)
        self.world.clock.at = self.world.chain.newest_time
        self.look()

    # -- what always holds

    @invariant()
    def money_is_right(self):
        final = Counter()
        for payment_id, tx_hash, amount in self.paid:
            if self.node.ledger.find(tx_hash, solid=True):
                final[payment_id] += amount
        for payment in self.payments:
            now = self.world.payment(payment.id)
            assert now.own.credited <= final[payment.id], "something was credited that is not final"
            waiting = [each for each in self.world.sent(payment.due.address) if each.waiting]
            assert len(waiting) <= 1, "two transactions of one address may both be mined"
        assert imbalance(added(Counter(), entries_of(self.world.stores))) == {}, "the accounts do not balance"

    def teardown(self):
        """Once the node behaves, all that became final is credited, and swept."""
        if not hasattr(self, "stack"):
            return
        with self.stack:
            with self.node.ledger.lock:
                self.node.ledger.faults.reset()
            for seconds in (1, 1, 1, 1, 700, *[1] * 6, 60, 60):
                self.go_on(seconds)
            for _ in range(ROUNDS):
                if all(self.state(each) == self.settled(each) for each in self.payments if self.came(each)):
                    break
                self.go_on(pause(self.world))
                # At the pace of Tron's own blocks: of slower ones the final side would be too far behind to be named.
                self.go_on(3, blocks=10)
                with suppress(Unavailable):
                    self.world.sweep()
            self.money_is_right()
            for payment in self.payments:
                if self.came(payment):
                    assert self.state(payment) == self.settled(payment)

    def state(self, payment):
        now = self.world.payment(payment.id)
        return now.status, now.own.credited

    def settled(self, payment):
        return Status.SETTLED, AMOUNT * len(self.came(payment))

    def came(self, payment):
        return [tx for of, tx, _ in self.paid if of == payment.id and self.node.ledger.find(tx, solid=True)]


def test_money_is_right_whatever_a_node_of_tron_does():
    """Torn answers, lost broadcasts, cut connections, forks, a final side that stands still."""
    run(Node, settings=FEW)
