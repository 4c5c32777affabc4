"""What follows from two looks at ledger and chain: what is alarmed, what is opened, what is no difference."""

from collections import Counter
from dataclasses import replace

import pytest

from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.ledger.entries import CAPITAL, GAS_STATION, ON_ADDRESSES, OPERATOR, TREASURY
from ctrip.domain.ledger.reconcile import AGAIN_MS, ARRIVAL_MS, MOST_DIFFERENCES, Compared, Reconciliation, judge
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.sweeping.sweep import Kind
from ctrip.domain.sweeping.under_way import under_way
from tests.support.objects import NOW, attempt, transaction

MINUTE = 60_000
OPENED = Reconciliation(chain="anvil", opened=((GAS_STATION, "native"), (TREASURY, "native")))


def at_treasury(booked: int, seen: int | None, **given: object) -> Compared:
    return Compared(account=TREASURY, asset="native", booked=booked, seen=seen, **given)  # type: ignore[arg-type]


def looks(before: Reconciliation, *compared: Compared, every: int = MINUTE) -> list:
    """Look so many times, a minute apart."""
    verdicts = []
    for number, each in enumerate(compared):
        verdicts.append(judge(before, [each], block=number, now=NOW + number * every))
        before = verdicts[-1].after
    return verdicts


def test_a_difference_is_alarmed_once_it_is_seen_at_two_blocks() -> None:
    """And again each hour, as long as it stays."""
    found = looks(OPENED, *[at_treasury(100, 90)] * 63)
    assert [bool(each.alarms) for each in found] == [False, True, *[False] * 59, True, False]
    (told,) = found[1].alarms
    assert (told.amount, told.booked, told.seen, told.since, told.block) == (-10, 100, 90, NOW, 1)
    assert found[61].alarms[0].alarmed_at == NOW + MINUTE + AGAIN_MS
    assert not any(each.openings for each in found)


def test_a_difference_that_is_gone_by_the_next_look_is_none() -> None:
    """What moved while a look was under way; and one that comes back later begins anew."""
    found = looks(OPENED, at_treasury(100, 90), at_treasury(90, 90), at_treasury(90, 80), at_treasury(80, 80))
    assert not any(each.alarms for each in found)
    assert found[-1].after.differences == ()


def test_a_difference_that_changes_while_money_moves_is_still_one() -> None:
    """What is missing stays missing, however much else comes and goes."""
    found = looks(OPENED, at_treasury(100, 90), at_treasury(150, 130), at_treasury(120, 110))
    assert [len(each.alarms) for each in found] == [0, 1, 0]
    turned = looks(OPENED, at_treasury(100, 90), at_treasury(100, 110))
    assert not any(each.alarms for each in turned)


def test_what_is_unknown_is_no_difference_and_ends_none() -> None:
    found = looks(OPENED, at_treasury(100, None), at_treasury(100, None), at_treasury(100, None))
    assert not any(each.alarms for each in found)
    assert found[-1].after.unknown == 1
    found = looks(OPENED, at_treasury(100, 90), at_treasury(100, None), at_treasury(100, 90))
    assert [len(each.alarms) for each in found] == [0, 0, 1]


@pytest.mark.parametrize(
    ("seen", "differs"), [(69, True), (70, False), (100, False), (105, False), (106, True), (0, True)]
)
def test_what_own_transactions_may_have_moved_explains_itself(seen: int, differs: bool) -> None:
    """As far as they may have moved it, and no further."""
    each = at_treasury(100, seen, leaving=30, entering=5, because=("anvil#0x1#0",))
    assert bool(looks(OPENED, each, each)[-1].alarms) is differs


@pytest.mark.parametrize("amount", [1, -1, MAX_AMOUNT])
def test_the_first_looks_open_the_books_with_the_operators_capital(amount: int) -> None:
    """Once the same balance was seen twice, and once; every amount that comes later is a difference."""
    first = Reconciliation(chain="anvil")
    booked = 5 if amount < 0 else 0
    found = looks(first, *[at_treasury(booked, booked + amount)] * 2, *[at_treasury(booked + amount, booked)] * 2)
    assert [len(each.openings) for each in found] == [0, 1, 0, 0]
    assert [len(each.alarms) for each in found] == [0, 0, 0, 1]
    (entry,) = found[1].openings
    assert (entry.owner, entry.amount, entry.asset, entry.at) == (OPERATOR, abs(amount), "native", NOW + MINUTE)
    assert (entry.debit, entry.credit) == ((TREASURY, CAPITAL) if amount > 0 else (CAPITAL, TREASURY))
    assert imbalance(added(Counter(), [entry])) == {}
    assert found[1].after.opened == ((TREASURY, "native"),)
    assert found[1].after.differences == ()


