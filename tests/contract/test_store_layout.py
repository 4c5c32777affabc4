"""How the real stores lie in their tables, and what they cost."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from ctrip.chains.evm.gas import MOST_ATTEMPTS
from ctrip.chains.evm.terms import nonce_of
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.errors import Busy
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Status, Tier
from ctrip.domain.settlement.payout import Booking, PayoutState, Source
from ctrip.domain.settlement.reservation import SettlementAddress
from ctrip.domain.settlement.schedule import Every, Schedule
from ctrip.domain.sweeping.sweep import Refusal, TransactionState
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.payments import PaymentFilter
from ctrip.ports.payouts import PayoutCommit
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import FORMAT, UnknownFormat
from ctrip.store.events import DynamoEvents
from ctrip.store.layout import event_of, payment_item, transaction_item
from tests.contract.test_store_payouts import payout
from tests.support.dynamodb import ROOT
from tests.support.faults import counting
from tests.support.ledger import entries_of
from tests.support.objects import NOW, attempt, creation, delivery, entry, payment, step, transaction
from tests.support.stores import Stage

HASH = "0x" + "ab" * 32


def raw(stage: Stage, table: str, pk: str, sk: str) -> dict[str, Any]:
    """Read an item behind the store's back."""
    item: dict[str, Any] = stage.client.get_item(
        TableName=stage.table(table), Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
    )["Item"]
    return item


def outbox(stage: Stage) -> list[dict[str, Any]]:
    """Read the whole outbox behind the store's back."""
    return [
        item
        for shard in range(8)
        for item in stage.client.query(
            TableName=stage.table("events"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"OUT#{shard}"}},
        )["Items"]
    ]


def test_amounts_are_stored_as_canonical_decimal_strings(stage: Stage) -> None:
    """Amounts of any size, and any integer beyond 2^53, are text; versions and times are numbers."""
    commit = creation(payment(amount=MAX_AMOUNT, credited=MAX_AMOUNT, detected_in_block=2**53 + 1))
    stage.stores().payments.commit(commit)
    item = raw(stage, "payments", f"P#{commit.after.id}", "META")
    held = json.loads(item["doc"]["S"])
    assert item["amount"] == {"S": str(MAX_AMOUNT)}
    assert held["credited"] == str(MAX_AMOUNT)
    assert held["detected_in_block"] == str(2**53 + 1)
    assert item["created_at"] == {"N": str(NOW)}
    assert item["version"] == {"N": "1"}


def test_what_an_operator_looks_for_stands_beside_the_document(stage: Stage) -> None:
    """As attributes that any console, export or query reads; no field stands in both, so that none contradicts."""
    stores = stage.stores()
    made = creation(payment(order_id="order-7", amount=12_500_000, webhook_url="https://shop.example/hooks"))
    stores.payments.commit(made)
    stores.payments.commit(step(made.after, Trigger.SEEN, amount_received=5))
    assert made.event
    sent = transaction(0, tx_hash=HASH, state=TransactionState.MINED)
    stores.money.write_transaction(None, sent)
    of = made.after
    shown = raw(stage, "payments", f"P#{of.id}", "META")
    assert {name: next(iter(held.values())) for name, held in shown.items() if name in PAYMENT} == {
        "status": "detected",
        "chain": of.due.chain,
        "symbol": of.due.symbol,
        "amount": "12500000",
        "amount_received": "5",
        "address": of.due.address,
        "order_id": "order-7",
        "created_at": str(of.times.created_at),
        "expires_at": str(of.due.expires_at),
    }
    told = raw(stage, "events", "E#mer_1", made.event.ulid)
    assert {name: told[name]["S"] for name in ("type", "subject", "payment_id")} == {
        "type": "payment.created",
        "subject": f"payment#{of.id}",
        "payment_id": of.id,
    }
    money = raw(stage, "money", f"N#anvil#{sent.sender.lower()}", f"{0:012d}")
    assert {name: money[name]["S"] for name in ("kind", "state", "tx_hash")} == {
        "kind": sent.kind.value,
        "state": "mined",
        "tx_hash": HASH,
    }
    for item in (shown, told, money):
        assert set(json.loads(item["doc"]["S"])) & set(item) == set()


