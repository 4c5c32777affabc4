"""Payouts as they are stored: what one decision changes is written together, or nothing of it is."""

from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.errors import AlreadyExists, InvalidField, Stale
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.settlement.floor import PayoutCosts
from ctrip.domain.settlement.payout import (
    ID_PREFIX,
    Booking,
    Payout,
    PayoutKind,
    PayoutState,
    Source,
    Trigger,
    changed,
    moved_on,
)
from ctrip.domain.settlement.reservation import Refunded, Reservation, SettlementAddress
from ctrip.domain.settlement.schedule import Every, Schedule, Weekday, answered, following
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.payouts import PayoutCommit
from tests.support.objects import NOW, entry, new_ulid, transaction
from tests.support.stores import Stores

ME, PAYMENT = "mer_1", "00000000-0000-4000-8000-000000000001"


def payout(at: int = NOW, **given: Any) -> Payout:
    """Make a settlement of the coin that waits for approval; with a payment, a refund."""
    kind = given.get("kind") or (PayoutKind.REFUND if "payment_id" in given else PayoutKind.SETTLEMENT)
    fields: dict[str, Any] = {
        "id": f"{ID_PREFIX[kind]}{new_ulid(at)}",
        "kind": kind,
        "merchant_id": ME,
        "chain": "anvil",
        "token_id": None,
        "token": None,
        "symbol": "ETH",
        "decimals": 18,
        "amount": MAX_AMOUNT,
        "to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "asked_by": "key:a",
        "state": PayoutState.AWAITING_APPROVAL,
        "approvals_needed": 2,
        "created_at": at,
        "updated_at": at,
    }
    return Payout(**(fields | given))


def asked(stores: Stores, made: Payout, **more: Any) -> PayoutCommit:
    """Make the transaction that a request for a payout commits."""
    held = stores.payouts.reservation(made.merchant_id, made.chain, made.asset_key)
    commit = PayoutCommit(before=None, after=made, reservation=(held, held.plus(made)), **more)
    if made.payment_id is None:
        return commit
    total = stores.payouts.refunded(made.payment_id, made.chain, made.asset_key)
    return replace(commit, refunded=(total, total.plus(made)))


def test_what_payouts_cost_is_kept_by_chain_and_the_newest_stands(stores: Stores) -> None:
    old = PayoutCosts(chain="anvil", coin=10**30, token=3, at=NOW)
    stores.money.note_payout_costs(old)
    stores.money.note_payout_costs(new := replace(old, token=2**200, at=NOW + 1))
    assert stores.money.payout_costs(["anvil", "base"]) == {"anvil": new}
    assert stores.money.payout_costs([]) == {}


def test_payouts_of_one_transaction_are_stored_together_or_not_at_all(stores: Stores) -> None:
    """Thirty with their transaction; where one has moved on meanwhile, none of them."""
    made = [payout(NOW + number, state=PayoutState.APPROVED) for number in range(30)]
    for each in made:
        stores.payouts.commit(asked(stores, each))
    sent = [moved_on(each, Trigger.SENT, NOW + 99, transaction="t") for each in made]
    own = transaction()
    first, *rest = [PayoutCommit(before=a, after=b) for a, b in zip(made, sent, strict=True)]
    stale = replace(rest[-1], before=replace(made[-1], version=7))
    with pytest.raises(Stale):
        stores.payouts.commit_all([replace(first, transaction=(None, own)), *rest[:-1], stale])
    assert [stores.payouts.payout(ME, each.id) for each in made] == made
    assert stores.money.transaction(own.chain, own.sender, own.slot) is None
    stores.payouts.commit_all([replace(first, transaction=(None, own)), *rest])
    assert [stores.payouts.payout(ME, each.id) for each in made] == sent
    assert stores.money.transaction(own.chain, own.sender, own.slot) == own


def scheduled(**given: Any) -> Schedule:
    """Make a schedule of the coin."""
    fields: dict[str, Any] = {"merchant_id": ME, "chain": "anvil", "asset": "native", "since": NOW}
    return Schedule(**(fields | given))


