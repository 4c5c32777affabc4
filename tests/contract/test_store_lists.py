"""Lists and the watch set, on the fakes and on DynamoDB alike."""

from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.chains.chain import Transfer
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import AlreadyExists, InvalidField
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Due, Payment, Status, Tier, undecided
from ctrip.ports.payments import Commit, PaymentFilter
from tests.support.objects import NOW, creation, payment, quiet, step
from tests.support.stores import Stores, refused


class TestLists:
    """Lists and the watch set."""

    def collect(self, stores: Stores, wanted: PaymentFilter, merchant: str = "mer_1") -> list[str]:
        """Follow the cursors to the end; a page may be short, never too long."""
        found: list[str] = []
        while True:
            page = stores.payments.page(merchant, wanted)
            assert len(page.payments) <= wanted.limit
            found += [each.id for each in page.payments]
            if page.cursor is None:
                return found
            wanted = replace(wanted, cursor=page.cursor)

    @pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
    def test_pages_hold_everything_once_newest_first(self, stores: Stores, limit: int) -> None:
        """Following the cursors shows each payment of the merchant once, newest first, and ends."""
        made = [payment(created_at=NOW + number) for number in range(7)]
        for each in made:
            stores.payments.commit(creation(each))
        stores.payments.commit(creation(payment(merchant_id="mer_2")))
        assert self.collect(stores, PaymentFilter(limit=limit)) == [each.id for each in reversed(made)]

    def test_payments_of_one_millisecond_are_all_listed(self, stores: Stores) -> None:
        """Payments created at the same time are told apart by the cursor."""
        made = [payment() for _ in range(5)]
        for each in made:
            stores.payments.commit(creation(each))
        assert sorted(self.collect(stores, PaymentFilter(limit=2))) == sorted(each.id for each in made)

    def test_filters_select(self, stores: Stores) -> None:
        """Status, chain and both ends of the time of creation select, alone and together."""
        made = [
            creation(payment(created_at=NOW + number, chain="anvil" if number % 2 else "sepolia"))
            for number in range(9)
        ]
        for each in made:
            stores.payments.commit(each)
        for each in made[:6]:
            stores.payments.commit(step(each.after, Trigger.SEEN))
        ids = [each.after.id for each in made]

        def listed(**wanted: Any) -> list[str]:
            return self.collect(stores, PaymentFilter(limit=2, **wanted))

        assert listed(status=Status.DETECTED) == ids[5::-1]
        assert listed(chain="anvil") == ids[7::-2]
        assert listed(created_after=NOW + 3) == ids[:2:-1]
        assert listed(created_before=NOW + 3) == ids[3::-1]
        assert listed(created_after=NOW + 3, created_before=NOW + 3) == [ids[3]]
        assert listed(created_after=NOW + 4, created_before=NOW + 3) == []
        assert listed(status=Status.DETECTED, chain="sepolia", created_after=NOW + 1) == [ids[4], ids[2]]
        assert listed(status=Status.FAILED) == []

    def test_a_foreign_cursor_names_its_field(self, stores: Stores) -> None:
        """A cursor that is broken, made up or changed by a character is refused by the field's name."""
        for _ in range(3):
            stores.payments.commit(creation(payment()))
        good = stores.payments.page("mer_1", PaymentFilter(limit=1)).cursor
        assert good
        assert good.replace("-", "").replace("_", "").isalnum()
        broken = ["", "x", "ä", good[:-1], good + "A", ("B" if good[0] == "A" else "A") + good[1:], "%%%"]
        for cursor in broken:
            error = refused(
                lambda cursor=cursor: stores.payments.page("mer_1", PaymentFilter(cursor=cursor)), InvalidField
            )
            assert [problem.field for problem in error.errors] == ["cursor"]

    def test_what_nobody_chose_for_is_listed_page_by_page_by_its_end(self, stores: Stores) -> None:
        """Each once, those that are over for longest first; what is not over yet, or chosen for, is not among them."""
        waiting = [replace(payment(tier=Tier.CLOSED), due=undecided(NOW + number)) for number in (3, 1, 2, 2, 9)]
        for each in (*waiting, payment(expires_at=NOW)):
            stores.payments.commit(creation(each))
        pages: list[list[Payment]] = []
        found, after = stores.payments.unchosen(NOW + 3, 3)
        while True:
            pages.append(found)
            if not after:
                break
            found, after = stores.payments.unchosen(NOW + 3, 3, after=after)
        assert [sorted(each.due.expires_at - NOW for each in page) for page in pages] == [[1, 2, 2], [3]]
        assert {each.id for page in pages for each in page} == {each.id for each in waiting[:4]}

    def test_a_choice_takes_its_address_and_its_place_and_leaves_a_row_where_it_was(self, stores: Stores) -> None:
        """Nothing is taken before; the address is its own then; a chain that was left is looked at until late."""
        made = creation(replace(payment(tier=Tier.CLOSED), due=undecided(NOW + 1_000)))
        stores.payments.commit(made)
        assert stores.payments.get(made.after.id) == made.after
        assert stores.payments.former("anvil", NOW) == []
        due = payment().due
        chosen = self._chosen(made.after, due)
        stores.payments.commit(chosen)
        assert stores.payments.by_address(due.address) == made.after.id
        assert [each.id for each in stores.payments.rows("anvil", Tier.OPEN)] == [made.after.id]
        assert stores.payments.unchosen(NOW + 10**9, 5)[0] == []
        again = creation(payment(address=due.address))
        assert refused(lambda: stores.payments.commit(again), AlreadyExists).key == "address"
        elsewhere = self._chosen(chosen.after, replace(due, chain="sepolia"))
        stores.payments.commit(elsewhere)
        assert stores.payments.rows("anvil", Tier.OPEN) == []
        (row,) = stores.payments.former("anvil", NOW)
        assert (row.id, row.address, row.token) == (made.after.id, due.address, due.token_address)
        assert stores.payments.former("anvil", chosen.after.window_ends) == []
        assert stores.payments.former("sepolia", NOW) == []

    def test_an_address_that_was_left_is_taken_again_by_its_own_payment_alone(self, stores: Stores) -> None:
        """A payer comes back to it; to everybody else it is given out for ever."""
        made = creation(payment())
        stores.payments.commit(made)
        due = made.after.due
        left = self._chosen(made.after, replace(due, chain="sepolia", address=payment().due.address))
        stores.payments.commit(left)
        other = creation(replace(payment(tier=Tier.CLOSED), due=undecided(NOW + 1_000)))
        stores.payments.commit(other)
        for theirs in (due, left.after.due):
            taken = self._chosen(other.after, theirs)
            assert refused(lambda: stores.payments.commit(taken), AlreadyExists).key == "address"  # noqa: B023
        stores.payments.commit(self._chosen(left.after, due))
        assert stores.payments.by_address(due.address) == made.after.id

    def _chosen(self, before: Payment, due: Due) -> Commit:
        made = step(before, Trigger.CHOSEN, tier=Tier.OPEN)
        return replace(made, after=replace(made.after, due=due))

    def test_a_tier_shows_who_stands_in_it(self, stores: Stores) -> None:
        """The watch set of a chain and tier holds the payments as they are now, and those raised after a time alone."""
        early, late, other = payment(), payment(raised_at=NOW + 5), payment(chain="sepolia")
        for each in (early, late, other):
            stores.payments.commit(creation(each))
        assert {each.id for each in stores.payments.watched("anvil", Tier.OPEN)} == {early.id, late.id}
        assert stores.payments.watched("anvil", Tier.SWEEP) == []
        raised = stores.payments.rows("anvil", Tier.OPEN, raised_after=NOW)
        assert raised == [Watch.of(late)]
        assert stores.payments.rows("anvil", Tier.OPEN, raised_after=NOW + 5) == []

    def test_a_row_says_whether_anything_has_happened_to_its_payment(self, stores: Stores) -> None:
        """What a look needs stands in the index, token and merchant too; one that was touched has to be read."""
        made = creation(payment(token_address="0x" + "ab" * 20, token_id="t", amount=MAX_AMOUNT))
        stores.payments.commit(made)
        (row,) = stores.payments.rows("anvil", Tier.OPEN)
        assert (row, row.touched) == (Watch.of(made.after), False)
        stores.payments.commit(step(made.after, Trigger.SEEN, amount_received=1, told_amount=1))
        (row,) = stores.payments.rows("anvil", Tier.OPEN)
        assert row.touched

    @pytest.mark.parametrize("limit", [1, 3, 7, 50])
    def test_slices_show_each_row_of_a_tier_once(self, stores: Stores, limit: int) -> None:
        """However long they are; the position after the last one is the beginning."""
        made = [payment(raised_at=NOW + number % 3) for number in range(7)]
        for each in made:
            stores.payments.commit(creation(each))
        seen, position = list[str](), ""
        for _ in range(20):
            rows, position = stores.payments.slice("anvil", Tier.OPEN, after=position, limit=limit)
            assert len(rows) <= limit
            seen += [row.id for row in rows]
            if not position:
                break
        assert sorted(seen) == sorted(each.id for each in made)

    def test_payments_are_read_together_and_what_is_not_there_is_left_out(self, stores: Stores) -> None:
        """By their ids, however many."""
        made = [payment() for _ in range(3)]
        for each in made:
            stores.payments.commit(creation(each))
        found = stores.payments.read([*(each.id for each in made), made[0].id, "no such payment"])
        assert {name: each.id for name, each in found.items()} == {each.id: each.id for each in made}

    def test_every_transfer_has_its_row_and_they_are_paged_newest_first(self, stores: Stores) -> None:
        """Thirty of one block, and one of another; a second writing changes nothing, what is gone is not shown."""
        made = creation(payment())
        stores.payments.commit(made)
        same = [Transfer(f"0x{number:064x}", number, 9, "0xb1", "0xs", 5) for number in range(30)]
        newest = Transfer("0x" + "f" * 64, None, 12, "0xb2", None, MAX_AMOUNT)
        for _ in range(2):
            stores.payments.add_transfers(made.after.id, [*same, newest])
        seen, cursor = list[Transfer](), None
        for _ in range(20):
            page, cursor = stores.payments.transfers(made.after.id, before=cursor, limit=7)
            seen += page
            if cursor is None:
                break
        assert seen == [newest, *reversed(same)]
        stores.payments.drop_transfers(made.after.id, same[:10])
        page, cursor = stores.payments.transfers(made.after.id, limit=100)
        assert (page, cursor) == ([newest, *reversed(same[10:])], None)
        refused(lambda: stores.payments.transfers(made.after.id, before="x", limit=7), InvalidField)

    def test_a_payment_leaves_its_tier(self, stores: Stores) -> None:
        """A change of tier moves a payment from one watch set to the other; closed ones stand in none."""
        made = creation(payment())
        stores.payments.commit(made)
        lapsed = step(made.after, Trigger.LAPSED, now=NOW + 9)
        stores.payments.commit(lapsed)
        assert stores.payments.watched("anvil", Tier.OPEN) == []
        assert stores.payments.watched("anvil", Tier.MONITORED) == [lapsed.after]
        stores.payments.commit(quiet(lapsed.after, tier=Tier.CLOSED))
        assert all(stores.payments.watched("anvil", tier) == [] for tier in Tier)