PAYMENT = {"status", "chain", "symbol", "amount", "amount_received", "address", "order_id", "created_at", "expires_at"}


@pytest.mark.parametrize(
    ("written", "is_read"), [(None, True), (FORMAT, True), (FORMAT + 1, False), (FORMAT + 7, False)]
)
def test_items_of_this_format_and_the_one_before_are_read_and_no_others(
    stage: Stage, written: int | None, *, is_read: bool
) -> None:
    """The format before the first one is an item that names none; what is newer is refused, and hides no other."""
    stores = stage.stores()
    of, other = creation(payment()), creation(payment())
    for each in (of, other):
        stores.payments.commit(each)
    item = {name: held for name, held in payment_item(of.after).items() if name != "format"}
    item |= {} if written is None else {"format": {"N": str(written)}}
    stage.client.put_item(TableName=stage.table("payments"), Item=item)
    found = stores.payments.read([of.after.id, other.after.id])
    assert found == {each.after.id: each.after for each in ((of, other) if is_read else (other,))}
    if not is_read:
        with pytest.raises(UnknownFormat):
            stores.payments.get(of.after.id)


def test_a_policy_is_frozen_whole() -> None:
    """Every field of a payment's policy is written, so that another default later changes no stored payment."""
    held = json.loads(encode(payment()))
    assert set(held["policy"]) == {"monitoring_seconds", "late", "custody"}
    assert decode(type(payment()), json.dumps(held | {"unknown": 1})).policy == payment().policy


def test_what_serves_for_a_time_carries_its_end(stage: Stage) -> None:
    """Idempotency records last 48 hours, events and attempts 60 days; payments, audits and the outbox stay."""
    stores = stage.stores()
    told = creation(payment(webhook_url="https://shop.example/hooks"))
    commit = replace(told, idempotency=Idempotency("mer_1", "r", "k", "h"))
    stores.payments.commit(commit)
    assert commit.event
    ulid = commit.event.ulid
    assert [(item["sk"]["S"], "ttl" in item) for item in outbox(stage)] == [(f"{ulid}#payment", False)]
    for tries in (1, 2):
        stores.events.record(delivery(ulid, tries), due_index=False)
    assert outbox(stage) == []
    second = NOW // 1000
    assert int(raw(stage, "payments", "I#mer_1#r#k", "I")["ttl"]["N"]) == second + 48 * 3600
    assert int(raw(stage, "events", "E#mer_1", ulid)["ttl"]["N"]) == second + 60 * 86_400
    for tries in (1, 2):
        held = raw(stage, "events", "DL#mer_1#payment", f"{ulid}#{tries:04d}")
        assert int(held["ttl"]["N"]) == second + 60 * 86_400
    assert "ttl" not in raw(stage, "payments", f"P#{commit.after.id}", "META")
    assert "ttl" not in raw(stage, "payments", f"P#{commit.after.id}", "AUD#000001")