def test_books_are_not_opened_while_money_moves_there() -> None:
    """Else what is in flight would become capital: not at another amount each time, nor while a transaction runs."""
    first = Reconciliation(chain="anvil")
    assert not any(each.openings for each in looks(first, *[at_treasury(0, n) for n in (1, 2, 3, 4)]))
    running = [at_treasury(0, 9, leaving=2, because=("anvil#0x1#0",))] * 3
    found = looks(first, *running, at_treasury(0, 9))
    assert [len(each.openings) for each in found] == [0, 0, 0, 1]
    assert not any(each.alarms for each in found)


def test_books_that_agree_from_the_beginning_are_open() -> None:
    """What comes after that without us is alarmed, and never posted by itself."""
    found = looks(Reconciliation(chain="anvil"), at_treasury(0, 0), *[at_treasury(0, 7)] * 3)
    assert not any(each.openings for each in found)
    assert [len(each.alarms) for each in found] == [0, 0, 1, 0]


def test_money_that_arrives_at_an_address_is_the_scanners_for_a_day() -> None:
    """What is missing there is alarmed at once; both name the payment."""
    arrived = Compared(account=ON_ADDRESSES, asset="native", payment_id="p1", booked=0, seen=5)
    found = looks(OPENED, arrived, arrived, replace(arrived, seen=6), every=ARRIVAL_MS // 2)
    assert [len(each.alarms) for each in found] == [0, 0, 1]
    missing = replace(arrived, booked=6)
    assert looks(OPENED, missing, missing)[-1].alarms[0].payment_id == "p1"
    assert not any(each.openings for each in found)


def test_a_place_that_was_not_looked_at_keeps_its_difference() -> None:
    """Old addresses have their turn only now and then."""
    missing = Compared(account=ON_ADDRESSES, asset="native", payment_id="p1", booked=6, seen=5)
    found = looks(OPENED, missing, at_treasury(0, 0), at_treasury(0, 0), missing)
    assert [len(each.after.differences) for each in found] == [1, 1, 1, 1]
    assert found[-1].alarms


def test_what_is_kept_has_an_end_and_keeps_the_alarmed() -> None:
    missing = [
        Compared(account=ON_ADDRESSES, asset="native", payment_id=f"p{n:04}", booked=6, seen=5)
        for n in range(MOST_DIFFERENCES)
    ]
    state = OPENED
    for now in (NOW, NOW + MINUTE):
        state = judge(state, missing, block=1, now=now).after
    late = [replace(each, payment_id=f"a{each.payment_id}") for each in missing]
    kept = judge(state, late, block=2, now=NOW + 2 * MINUTE).after.differences
    assert [each.payment_id for each in kept] == [each.payment_id for each in missing]


# ---- what own transactions may have moved

TREASURY_ADDRESS, STATION, TOKEN = "0x" + "Ef" * 20, "0x" + "Aa" * 20, "0x" + "cC" * 20
DEPOSIT = "0x" + "Cd" * 20


def bounds(transactions: list, address: str, token: str | None = None) -> tuple[int, int]:
    found = under_way(transactions, (address.lower(),), token)
    return found.leaving, found.entering


def test_a_sweep_may_have_taken_its_value_and_its_cost() -> None:
    """The most of any attempt, as one of them alone is mined; addresses are the same however they are written."""
    one = replace(attempt(), value=50, cost=3, beside=1)
    sweep = transaction(attempts=(one, replace(one, value=40, cost=30)))
    assert bounds([sweep], DEPOSIT) == (72, 0)
    assert bounds([sweep], TREASURY_ADDRESS) == (0, 50)
    assert bounds([sweep], STATION) == (0, 0)
    assert bounds([sweep, replace(sweep, slot="9")], DEPOSIT) == (144, 0)


def test_a_sweep_of_tokens_moves_these_and_the_senders_coin() -> None:
    """Also where another address sends it; the coin that it costs is the sender's."""
    one = replace(attempt(), amount=500, cost=7)
    sweep = transaction(attempts=(one,), sender=STATION, address=DEPOSIT, token=TOKEN, asset="id")
    sweep = replace(sweep, members=(replace(sweep.members[0], address=DEPOSIT),))
    assert bounds([sweep], DEPOSIT, TOKEN.lower()) == (500, 0)
    assert bounds([sweep], DEPOSIT) == (0, 0)
    assert bounds([sweep], STATION) == (7, 0)
    assert bounds([sweep], TREASURY_ADDRESS, TOKEN) == (0, 500)
    assert under_way([sweep], (DEPOSIT,), TOKEN).keys == (sweep.key,)


def test_gas_that_is_given_leaves_the_station_for_the_address() -> None:
    gift = transaction(kind=Kind.FUND, sender=STATION, to=DEPOSIT, attempts=(replace(attempt(), value=9, cost=2),))
    assert bounds([gift], STATION) == (11, 0)
    assert bounds([gift], DEPOSIT) == (0, 9)