def test_a_schedule_comes_back_to_the_last_field_and_is_changed_on_its_version(stores: Stores) -> None:
    made = scheduled(
        every=Every.MONTHLY, hour=23, day=28, weekday=Weekday.SUNDAY, threshold=MAX_AMOUNT, keep=2**255, skipped="why"
    )
    stores.payouts.keep_schedule(None, made)
    stores.payouts.keep_schedule(None, other := scheduled(asset="a#b", chain="base"))
    assert stores.payouts.schedule(ME, "anvil", "native") == made
    assert stores.payouts.schedules(ME) == [made, other]
    assert stores.payouts.schedules("mer_2") == []
    stores.payouts.keep_schedule(made, after := replace(made, version=2, done=NOW + 5))
    with pytest.raises(Stale):
        stores.payouts.keep_schedule(made, after)
    with pytest.raises(Stale):
        stores.payouts.keep_schedule(None, after)


def test_schedules_are_found_by_their_next_moment_or_as_those_that_go_by_an_amount(stores: Stores) -> None:
    timed = scheduled(every=Every.DAILY)
    moment = following(timed, NOW)
    assert moment is not None
    for each in (timed, scheduled(asset="b", threshold=5), scheduled(asset="c")):
        stores.payouts.keep_schedule(None, each)
    assert stores.payouts.due_schedules(moment - 1) == []
    assert stores.payouts.due_schedules(moment) == [timed]
    assert [each.asset for each in stores.payouts.schedules_by_amount()] == ["b"]
    stores.payouts.keep_schedule(timed, answered(timed, moment))
    assert stores.payouts.due_schedules(moment) == []


def test_a_settlement_and_the_schedule_that_asked_for_it_are_stored_together_or_not_at_all(stores: Stores) -> None:
    """Of two workers that have read the same schedule one is refused, and nothing of its settlement is there."""
    before = scheduled(every=Every.DAILY)
    stores.payouts.keep_schedule(None, before)
    pair, one, two = (before, replace(before, version=2, done=NOW)), payout(), payout(NOW + 1)
    stores.payouts.commit(asked(stores, one, schedule=pair))
    with pytest.raises(AlreadyExists, match="schedule"):
        stores.payouts.commit(asked(stores, two, schedule=pair))
    assert stores.payouts.payout(ME, two.id) is None
    assert [each[0] for each in stores.payouts.reservation(ME, "anvil", "native").waiting] == [one.id]
    assert stores.payouts.schedule(ME, "anvil", "native") == pair[1]


def test_a_payout_comes_back_to_the_last_field(stores: Stores) -> None:
    """With its reservation and the total of its payment's refunds; another merchant has none of it."""
    told = {"treasury": "0xAb", "named": "0x1f", "named_at": NOW}
    made = payout(payment_id=PAYMENT, source=Source.UNMATCHED, fee=7, reason="why", **told)
    stores.payouts.commit(asked(stores, made))
    assert stores.payouts.payout(ME, made.id) == made
    assert stores.payouts.payout("mer_2", made.id) is None
    assert stores.payouts.reservation(ME, "anvil", "native").waiting == ((made.id, Source.UNMATCHED, MAX_AMOUNT),)
    assert stores.payouts.refunded(PAYMENT, "anvil", "native").total == MAX_AMOUNT
    assert stores.payouts.of_payment(PAYMENT) == [made]


def test_reservations_of_all_assets_are_read_at_once_each_merchant_its_own(stores: Stores) -> None:
    mine, token = payout(amount=1), payout(amount=2, token_id="t1")
    for each in (mine, token, payout(amount=3, merchant_id="mer_2")):
        stores.payouts.commit(asked(stores, each))
    found = stores.payouts.reservations(ME)
    assert sorted((each.asset, each.total(Source.AVAILABLE)) for each in found) == [("native", 1), ("t1", 2)]
    assert found == [stores.payouts.reservation(ME, each.chain, each.asset) for each in found]
    assert stores.payouts.reservations("mer_3") == []


def refused(stores: Stores, commit: PayoutCommit, problem: type[Exception], words: str) -> None:
    """Check that a transaction is refused in these words, and that nothing of it was written."""
    before = (
        stores.payouts.payout(ME, commit.after.id),
        stores.payouts.reservation(ME, "anvil", "native"),
        stores.payouts.refunded(PAYMENT, "anvil", "native"),
        list(stores.ledger.entries("mer_1")),
    )
    with pytest.raises(problem, match=words):
        stores.payouts.commit(commit)
    assert before == (
        stores.payouts.payout(ME, commit.after.id),
        stores.payouts.reservation(ME, "anvil", "native"),
        stores.payouts.refunded(PAYMENT, "anvil", "native"),
        list(stores.ledger.entries("mer_1")),
    )