@pytest.mark.parametrize("endpoints", [(), ("payment",), ("stage", "we_1", "we_2")])
def test_a_commit_writes_its_event_once_and_a_row_of_the_outbox_for_each_endpoint(
    stage: Stage, endpoints: tuple[str, ...]
) -> None:
    """The event stands under its merchant, with its end, and never moves; one that nobody wants has no row."""
    stores, made = stage.stores(), creation(payment())
    seen = step(made.after, Trigger.SEEN, now=NOW + 1)
    commits = [replace(each, event=replace(each.event, endpoints=endpoints)) for each in (made, seen) if each.event]
    for each in commits:
        stores.payments.commit(each)
    told = [each.event for each in commits if each.event]
    items = stage.client.scan(TableName=stage.table("events"), ConsistentRead=True)["Items"]
    kept = [item for item in items if item["pk"]["S"] == "E#mer_1"]
    assert sorted(map(event_of, kept), key=lambda each: each.ulid) == told
    assert {int(item["ttl"]["N"]) for item in kept} == {NOW // 1000 + 60 * 86_400}
    rows = [(item["pk"]["S"].partition("#")[0], item["sk"]["S"]) for item in items if item not in kept]
    assert sorted(rows) == [("OUT", f"{each.ulid}#{endpoint}") for each in told for endpoint in sorted(endpoints)]


@pytest.mark.parametrize("forward", [True, False])
def test_a_merchants_events_are_there_from_their_commit_on(stage: Stage, *, forward: bool) -> None:
    """In order, wanted or not, delivered or not, each once and no other merchant's, however pages fall."""
    store = DynamoEvents(stage.name, connected=stage.connection)
    made = [
        creation(
            payment(
                merchant_id=("mer_1", "mer_14")[n % 2],
                updated_at=NOW + n,
                webhook_url=None if n % 7 == 6 else "https://shop.example/hooks",
            )
        )
        for n in range(14)
    ]
    for each in made:
        stage.stores().payments.commit(each)
    told = [each.event for each in made if each.event]
    for number in (0, 1, 4, 5, 10):
        store.record(delivery(told[number].ulid, 1, merchant_id=told[number].merchant_id), due_index=False)
    expected = [each.ulid for each in told if each.merchant_id == "mer_1"][:: 1 if forward else -1]
    for limit in (1, 2, 7, 50):
        low, high, seen, more = "0", "Z", list[str](), True
        while more:
            page, position = store.between("mer_1", low, high, limit=limit, forward=forward)
            assert len(page) <= limit
            seen += [each.ulid for each in page]
            if more := position is not None:
                before = position[:-1] + chr(ord(position[-1]) - 1) + "~"
                low, high = (position + "!", high) if forward else (low, before)
        assert seen == expected


def test_a_key_that_has_expired_is_free_before_it_is_swept(stage: Stage) -> None:
    """DynamoDB removes expired items days late; a key past its 48 hours counts as new."""
    stores, key = stage.stores(), Idempotency("mer_1", "r", "k", "h")
    stores.payments.commit(replace(creation(payment()), idempotency=key))
    later = replace(
        creation(payment(created_at=NOW + 49 * 3_600_000, updated_at=NOW + 49 * 3_600_000)), idempotency=key
    )
    stores.payments.commit(later)
    remembered = stores.payments.remembered("mer_1", "r", "k")
    assert remembered
    assert remembered.payment_id == later.after.id


def test_what_one_cause_posts_is_one_item(stage: Stage) -> None:
    """A sweep's movement and its gas stand or fall together; another owner's entry is another item."""
    stores, made = stage.stores(), creation(payment())
    stores.payments.commit(made)
    entries = (entry(1), entry(2), entry(3, owner="mer_2"))
    stores.payments.commit(step(made.after, Trigger.SEEN, entries=entries))
    items = stage.client.scan(TableName=stage.table("money"))["Items"]
    assert sorted((item["pk"]["S"], item["sk"]["S"]) for item in items) == [
        ("L#mer_1", f"{entry(1).at}#{entry(1).id}"),
        ("L#mer_2", f"{entry(3).at}#{entry(3).id}"),
    ]
    assert entries_of(stores, "mer_1", "mer_2") == list(entries)


def test_a_transaction_that_cannot_be_read_hides_no_other(stage: Stage) -> None:
    """Its key still says whose it is; everything else of it is unknown."""
    stores, good, bad = stage.stores(), transaction(3), transaction(4)
    for each in (good, bad):
        stores.money.write_transaction(None, each)
    key = {"pk": {"S": f"N#anvil#{bad.sender.lower()}"}, "sk": {"S": f"{4:012d}"}}
    stage.client.update_item(
        TableName=stage.table("money"),
        Key=key,
        UpdateExpression="SET doc = :d",
        ExpressionAttributeValues={":d": {"S": "garbage"}},
    )
    found = {nonce_of(each): each for each in stores.money.unfinished("anvil")}
    assert found[3] == good
    assert (found[4].state, found[4].sender, found[4].members) == (TransactionState.UNREADABLE, bad.sender.lower(), ())


def test_a_transaction_of_the_most_attempts_fits_into_an_item(stage: Stage) -> None:
    """Token transfers at prices of any length: far from 400 KB."""
    stores = stage.stores()
    attempts = tuple(
        attempt(
            "0x" + f"{place:04x}" * 120,
            HASH,
            60_000,
            2**60 + place,
            2**59,
            0,
            place,
            at=NOW,
            amount=2**90,
            beside=2**50,
        )
        for place in range(MOST_ATTEMPTS)
    )
    whole = transaction(attempts=attempts, refusal=Refusal("x" * 160, priced=True, minimum=2**60))
    stores.money.write_transaction(None, whole)
    assert stores.money.transaction("anvil", whole.sender, slot_of(0)) == whole
    assert len(str(transaction_item(whole))) < 100_000


def test_what_is_watched_is_seen_without_reading_a_payment(stage: Stage) -> None:
    """The index alone tells what a look at an unpaid payment's address needs."""
    stores = stage.stores()
    for number in range(3):
        stores.payments.commit(creation(payment(raised_at=NOW + number)))
    calls = counting(stage.connection)
    assert len(stores.payments.rows("anvil", Tier.OPEN)) == 3
    assert {name for name, _ in calls} == {"Query"}


@pytest.mark.parametrize(
    "mangled", [{"doc": {"S": "garbage"}}, {"doc": {"B": b"x"}}, {"look": {"S": "x"}}, {"doc": {"S": "{}"}}]
)
def test_a_payment_that_cannot_be_read_hides_no_other(stage: Stage, mangled: dict[str, Any]) -> None:
    """Neither from the watch set nor from a sweep job."""
    stores = stage.stores()
    good, bad = creation(payment()), creation(payment())
    for each in (good, bad):
        stores.payments.commit(each)
    stage.client.put_item(TableName=stage.table("payments"), Item=payment_item(bad.after) | mangled)
    assert good.after.id in {row.id for row in stores.payments.rows("anvil", Tier.OPEN)}
    assert good.after.id in {row.id for row in stores.payments.slice("anvil", Tier.OPEN, after="", limit=9)[0]}
    assert stores.payments.read([bad.after.id, good.after.id])[good.after.id] == good.after
    assert good.after in stores.payments.watched("anvil", Tier.OPEN)


def test_keys_that_dynamodb_leaves_unprocessed_are_asked_for_with_pauses_and_not_for_ever(stage: Stage) -> None:
    """Half of them at first, which is progress; all of them for ever, which ends in `Busy` after few questions."""
    stores = stage.stores()
    made = [creation(payment()).after for _ in range(6)]
    for each in made:
        stores.payments.commit(creation(each))
    real, asked = stage.connection.dispatch, []

    def halved(operation: str, wanted: dict[str, Any]) -> dict[str, Any]:
        if operation != "BatchGetItem":
            return real(operation, wanted)
        asked.append(operation)
        ((name, keys),) = wanted["RequestItems"].items()
        now, later = keys["Keys"][:served], keys["Keys"][served:]
        answer = real(operation, {"RequestItems": {name: keys | {"Keys": now}}}) if now else {"Responses": {}}
        return answer | {"UnprocessedKeys": {name: keys | {"Keys": later}} if later else {}}

    stage.connection.dispatch = halved  # type: ignore[method-assign]
    try:
        served = 2
        assert len(stores.payments.read([each.id for each in made])) == 6
        assert len(asked) == 3
        served = 0
        asked.clear()
        with pytest.raises(Busy):
            stores.payments.read([made[0].id])
        assert len(asked) <= 16
    finally:
        stage.connection.dispatch = real  # type: ignore[method-assign]


def test_the_watch_set_is_right_while_its_index_lags(stage: Stage) -> None:
    """A row that the index still shows in a tier that its payment has left is not returned."""
    stores = stage.stores()
    made = creation(payment())
    stores.payments.commit(made)
    lapsed = step(made.after, Trigger.LAPSED)
    stores.payments.commit(lapsed)
    behind = payment_item(made.after) | {
        name: value for name, value in payment_item(lapsed.after).items() if not name.startswith("watch")
    }
    stage.client.put_item(TableName=stage.table("payments"), Item=behind)
    assert stores.payments.watched("anvil", Tier.OPEN) == []


def test_a_page_reads_a_bounded_part_of_a_long_list(stage: Stage) -> None:
    """Where nothing matches, a page answers after five pages of the index, empty and with a cursor that goes on."""
    made = [payment(created_at=NOW + number) for number in range(520)]
    needle = made[3]
    items = [payment_item(each if each is not needle else replace(each, status=Status.FAILED)) for each in made]
    for start in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        stage.client.batch_write_item(RequestItems={stage.table("payments"): puts})
    stores, calls = stage.stores(), counting(stage.connection)
    before = len(calls)
    first = stores.payments.page("mer_1", PaymentFilter(status=Status.FAILED))
    assert sum(name == "Query" for name, _ in calls[before:]) == 5
    assert first.payments == ()
    assert first.cursor
    second = stores.payments.page("mer_1", PaymentFilter(status=Status.FAILED, cursor=first.cursor))
    assert [each.id for each in second.payments] == [needle.id]
    assert second.cursor is None


def test_the_stores_import_light() -> None:
    """A fresh interpreter that imports the stores has loaded no chain library, and not boto3."""
    code = (
        "import sys, ctrip.store.payments, ctrip.store.events, ctrip.store.money, ctrip.store.access\n"
        "heavy = {'web3', 'eth_account', 'bip_utils', 'boto3', 'httpx', 'pydantic', 'requests'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "core")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


def test_what_cannot_be_read_hides_none_of_the_others_that_the_worker_of_payouts_looks_after(stage: Stage) -> None:
    """Payouts, instructions, schedules and addresses that wait for the signer: each list names the bad one apart."""
    stores = stage.stores()
    for number, merchant in enumerate(("mer_bad", "mer_good")):
        ready = payout(NOW + 2 * number, merchant_id=merchant)
        handed_over = payout(NOW + 2 * number + 1, merchant_id=merchant, payment_id="p", source=Source.OWN)
        handed_over = replace(handed_over, state=PayoutState.AWAITING_TRANSFER, booking=Booking.CLOSED)
        for each in (ready, handed_over):
            stores.payouts.commit(PayoutCommit(before=None, after=each))
        timed = Schedule(merchant_id=merchant, chain="anvil", asset="a", every=Every.DAILY, since=NOW)
        by_amount = replace(timed, asset="b", threshold=5)
        for schedule in (timed, by_amount):
            stores.payouts.keep_schedule(None, schedule)
        waiting = SettlementAddress(merchant_id=merchant, chain="anvil", address="0xAb", since=NOW)
        stores.payouts.keep_settlement_address(None, waiting)
    for item in stage.client.scan(TableName=stage.table("payments"))["Items"]:
        if "watch_pk" in item and "mer_bad" in item["pk"]["S"]:
            stage.client.update_item(
                TableName=stage.table("payments"),
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET doc = :d",
                ExpressionAttributeValues={":d": {"S": "garbage"}},
            )
    held, soon = stores.payouts, NOW + 10**9
    for read in (
        held.unfinished,
        held.instructions,
        lambda broken: held.due_schedules(soon, broken),
        held.schedules_by_amount,
        held.unvouched,
    ):
        broken: list[str] = []
        found = read(lambda key, exc, broken=broken: broken.append(key))
        assert [each.merchant_id for each in found] == ["mer_good"]
        assert len(broken) == 1
        assert "mer_bad" in broken[0]
