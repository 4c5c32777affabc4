"""What every store promises, on the fakes and on DynamoDB alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctrip.domain.access import ApiKey, Gate, Merchant, Scope, Tip
from ctrip.domain.audit import holds
from ctrip.domain.chain import Move, Transfer
from ctrip.domain.errors import AlreadyExists, Busy, FenceLost, InvalidField, Stale
from ctrip.domain.machine import Trigger
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payment import Flag, Observation, Policy, Status, Sweep, Tier
from ctrip.domain.sweep import Attempt, IntentState
from ctrip.ports import Delivery, Fence, Idempotency, PaymentFilter, Remembered
from tests.support.objects import NOW, creation, entry, event, intent, new_ulid, payment, quiet, step
from tests.support.stores import Stores

ROUTE = "POST /api/v1/payments"
AMOUNTS = st.integers(0, MAX_AMOUNT)


def refused(call: Any, error: type[Exception]) -> Any:
    """Call, and return the error it must raise."""
    with pytest.raises(error) as caught:
        call()
    return caught.value


class TestPayments:
    """The store of payments."""

    def test_a_creation_can_be_read_back_by_id_order_and_address(self, stores: Stores) -> None:
        """What was created is found by its id, its order and its address, however the address is spelt."""
        commit = creation(payment(order_id="#1/ä", metadata=(("a", "b"),)))
        stores.payments.commit(commit)
        made = commit.after
        assert stores.payments.get(made.id) == made
        assert stores.payments.by_order(made.merchant_id, "#1/ä") == made.id
        assert stores.payments.by_address(made.address) == made.id
        assert stores.payments.by_address(made.address.lower()) == made.id
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
            moves=(Move("0xm", None, -MAX_AMOUNT, 3, "0xb3"),),
            sweeps=(Sweep("0xs", "final", 2**200),),
            explained_to=0,
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
        same = {"id": {"id": first.id}, "address": {"address": first.address}, "order": {"order_id": "o-1"}}
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
        """Of two decisions from the same state the second is refused, with its entries, intents and event."""
        made = creation(payment())
        stores.payments.commit(made)
        stores.payments.commit(step(made.after, Trigger.SEEN))
        late = step(made.after, Trigger.CANCELLED, entries=(entry(),), intents=((None, intent()),))
        refused(lambda: stores.payments.commit(late), Stale)
        stored = stores.payments.get(made.after.id)
        assert stored
        assert stored.status is Status.DETECTED
        assert stores.money.entries("mer_1") == []
        assert stores.money.intent("anvil", intent().sender, 0) is None
        assert late.event
        assert stores.events.event("mer_1", late.event.ulid) is None

    def test_an_entry_posts_once(self, stores: Stores) -> None:
        """A decision whose entry has been posted already is refused as such."""
        made = creation(payment())
        stores.payments.commit(made)
        stores.money.post(entry())
        failing = step(made.after, Trigger.SEEN, entries=(entry(),))
        assert refused(lambda: stores.payments.commit(failing), AlreadyExists).key == "entry"

    def test_an_intent_is_taken_once_and_moves_on_from_where_it_was(self, stores: Stores) -> None:
        """Within a decision a taken nonce is refused by name, and an intent that has moved on as stale."""
        made = creation(payment())
        stores.payments.commit(made)
        first = intent()
        with_intent = step(made.after, Trigger.SEEN, intents=((None, first),))
        stores.payments.commit(with_intent)
        again = step(with_intent.after, Trigger.SHORT, intents=((None, first),))
        assert refused(lambda: stores.payments.commit(again), AlreadyExists).key == "intent"
        sent = replace(first, state=IntentState.SENT, version=2)
        stores.money.write_intent(first, sent)
        stale = step(with_intent.after, Trigger.SHORT, intents=((first, replace(first, version=2)),))
        refused(lambda: stores.payments.commit(stale), Stale)
        stores.payments.commit(step(with_intent.after, Trigger.SHORT, intents=((sent, replace(sent, version=3)),)))

    def test_an_older_scanner_is_stopped_by_its_fence(self, stores: Stores) -> None:
        """A decision under a fence holds until a newer scanner takes the chain; then it is lost, and changes nothing."""
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

    def test_a_tier_shows_who_stands_in_it(self, stores: Stores) -> None:
        """The watch set of a chain and tier holds the payments as they are now, and those raised after a time alone."""
        early, late, other = payment(), payment(raised_at=NOW + 5), payment(chain="sepolia")
        for each in (early, late, other):
            stores.payments.commit(creation(each))
        assert {each.id for each in stores.payments.watched("anvil", Tier.OPEN)} == {early.id, late.id}
        raised = stores.payments.watched("anvil", Tier.OPEN, raised_after=NOW)
        assert [each.id for each in raised] == [late.id]
        assert stores.payments.watched("anvil", Tier.OPEN, raised_after=NOW + 5) == []
        assert stores.payments.watched("anvil", Tier.SWEEP) == []

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


class TestEvents:
    """The outbox and the deliveries."""

    def test_the_outbox_holds_what_nobody_acknowledged(self, stores: Stores) -> None:
        """Each commit's event stands in the outbox, oldest first, until it is acknowledged; once is enough."""
        old, new = creation(payment(updated_at=NOW)), creation(payment(updated_at=NOW + 60_000))
        for each in (new, old):
            stores.payments.commit(each)
        assert old.event
        assert new.event
        first, second = ("mer_1", old.event.ulid), ("mer_1", new.event.ulid)
        assert stores.events.unacknowledged(NOW) == []
        assert stores.events.unacknowledged(NOW + 1) == [first]
        assert stores.events.unacknowledged(NOW + 60_001) == [first, second]
        for _ in range(2):
            stores.events.acknowledge(old.event.ulid)
        assert stores.events.unacknowledged(NOW + 60_001) == [second]

    def test_an_attempt_is_recorded_once(self, stores: Stores) -> None:
        """The first record of an attempt stands, strikes the outbox, notes the next; a second does nothing."""
        commit = creation(payment())
        stores.payments.commit(commit)
        told = commit.event
        assert told
        failed = delivery(told.ulid, 1, next_attempt_at=NOW + 1000)
        stores.events.record(told, failed, due_index=True)
        stores.events.record(told, delivery(told.ulid, 1, status_code=200, next_attempt_at=NOW + 5), due_index=True)
        assert stores.events.attempted(told.ulid, 1) == failed
        assert stores.events.attempted(told.ulid, 2) is None
        assert stores.events.unacknowledged(NOW + 1) == []
        assert stores.events.due(NOW + 999) == []
        assert stores.events.due(NOW + 1000) == [("mer_1", told.ulid, 2)]

    def test_a_due_attempt_is_taken_once(self, stores: Stores) -> None:
        """What is due is listed soonest first until it is taken, whenever that is; twice changes nothing."""
        events = [event(), event()]
        for place, told in enumerate(events):
            at = NOW + 1000 - place
            stores.events.record(told, delivery(told.ulid, 3, next_attempt_at=at), due_index=True)
        late, soon = (each.ulid for each in events)
        assert stores.events.due(NOW + 2000) == [("mer_1", soon, 4), ("mer_1", late, 4)]
        for _ in range(2):
            stores.events.taken(soon, 4, NOW + 2000)
        assert stores.events.due(NOW + 2000) == [("mer_1", late, 4)]

    def test_what_waits_elsewhere_is_not_on_the_due_index(self, stores: Stores) -> None:
        """Without `due_index` the next attempt is known and not listed."""
        told = event()
        stores.events.record(told, delivery(told.ulid, 1, next_attempt_at=NOW + 1), due_index=False)
        assert stores.events.due(NOW + 10) == []

    def test_what_is_not_there_may_be_struck_off(self, stores: Stores) -> None:
        """Acknowledging and taking what never was is fine."""
        ulid = new_ulid(NOW)
        stores.events.acknowledge(ulid)
        stores.events.taken(ulid, 2, NOW)
        assert stores.events.event("mer_1", ulid) is None


