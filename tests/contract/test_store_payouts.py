"""Payouts as they are stored: what one decision changes is written together, or nothing of it is."""

from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.errors import AlreadyExists, InvalidField, Stale
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.settlement.payout import Booking, Payout, PayoutKind, PayoutState, Source, Trigger, changed, moved_on
from ctrip.domain.settlement.reservation import Refunded, Reservation, SettlementAddress
from ctrip.ports import Idempotency, PayoutCommit
from tests.support.objects import NOW, entry, new_ulid, transaction
from tests.support.stores import Stores

ME, PAYMENT = "mer_1", "00000000-0000-4000-8000-000000000001"


def payout(at: int = NOW, **given: Any) -> Payout:
    """Make a settlement of the coin that waits for approval; with a payment, a refund."""
    kind = PayoutKind.REFUND if "payment_id" in given else PayoutKind.SETTLEMENT
    fields: dict[str, Any] = {
        "id": f"{'ref' if kind is PayoutKind.REFUND else 'stl'}_{new_ulid(at)}",
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
    return replace(commit, refunded=(total, total.plus(made.amount)))


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
    refused(stores, replace(commit, refunded=(none_yet, none_yet.plus(10))), Stale, "refunds")
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
