"""Refunds that a merchant pays itself, as its money is in its own hands; and transfers that people name."""

from collections import Counter
from dataclasses import replace

import pytest

from ctrip.domain.chains.chain import Receipt, TokenTransfer, Transfer
from ctrip.domain.errors import BadRequest, Conflict, NotFound
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.payments.payment import Custody, Policy, Status
from ctrip.domain.settlement.instruction import NAMED_MS
from ctrip.domain.settlement.payout import Booking, PayoutKind, PayoutState, Source
from ctrip.services.settlement.ask_payout import CLAIM_MS, AskRefund, AskSettlement
from ctrip.services.settlement.read_payouts import PayoutFilter
from tests.fakes.chain import FakeChain
from tests.services.settlement.test_asking import meanwhile
from tests.services.settlement.test_completing import COLD, waiting
from tests.services.settlement.test_paying_out import COIN, PAYER, balance, payout, run
from tests.services.sweeping.test_direct import DIRECT, OTHER, OWN, arrives, direct_world
from tests.support.ledger import entries_of
from tests.world import ORIGIN, USDC

XPUB = Policy(custody=Custody.XPUB)
HASH = "0x" + "1f" * 32


def paid_directly(policy=DIRECT, *, token=False, amount=COIN, due=0):
    """Make a world whose merchant has been paid, and holds the money itself."""
    world = direct_world(OWN if policy.custody is Custody.DIRECT else None, policy=policy)
    payment = arrives(world, amount, token=token, due=due)
    world.settle(25)
    return world, world.payment(payment.id)


def refund(world, payment, **wanted):
    """Ask for a refund; return its view."""
    asked = AskRefund(**{"address": PAYER} | wanted)
    return world.stage.settlement.asker.refund(world.merchant, payment.id, asked, ORIGIN).view


def names(world, payout_id, tx_hash=HASH):
    """Have the merchant name the transaction that it sent; return the view."""
    return world.stage.settlement.namer.by_merchant("m1", payout_id, tx_hash).view


def shows(monkeypatch, world, *, sender=OWN, to=PAYER, amount=1000, token=None, by=None, blocks=5, success=True):
    """Have the chain show a transaction, some blocks deep; `by` sent it, where that was not `sender`."""
    number = world.chain.head().number - blocks
    at = world.chain.chain[number].block.hash
    logs = (TokenTransfer(token, sender, to, amount, 0),) if token and success else ()
    value, target = (0, token) if token else (amount, to) if by is None else (0, sender)
    receipt = Receipt(HASH, number, at, success, 21, value, by or sender, target, logs)
    monkeypatch.setattr(FakeChain, "receipt", lambda self, tx_hash: receipt if tx_hash == receipt.tx_hash else None)
    within = [Transfer(HASH, None, number, at, sender, amount)] if by and not token else []
    monkeypatch.setattr(FakeChain, "transfers", lambda self, wanted, last, turn=0: [within for _ in wanted])


def work(world):
    """Run the worker of payouts."""
    world.stage.payouts.worker.run()


@pytest.mark.parametrize(
    ("policy", "token", "treasury"), [(DIRECT, False, OWN), (DIRECT, True, OWN), (XPUB, False, ""), (XPUB, True, "")]
)
def test_a_refund_is_an_instruction_and_in_no_book(policy, token, treasury, monkeypatch):
    """Approved at once, by nobody; it says what goes where, from which treasury, and is completed by the transfer."""
    world, payment = paid_directly(policy, token=token)
    before = entries_of(world.stores)
    made = refund(world, payment, amount=1000)
    held = payout(world, made["id"])
    assert (made["status"], made["net"], made["address"], made["approvals_needed"]) == (
        *("awaiting_transfer", 1000, PAYER),
        0,
    )
    assert (held.source, held.booking, held.treasury) == (Source.OWN, Booking.CLOSED, treasury)
    assert world.stores.payouts.unfinished() == []
    assert [each.id for each in world.stores.payouts.instructions()] == [held.id]
    world.settle(4)
    shows(monkeypatch, world, sender=treasury or OTHER, token=USDC.address if token else None, blocks=3)
    assert names(world, held.id)["tx_hash"] == HASH
    work(world)
    done = payout(world, held.id)
    assert (done.state, done.tx_hash, done.named) == (PayoutState.COMPLETED, HASH, "")
    assert entries_of(world.stores) == before
    assert world.stores.payouts.reservations("m1") == []
    told = [each.event.type for each in world.stores.payouts.commits if each.event]
    assert told[-2:] == ["refund.created", "refund.completed"]
    assert imbalance(added(Counter(), entries_of(world.stores))) == {}


