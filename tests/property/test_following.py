"""Own transactions under nodes whose receipts are absent or late, blocks that are reorganised, prices that are refused.

Whatever happens: each payment's money moves once, the ledger says what the chain says, and nothing that was mined has
failed. Each bug in `PLANTED` is put in once, and the same machine must find it.
"""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ctrip.chains.evm.search import NonceSearch
from ctrip.chains.evm.transfers import EvmTransfers
from ctrip.domain.errors import Busy, ChainError, Unavailable
from ctrip.domain.payments.payment import Status
from ctrip.domain.sweeping.plan import Fate, Outlook
from ctrip.domain.sweeping.sweep import OutgoingTransaction, TransactionState
from ctrip.services.sweeping import follow_transactions
from ctrip.services.sweeping.follow_transactions import TransactionFollower
from tests.fakes.chain import FakeChain, Tx
from tests.support.ledger import entries_of
from tests.world import STATION, T0, TREASURY, USDC, World

COIN, TOKEN = 10**12, 5_000
ALARMS = {"receipt_missing", "slot_taken", "fee_cap_reached"}


class Moody(FakeChain):
    """Hides receipts, and the bodies that would prove them; refuses what it is told to."""

    def __init__(self) -> None:
        super().__init__(T0)
        self.late, self.bodies, self.refuses, self.lied = False, "whole", False, False

    def receipt(self, tx_hash):
        return None if self.late else super().receipt(tx_hash)

    def known(self, tx_hash):
        return any(tx.tx_hash == tx_hash for tx in self.pool) or FakeChain.receipt(self, tx_hash) is not None

    def hashes(self, numbers):
        found = super().hashes(numbers)
        self.lied = self.lied or self.bodies == "empty"
        return {"whole": found, "absent": {}, "empty": dict.fromkeys(found, frozenset())}[self.bodies]

    def broadcast(self, raw):
        if self.refuses:
            raise Unavailable("internal error (-32603)")
        super().broadcast(raw)


