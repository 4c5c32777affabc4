"""The figures of a stage: kept all or nothing, each run from what the one before left; and the lists of flags."""

import pytest

from ctrip.domain.errors import InvalidField, Stale
from ctrip.domain.figures import AssetDay, Day, Standing, Totals
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.payment import Flag, Status
from ctrip.ports.figures import Reviewed
from tests.support.objects import NOW
from tests.support.stores import Stores

TOTALS = Totals(until=NOW, standings=(Standing(chain="anvil", status=Status.PENDING, payments=3),), version=1)
DAY = Day(
    number=20_000,
    assets=(AssetDay(chain="anvil", asset="native", symbol="ETH", decimals=18, created=3, paid=1, volume=MAX_AMOUNT),),
    version=1,
)


def listed(number: int, flag: Flag = Flag.LATE) -> Reviewed:
    """A payment on a flag's list."""
    return Reviewed(flag=flag, payment_id=f"00000000-0000-4000-8000-{number:012d}", created_at=NOW + number)


def test_figures_come_back_as_they_were_kept(stores: Stores) -> None:
    """Amounts of any size; days that brought nothing are empty."""
    assert stores.figures.totals() == Totals()
    stores.figures.keep(Totals(), TOTALS, [(Day(number=20_000), DAY)])
    assert stores.figures.totals() == TOTALS
    assert stores.figures.days([20_000, 20_001]) == {20_000: DAY, 20_001: Day(number=20_001)}


def test_of_two_runs_from_the_same_figures_one_is_kept_whole(stores: Stores) -> None:
    """The other changes neither the totals nor a day."""
    stores.figures.keep(Totals(), TOTALS, [])
    with pytest.raises(Stale):
        stores.figures.keep(Totals(), TOTALS, [(Day(number=20_000), DAY)])
    assert stores.figures.days([20_000])[20_000] == Day(number=20_000)
    after = Totals(until=NOW + 1, version=2)
    stores.figures.keep(TOTALS, after, [(Day(number=20_000), DAY)])
    with pytest.raises(Stale):
        stores.figures.keep(after, Totals(until=NOW + 2, version=3), [(Day(number=20_000), DAY)])
    assert stores.figures.totals() == after


def test_a_list_is_its_flags_newest_first_and_a_second_time_changes_nothing(stores: Stores) -> None:
    """What is gone is off it, whether it was on or not."""
    stores.figures.note([listed(1), listed(2), listed(3), listed(4, Flag.HELD)], [])
    stores.figures.note([listed(2)], [listed(3), listed(9)])
    found, end = stores.figures.reviewed(Flag.LATE, before=None, limit=10)
    assert (found, end) == ([listed(2).payment_id, listed(1).payment_id], None)
    assert stores.figures.reviewed(Flag.HELD, before=None, limit=10)[0] == [listed(4).payment_id]
    assert stores.figures.reviewed(Flag.OVERPAID, before=None, limit=10) == ([], None)


def test_a_list_goes_on_where_its_page_ended(stores: Stores) -> None:
    """Each once; a cursor of another list is refused."""
    stores.figures.note([listed(number) for number in range(7)], [])
    found, cursor = list[str](), None
    while True:
        page, cursor = stores.figures.reviewed(Flag.LATE, before=cursor, limit=3)
        found += page
        if cursor is None:
            break
        last = cursor
    assert found == [listed(number).payment_id for number in reversed(range(7))]
    for wrong in ("nonsense", last):
        with pytest.raises(InvalidField):
            stores.figures.reviewed(Flag.HELD, before=wrong, limit=3)
