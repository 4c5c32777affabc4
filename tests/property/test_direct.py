"""Custody `direct` under the machine of `test_gateway`: what reaches the merchant's own treasury is owed no more."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from ctrip.domain.errors import BadRequest, Conflict
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.payments.delivery import delivered
from ctrip.domain.payments.payment import Custody, Flag, Policy
from ctrip.domain.settlement.payout import PayoutKind
from ctrip.domain.sweeping import delivered as postings_of_direct
from ctrip.services.settlement.ask_payout import AskRefund
from ctrip.services.sweeping import sweep_deposits
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from tests.property.test_gateway import QUICK, Gateway
from tests.services.sweeping.test_direct import OTHER, OWN, direct_world
from tests.support.ledger import entries_of, owed_to
from tests.world import ORIGIN, USDC

FEWER = settings(QUICK, max_examples=60)


class DirectGateway(Gateway):
    """The same world, whose merchant's deposits go to its own treasury; the signer's guard sees all that is signed."""

    def begin(self):
        return direct_world(policy=Policy(custody=Custody.DIRECT), treasury="")

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 20), share=st.sampled_from([1, 2, 3]), end=st.sampled_from(["", "cancel"]))
    def ask_for_a_refund(self, which, share, end):
        """Which the merchant pays itself: never more than came, whatever was asked for and taken back before."""
        payment = self._pick(which)
        came = payment.own.credited or payment.own.unmatched
        asked = AskRefund(address=OTHER, amount=max(came // share, 1))
        settlement = self.world.stage.settlement
        with suppress(Conflict, BadRequest):
            made = settlement.asker.refund(self.world.merchant, payment.id, asked, ORIGIN).view
            under_way = self.world.stores.payouts.refunded(payment.id, "anvil", payment.due.asset_key).total
            assert under_way <= came, "more is refunded than came"
            if end:
                settlement.decider.cancel("m1", made["id"], PayoutKind.REFUND, ORIGIN, payment_id=payment.id)

    @rule()
    def pay_out(self):
        self.world.stage.payouts.worker.run()

    def _check_payment(self, payment):
        """What a payment's entries leave owed is what it was credited, less what has reached the merchant."""
        entries = [each for each in entries_of(self.world.stores, "m1") if each.payment_id == payment.id]
        gone = delivered(payment)
        assert owed_to(entries, "available", "held") == payment.own.credited - gone.available
        waits = payment.own.credited - gone.available if Flag.HELD in payment.flags else 0
        assert owed_to(entries, "held") == max(waits, 0), "what is held is available, or the other way round"
        apart = payment.own.unmatched + (payment.seen.baseline or 0)
        assert owed_to(entries, "unmatched") == apart - gone.unmatched
        if Flag.HELD in payment.flags and not payment.own.sweeps:
            assert not any(each.type == "settled" for each in entries), "held money was swept"

    def _check_events(self):
        """Checked above; the notice of the merchant's treasury is no payment's."""

    def _check_ledger(self):
        entries = entries_of(self.world.stores)
        assert imbalance(added(Counter(), entries)) == {}, "the accounts do not balance"
        assert not any("treasury" in (each.debit, each.credit) for each in entries)
        assert not any(each.payout_id for each in entries), "a refund of the merchant's own is in the operator's books"
        for asset, token in (("native", None), (USDC.id, USDC.address)):
            sign = {"settled": 1, "reversal": -1}
            mine = [each for each in entries if each.asset == asset and "#moved" in each.id]
            booked = sum(sign[each.type] * each.amount for each in mine if each.owner == "m1")
            assert booked == self.world.chain.total(token, [OWN]), "the merchant got more or less than is on record"


def test_what_reaches_a_merchants_own_treasury_is_owed_no_more():
    """Whatever buyers, nodes, reorganisations and crashes do."""
    run_state_machine_as_test(DirectGateway, settings=FEWER)


def a_delivery_stays_owed(patch):
    patch.setattr(postings_of_direct, "_delivered", lambda *_: ())


def it_goes_to_another_treasury_and_the_signer_looks_away(patch):
    patch.setattr(sweep_deposits._Job, "_treasury", lambda self, payment: "0x" + "77" * 20)
    patch.setattr(GuardedSigner, "_check_sweep", lambda *_: None)


@pytest.mark.parametrize(
    "plant",
    [a_delivery_stays_owed, it_goes_to_another_treasury_and_the_signer_looks_away],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(plant, monkeypatch):
    """The machine that finds nothing above finds this."""
    plant(monkeypatch)
    with pytest.raises(BaseException):  # noqa: B017  an assertion, or whatever the bug breaks first
        run_state_machine_as_test(DirectGateway, settings=settings(FEWER, phases=FEWER.phases[:3]))