class TestMoney:
    """Fences, intents and the ledger."""

    def test_the_newest_scanner_wins(self, stores: Stores) -> None:
        """Each taking gives a higher fence; only the newest may store its tip, and a taking keeps the tip."""
        first = stores.money.take("anvil")
        tip = Tip(chain="anvil", fence=1, number=7, hash="0xb", block_time=NOW, scanned_at=NOW + 1, open_payments=2)
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

    def test_a_nonce_has_one_intent(self, stores: Stores) -> None:
        """(chain, sender, nonce) is one intent, however the sender is spelt; it moves from where it was read."""
        first = intent(
            attempts=(Attempt("0x" + "ab" * 120, "0xh", 21_000, 2**70, 1, MAX_AMOUNT, 9),), amount=MAX_AMOUNT
        )
        stores.money.write_intent(None, first)
        other = replace(first, to="0x1", sender=first.sender.lower())
        assert refused(lambda: stores.money.write_intent(None, other), AlreadyExists).key == "intent"
        sent = replace(first, state=IntentState.SENT, version=2)
        stores.money.write_intent(first, sent)
        refused(lambda: stores.money.write_intent(first, replace(first, state=IntentState.FAILED, version=2)), Stale)
        refused(lambda: stores.money.write_intent(intent(5), replace(intent(5), version=2)), Stale)
        assert stores.money.intent("anvil", first.sender.lower(), 0) == sent

    def test_intents_are_found_by_sender_and_by_what_is_left_to_do(self, stores: Stores) -> None:
        """A sender's intents come by nonce; the unfinished of a chain leave it when they are final or failed."""
        made = [intent(nonce) for nonce in (10, 9, 0)]
        for each in (*made, intent(1, chain="sepolia")):
            stores.money.write_intent(None, each)
        sender = made[0].sender
        assert [each.nonce for each in stores.money.intents_of("anvil", sender)] == [0, 9, 10]
        assert stores.money.last_intent("anvil", sender) == made[0]
        assert stores.money.last_intent("anvil", "0x99") is None
        assert [each.nonce for each in stores.money.unfinished("anvil")] == [0, 9, 10]
        for each, state in zip(made, (IntentState.FINAL, IntentState.FAILED, IntentState.MINED), strict=True):
            stores.money.write_intent(each, replace(each, state=state, version=2))
        assert [each.nonce for each in stores.money.unfinished("anvil")] == [0]

    def test_an_entry_stands_as_it_was_first_posted(self, stores: Stores) -> None:
        """The same cause posts once, and the ledger is read oldest first, each owner's its own."""
        for number in (2, 1):
            stores.money.post(entry(number, amount=MAX_AMOUNT))
        stores.money.post(entry(1, amount=5))
        stores.money.post(entry(3, owner="mer_2"))
        assert stores.money.entries("mer_1") == [entry(1, amount=MAX_AMOUNT), entry(2, amount=MAX_AMOUNT)]