class Following(RuleBasedStateMachine):
    """Rules are what nodes, blocks and prices do to two payments that are being swept."""

    @initialize()
    def start(self):
        self.world = World(chain=Moody())
        wanted = [{"amount": COIN}, {"amount": TOKEN, "asset": "USDC"}, {"amount": 2 * COIN}]
        self.payments = [self.world.create(**each) for each in wanted]
        for payment in self.payments:
            self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
        self.world.step(4)

    @rule(blocks=st.integers(1, 3))
    def work(self, blocks):
        self.world.chain.mine(blocks)
        self.world.clock.at += blocks * 1000
        self._pass()

    @rule(rounds=st.integers(5, 40))
    def go_on(self, rounds):
        for _ in range(rounds):
            self.work(1)

    @rule(late=st.booleans(), bodies=st.sampled_from(["whole", "whole", "absent", "empty"]))
    def receipts(self, late, bodies):
        self.world.chain.late, self.world.chain.bodies = late, bodies

    @rule(depth=st.integers(1, 2), drop=st.booleans())
    def reorganise(self, depth, drop):
        removed = [tx for mined in self.world.chain.chain[-depth:] for tx in mined.txs if tx.sender]
        self.world.chain.reorg(depth, drop=[tx.tx_hash for tx in removed] if drop else ())

    @rule()
    def nodes_drop_what_they_hold(self):
        self.world.chain.pool.clear()

    @rule(minimum=st.sampled_from([0, 1_000, 100_000]), base=st.sampled_from([0, 7, 900]), names=st.booleans())
    def prices(self, minimum, base, names):
        chain = self.world.chain
        chain.minimum_tip, chain.base_fee, chain.names_minimum = minimum, base, names

    @rule(refuses=st.booleans())
    def broadcasts(self, refuses):
        self.world.chain.refuses = refuses

    @rule()
    def the_node_is_down_for_a_pass(self):
        self.world.chain.down = True
        self._pass()
        self.world.chain.down = False

    @rule()
    def another_process_takes_over(self):
        self.world.scanner = self.world.new_scanner()
        self.world.run = self.world.new_run()

    @rule(which=st.integers(0, 2))
    def a_write_is_throttled(self, which):
        """One payment's commits in this pass."""
        commit, victim = self.world.stores.payments.commit, self.payments[which].id

        def busy(change):
            if change.after.id == victim:
                raise Busy
            commit(change)

        self.world.stores.payments.commit = busy
        self._pass()
        self.world.stores.payments.commit = commit

    @rule(blocks=st.integers(20, 30))
    def receipts_that_are_late_and_come(self, blocks):
        """A whole story: the sweep is mined, its receipt comes half a minute later."""
        self.world.chain.late = True
        self.go_on(blocks)
        self.world.chain.late = False
        self.go_on(3)

    @rule(which=st.integers(0, 2))
    def blocks_that_lie_and_a_receipt_that_comes(self, which):
        """Another whole story: the nonce is believed to be another's, until the receipt shows that it was not."""
        self.world.chain.late, self.world.chain.bodies = True, "empty"
        self.go_on(40 + which)
        self.world.chain.late, self.world.chain.bodies = False, "whole"
        self.go_on(which)

    @rule()
    def an_older_attempt_is_mined(self):
        """The replacement did not reach the node that made the block."""
        for transaction in self.world.stores.money.unfinished("anvil"):
            if transaction.waiting and len(transaction.attempts) > 1:
                older = Tx(**json.loads(bytes.fromhex(transaction.attempts[-2].raw[2:])))
                rivals = [tx for tx in self.world.chain.pool if (tx.sender, tx.nonce) == (older.sender, older.nonce)]
                for rival in rivals:
                    self.world.chain.pool.remove(rival)
                self.world.chain.pool.append(older)
        self.world.chain.base_fee = 0
        self.work(1)

    @rule()
    def gas_rises_and_falls_again(self):
        """Faster than replacements follow; then the older ones are good enough, too."""
        for place in range(14):
            self.prices(0, 900 * 3**place // 2**place, names=True)
            self.work(1)
        self.an_older_attempt_is_mined()

    def _pass(self):
        for step in (self.world.run.one, self.world.sweep):
            try:
                step()
            except (ChainError, Busy):
                continue
        wrong = "slot_taken" in self.world.log.alarms() and not self.world.chain.lied
        assert not wrong, "a nonce was said to be another's, though no block told so"
        for payment in self.payments:
            after = self.world.stores.payments._state.payments[payment.id]
            assert (after.flags, after.seen.amount_received) == (frozenset(), payment.due.amount), (
                "somebody was told of a loss"
            )

    def teardown(self):
        if not hasattr(self, "world"):
            return
        chain = self.world.chain
        chain.late, chain.bodies, chain.refuses, chain.minimum_tip = False, "whole", False, 0
        chain.base_fee, chain.names_minimum = 7, True
        for _ in range(6):  # those that went to another are looked at now and then, and setbacks end
            for _ in range(25):
                self.work(1)
            chain.mine(1, seconds=400)
            self.world.clock.at += 400_000
        self._check()

    def _check(self):
        world = self.world
        assert set(world.log.alarms()) <= ALARMS, world.log.alarms()
        mined = Counter(tx.tx_hash for block in world.chain.chain for tx in block.txs if tx.sender)
        for transaction in world.stores.money._state.transactions.values():
            self._check_transaction(transaction, mined)
        for payment in self.payments:
            after = world.payment(payment.id)
            assert (after.status, after.own.pending, after.unswept) == (Status.SETTLED, None, after.unswept)
            assert world.chain.total(payment.due.token_address, [payment.due.address]) == 0
            transfers = [tx for block in world.chain.chain for tx in block.txs if self._sweeps(tx, payment)]
            assert len(transfers) == 1, "more than one transfer"
        self._check_ledger()

    def _check_transaction(self, transaction: OutgoingTransaction, mined: Counter[str]) -> None:
        taken = sum(mined[attempt.tx_hash] for attempt in transaction.attempts)
        assert taken <= 1
        expected = TransactionState.FINAL if taken else TransactionState.LOST
        assert transaction.state is expected, f"{transaction.state} with {taken} mined"

    def _sweeps(self, tx, payment):
        return tx.sender == payment.due.address.lower() and tx.to == TREASURY and tx.amount > 0

    def _check_ledger(self):
        entries = entries_of(self.world.stores)
        books = Counter()
        for each in entries:
            books[each.debit, each.asset] += each.amount
            books[each.credit, each.asset] -= each.amount
        chain = self.world.chain
        assert books["treasury", "native"] == chain.total(None, [TREASURY])
        assert books["treasury", USDC.id] == chain.total(USDC.address, [TREASURY]) == TOKEN
        assert -books["gas_station", "native"] == 10**20 - chain.total(None, [STATION])


QUICK = settings(
    max_examples=150,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def test_every_own_transaction_comes_to_its_end():
    """Whatever nodes, blocks and prices do."""
    run_state_machine_as_test(Following, settings=QUICK)


def a_missing_receipt_means_that_another_took_the_nonce(patch):
    """What the gateway did once."""
    patch.setattr(NonceSearch, "_read", lambda self, transaction, search: Fate(Outlook.LOST, search=transaction.search))


def what_was_concluded_is_not_watched(patch):
    """The receipt that comes after all is nobody's."""
    patch.setattr(
        TransactionFollower, "_watch_lost", lambda self, transaction, this: this.unsure.update(transaction.payment_ids)
    )


def nobody_is_told_what_is_unsure(patch):
    """Money that left looks stolen."""
    patch.setattr(
        follow_transactions._Pass, "unsure", property(lambda self: set(), lambda self, value: None), raising=False
    )


def bytes_are_sent_once(patch):
    """A hash that was returned is taken for a proof."""
    patch.setattr(Moody, "known", lambda self, tx_hash: True)


def a_refused_price_is_not_raised(patch):
    """The nonce waits for ever."""
    patch.setattr("ctrip.chains.evm.gas.refused", lambda transaction, head: False)
    patch.setattr("ctrip.chains.evm.gas.slow", lambda transaction, network, head, now: False)


def old_attempts_are_forgotten(patch):
    """The chain takes the one that is no longer watched."""
    real = EvmTransfers._receipt

    def newest(self, transaction, head):
        return real(self, __import__("dataclasses").replace(transaction, attempts=transaction.attempts[-1:]), head)

    patch.setattr(EvmTransfers, "_receipt", newest)


PLANTED = [
    a_missing_receipt_means_that_another_took_the_nonce,
    what_was_concluded_is_not_watched,
    nobody_is_told_what_is_unsure,
    bytes_are_sent_once,
    a_refused_price_is_not_raised,
    old_attempts_are_forgotten,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run_state_machine_as_test(Following, settings=settings(QUICK, phases=settings.default.phases[:3]))
