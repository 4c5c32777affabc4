"""The outbox, deliveries, money and access, on the fakes and on DynamoDB alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from ctrip.chains.evm.terms import nonce_of
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.detection.gates import Gate, Round, Tip
from ctrip.domain.errors import AlreadyExists, FenceLost, Stale
from ctrip.domain.jobs import WebhookJob
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.sweeping.policy import LoudGas
from ctrip.domain.sweeping.sweep import Refusal, Setback, TransactionState
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import Delivery, DeliveryPage, Due, EventFilter, Place, Prepared, Waiting
from ctrip.ports.gates import Fence
from tests.support import objects
from tests.support.ledger import entries_of
from tests.support.objects import NOW, attempt, creation, entry, event, new_ulid, payment, transaction
from tests.support.stores import Stores, refused

DAY = 86_400_000
URL = "https://shop.example/hooks"
ATTEMPT = attempt("0x" + "ab" * 120, "0xh", 21_000, 2**70, 1, MAX_AMOUNT, 9)


def due(ulid: str, attempt: int, at: int, *, leases: int = 0) -> Due:
    """Name an attempt that is due."""
    return Due(merchant_id="mer_1", ulid=ulid, endpoint="payment", attempt=attempt, at=at, leases=leases)


def waiting(told: Event, endpoint: str = "payment") -> Waiting:
    """Name a first attempt that is in the outbox."""
    return Waiting(merchant_id="mer_1", ulid=told.ulid, endpoint=endpoint, at=told.at)


class TestEvents:
    """The outbox and the deliveries."""

    def test_the_outbox_holds_what_nobody_acknowledged(self, stores: Stores) -> None:
        """An event with an endpoint is in the outbox, oldest first, until its first attempt is on record."""
        old, new = (creation(payment(updated_at=NOW + later, webhook_url=URL)) for later in (0, 60_000))
        for each in (new, old):
            stores.payments.commit(each)
        assert old.event
        assert new.event
        first, second = waiting(old.event), waiting(new.event)
        assert stores.events.unacknowledged(NOW) == []
        assert stores.events.unacknowledged(NOW + 1) == [first]
        assert stores.events.unacknowledged(NOW + 60_001) == [first, second]
        for _ in range(2):
            stores.events.record(delivery(old.event.ulid, 1), due_index=False)
        assert stores.events.unacknowledged(NOW + 60_001) == [second]
        assert stores.events.event("mer_1", old.event.ulid) == old.event

    def test_an_event_that_no_endpoint_wants_is_never_in_the_outbox(self, stores: Stores) -> None:
        """It is read as any other, at once and in its order."""
        made = [creation(payment(updated_at=NOW + n, webhook_url=(URL, None)[n % 2])) for n in range(6)]
        for each in made:
            stores.payments.commit(each)
        told = [each.event for each in made if each.event]
        ulids = [each.ulid for each in told]
        quiet = told[1]
        for _ in range(2):
            assert [each.ulid for each in stores.events.unacknowledged(NOW + 60_000)] == ulids[::2]
            assert stores.events.page("mer_1", EventFilter(newest_first=False)).events == tuple(told)
            assert stores.events.page("mer_1", EventFilter(after=ulids[2])).events == tuple(told[:2:-1])
            assert stores.events.named("mer_1", ulids) == told
            assert [stores.events.event("mer_1", ulid) for ulid in ulids] == told
            assert stores.events.event("mer_2", quiet.ulid) is None
            assert stores.events.attempted("mer_1", quiet.ulid, "payment", 1) is None
            assert stores.payments.events_of(str(quiet.payment_id)) == [quiet.ulid]
            assert stores.events.payments_between("mer_1", NOW + 1, NOW + 2) == {quiet.payment_id}

    def test_an_event_waits_for_each_of_its_endpoints(self, stores: Stores) -> None:
        """Each first attempt leaves the outbox by itself, once it is on record or on the due index."""
        made = creation(payment())
        assert made.event
        told = replace(made.event, endpoints=("stage", "we_1", "we_2"))
        stores.payments.commit(replace(made, event=told))
        assert stores.events.event("mer_1", told.ulid) == told

        def left() -> set[str]:
            found = stores.events.unacknowledged(NOW + 1)
            assert found == [waiting(told, each.endpoint) for each in found]
            return {each.endpoint for each in found}

        assert left() == {"stage", "we_1", "we_2"}
        failed = delivery(told.ulid, 1, endpoint="we_1", next_attempt_at=NOW + 7)
        stores.events.record(failed, due_index=True)
        assert left() == {"stage", "we_2"}
        put_off = Due(merchant_id="mer_1", ulid=told.ulid, endpoint="we_2", attempt=1, at=NOW + 9)
        stores.events.postpone(put_off)
        assert left() == {"stage"}
        again = replace(put_off, endpoint="we_1", attempt=2, at=NOW + 7)
        assert stores.events.due(NOW + 9) == [again, put_off]
        assert stores.events.attempted("mer_1", told.ulid, "we_1", 1) == failed
        for endpoint in ("stage", "we_2"):
            assert stores.events.attempted("mer_1", told.ulid, endpoint, 1) is None

    def test_an_attempt_that_is_postponed_stands_on_the_due_index_once(self, stores: Stores) -> None:
        """At its new time, whether it came from the outbox, from the due index, or from a message alone."""
        first, later = due("01EVENT", 1, NOW + 5), due("01EVENT", 1, NOW + 9)
        stores.events.postpone(first)
        assert stores.events.lease(first, NOW + 8)
        for _ in range(2):
            stores.events.postpone(later, due_at=first.at)
            assert stores.events.due(NOW + 20) == [later]
        stores.events.postpone(later, due_at=later.at)
        assert stores.events.due(NOW + 20) == [later]
        stores.events.record(delivery("01EVENT", 1), due_index=False, due_at=later.at)
        assert stores.events.due(NOW + 20) == []

    def test_an_attempt_is_recorded_once(self, stores: Stores) -> None:
        """The first record of an attempt counts: it leaves the outbox, the next one is due; a second does nothing."""
        commit = creation(payment(webhook_url=URL))
        stores.payments.commit(commit)
        told = commit.event
        assert told
        failed = delivery(told.ulid, 1, next_attempt_at=NOW + 1000)
        stores.events.record(failed, due_index=True)
        stores.events.record(delivery(told.ulid, 1, status_code=200, next_attempt_at=NOW + 5), due_index=True)
        assert stores.events.attempted("mer_1", told.ulid, "payment", 1) == failed
        assert stores.events.attempted("mer_1", told.ulid, "payment", 2) is None
        assert stores.events.attempted("mer_1", told.ulid, "stage", 1) is None
        assert stores.events.attempted("mer_2", told.ulid, "payment", 1) is None
        assert stores.events.unacknowledged(NOW + 1) == []
        assert stores.events.due(NOW + 999) == []
        assert stores.events.due(NOW + 1000) == [due(told.ulid, 2, NOW + 1000)]

    def test_what_follows_from_an_attempt_may_be_done_twice(self, stores: Stores) -> None:
        """Whoever finds an attempt on record finishes it, and changes nothing where that was done."""
        commit = creation(payment(webhook_url=URL))
        stores.payments.commit(commit)
        told = commit.event
        assert told
        failed = delivery(told.ulid, 1, next_attempt_at=NOW + 1000)
        stores.events.record(failed, due_index=True)
        stores.events.finish(failed, due_index=True)
        assert stores.events.unacknowledged(NOW + 1) == []
        assert stores.events.due(NOW + 1000) == [due(told.ulid, 2, NOW + 1000)]
        stores.events.record(delivery(told.ulid, 2, status_code=200), due_index=False, due_at=NOW + 1000)
        assert stores.events.due(NOW + 1000) == []

    def test_a_due_attempt_is_leased_and_only_its_outcome_removes_it(self, stores: Stores) -> None:
        """Listed soonest first; not while it is leased; again when the lease is over; never once it is recorded."""
        events = [event(), event()]
        for place, told in enumerate(events):
            at = NOW + 1000 - place
            stores.events.record(delivery(told.ulid, 3, next_attempt_at=at), due_index=True)
        late, soon = (each.ulid for each in events)
        first, second = stores.events.due(NOW + 2000)
        assert (first, second) == (due(soon, 4, NOW + 999), due(late, 4, NOW + 1000))
        assert stores.events.lease(first, NOW + 9000)
        assert stores.events.due(NOW + 8999) == [second]
        assert stores.events.due(NOW + 9000) == [due(soon, 4, NOW + 999, leases=1), second]
        stores.events.record(delivery(soon, 4, status_code=200), due_index=False, due_at=NOW + 999)
        assert not stores.events.lease(first, NOW + 20_000)
        assert stores.events.due(NOW + 20_000) == [second]

    def test_rows_that_are_leased_hide_nothing_that_is_due(self, stores: Stores) -> None:
        """More of them than a page: what lies behind is found."""
        many = [event() for _ in range(250)]
        for place, told in enumerate(many):
            stores.events.record(delivery(told.ulid, 3, next_attempt_at=NOW + place), due_index=True)
        for _ in range(12):
            found = stores.events.due(NOW + 1000)
            for each in found:
                assert stores.events.lease(each, NOW + 99_000)
            if not found:
                break
        assert {each.leases for each in stores.events.due(NOW + 99_000)} == {1}
        assert stores.events.due(NOW + 1000) == []

    @pytest.mark.parametrize("limit", [1, 2, 4, 50])
    def test_an_endpoints_log_is_read_newest_first(self, stores: Stores, limit: int) -> None:
        """By event, and by attempt within it; another endpoint's and another merchant's deliveries never."""
        first, second = (new_ulid(NOW + later) for later in (0, 1))
        made = [delivery(first, tries, endpoint="we_1", answer="a \u00e4 b", next_attempt_at=9) for tries in (1, 2, 10)]
        made.append(delivery(second, 1, endpoint="we_1", status_code=204, error=None))
        strangers = [delivery(second, 1, endpoint="we_10"), delivery(second, 7, endpoint="we_1", merchant_id="mer_2")]
        for each in (*made, *strangers):
            stores.events.record(each, due_index=False)
        found, position = list[Delivery](), None
        while True:
            page = stores.events.deliveries("mer_1", "we_1", position=position, limit=limit)
            assert len(page.deliveries) <= limit
            found += page.deliveries
            if (position := page.position) is None:
                break
        assert found == made[::-1]
        assert stores.events.last_attempt("mer_1", first, "we_1") == made[2]
        assert stores.events.last_attempt("mer_1", first, "we_10") is None
        assert stores.events.deliveries("mer_1", "we_2", position=None, limit=5) == DeliveryPage((), None)

    def test_what_a_batch_of_jobs_is_about_is_read_at_once(self, stores: Stores) -> None:
        """Their events, and the records of the very attempts; what there is not is left out."""
        told, other = event(), event()
        for each in (told, other):
            stores.events.add(each)
        first, second = delivery(told.ulid, 1), delivery(told.ulid, 2)
        for each in (first, second, delivery(told.ulid, 1, endpoint="stage")):
            stores.events.record(each, due_index=False)
        jobs = [
            WebhookJob("mer_1", told.ulid, "payment", 2),
            WebhookJob("mer_1", told.ulid, "payment", 3),
            WebhookJob("mer_1", other.ulid, "payment"),
            WebhookJob("mer_2", told.ulid, "payment"),
            WebhookJob("mer_1", "01NOTHING", "payment"),
        ]
        known = stores.events.prepare(jobs)
        assert known.events == {("mer_1", told.ulid): told, ("mer_1", other.ulid): other}
        assert known.made == {("mer_1", told.ulid, "payment", 2): second}
        assert stores.events.prepare([]) == Prepared({}, {})

    def test_the_rows_of_a_batch_are_deleted_at_once_when_all_is_on_record(self, stores: Stores) -> None:
        """Until then each stands where it was: of the outbox, of the due index, or nowhere."""
        many = [event(endpoints=("payment",)) for _ in range(30)]
        for each in many:
            stores.events.add(each)
        stores.events.postpone(due("01EVENT", 3, NOW + 5))
        leaving = list[Place]()
        for each in many:
            stores.events.record(delivery(each.ulid, 1), due_index=False, leaving=leaving)
        failed = delivery("01EVENT", 3, next_attempt_at=NOW + 9)
        stores.events.record(failed, due_index=True, due_at=NOW + 5, leaving=leaving)
        stores.events.record(delivery("01OTHER", 2), due_index=False, leaving=leaving)
        stores.events.record(failed, due_index=True, due_at=NOW + 5, leaving=leaving)
        assert len(leaving) == 32
        assert len(stores.events.unacknowledged(NOW + 1)) == 30
        assert [each.attempt for each in stores.events.due(NOW + 9)] == [3, 4]
        for _ in range(2):
            stores.events.leave(leaving)
            assert stores.events.unacknowledged(NOW + 1) == []
            assert [each.attempt for each in stores.events.due(NOW + 9)] == [4]
        stores.events.leave([])

    def test_attempts_that_succeeded_are_recorded_at_once(self, stores: Stores) -> None:
        """Forty in four calls, their rows deleted with them; a record of a failure is replaced."""
        many = [event(endpoints=("payment",)) for _ in range(40)]
        for each in many:
            stores.events.add(each)
        stores.events.postpone(due("01EVENT", 3, NOW + 5))
        later = delivery("01EVENT", 3)
        made = [delivery(each.ulid, 1) for each in many]
        failed = replace(made[0], status_code=500, next_attempt_at=NOW + 9)
        stores.events.record(failed, due_index=False, leaving=[])
        for _ in range(2):
            first = [(each, Place(each.event_ulid, "payment", 1, 0)) for each in made]
            stores.events.record_delivered([*first, first[3], (later, Place("01EVENT", "payment", 3, NOW + 5))])
        assert [stores.events.attempted("mer_1", each.ulid, "payment", 1) for each in many] == made
        assert stores.events.attempted("mer_1", "01EVENT", "payment", 3) == later
        assert stores.events.unacknowledged(NOW + 1) == stores.events.due(NOW + 9) == []
        stores.events.record_delivered([])

    def test_what_is_dropped_is_due_no_more(self, stores: Stores) -> None:
        """Once, and that alone."""
        one, other = due("01EVENT", 0, NOW + 5), due("01EVENT", 0, NOW + 6)
        for each in (one, other):
            stores.events.postpone(each)
        for _ in range(2):
            stores.events.drop(one)
            assert stores.events.due(NOW + 9) == [other]

    def test_what_waits_elsewhere_is_not_on_the_due_index(self, stores: Stores) -> None:
        """Without `due_index` the next attempt is known and not listed."""
        stores.events.record(delivery(event().ulid, 1, next_attempt_at=NOW + 1), due_index=False)
        assert stores.events.due(NOW + 10) == []

    def test_what_is_not_there_is_leased_to_nobody(self, stores: Stores) -> None:
        """An attempt that never was due, and an event that never was."""
        ulid = new_ulid(NOW)
        assert not stores.events.lease(due(ulid, 2, NOW), NOW + 1)
        assert stores.events.event("mer_1", ulid) is None
        assert stores.events.attempted("mer_1", ulid, "payment", 1) is None


class TestMoney:
    """Fences, outgoing transactions and the ledger."""

    def test_the_newest_scanner_wins(self, stores: Stores) -> None:
        """Each taking gives a higher fence; only the newest may store its tip, and a taking keeps the tip."""
        first = stores.money.take("anvil")
        tip = Tip(
            chain="anvil",
            fence=1,
            number=7,
            hash="0xb",
            block_time=NOW,
            scanned_at=NOW + 1,
            open_payments=2,
            endpoints=(("node", "up", ""),),
        )
        assert first == Fence("anvil", 1)
        stores.money.beat(tip)
        assert stores.money.tips(["anvil", "never"]) == {"anvil": tip}
        assert stores.money.take("anvil") == Fence("anvil", 2)
        refused(lambda: stores.money.beat(replace(tip, number=8)), FenceLost)
        assert stores.money.tips(["anvil"]) == {"anvil": replace(tip, fence=2)}

    def test_takings_at_once_are_all_different(self, stores: Stores) -> None:
        """No two scanners get one fence."""
        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda _: stores.money.take("anvil").number, range(20)))
        assert sorted(taken) == list(range(1, 21))

    def test_a_nonce_has_one_transaction(self, stores: Stores) -> None:
        """(chain, sender, nonce) is one transaction, however the sender is spelt; it moves from where it was read."""
        first = transaction(
            attempts=(attempt("0x" + "ab" * 120, "0xh", 21_000, 2**70, 1, MAX_AMOUNT, 9),), amount=MAX_AMOUNT
        )
        stores.money.write_transaction(None, first)
        other = replace(first, to="0x1", sender=first.sender.lower())
        assert refused(lambda: stores.money.write_transaction(None, other), AlreadyExists).key == "transaction"
        sent = replace(first, state=TransactionState.SENT, version=2)
        stores.money.write_transaction(first, sent)
        refused(
            lambda: stores.money.write_transaction(first, replace(first, state=TransactionState.FAILED, version=2)),
            Stale,
        )
        refused(lambda: stores.money.write_transaction(transaction(5), replace(transaction(5), version=2)), Stale)
        assert stores.money.transaction("anvil", first.sender.lower(), slot_of(0)) == sent

    def test_transactions_are_found_by_sender_and_by_what_is_left_to_do(self, stores: Stores) -> None:
        """A sender's transactions come by nonce; the unfinished of a chain leave it when they are final or failed."""
        made = [transaction(nonce) for nonce in (10, 9, 0)]
        for each in (*made, transaction(1, chain="sepolia")):
            stores.money.write_transaction(None, each)
        sender = made[0].sender
        assert [nonce_of(each) for each in stores.money.transactions_of("anvil", sender)] == [0, 9, 10]
        assert stores.money.last_transaction("anvil", sender) == made[0]
        assert stores.money.last_transaction("anvil", "0x99") is None
        assert [nonce_of(each) for each in stores.money.unfinished("anvil")] == [0, 9, 10]
        for each, state in zip(
            made, (TransactionState.FINAL, TransactionState.FAILED, TransactionState.MINED), strict=True
        ):
            stores.money.write_transaction(each, replace(each, state=state, version=2))
        assert [nonce_of(each) for each in stores.money.unfinished("anvil")] == [0]

    def test_one_that_went_to_another_is_watched_until_it_ends(self, stores: Stores) -> None:
        """Everything that is remembered of it comes back, and it is listed; cancelled is an end."""
        made = transaction(
            attempts=(ATTEMPT, replace(ATTEMPT, at=NOW, amount=MAX_AMOUNT, beside=MAX_AMOUNT, cancels=True)),
            refusal=Refusal("ä" * 100, priced=True, minimum=2**70, capped=True),
            recipient_path="m/44'/60'/1'/0/7",
            search=(("missing_since", NOW), ("passed_at", 9), ("searched", 7)),
            state=TransactionState.LOST,
            lost_at=NOW + 1,
        )
        stores.money.write_transaction(None, made)
        assert stores.money.unfinished("anvil") == [made]
        stores.money.write_transaction(made, replace(made, state=TransactionState.CANCELLED, version=2))
        assert stores.money.unfinished("anvil") == []

    def test_a_transaction_and_what_it_posts_change_together(self, stores: Stores) -> None:
        """All or nothing: while the fence holds, from where the outgoing transaction was, each cause once."""
        fence = stores.money.take("anvil")
        first, second = transaction(), replace(transaction(), state=TransactionState.FINAL, version=2)
        stores.money.write_transaction(None, first)
        rows = [entry(2, amount=MAX_AMOUNT), entry(1), entry(3, owner="mer_2")]
        stores.money.settle(first, second, rows, fence)
        assert stores.money.transaction("anvil", first.sender, slot_of(0)) == second
        assert entries_of(stores, "mer_1") == [entry(1), entry(2, amount=MAX_AMOUNT)]
        assert entries_of(stores, "mer_2") == [entry(3, owner="mer_2")]
        third = replace(second, state=TransactionState.SIGNED, version=3)
        assert refused(lambda: stores.money.settle(second, third, rows[:1], fence), AlreadyExists).key == "entry"
        refused(lambda: stores.money.settle(first, third, [entry(4)], fence), Stale)
        newer = stores.money.take("anvil")
        refused(lambda: stores.money.settle(second, third, [entry(4)], fence), FenceLost)
        assert stores.money.transaction("anvil", first.sender, slot_of(0)) == second
        assert len(entries_of(stores, "mer_1")) == 2
        stores.money.settle(second, third, [], newer)
        assert stores.money.transaction("anvil", first.sender, slot_of(0)) == third

    def test_a_payment_that_is_set_back_stays_so(self, stores: Stores) -> None:
        """Each chain's its own, the newest of a payment stands."""
        first = Setback(failures=1, until=NOW + 60_000, at=NOW, reason="reverted: \n ä")
        assert stores.money.setbacks("anvil") == {}
        stores.money.set_back("anvil", "p1", first)
        stores.money.set_back("anvil", "p2", first)
        stores.money.set_back("sepolia", "p3", first)
        again = replace(first, failures=2, until=NOW + 2**42)
        stores.money.set_back("anvil", "p1", again)
        assert stores.money.setbacks("anvil") == {"p1": again, "p2": first}

    def test_a_days_sweeps_are_counted_with_the_transactions_that_move_them(self, stores: Stores) -> None:
        """All or nothing: who has read an older count writes no transaction, and each asset and day has its own."""
        none = stores.money.swept_day("anvil", "native", "2026-11-28")
        assert (none.amount, none.version) == (0, 0)
        made = payment()
        stores.payments.commit(creation(made))
        first, second = transaction(0, payment_id=made.id), transaction(1, payment_id=made.id)
        once = (none, none.plus(MAX_AMOUNT - 1))
        stores.payments.reserve(made, first, once)
        counted = stores.money.swept_day("anvil", "native", "2026-11-28")
        assert counted == once[1]
        refused(lambda: stores.money.write_transaction(None, second, (none, none.plus(5))), Stale)
        assert stores.money.transaction("anvil", second.sender, slot_of(1)) is None
        stores.money.write_transaction(None, second, (counted, counted.plus(1)))
        assert stores.money.swept_day("anvil", "native", "2026-11-28").amount == MAX_AMOUNT
        other_bytes = replace(second, attempts=(ATTEMPT,))
        again = (counted, counted.plus(1))
        taken = refused(lambda: stores.money.write_transaction(None, other_bytes, again), AlreadyExists)
        assert taken.key == "transaction"
        other = creation(payment())
        stores.payments.commit(other)
        refused(lambda: stores.payments.reserve(other.after, transaction(2), once), Stale)
        assert stores.payments.get(other.after.id) == other.after
        for chain, asset, day in (
            ("sepolia", "native", "2026-11-28"),
            ("anvil", "token", "2026-11-28"),
            ("anvil", "native", "2026-11-29"),
        ):
            assert stores.money.swept_day(chain, asset, day).amount == 0

    def test_gas_that_is_too_dear_is_noted_by_asset(self, stores: Stores) -> None:
        """Until it is noted that it is not."""
        assert stores.money.loud_gas("anvil") == {}
        stores.money.note_gas("anvil", "native", LoudGas(2**70, NOW))
        stores.money.note_gas("anvil", "token", LoudGas(7, NOW))
        stores.money.note_gas("sepolia", "token", LoudGas(8, NOW))
        assert stores.money.loud_gas("anvil") == {"native": LoudGas(2**70, NOW), "token": LoudGas(7, NOW)}
        stores.money.note_gas("anvil", "native", LoudGas(0, NOW + 1))
        assert stores.money.loud_gas("anvil") == {"token": LoudGas(7, NOW)}


