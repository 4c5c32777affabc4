"""Money that leaves, with crashes, replacements and a chain that reorganises: none is paid twice, none is lost.

The machine of `test_gateway` goes on beside it: payments come and are swept to a treasury whose key is the signer's,
from which settlements and refunds are paid.
"""

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from ctrip.domain.audit import Origin
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import BadRequest, Conflict
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.settlement.payout import ENDED, Booking, PayoutState
from ctrip.domain.settlement.rules import PayoutRules
from ctrip.domain.sweeping.sweep import Kind
from ctrip.services.settlement import book_payouts, follow_payouts
from ctrip.services.settlement.ask_payout import AskRefund, AskSettlement
from ctrip.services.settlement.send_payouts import TOO_DEAR
from tests.fakes.chain import FakeChain
from tests.fakes.store import FakePayouts
from tests.property.test_gateway import QUICK, Gateway
from tests.support.ledger import entries_of, owed_to
from tests.world import _WALLET, ORIGIN, SETTINGS, USDC, World

HOT = _WALLET.address("evm", "m/44'/60'/0'/0/0")
MANY = [FIRST.shown(f"0x{number:02x}" + "cd" * 19) for number in range(1, 7)]
OWN, PAYER = FIRST.shown("0x" + "5e" * 20), FIRST.shown("0x" + "ab" * 20)
CAPITAL = 10**20
ASSETS = {"native": None, USDC.id: USDC.address}


class Died(BaseException):
    """The worker's process ends here."""