def test_a_claim_is_found_by_its_digest_and_an_assignment_is_no_refund(stores: Stores) -> None:
    """Another digest finds nothing; what is assigned is counted apart from what is refunded."""
    asked_for = payout(payment_id=PAYMENT, amount=5, to="", state=PayoutState.AWAITING_ADDRESS, claim="d" * 64)
    stores.payouts.commit(asked(stores, asked_for))
    assert stores.payouts.claimable("d" * 64) == asked_for
    assert stores.payouts.claimable("e" * 64) is None
    kind, target = PayoutKind.ASSIGNMENT, "0b1e3b0e-5f39-4b7f-8f0e-2f4a0f1f0c66"
    given = payout(payment_id=PAYMENT, amount=7, to="", kind=kind, assigned_to=target)
    stores.payouts.commit(asked(stores, given))
    assert stores.payouts.of_payment(PAYMENT) == [asked_for]
    assert stores.payouts.page(ME, kind, None, 20).payouts == (given,)
    total = stores.payouts.refunded(PAYMENT, "anvil", "native")
    assert (total.total, total.assigned) == (12, 7)
    assert (total.minus(given).total, total.minus(given).assigned) == (5, 0)


def test_each_clause_refuses_by_its_name_and_nothing_is_written(stores: Stores) -> None:
    """A known id or key or transaction or entry; a payout, a reservation or a payment's refunds that have moved on."""
    key = Idempotency(ME, "POST /api/v1/settlements", "k", "hash")
    first = payout(payment_id=PAYMENT, amount=10)
    last = transaction()
    stores.payouts.commit(
        asked(stores, first, idempotency=key, answer="{}", entries=(entry(1),), transaction=(None, last))
    )
    again = payout(payment_id=PAYMENT, amount=10)
    refused(stores, asked(stores, again, idempotency=key, answer="{}"), AlreadyExists, "idempotency")
    refused(stores, asked(stores, replace(again, id=first.id)), AlreadyExists, "id")
    refused(stores, asked(stores, again, transaction=(None, last)), AlreadyExists, "transaction")
    refused(stores, asked(stores, again, entries=(entry(1),)), AlreadyExists, "entry")
    nothing = Reservation(merchant_id=ME, chain="anvil", asset="native")
    commit = asked(stores, again)
    refused(stores, replace(commit, reservation=(nothing, nothing.plus(again))), Stale, "reservation")
    none_yet = Refunded(payment_id=PAYMENT, chain="anvil", asset="native")
    refused(stores, replace(commit, refunded=(none_yet, none_yet.plus(again))), Stale, "refunds")
    moved = moved_on(first, Trigger.APPROVED, NOW + 1)
    stores.payouts.commit(PayoutCommit(before=first, after=moved))
    cancelled = moved_on(first, Trigger.CANCELLED, NOW + 1)
    refused(stores, PayoutCommit(before=first, after=cancelled), Stale, "payout")
    assert stores.payouts.payout(ME, first.id) == moved


def test_of_two_requests_that_read_one_balance_the_second_is_refused(stores: Stores) -> None:
    """Whichever comes second must read the balance anew."""
    one, two = payout(amount=60), payout(amount=60)
    commits = [asked(stores, one), asked(stores, two)]
    stores.payouts.commit(commits[0])
    refused(stores, commits[1], Stale, "reservation")
    stores.payouts.commit(asked(stores, two))
    assert stores.payouts.reservation(ME, "anvil", "native").total(Source.AVAILABLE) == 120


def test_pages_hold_every_payout_of_a_kind_once_newest_first(stores: Stores) -> None:
    """Refunds and other merchants' are not among settlements; a cursor is good for its own list alone."""
    made = [payout(NOW + n) for n in range(5)]
    for each in (*made, payout(NOW + 9, payment_id=PAYMENT), payout(NOW + 9, merchant_id="mer_2")):
        stores.payouts.commit(asked(stores, each))
    seen, cursor, sizes = [], None, []
    while True:
        page = stores.payouts.page(ME, PayoutKind.SETTLEMENT, cursor, 2)
        seen += page.payouts
        sizes.append(len(page.payouts))
        if (cursor := page.cursor) is None:
            break
    assert (seen, sizes) == (made[::-1], [2, 2, 1])
    with pytest.raises(InvalidField):
        stores.payouts.page(ME, PayoutKind.SETTLEMENT, "bm9uZQ", 2)