class TestAccess:
    """Merchants, keys, counters and gates."""

    def test_no_index_is_given_twice(self, stores: Stores) -> None:
        """Indexes count from 0 for each merchant and curve, and accounts from 1, also when many ask at once."""
        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda _: stores.access.take_indexes("mer_1", "evm", 1)[0], range(30)))
        assert sorted(taken) == list(range(30))
        assert stores.access.take_indexes("mer_1", "evm", 3) == range(30, 33)
        assert stores.access.take_indexes("mer_1", "tron", 1)[0] == 0
        assert stores.access.take_indexes("mer_2", "evm", 1)[0] == 0
        assert [stores.access.next_account() for _ in range(2)] == [1, 2]

    def test_a_gate_only_rises(self, stores: Stores) -> None:
        """Each of its two times becomes the latest asked for, whatever the order and the mixture."""
        asked = [(NOW + 10, NOW + 20), (NOW + 5, NOW + 30), (NOW + 15, NOW + 10), (NOW + 1, NOW + 1)]
        expected = [(NOW + 10, NOW + 20), (NOW + 10, NOW + 30), (NOW + 15, NOW + 30), (NOW + 15, NOW + 30)]
        for place, (hot, warm) in enumerate(asked):
            closed = stores.access.raise_gate("anvil", hot_until=hot, warm_until=warm, now=NOW)
            gate = stores.access.gates(["anvil"])["anvil"]
            assert (closed, gate.hot_until, gate.warm_until) == (place == 0, *expected[place])
        assert stores.access.gates(["other"]) == {"other": Gate(chain="other")}

    def test_a_gate_is_closed_once_its_time_has_passed(self, stores: Stores) -> None:
        """Whoever raises a gate that is no longer hot is told so, and only the first of those."""
        stores.access.raise_gate("anvil", hot_until=NOW + 10, warm_until=NOW + 100, now=NOW)
        later = {"hot_until": NOW + 30, "warm_until": NOW + 100}
        assert stores.access.raise_gate("anvil", **later, now=NOW + 10)
        assert not stores.access.raise_gate("anvil", **later, now=NOW + 11)

    def test_the_first_to_open_a_gate_makes_its_daily_round_due(self, stores: Stores) -> None:
        """It is due a day later; others leave it where it is, and the end of a round sets it anew."""
        stores.access.raise_gate("anvil", hot_until=NOW + 1, warm_until=NOW + 1, now=NOW)
        stores.access.raise_gate("anvil", hot_until=NOW + 9, warm_until=NOW + 9, now=NOW + 5)
        assert stores.access.gates(["anvil"])["anvil"].daily_at == NOW + DAY
        stores.access.advance_round(Round(chain="anvil"), next_daily_at=NOW + 100)
        stores.access.raise_gate("anvil", hot_until=NOW + 50, warm_until=NOW + 50, now=NOW + 6)
        gate = Gate(chain="anvil", hot_until=NOW + 50, warm_until=NOW + 50, daily_at=NOW + 100, opened_at=NOW + 5)
        assert stores.access.gates(["anvil"])["anvil"] == gate

    def test_a_round_goes_on_where_it_was_left(self, stores: Stores) -> None:
        """Its place is kept for each chain by itself, and does not touch the gate until it is over."""
        assert stores.access.round("anvil") == Round(chain="anvil")
        place = Round(chain="anvil", merchant_id="mer_1", index=2_000)
        stores.access.advance_round(place, next_daily_at=None)
        assert stores.access.round("anvil") == place
        assert stores.access.round("sepolia") == Round(chain="sepolia")
        assert stores.access.gates(["anvil"]) == {"anvil": Gate(chain="anvil")}
        assert stores.access.raise_gate("anvil", hot_until=NOW + 1, warm_until=NOW + 1, now=NOW)

    def test_indexes_count_what_was_given(self, stores: Stores) -> None:
        """A merchant without addresses has none."""
        assert stores.access.indexes("mer_1", "evm") == 0
        for _ in range(3):
            stores.access.take_indexes("mer_1", "evm", 1)[0]
        assert stores.access.indexes("mer_1", "evm") == 3

    def test_a_counter_of_indexes_is_only_raised(self, stores: Stores) -> None:
        """It goes on from where it was raised to, and raising it to less changes nothing, from many at once too."""
        stores.access.raise_index("mer_1", "evm", 5)
        stores.access.raise_index("mer_1", "evm", 3)
        assert (stores.access.indexes("mer_1", "evm"), stores.access.indexes("mer_2", "evm")) == (5, 0)
        assert stores.access.take_indexes("mer_1", "evm", 2) == range(5, 7)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: stores.access.raise_index("mer_1", "evm", each), [30, 6, 41, 7, 40, 0]))
        assert stores.access.indexes("mer_1", "evm") == 41
        stores.access.raise_index("mer_1", "tron", 0)
        assert stores.access.take_indexes("mer_1", "tron", 1) == range(1)

    def test_a_paused_chain_stays_paused_when_its_gate_rises(self, stores: Stores) -> None:
        """Pausing and raising do not undo each other, in either order."""
        stores.access.pause("anvil", True)
        assert stores.access.raise_gate("anvil", hot_until=NOW + 1, warm_until=NOW + 1, now=NOW)
        assert stores.access.gates(["anvil"])["anvil"].paused
        stores.access.pause("anvil", False)
        assert stores.access.gates(["anvil"])["anvil"] == Gate(
            chain="anvil", hot_until=NOW + 1, warm_until=NOW + 1, daily_at=NOW + DAY, opened_at=NOW
        )

    def test_a_gate_knows_since_when_it_is_open(self, stores: Stores) -> None:
        """Raising an open one changes nothing of it, nor does what leaves a gate closed."""
        stores.access.raise_gate("anvil", hot_until=0, warm_until=0, now=NOW)
        assert stores.access.gates(["anvil"])["anvil"].opened_at == 0
        for now, hot, opened in ((NOW + 1, 10, 1), (NOW + 5, 20, 1), (NOW + 19, 30, 1), (NOW + 30, 40, 30)):
            stores.access.raise_gate("anvil", hot_until=NOW + hot, warm_until=NOW + hot, now=now)
            assert stores.access.gates(["anvil"])["anvil"].opened_at == NOW + opened

    def test_what_the_sweeper_noted_stays_beside_the_tip(self, stores: Stores) -> None:
        """Whoever comes first, and however often the scanner beats."""
        stores.money.note_sweeping("anvil", "0xaa", "it has code")
        assert stores.money.tips(["anvil"])["anvil"].sweeping_refused == "it has code"
        fence = stores.money.take("anvil")
        stores.money.beat(Tip(chain="anvil", fence=fence.number, number=7))
        tip = stores.money.tips(["anvil"])["anvil"]
        assert (tip.number, tip.sweeping_to, tip.sweeping_refused) == (7, "0xaa", "it has code")
        stores.money.note_sweeping("anvil", "0xbb", "")
        tip = stores.money.tips(["anvil"])["anvil"]
        assert (tip.fence, tip.number, tip.sweeping_to, tip.sweeping_refused) == (fence.number, 7, "0xbb", "")


def delivery(ulid: str, attempt: int, **given: Any) -> Delivery:
    """Make the record of an attempt that nobody answered."""
    return objects.delivery(ulid, attempt, **({"status_code": None, "error": "timeout"} | given))