@pytest.mark.parametrize("policy", [DIRECT, XPUB], ids=lambda policy: policy.custody)
def test_refunded_and_under_way_never_exceed_what_arrived(policy, monkeypatch):
    """Conditional in the same transaction; what is cancelled can be asked for again."""
    world, payment = paid_directly(policy)
    meanwhile(world, monkeypatch, lambda: refund(world, payment, amount=COIN // 2 + 1))
    with pytest.raises(Conflict) as caught:
        refund(world, payment, amount=COIN // 2)
    assert (caught.value.code, caught.value.extra) == ("insufficient_balance", {"available": str(COIN // 2 - 1)})
    rest = refund(world, payment)
    assert rest["amount"] == COIN // 2 - 1
    with pytest.raises(Conflict):
        refund(world, payment, amount=1)
    decider = world.stage.settlement.decider
    decider.cancel("m1", rest["id"], PayoutKind.REFUND, ORIGIN, payment_id=payment.id)
    work(world)
    assert refund(world, payment, amount=COIN // 2 - 1)["status"] == "awaiting_transfer"
    assert world.stores.payouts.refunded(payment.id, "anvil", "native").total == COIN


@pytest.mark.parametrize("policy", [DIRECT, XPUB], ids=lambda policy: policy.custody)
def test_what_a_payment_that_expired_short_received_is_refunded_too(policy):
    """And listed as unmatched; no more than that."""
    world, payment = paid_directly(replace(policy, monitoring_seconds=60), amount=COIN // 2, due=COIN)
    world.clock.at += 2_000_000
    world.chain.mine(3, seconds=700)
    world.settle(12)
    payment = world.payment(payment.id)
    assert (payment.status, payment.own.unmatched) == (Status.EXPIRED, COIN // 2)
    [listed] = world.stage.settlement.reader.unmatched("m1", None, 20)["data"]
    assert (listed["payment_id"], listed["amount"], listed["refunded"]) == (payment.id, COIN // 2, 0)
    with pytest.raises(Conflict):
        refund(world, payment, amount=COIN // 2 + 1)
    assert refund(world, payment)["amount"] == COIN // 2


@pytest.mark.parametrize("policy", [DIRECT, XPUB], ids=lambda policy: policy.custody)
def test_there_is_nothing_to_settle(policy):
    world, _ = paid_directly(policy)
    with pytest.raises(Conflict) as caught:
        world.stage.settlement.asker.settle(world.merchant, AskSettlement(chain="anvil"), ORIGIN)
    assert caught.value.code == "nothing_to_settle"


def test_a_refund_to_the_treasury_that_it_comes_from_is_refused():
    world, payment = paid_directly()
    with pytest.raises(BadRequest, match="treasury"):
        refund(world, payment, address=OWN)


def test_without_an_address_the_payer_names_it_and_then_the_merchant_sends_it():
    """Nobody approves what the operator does not pay; after the time nothing of it is left."""
    world, payment = paid_directly()
    made = refund(world, payment, address=None, amount=5)
    assert (made["status"], made["address"]) == ("awaiting_address", None)
    claims, secret = world.stage.settlement.claims, made["claim_url"].rpartition("/")[2]
    world.stage.payouts.worker.run()
    with pytest.raises(BadRequest):
        claims.claim(secret, OWN)  # the treasury that it would come from
    claims.claim(secret, PAYER)
    after = payout(world, made["id"])
    assert (after.state, after.to, after.booking) == (PayoutState.AWAITING_TRANSFER, PAYER, Booking.CLOSED)
    other = refund(world, payment, address=None, amount=1)
    world.clock.at += CLAIM_MS
    world.stage.payouts.worker.run()
    assert payout(world, other["id"]).state is PayoutState.CANCELLED
    assert world.stores.payouts.refunded(payment.id, "anvil", "native").total == after.amount


# -- what was sent


WRONG = [
    ({"amount": 999}, "brought 999"),
    ({"amount": 1001}, "brought 1001"),
    ({"to": OTHER}, "brought 0"),
    ({"success": False}, "brought 0"),
    ({"token": USDC.address}, "brought 0"),
]


@pytest.mark.parametrize(("other", "says"), [*WRONG, ({"sender": OTHER}, "brought 0")])
def test_another_transaction_is_taken_back_with_the_reason(other, says, monkeypatch):
    """Of another amount, recipient, sender or asset, or one that failed; the right one can be named then."""
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    world.settle(4)
    shows(monkeypatch, world, **other, blocks=3)
    names(world, made["id"])
    world.clock.at += NAMED_MS * ("token" in other or "to" in other or "sender" in other)
    work(world)
    held = payout(world, made["id"])
    assert (held.state, held.named, held.tx_hash) == (PayoutState.AWAITING_TRANSFER, "", None)
    assert says in held.reason
    assert HASH in held.reason
    assert world.stores.payouts.commits[-1].event.type == "refund.awaiting_transfer"
    shows(monkeypatch, world, blocks=3)
    names(world, made["id"])
    work(world)
    assert (payout(world, made["id"]).state, payout(world, made["id"]).reason) == (PayoutState.COMPLETED, "")


def test_what_is_not_known_or_not_final_yet_is_asked_for_again(monkeypatch):
    """Unknown is not "no"; after a day it must be named again."""
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    names(world, made["id"])
    work(world)
    assert payout(world, made["id"]).named == HASH
    world.settle(4)
    shows(monkeypatch, world, blocks=0)
    work(world)
    assert payout(world, made["id"]).named == HASH
    monkeypatch.setattr(FakeChain, "receipt", lambda self, tx_hash: None)
    world.clock.at += NAMED_MS - 60_000
    work(world)
    assert payout(world, made["id"]).named == HASH
    world.clock.at += 60_000
    work(world)
    held = payout(world, made["id"])
    assert (held.state, held.named) == (PayoutState.AWAITING_TRANSFER, "")
    assert "name it again" in held.reason


def test_a_node_that_does_not_answer_is_no_verdict(monkeypatch):
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    names(world, made["id"])
    world.clock.at += NAMED_MS
    world.chain.down = True
    work(world)
    assert payout(world, made["id"]).named == HASH


def test_a_transaction_from_before_the_refund_was_asked_for_is_not_its(monkeypatch):
    """The payer may have got the same amount from the same treasury before."""
    world, payment = paid_directly()
    world.chain.mine(1, seconds=3_600)
    world.clock.at += 3_600_000
    made = refund(world, payment, amount=1000)
    shows(monkeypatch, world, blocks=3)
    names(world, made["id"])
    work(world)
    assert "older" in payout(world, made["id"]).reason


def test_one_transaction_completes_one_refund(monkeypatch):
    world, payment = paid_directly()
    one, two = (refund(world, payment, amount=1000)["id"] for _ in range(2))
    world.settle(4)
    shows(monkeypatch, world, blocks=3)
    for each in (one, two):
        names(world, each, HASH.upper().replace("X", "x"))
    work(world)
    assert sorted(payout(world, each).state for each in (one, two)) == ["awaiting_transfer", "completed"]
    waits = next(each for each in (payout(world, each) for each in (one, two)) if each.state != "completed")
    assert "another payout" in waits.reason


def test_a_contracts_coin_is_found_by_traces(monkeypatch):
    """A multi-signature wallet's transfer is inside a transaction that somebody else has sent."""
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    world.settle(4)
    shows(monkeypatch, world, by=OTHER, blocks=3)
    names(world, made["id"])
    work(world)
    assert payout(world, made["id"]).state is PayoutState.COMPLETED


def test_what_was_named_is_not_cancelled_and_what_is_over_takes_no_name(monkeypatch):
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    names(world, made["id"])
    decider = world.stage.settlement.decider
    with pytest.raises(Conflict, match="sent already"):
        decider.cancel("m1", made["id"], PayoutKind.REFUND, ORIGIN, payment_id=payment.id)
    world.settle(4)
    shows(monkeypatch, world, blocks=3)
    work(world)
    with pytest.raises(Conflict, match="completed"):
        names(world, made["id"])
    for payout_id, tx_hash, error in (("ref_none", HASH, NotFound), (made["id"], "0x12", BadRequest)):
        with pytest.raises(error):
            names(world, payout_id, tx_hash)


# -- the operator's own


@pytest.mark.parametrize("by", [None, OTHER])
@pytest.mark.parametrize("asset", [None, "USDC"])
def test_an_operator_names_what_was_sent_from_a_treasury_whose_key_is_elsewhere(asset, by, monkeypatch):
    """Also a contract's, whose sender pays: only what the treasury itself paid is in its books."""
    world, (one,) = waiting(asset)
    assert payout(world, one).treasury == COLD
    token = USDC.address if asset else None
    shows(monkeypatch, world, sender=COLD, to=payout(world, one).to, token=token, by=by)
    with pytest.raises(NotFound):
        names(world, one)
    world.stage.settlement.namer.by_operator("m1", one, HASH)
    work(world)
    done = payout(world, one)
    assert (done.state, done.booking) == (PayoutState.COMPLETED, Booking.CLOSED)
    assert (balance(world), balance(world, "payable")) == (COIN - 1000, 0)
    gas = [each for each in entries_of(world.stores) if each.payout_id == one and each.type == "gas"]
    assert [each.amount for each in gas] == ([] if by else [21])
    assert imbalance(added(Counter(), entries_of(world.stores))) == {}


def test_a_merchant_does_not_complete_or_cancel_what_the_operator_sends(monkeypatch):
    """Its money is in the operator's treasury: the operator may have sent it already."""
    world, payment = paid_directly(Policy())
    world, (one,) = waiting()
    [payment] = world.stores.payments._state.payments.values()
    made = refund(world, payment, amount=10**6)
    run(world, 2)
    assert payout(world, made["id"]).state is PayoutState.AWAITING_TRANSFER
    with pytest.raises(Conflict, match="operator sends"):
        names(world, made["id"])
    decider = world.stage.settlement.decider
    for payout_id, kind, of in ((one, PayoutKind.SETTLEMENT, None), (made["id"], PayoutKind.REFUND, payment.id)):
        with pytest.raises(Conflict, match="sent already"):
            decider.cancel("m1", payout_id, kind, ORIGIN, payment_id=of)


def test_instructions_are_listed_by_status_for_merchants_and_operators():
    """As JSON and as CSV: chain, asset, amount, to whom, and from which treasury."""
    world, (one,) = waiting("USDC")
    reader = world.stage.settlement.reader
    wanted = PayoutFilter(status=PayoutState.AWAITING_TRANSFER)
    [listed] = reader.settlements("m1", wanted)["data"]
    assert [each["id"] for each in reader.unfinished(PayoutState.AWAITING_TRANSFER)["data"]] == [one]
    assert reader.unfinished(PayoutState.SENDING)["data"] == []
    assert reader.settlements("m1", PayoutFilter(status=PayoutState.COMPLETED))["data"] == []
    assert (listed["chain"], listed["symbol"], listed["net_str"], listed["treasury"]) == ("anvil", "USDC", "1000", COLD)
    head, row = reader.export("m1", PayoutKind.SETTLEMENT, wanted)[0].splitlines()
    assert reader.export_unfinished(PayoutState.AWAITING_TRANSFER).splitlines() == [head, row]
    told = dict(zip(head.replace('"', "").split(","), row.replace('"', "").split(","), strict=True))
    expected = {"chain": "anvil", "symbol": "USDC", "net_str": "1000", "address": listed["address"], "treasury": COLD}
    assert expected.items() <= told.items()
    assert told["token_id"] == USDC.id


@pytest.mark.parametrize("typed", [HASH.removeprefix("0x"), HASH.upper().replace("0X", "0x"), HASH])
def test_a_hash_is_asked_for_as_its_chain_writes_it(typed, monkeypatch):
    """Some programs show it without 0x, which a node refuses to look for: nothing would ever become of it."""
    world, payment = paid_directly()
    made = refund(world, payment, amount=1000)
    world.settle(4)
    shows(monkeypatch, world, blocks=3)
    names(world, made["id"], typed)
    work(world)
    assert payout(world, made["id"]).state is PayoutState.COMPLETED