class TestAccess:
    """Merchants, keys, counters and gates."""

    def test_merchants_and_keys_are_read_back(self, stores: Stores) -> None:
        """A merchant and a key come back as they were stored last."""
        merchant = Merchant(id="mer_1", name="Ä", account=1, xpub="", webhook_secrets=("s1", "s2"), created_at=NOW)
        key = ApiKey(id="k1", merchant_id="mer_1", digest="d", scopes=frozenset(Scope), enabled=False, expires_at=NOW)
        assert stores.access.merchant("mer_1") is None
        assert stores.access.api_key("k1") is None
        stores.access.put_merchant(merchant)
        stores.access.put_merchant(replace(merchant, xpub="xpub", policy=Policy(tolerance_per_mille=3)))
        stores.access.put_api_key(key)
        assert stores.access.merchant("mer_1") == replace(merchant, xpub="xpub", policy=Policy(tolerance_per_mille=3))
        assert stores.access.api_key("k1") == key

    def test_no_index_is_given_twice(self, stores: Stores) -> None:
        """Indexes count from 0 for each merchant and curve, and accounts from 1, also when many ask at once."""
        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda _: stores.access.next_index("mer_1", "evm"), range(30)))
        assert sorted(taken) == list(range(30))
        assert stores.access.next_index("mer_1", "tron") == 0
        assert stores.access.next_index("mer_2", "evm") == 0
        assert [stores.access.next_account() for _ in range(2)] == [1, 2]

    def test_a_gate_only_rises(self, stores: Stores) -> None:
        """Each of its two times becomes the latest asked for, whatever the order and the mixture."""
        asked = [(NOW + 10, NOW + 20), (NOW + 5, NOW + 30), (NOW + 15, NOW + 10), (NOW + 1, NOW + 1)]
        opened = [stores.access.raise_gate("anvil", hot_until=hot, warm_until=warm, now=NOW) for hot, warm in asked]
        assert opened == [True, False, False, False]
        expected = Gate(chain="anvil", hot_until=NOW + 15, warm_until=NOW + 30)
        assert stores.access.gates(["anvil", "other"]) == {"anvil": expected, "other": Gate(chain="other")}

    def test_a_gate_is_closed_once_its_time_has_passed(self, stores: Stores) -> None:
        """Whoever raises a gate that is no longer hot is told so, and only the first of those."""
        stores.access.raise_gate("anvil", hot_until=NOW + 10, warm_until=NOW + 100, now=NOW)
        later = {"hot_until": NOW + 30, "warm_until": NOW + 100}
        assert stores.access.raise_gate("anvil", **later, now=NOW + 10)
        assert not stores.access.raise_gate("anvil", **later, now=NOW + 11)

    def test_a_paused_chain_stays_paused_when_its_gate_rises(self, stores: Stores) -> None:
        """Pausing and raising do not undo each other, in either order."""
        stores.access.pause("anvil", True)
        assert stores.access.raise_gate("anvil", hot_until=NOW + 1, warm_until=NOW + 1, now=NOW)
        assert stores.access.gates(["anvil"])["anvil"].paused
        stores.access.pause("anvil", False)
        assert stores.access.gates(["anvil"])["anvil"] == Gate(chain="anvil", hot_until=NOW + 1, warm_until=NOW + 1)


def delivery(ulid: str, attempt: int, **given: Any) -> Delivery:
    """Make the record of an attempt that nobody answered."""
    fields: dict[str, Any] = {"at": NOW, "latency_ms": 12, "status_code": None, "error": "timeout"}
    return Delivery(event_ulid=ulid, attempt=attempt, **(fields | {"next_attempt_at": None} | given))