def test_what_is_over_and_booked_is_not_looked_after_any_more(stores: Stores) -> None:
    """Of all merchants, oldest first; one that ended before it was booked is still the worker's."""
    old, ended, over = payout(NOW, merchant_id="mer_2"), payout(NOW + 1), payout(NOW + 2)
    for each in (over, ended, old):
        stores.payouts.commit(asked(stores, each))
    rejected = moved_on(ended, Trigger.REJECTED, NOW + 3, booking=Booking.RESERVED)
    stores.payouts.commit(PayoutCommit(before=ended, after=rejected))
    done = moved_on(over, Trigger.REJECTED, NOW + 3, booking=Booking.CLOSED)
    stores.payouts.commit(PayoutCommit(before=over, after=done))
    assert stores.payouts.unfinished() == [old, rejected]
    closed = changed(rejected, NOW + 4, booking=Booking.CLOSED)
    stores.payouts.commit(PayoutCommit(before=rejected, after=closed))
    assert stores.payouts.unfinished() == [old]


def test_what_waits_for_a_person_is_the_workers_only_while_its_transfer_is_compared(stores: Stores) -> None:
    """Booked and handed over, or in nobody's book from the start; of all merchants, oldest first."""
    ours = payout(NOW, merchant_id="mer_2", state=PayoutState.APPROVED)
    own = payout(NOW + 1, payment_id=PAYMENT, source=Source.OWN)
    own = replace(own, state=PayoutState.AWAITING_TRANSFER, booking=Booking.CLOSED, treasury="0xAb")
    for each in (own, ours):
        stores.payouts.commit(asked(stores, each) if each is ours else PayoutCommit(before=None, after=each))
    assert stores.payouts.unfinished() == [ours]
    handed_over = moved_on(ours, Trigger.HANDED_OVER, NOW + 2, treasury="0xCd")
    assert handed_over.unfinished  # it is not booked yet
    handed_over = replace(handed_over, booking=Booking.RESERVED)
    stores.payouts.commit(PayoutCommit(before=ours, after=handed_over))
    assert (stores.payouts.unfinished(), stores.payouts.instructions()) == ([], [handed_over, own])
    named = changed(own, NOW + 3, named="0x" + "1f" * 32, named_at=NOW + 3)
    stores.payouts.commit(PayoutCommit(before=own, after=named))
    assert (stores.payouts.unfinished(), stores.payouts.instructions()) == ([named], [handed_over])
    done = moved_on(named, Trigger.COMPLETED, NOW + 4, named="", tx_hash=named.named)
    stores.payouts.commit(PayoutCommit(before=named, after=done, sent_by=named.named))
    assert (stores.payouts.unfinished(), stores.payouts.instructions()) == ([], [handed_over])
    assert stores.payouts.payout(ME, own.id) == done


def test_a_settlement_address_is_changed_by_who_has_read_the_last_one(stores: Stores) -> None:
    """Of two changes at once one is refused; each chain has its own."""
    first = SettlementAddress(merchant_id=ME, chain="anvil", address="0xAb", since=NOW)
    assert stores.payouts.settlement_address(ME, "anvil") is None
    stores.payouts.keep_settlement_address(None, first)
    with pytest.raises(Stale):
        stores.payouts.keep_settlement_address(None, replace(first, address="0xCd"))
    after = replace(first, next_address="0xCd", next_from=NOW + 5, version=2)
    stores.payouts.keep_settlement_address(first, after)
    with pytest.raises(Stale):
        stores.payouts.keep_settlement_address(first, replace(after, next_address="0xEf"))
    assert stores.payouts.settlement_address(ME, "anvil") == after
    assert stores.payouts.settlement_address(ME, "base") is None
    assert stores.payouts.settlement_address("mer_2", "anvil") is None


def test_a_transaction_that_a_person_sent_completes_one_payout(stores: Stores) -> None:
    """The second one is refused, and is as it was."""
    first, second = payout(), payout(NOW + 1)
    for each in (first, second):
        stores.payouts.commit(asked(stores, each))
    sent_by = "0x" + "1f" * 32
    stores.payouts.commit(PayoutCommit(before=first, after=changed(first, NOW), sent_by=sent_by))
    with pytest.raises(AlreadyExists) as refused:
        stores.payouts.commit(PayoutCommit(before=second, after=changed(second, NOW), sent_by=sent_by))
    assert refused.value.key == "sent by"
    assert stores.payouts.payout(ME, second.id) == second
