"""What every store of payments promises, on the fakes and on DynamoDB alike."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctrip.domain.audit import holds
from ctrip.domain.chains.chain import OwnTransfer, Transfer
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.errors import AlreadyExists, Busy, FenceLost, Stale
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Flag, Observation, OwnTransferSum, Payment, Policy, Status, Sweep, Tier
from ctrip.domain.sweeping.sweep import Member, OutgoingTransaction, TransactionState
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.payments import PaymentFilter
from tests.support.ledger import entries_of
from tests.support.objects import NOW, creation, entry, payment, quiet, step, transaction
from tests.support.stores import Stores, refused

ROUTE = "POST /api/v1/payments"
AMOUNTS = st.integers(0, MAX_AMOUNT)


def prepared(payments: Sequence[Payment]) -> OutgoingTransaction:
    """Make a transaction for many payments that nobody has signed."""
    members = tuple(
        Member(payment_id=each.id, merchant_id="mer_1", path="m/44'/60'/1'/0/0", address=each.due.address)
        for each in payments
    )
    return transaction(members=members, state=TransactionState.PREPARED, attempts=())


class TestPayments:
    """Commits, and what is read back."""

    def test_a_creation_can_be_read_back_by_id_order_and_address(self, stores: Stores) -> None:
        """What was created is found by its id, its order and its address, however the address is spelt."""
        commit = creation(payment(order_id="#1/ä", metadata=(("a", "b"),)))
        stores.payments.commit(commit)
        made = commit.after
        assert stores.payments.get(made.id) == made
        assert stores.payments.by_order(made.merchant_id, "#1/ä") == made.id
        assert stores.payments.by_address(made.due.address) == made.id
        assert stores.payments.by_address(made.due.address.lower()) == made.id
        assert commit.event
        assert stores.events.event(made.merchant_id, commit.event.ulid) == commit.event

    def test_what_is_unknown_is_none(self, stores: Stores) -> None:
        """Nothing is found where nothing was stored."""
        assert stores.payments.get("x") is None
        assert stores.payments.by_order("mer_1", "x") is None
        assert stores.payments.by_address("0x00") is None
        assert stores.payments.remembered("mer_1", ROUTE, "x") is None
        assert stores.payments.audit("x") == []

    def test_a_whole_payment_survives(self, stores: Stores) -> None:
        """Every field comes back exactly as it went, with nothing rounded, reordered or defaulted."""
        rich = payment(
            policy=Policy(tolerance_per_mille=5, monitoring_seconds=0),
            flags=frozenset({Flag.LATE, Flag.HELD}),
            amount=MAX_AMOUNT,
            on_time=0,
            observations=(Observation(MAX_AMOUNT, 2**60, "0xb1", NOW), Observation(0, 2, "0xb2", NOW)),
            transfers=(
                Transfer("0xt1", 0, 1, "0xb1", "0xs", MAX_AMOUNT),
                Transfer(None, None, 2, "0xb2", None, 1),
            ),
            moves=(OwnTransfer("0xm", None, -MAX_AMOUNT, 3, "0xb3"),),
            sweeps=(Sweep("0xs", "final", 2**200),),
            baseline=MAX_AMOUNT,
            explained=MAX_AMOUNT,
            folded=(OwnTransferSum(None, -MAX_AMOUNT, 2),),
            metadata=(("", ""), ("z", "ä\n\u2028")),
            description="",
            webhook_url="https://example.com/hook",
            tier=Tier.MONITORED,
            accept_requested=True,
            detected_in_block=0,
        )
        commit = creation(rich)
        stores.payments.commit(commit)
        assert stores.payments.get(rich.id) == commit.after

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.none() | AMOUNTS))
    def test_amounts_are_exact(self, stores: Stores, amounts: tuple[int, int, int, int, int | None]) -> None:
        """Any amount from 0 to 2^256-1 round-trips."""
        amount, received, confirmed, credited, on_time = amounts
        commit = creation(
            payment(
                amount=amount,
                amount_received=received,
                amount_confirmed=confirmed,
                credited=credited,
                on_time=on_time,
            )
        )
        stores.payments.commit(commit)
        assert stores.payments.get(commit.after.id) == commit.after

    @pytest.mark.parametrize("key", ["id", "address", "order"])
    def test_a_unique_key_is_given_out_once(self, stores: Stores, key: str) -> None:
        """A second payment with the id, the address or the order of a first is refused by that name."""
        first = payment(order_id="o-1")
        stores.payments.commit(creation(first))
        same = {"id": {"id": first.id}, "address": {"address": first.due.address}, "order": {"order_id": "o-1"}}
        second = payment(**same[key])
        commit = creation(second)
        assert refused(lambda: stores.payments.commit(commit), AlreadyExists).key == key
        assert commit.event
        assert stores.events.event("mer_1", commit.event.ulid) is None
        assert key == "id" or stores.payments.get(second.id) is None

    def test_orders_belong_to_their_merchant(self, stores: Stores) -> None:
        """Two merchants may use the same order id."""
        stores.payments.commit(creation(payment(order_id="o-1")))
        stores.payments.commit(creation(payment(order_id="o-1", merchant_id="mer_2")))
        assert stores.payments.by_order("mer_1", "o-1") != stores.payments.by_order("mer_2", "o-1")

    @pytest.mark.parametrize("trigger", [Trigger.CANCELLED, Trigger.LAPSED, Trigger.GAVE_UP])
    def test_a_dead_payment_gives_up_its_order(self, stores: Stores, trigger: Trigger) -> None:
        """The order of an expired, failed or cancelled payment may be taken over; one that lives keeps it."""
        first, second, third = (payment(order_id="o-1") for _ in range(3))
        stores.payments.commit(creation(first))
        dead = step(creation(first).after, trigger)
        stores.payments.commit(dead)
        stores.payments.commit(creation(second))
        assert stores.payments.by_order("mer_1", "o-1") == second.id
        assert refused(lambda: stores.payments.commit(creation(third)), AlreadyExists).key == "order"

    def test_a_revived_payment_works_without_its_order(self, stores: Stores) -> None:
        """A late payment whose order was taken over goes on; the order stays with the newer one."""
        first, second = payment(order_id="o-1"), payment(order_id="o-1")
        stores.payments.commit(creation(first))
        lapsed = step(creation(first).after, Trigger.LAPSED)
        stores.payments.commit(lapsed)
        stores.payments.commit(creation(second))
        revived = step(lapsed.after, Trigger.LATE_COMPLETED)
        stores.payments.commit(revived)
        assert stores.payments.get(first.id) == revived.after
        assert stores.payments.by_order("mer_1", "o-1") == second.id

    def test_a_stale_decision_changes_nothing(self, stores: Stores) -> None:
        """Of two decisions from the same state the second is refused, with its entries, transactions and event."""
        made = creation(payment())
        stores.payments.commit(made)
        stores.payments.commit(step(made.after, Trigger.SEEN))
        late = step(made.after, Trigger.CANCELLED, entries=(entry(),), transactions=((None, transaction()),))
        refused(lambda: stores.payments.commit(late), Stale)
        stored = stores.payments.get(made.after.id)
        assert stored
        assert stored.status is Status.DETECTED
        assert entries_of(stores, "mer_1") == []
        assert stores.money.transaction("anvil", transaction().sender, slot_of(0)) is None
        assert late.event
        assert stores.events.event("mer_1", late.event.ulid) is None

    def test_an_entry_posts_once(self, stores: Stores) -> None:
        """A decision whose entry has been posted already is refused as such."""
        made = creation(payment())
        stores.payments.commit(made)
        posted = step(made.after, Trigger.SEEN, entries=(entry(),))
        stores.payments.commit(posted)
        failing = step(posted.after, Trigger.SHORT, entries=(entry(),))
        assert refused(lambda: stores.payments.commit(failing), AlreadyExists).key == "entry"

    def test_a_payment_moves_to_a_tier_without_a_new_version(self, stores: Stores) -> None:
        """It is listed there and nowhere else, raised now; a decision on what it was before still holds."""
        made = creation(payment(tier=Tier.SWEEP, raised_at=NOW)).after
        stores.payments.commit(creation(made))
        parked = stores.payments.retier(made, Tier.PARKED, NOW + 5)
        assert parked == made.changed(tier=Tier.PARKED, raised_at=NOW + 5)
        assert stores.payments.get(made.id) == parked
        assert stores.payments.watched("anvil", Tier.SWEEP) == []
        assert stores.payments.watched("anvil", Tier.PARKED) == [parked]
        stores.payments.commit(step(parked, Trigger.SEEN))
        refused(lambda: stores.payments.retier(parked, Tier.SWEEP, NOW + 6), Stale)
        refused(lambda: stores.payments.retier(payment(), Tier.SWEEP, NOW + 6), Stale)

    def test_a_payment_with_a_transaction_under_way_is_not_moved_by_who_knows_of_none(self, stores: Stores) -> None:
        """A reservation came in between."""
        made = creation(payment(tier=Tier.SWEEP)).after
        stores.payments.commit(creation(made))
        stores.payments.reserve(made, transaction(payment_id=made.id))
        refused(lambda: stores.payments.retier(made, Tier.PARKED, NOW + 5), Stale)

    def test_the_longest_in_a_tier_come_first(self, stores: Stores) -> None:
        """As many as are asked for, over all shards; one that is raised once more goes to the end."""
        made = [creation(payment(tier=Tier.PARKED, raised_at=NOW + 20 - number)).after for number in range(12)]
        for each in (*made, payment(tier=Tier.PARKED, chain="sepolia"), payment(tier=Tier.SWEEP)):
            stores.payments.commit(creation(each))
        oldest = made[::-1]
        assert [each.id for each in stores.payments.longest_in("anvil", Tier.PARKED, 5)] == [
            each.id for each in oldest[:5]
        ]
        stores.payments.retier(oldest[0], Tier.PARKED, NOW + 99)
        assert [each.id for each in stores.payments.longest_in("anvil", Tier.PARKED, 50)] == [
            each.id for each in (*oldest[1:], oldest[0])
        ]

    def test_a_transaction_is_taken_once_and_moves_on_from_where_it_was(self, stores: Stores) -> None:
        """Within a decision a taken nonce is refused by name, and a transaction that has moved on as stale."""
        made = creation(payment())
        stores.payments.commit(made)
        first = transaction()
        with_transaction = step(made.after, Trigger.SEEN, transactions=((None, first),))
        stores.payments.commit(with_transaction)
        again = step(with_transaction.after, Trigger.SHORT, transactions=((None, first),))
        assert refused(lambda: stores.payments.commit(again), AlreadyExists).key == "transaction"
        sent = replace(first, state=TransactionState.SENT, version=2)
        stores.money.write_transaction(first, sent)
        stale = step(with_transaction.after, Trigger.SHORT, transactions=((first, replace(first, version=2)),))
        refused(lambda: stores.payments.commit(stale), Stale)
        stores.payments.commit(
            step(with_transaction.after, Trigger.SHORT, transactions=((sent, replace(sent, version=3)),))
        )

    def test_a_reservation_names_the_transaction_and_is_no_version(self, stores: Stores) -> None:
        """The outgoing transaction stands, the payment names it and is as it was; a second reservation is refused."""
        made = creation(payment()).after
        stores.payments.commit(creation(made))
        first = transaction(payment_id=made.id)
        reserved = stores.payments.reserve(made, first)
        assert reserved == made.changed(pending=first.key) == stores.payments.get(made.id)
        assert stores.money.transaction("anvil", first.sender, slot_of(0)) == first
        assert len(stores.payments.audit(made.id)) == 1
        assert refused(lambda: stores.payments.reserve(reserved, first), AlreadyExists).key == "transaction"
        refused(lambda: stores.payments.reserve(made, transaction(1)), Stale)
        assert stores.money.transaction("anvil", first.sender, slot_of(1)) is None

    def test_many_payments_are_reserved_for_one_transaction(self, stores: Stores) -> None:
        """More than one of DynamoDB's transactions takes; those that have moved on are left out, wherever they are."""
        made = [creation(payment()).after for _ in range(103)]
        for each in made:
            stores.payments.commit(creation(each))
        moved = [made[place] for place in (0, 50, 101)]
        for each in moved:
            stores.payments.commit(step(each, Trigger.SEEN))
        batch = prepared(made)
        reserved = stores.payments.reserve_many(made, None, batch)
        assert reserved == [each.changed(pending=batch.key) for each in made if each not in moved]
        assert stores.payments.read([each.id for each in reserved]) == {each.id: each for each in reserved}
        assert all(stores.payments.get(each.id).own.pending is None for each in moved)
        assert stores.money.transaction("anvil", batch.sender, batch.slot) == batch
        assert stores.money.unfinished("anvil") == [batch]
        back = stores.payments.release(reserved[0])
        assert back == reserved[0].changed(pending=None) == stores.payments.get(back.id)
        refused(lambda: stores.payments.release(reserved[0]), Stale)

    def test_where_all_have_moved_on_nothing_is_reserved(self, stores: Stores) -> None:
        """The slot stays free."""
        made = creation(payment()).after
        stores.payments.commit(creation(made))
        stores.payments.commit(step(made, Trigger.SEEN))
        batch = prepared([made])
        assert stores.payments.reserve_many([made], None, batch) == []
        assert stores.money.transaction("anvil", batch.sender, batch.slot) is None

    def test_a_slot_that_is_taken_reserves_nobody_and_an_empty_one_may_be_taken_over(self, stores: Stores) -> None:
        """One that was given up names what it takes the place of."""
        made = creation(payment()).after
        stores.payments.commit(creation(made))
        batch = prepared([made])
        stores.money.write_transaction(None, replace(batch, state=TransactionState.EXPIRED))
        assert refused(lambda: stores.payments.reserve_many([made], None, batch), AlreadyExists).key == "transaction"
        again = replace(batch, version=2)
        refused(lambda: stores.payments.reserve_many([made], again, replace(batch, version=3)), Stale)
        assert stores.payments.get(made.id).own.pending is None
        assert stores.payments.reserve_many([made], batch, again) == [made.changed(pending=batch.key)]
        assert stores.money.transaction("anvil", batch.sender, batch.slot) == again

    def test_whoever_does_not_know_of_a_reservation_is_stale(self, stores: Stores) -> None:
        """A decision from before it is refused, one that knows it goes on, and may end it."""
        made = creation(payment()).after
        stores.payments.commit(creation(made))
        reserved = stores.payments.reserve(made, transaction())
        refused(lambda: stores.payments.commit(step(made, Trigger.SEEN)), Stale)
        seen = step(reserved, Trigger.SEEN)
        stores.payments.commit(seen)
        assert stores.payments.get(made.id) == seen.after
        assert seen.after.own.pending == transaction().key
        ended = quiet(seen.after, pending=None)
        stores.payments.commit(ended)
        refused(lambda: stores.payments.commit(quiet(seen.after)), Stale)
        assert stores.payments.get(made.id) == ended.after

    def test_an_older_scanner_is_stopped_by_its_fence(self, stores: Stores) -> None:
        """A decision under a fence holds until a newer scanner takes the chain; then it is lost."""
        made = creation(payment())
        stores.payments.commit(made)
        old = stores.money.take("anvil")
        seen = step(made.after, Trigger.SEEN, fence=old)
        stores.payments.commit(seen)
        new = stores.money.take("anvil")
        refused(lambda: stores.payments.commit(step(seen.after, Trigger.SHORT, fence=old)), FenceLost)
        stores.payments.commit(step(seen.after, Trigger.SHORT, fence=new))

    def test_a_fence_nobody_took_is_lost(self, stores: Stores) -> None:
        """A fence that was never taken holds nothing."""
        made = creation(payment())
        stores.payments.commit(made)
        refused(lambda: stores.payments.commit(step(made.after, Trigger.SEEN, fence=Fence("none", 1))), FenceLost)

    def test_an_idempotency_key_remembers_its_first_answer(self, stores: Stores) -> None:
        """The key leads to the first payment, event and body hash; another creation with it is refused."""
        key = Idempotency("mer_1", ROUTE, "k#1", "hash-1")
        first = replace(creation(payment(order_id="o-1")), idempotency=key)
        stores.payments.commit(first)
        assert first.event
        expected = Remembered("hash-1", first.after.id, first.event.ulid)
        assert stores.payments.remembered("mer_1", ROUTE, "k#1") == expected
        assert stores.payments.remembered("mer_2", ROUTE, "k#1") is None
        second = replace(creation(payment(order_id="o-1")), idempotency=replace(key, body_hash="hash-2"))
        assert refused(lambda: stores.payments.commit(second), AlreadyExists).key == "idempotency"
        assert stores.payments.remembered("mer_1", ROUTE, "k#1") == expected

    def test_fifty_at_once_with_one_idempotency_key_store_one(self, stores: Stores) -> None:
        """Of 50 parallel creations with one key one is stored; the others are told, or asked to come back."""
        key = Idempotency("mer_1", ROUTE, "k", "h")
        commits = [replace(creation(payment()), idempotency=key) for _ in range(50)]

        def attempt(commit: Any) -> str:
            try:
                stores.payments.commit(commit)
            except AlreadyExists as exc:
                return exc.key
            except Busy:
                return "busy"
            return "stored"

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(attempt, commits))
        assert answers.count("stored") == 1
        assert set(answers) <= {"stored", "idempotency", "busy"}
        assert len(stores.payments.page("mer_1", PaymentFilter()).payments) == 1

    def test_the_audit_chain_is_kept_whole(self, stores: Stores) -> None:
        """Each version has its record, oldest first, sealed and linked to the one before."""
        commit = creation(payment())
        stores.payments.commit(commit)
        for trigger in (Trigger.SEEN, Trigger.SHORT, Trigger.AMENDED):
            commit = step(commit.after, trigger)
            stores.payments.commit(commit)
        commit = quiet(commit.after, confirmations=2)
        stores.payments.commit(commit)
        records = stores.payments.audit(commit.after.id)
        assert [record.version for record in records] == [1, 2, 3, 4, 5]
        assert all(holds(record) for record in records)
        assert [record.previous for record in records[1:]] == [record.hash for record in records[:-1]]
        assert commit.after.audit_head == records[-1].hash
