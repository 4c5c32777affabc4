"""The ledger as it is stored: by owner and time, and refused where it comes too late to be added up."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import InvalidField, Stale
from ctrip.domain.ledger.balances import Fold
from ctrip.domain.ledger.entries import LATEST_MS, EntryType
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.ports.ledger import EntryFilter
from tests.support.faults import PatientClock
from tests.support.objects import NOW, creation, entry, payment, step, transaction
from tests.support.stores import Stage, Stores


def posted(stores, *causes):
    """Post entries, those of a cause together."""
    fence = stores.money.take("anvil")
    last = transaction()
    stores.money.write_transaction(None, last)
    for entries in causes:
        following = replace(last, version=last.version + 1, state=TransactionState.SENT)
        stores.money.settle(last, following, entries, fence)
        last = following


def test_entries_come_back_by_time_from_any_moment_on(stores: Stores) -> None:
    """Oldest first, whatever their causes are called."""
    late, early = entry(9, id="a", at=NOW + 9), entry(1, id="z", at=NOW + 1, amount=MAX_AMOUNT)
    posted(stores, [late], [early], [entry(5, owner="mer_2")])
    assert list(stores.ledger.entries("mer_1")) == [early, late]
    assert list(stores.ledger.entries("mer_1", NOW + 2)) == [late]
    assert list(stores.ledger.entries("mer_1", NOW + 9)) == [late]
    assert list(stores.ledger.entries("mer_1", NOW + 10)) == []


def test_pages_hold_every_entry_once_and_those_of_a_cause_together(stores: Stores) -> None:
    """Newest first; a cursor is good for its own list alone."""
    causes = [[entry(10 * n), replace(entry(10 * n + 1), at=entry(10 * n).at)] for n in range(5)]
    posted(stores, *causes)
    seen, cursor, sizes = [], None, []
    while True:
        page = stores.ledger.page("mer_1", EntryFilter(limit=2, cursor=cursor))
        seen += page.entries
        sizes.append(len(page.entries))
        if (cursor := page.cursor) is None:
            break
    assert seen == [each for cause in reversed(causes) for each in reversed(cause)]
    assert sizes == [4, 4, 2]
    assert stores.ledger.page("mer_2", EntryFilter()).entries == ()
    with pytest.raises(InvalidField):
        stores.ledger.page("mer_1", EntryFilter(cursor="bm9uZQ"))


def test_a_list_of_entries_is_bounded_by_time_at_both_ends(stores: Stores) -> None:
    """Both ends included."""
    causes = [[entry(n)] for n in range(5)]
    posted(stores, *causes)
    between = EntryFilter(created_after=NOW + 1, created_before=NOW + 3)
    assert [each.at - NOW for each in stores.ledger.page("mer_1", between).entries] == [3, 2, 1]
    nothing = EntryFilter(created_after=NOW + 3, created_before=NOW + 1)
    assert stores.ledger.page("mer_1", nothing).entries == ()


def test_a_sum_is_taken_further_by_one_of_two(stores: Stores) -> None:
    """Who read an older one is refused, and loses nothing."""
    empty = stores.ledger.fold("mer_1")
    assert empty == Fold(owner="mer_1")
    first = Fold(owner="mer_1", until=NOW, sums=(("anvil", "native", "available:mer_1", -MAX_AMOUNT * 99),))
    assert stores.ledger.keep_fold(empty, first)
    assert stores.ledger.fold("mer_1") == first
    second = replace(first, until=NOW + 1)
    assert not stores.ledger.keep_fold(empty, replace(first, until=NOW + 2))
    assert stores.ledger.keep_fold(first, second)
    assert stores.ledger.fold("mer_1") == second
    assert stores.ledger.fold("mer_2") == Fold(owner="mer_2")


def test_what_was_decided_too_long_ago_is_not_stored_any_more(stage: Stage) -> None:
    """A process that was suspended in between decides anew: the sums of that time are kept already."""
    clock = PatientClock()
    stores = stage.stores(clock=clock)
    made = creation(payment())
    stores.payments.commit(made)
    credited = step(made.after, Trigger.SEEN, entries=(entry(at=clock.now()),))
    first = transaction()
    stores.money.write_transaction(None, first)
    fence = stores.money.take("anvil")
    clock.wait(LATEST_MS / 1000)
    stores.payments.commit(credited)
    clock.wait(0.001)
    with pytest.raises(Stale):
        stores.payments.commit(replace(credited, before=credited.after))
    with pytest.raises(Stale):
        stores.money.settle(first, replace(first, version=2), [entry(2, at=0)], fence)
    assert len(list(stores.ledger.entries("mer_1"))) == 1


def test_payments_to_which_unmatched_money_came_are_listed_in_pages(stores: Stores) -> None:
    """Each once, however often some came; of their merchant alone."""
    made = [creation(payment()) for _ in range(3)]
    for each in made:
        stores.payments.commit(each)
        owner, when = each.after.merchant_id, each.after.id
        entries = (entry(id=when, owner=owner, type=EntryType.UNMATCHED, payment_id=each.after.id),)
        stores.payments.commit(step(each.after, Trigger.SEEN, entries=entries))
    ids = sorted(each.after.id for each in made)
    first, cursor = stores.payments.unmatched(made[0].after.merchant_id, None, 2)
    rest, end = stores.payments.unmatched(made[0].after.merchant_id, cursor, 2)
    assert [each.id for each in (*first, *rest)] == ids
    assert end is None
    assert stores.payments.unmatched("mer_9", None, 2) == ([], None)
    with pytest.raises(InvalidField):
        stores.payments.unmatched(made[0].after.merchant_id, "bm9uZQ", 2)