class PayingOut(Gateway):
    """The same world, from which money leaves; what is above a threshold waits for two persons."""

    def begin(self):
        rules = {
            "anvil": {"ETH": PayoutRules(approval_above=4 * 10**8, fee_per_mille=3), "USDC": PayoutRules(fee_fixed=1)}
        }
        world = World(own=replace(SETTINGS, treasury=HOT, payouts=rules))
        for token in ASSETS.values():
            world.chain.deposit(HOT, CAPITAL, token)
        world.chain.mine(10)  # beyond what is reorganised
        world.clock.at += 10_000
        world.stage.settlement.addresses.set("m1", "anvil", OWN, ORIGIN)
        self.before = Counter()
        return world

    def reorganise_beyond_the_confirmations(self, depth, drop, later):
        """What a payout's reorganisation beyond finality asks of a person is not played here."""

    # -- requests

    @rule(token=st.booleans(), share=st.sampled_from([1, 2, 3]))
    def ask_for_a_settlement(self, token, share):
        free = self._free("USDC" if token else "ETH")
        asked = AskSettlement(chain="anvil", asset="USDC" if token else "ETH", amount=max(free // share, 1))
        with suppress(Conflict, BadRequest):
            self.world.stage.settlement.asker.settle(self.world.merchant, asked, ORIGIN)

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20), share=st.sampled_from([1, 2]), unmatched=st.booleans())
    def ask_for_a_refund(self, which, share, unmatched):
        payment = self._pick(which)
        came = payment.own.credited or payment.own.unmatched
        asked = AskRefund(address=PAYER, amount=max(came // share, 1), unmatched=unmatched)
        with suppress(Conflict, BadRequest):
            self.world.stage.settlement.asker.refund(self.world.merchant, payment.id, asked, ORIGIN)

    @precondition(lambda self: self._payouts())
    @rule(
        which=st.integers(0, 20), what=st.sampled_from(["approve", "approve", "reject", "cancel"]), booked=st.booleans()
    )
    def decide(self, which, what, booked):
        if booked:
            self.world.stage.payouts.worker.run()
        payout = self._payouts()[which % len(self._payouts())]
        decider = self.world.stage.settlement.decider
        with suppress(Conflict):
            if what == "approve":
                for who in ("admin:a", "admin:b"):
                    decider.approve("m1", payout.id, Origin(who))
            elif what == "reject":
                decider.reject("m1", payout.id, "no", Origin("admin:a"))
            else:
                decider.cancel("m1", payout.id, payout.kind, ORIGIN, payment_id=payout.payment_id)

    # -- the worker

    @rule()
    def pay_out(self):
        self.world.stage.payouts.worker.run()

    @rule(effects=st.integers(1, 6), before=st.booleans())
    def a_worker_dies(self, effects, before):
        """Before or after one of its commits or broadcasts."""
        with dying(effects, before=before), suppress(Died):
            self.world.stage.payouts.worker.run()

    @rule()
    def blocks_get_dearer(self):
        """What waits must be replaced; it gets cheaper again by and by."""
        self.world.chain.base_fee = min(self.world.chain.base_fee * 8, 10**4)

    @rule()
    def blocks_get_cheaper(self):
        self.world.chain.base_fee = 7

    @rule(token=st.booleans())
    def earn_and_ask_for_all_of_it_twice(self, token):
        """Before the first request is booked."""
        self.earn_and_pay_out(token, refund=False, share=1, end=" ", asks=2)

    @rule()
    def pay_out_to_completion(self):
        for _ in range(3):
            self.world.stage.payouts.worker.run()
            self.another_scanner_takes_over()
            self.world.settle(5)

    @rule(
        token=st.booleans(),
        refund=st.booleans(),
        share=st.sampled_from([1, 1, 3]),
        end=st.sampled_from("ar "),
        asks=st.sampled_from([2, 1, 2]),
    )
    def earn_and_pay_out(self, token, refund, share, end, asks):
        """A whole story: a payment is paid and swept, some of it is asked for, booked, and approved or rejected."""
        known = len(self.payments)
        self.create(token)
        for payment_id in self.payments[known:]:
            payment = self.world.payment(payment_id)
            self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
            self.another_scanner_takes_over()
            self.world.settle(8)
            before = len(self._payouts())
            for _ in range(asks):
                if refund:
                    self.ask_for_a_refund(known, share, unmatched=False)
                else:
                    self.ask_for_a_settlement(token, share)
            self.world.stage.payouts.worker.run()
            if end.strip() and len(self._payouts()) > before:
                self.decide(before, "approve" if end == "a" else "reject", booked=False)
            self.world.stage.payouts.worker.run()
            self.another_scanner_takes_over()
            self.world.settle(2)

    # -- what must hold

    def _check(self):
        self.world.chain.base_fee = 7
        for _ in range(6):
            self.world.clock.at += 60_000
            self.world.stage.payouts.worker.run()
            self.world.run = self.world.new_run()
            self.world.settle(15)
        super()._check()
        self._check_payouts()

    def _check_payouts(self):
        paid = Counter()
        for each in self._payouts():
            waits = each.state is PayoutState.AWAITING_APPROVAL
            if each.reason == TOO_DEAR:  # less than its gas, and asked for before the costs were known
                assert (each.state, each.token) == (PayoutState.APPROVED, None)
                assert each.net < 21_000 * 10
                continue
            assert waits or each.state in ENDED, f"a payout never came to its end: {each.state}"
            assert each.booking is (Booking.RESERVED if waits else Booking.CLOSED)
            if each.state is PayoutState.COMPLETED:
                paid[each.to.lower(), each.token] += each.net
        for to in (OWN, PAYER, *MANY):
            for token in ASSETS.values():
                arrived = self.world.chain.total(token, [to]) - self.before[to, token]
                assert arrived == paid[to.lower(), token], "more or less was paid than is on record"
        mined = Counter(tx.tx_hash for block in self.world.chain.chain for tx in block.txs)
        sent = Counter()
        for transaction in self.world.stores.money._state.transactions.values():
            if transaction.kind is Kind.PAYOUT:
                for named in transaction.named:
                    # One that a transaction of many has left out is in another one too: that one pays it.
                    if self.world.stores.payouts.payout(*named).transaction == transaction.key:
                        sent[named] += sum(mined[attempt.tx_hash] for attempt in transaction.attempts)
        assert max(sent.values(), default=0) <= 1, "a payout was mined twice"

    def _check_ledger(self):
        entries = entries_of(self.world.stores)
        assert imbalance(added(Counter(), entries)) == {}, "the accounts do not balance"
        for asset, token in ASSETS.items():
            of_asset = [each for each in entries if each.asset == asset]
            booked = -owed_to(of_asset, "treasury")
            there = self.world.chain.total(token, [HOT]) - CAPITAL
            assert booked == there, "the treasury's books and the chain disagree"
            waits = [each for each in self._payouts() if each.state not in ENDED]
            set_aside = sum(each.amount for each in waits if each.asset_key == asset)
            assert owed_to(of_asset, "payable") == set_aside, "something stays set aside for nothing"
            assert owed_to(of_asset, "available") >= 0, "a balance was spent twice"

    def _check_payment(self, payment):
        """Payments are checked by the machine above; here their ledger entries are not only their own."""

    def _check_events(self):
        """Checked above, for payments; payouts have no receiver here."""

    def _payouts(self):
        return sorted(self.world.stores.payouts._state.payouts.values(), key=lambda each: each.id)

    def _free(self, symbol):
        shown = self.world.stage.ledger.reader.balances("m1")["data"]
        return next((each["available"] for each in shown if each["symbol"] == symbol), 0)


class PayingManyOut(PayingOut):
    """The same where the contract that pays many is deployed, and a payment's money goes back to many payers."""

    def begin(self):
        world = super().begin()
        world.chain.publish_payer(HOT)
        for each in MANY:
            world.chain.deposit(each, 1)  # an address that was used before
            self.before[each, None] = 1
        world.chain.mine(10)
        world.clock.at += 10_000
        return world

    @rule(token=st.booleans(), count=st.sampled_from([6, 3, 5]), die=st.integers(0, 6), before=st.booleans())
    def earn_and_refund_many(self, token, count, die, before):
        """The worker may die on the way."""
        known = len(self.payments)
        self.create(token)
        for payment_id in self.payments[known:]:
            payment = self.world.payment(payment_id)
            self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
            self.another_scanner_takes_over()
            self.world.settle(8)
            for to in MANY[:count]:
                asked = AskRefund(address=to, amount=payment.due.amount // 10)
                with suppress(Conflict, BadRequest):
                    self.world.stage.settlement.asker.refund(self.world.merchant, payment.id, asked, ORIGIN)
            with dying(die, before=before), suppress(Died):
                self.world.stage.payouts.worker.run()
            self.another_scanner_takes_over()
            self.world.settle(2)

    @rule(which=st.integers(0, 5), on=st.booleans())
    def nobody_pays_one_together_with_others(self, which, on):
        """A recipient whose part of a transaction of many fails, and who can be paid alone."""
        (self.world.chain.unpaid.add if on else self.world.chain.unpaid.discard)(MANY[which].lower())

    @rule(on=st.booleans())
    def what_the_treasury_sends_reverts(self, on):
        """As a whole."""
        self.world.chain.reverting = {HOT.lower()} if on else set()

    def _check(self):
        self.world.chain.reverting = set()
        super()._check()


@contextmanager
def dying(effects, *, before):
    """Let the process end at the n-th commit of a payout or broadcast."""
    left = [effects]
    real = FakePayouts.commit, FakePayouts.commit_all, FakeChain.broadcast

    def wrapped(do):
        def call(*given):
            left[0] -= 1
            if left[0] == 0 and before:
                raise Died
            done = do(*given)
            if left[0] == 0:
                raise Died
            return done

        return call

    FakePayouts.commit, FakePayouts.commit_all, FakeChain.broadcast = map(wrapped, real)
    try:
        yield
    finally:
        FakePayouts.commit, FakePayouts.commit_all, FakeChain.broadcast = real


FEWER = settings(QUICK, max_examples=60, stateful_step_count=20)


def test_money_that_leaves_is_paid_once_and_accounted_for():
    """Whatever merchants, operators, crashes and reorganisations do."""
    run_state_machine_as_test(PayingOut, settings=FEWER)


def test_money_that_leaves_together_is_paid_once_and_accounted_for():
    """The same, where many go in one transaction, some of which do not pay some of them."""
    run_state_machine_as_test(PayingManyOut, settings=FEWER)


def what_was_left_out_counts_as_paid(patch):
    real = follow_payouts.moved
    patch.setattr(
        follow_payouts, "moved", lambda payout, *told: payout.net if told[-1] is not None else real(payout, *told)
    )


def what_is_paid_is_sent_again(patch):
    patch.setattr(follow_payouts, "moved", lambda payout, treasury, receipt, through=None: 0)


@pytest.mark.parametrize(
    "plant", [what_was_left_out_counts_as_paid, what_is_paid_is_sent_again], ids=lambda plant: plant.__name__
)
def test_a_planted_bug_of_many_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run_state_machine_as_test(PayingManyOut, settings=settings(FEWER, max_examples=200, phases=FEWER.phases[:3]))


def reservations_are_not_held(patch):
    real = FakePayouts.commit
    patch.setattr(FakePayouts, "commit", lambda self, c: real(self, replace(c, reservation=None)))
    patch.setattr(book_payouts, "spendable", lambda *_: 10**30)


def a_failed_payout_is_not_given_back(patch):
    patch.setattr(book_payouts, "returned_entry", lambda payout, now: replace(_reserved(payout, now), amount=1))


def a_payout_is_ended_by_its_status_alone(patch):
    patch.setattr(follow_payouts, "moved", lambda payout, treasury, receipt, through=None: 0)


def _reserved(payout, now):
    return book_payouts.reserved_entry(payout, now)


@pytest.mark.parametrize(
    "plant",
    [reservations_are_not_held, a_failed_payout_is_not_given_back, a_payout_is_ended_by_its_status_alone],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run_state_machine_as_test(PayingOut, settings=settings(FEWER, max_examples=200, phases=FEWER.phases[:3]))
