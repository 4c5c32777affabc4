"""Balances are what entries add up to, however often they were folded on the way."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.ledger.balances import FOLD_FROM, SETTLED_MS, Fold, added, folded_further, imbalance, owed
from ctrip.domain.ledger.entries import CAPITAL, LATEST_MS, ON_ADDRESSES, TREASURY, available, delivered, own_wallet
from tests.support.objects import entry

ACCOUNTS = (ON_ADDRESSES, TREASURY, CAPITAL, available("m1"), available("m2"))
ENTRIES = st.lists(
    st.builds(
        lambda at, debit, credit, amount, asset: entry(at=at, debit=debit, credit=credit, amount=amount, asset=asset),
        st.integers(0, 4 * SETTLED_MS),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(ACCOUNTS),
        st.integers(1, 2**256),
        st.sampled_from(("native", "a-token")),
    ),
    max_size=4 * FOLD_FROM,
)


@given(ENTRIES, st.lists(st.integers(0, 5 * SETTLED_MS), max_size=4).map(sorted))
def test_a_fold_and_what_came_after_it_add_up_to_everything(entries, readings):
    """Whenever it is taken further, and when nothing is."""
    entries = sorted(entries, key=lambda each: each.at)
    fold = Fold(owner="m1")
    for now in readings:
        tail = [each for each in entries if fold.until <= each.at <= now]
        fold = folded_further(fold, tail, now) or fold
    rest = [each for each in entries if each.at >= fold.until]
    everything = added(Counter(), entries)
    assert {k: v for k, v in added(fold.totals(), rest).items() if v} == {k: v for k, v in everything.items() if v}
    assert imbalance(everything) == {}


def test_nothing_is_folded_that_somebody_may_still_add_an_earlier_entry_to():
    """Entries are refused that are older than `LATEST_MS`: what is folded is several times as old."""
    now = 10 * SETTLED_MS
    young = [entry(at=now - SETTLED_MS) for _ in range(FOLD_FROM)]
    old = [replace(each, at=each.at - 1) for each in young]
    assert folded_further(Fold(owner="m1"), young, now) is None
    assert folded_further(Fold(owner="m1"), old[1:], now) is None
    fold = folded_further(Fold(owner="m1"), [*old, *young], now)
    assert fold is not None
    assert fold.until == now - SETTLED_MS
    assert owed(fold.totals(), "anvil", "native", available("mer_1")) == FOLD_FROM * 10**18
    assert SETTLED_MS >= 2 * LATEST_MS


def test_what_lies_under_a_merchants_own_key_stands_outside():
    """It was never held for anybody; an entry from inside to outside would be seen."""
    outside = entry(debit=own_wallet("m1"), credit=delivered("m1"), amount=7)
    assert imbalance(added(Counter(), [outside])) == {}
    crossing = replace(outside, debit=TREASURY)
    assert imbalance(added(Counter(), [crossing])) == {("anvil", "native"): 7}
