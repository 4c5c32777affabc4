"""How the real stores lie in their tables, and what they cost."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

from ctrip.domain.chain import Transfer
from ctrip.domain.machine import Trigger
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payment import Observation, Status, Tier
from ctrip.ports import Delivery, Idempotency, PaymentFilter
from ctrip.store.codec import decode, encode
from ctrip.store.database import read_document
from ctrip.store.layout import payment_item
from tests.support.dynamodb import ROOT
from tests.support.faults import counting
from tests.support.objects import NOW, creation, entry, payment, quiet, step
from tests.support.stores import Stage

HASH = "0x" + "ab" * 32


def raw(stage: Stage, table: str, pk: str, sk: str) -> dict[str, Any]:
    """Read an item behind the store's back."""
    item: dict[str, Any] = stage.client.get_item(
        TableName=stage.table(table), Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
    )["Item"]
    return item


def test_amounts_are_stored_as_canonical_decimal_strings(stage: Stage) -> None:
    """Amounts of any size, and any integer beyond 2^53, are text in the document; versions and times are numbers."""
    commit = creation(payment(amount=5, credited=MAX_AMOUNT, explained_to=2**53 + 1))
    stage.stores().payments.commit(commit)
    item = raw(stage, "payments", f"P#{commit.after.id}", "META")
    held = json.loads(read_document(item, "doc"))
    assert held["amount"] == "5"
    assert held["credited"] == str(MAX_AMOUNT)
    assert held["explained_to"] == str(2**53 + 1)
    assert held["created_at"] == NOW
    assert item["version"] == {"N": "1"}


def test_a_policy_is_frozen_whole() -> None:
    """Every field of a payment's policy is written, so that another default later changes no stored payment."""
    held = json.loads(encode(payment()))
    assert set(held["policy"]) == {"monitoring_seconds", "late", "custody"}
    assert decode(type(payment()), json.dumps(held | {"unknown": 1})).policy == payment().policy


def test_what_serves_for_a_time_carries_its_end(stage: Stage) -> None:
    """Idempotency records last 48 hours, events and deliveries 60 days; payments, audits and pointers stay."""
    stores = stage.stores()
    commit = replace(creation(payment()), idempotency=Idempotency("mer_1", "r", "k", "h"))
    stores.payments.commit(commit)
    assert commit.event
    ulid = commit.event.ulid
    pointers = [
        item
        for shard in range(8)
        for item in stage.client.query(
            TableName=stage.table("events"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"OUT#{shard}"}},
        )["Items"]
    ]
    assert [(item["sk"]["S"], "ttl" in item) for item in pointers] == [(ulid, False)]
    delivered = Delivery(
        event_ulid=ulid, attempt=1, at=NOW, latency_ms=1, status_code=200, error=None, next_attempt_at=None
    )
    stores.events.record(commit.event, delivered, due_index=False)
    second = NOW // 1000
    assert int(raw(stage, "payments", "I#mer_1#r#k", "I")["ttl"]["N"]) == second + 48 * 3600
    assert int(raw(stage, "events", "E#mer_1", ulid)["ttl"]["N"]) == second + 60 * 86_400
    assert int(raw(stage, "events", f"DL#{ulid}", "0001")["ttl"]["N"]) == second + 60 * 86_400
    assert "ttl" not in raw(stage, "payments", f"P#{commit.after.id}", "META")
    assert "ttl" not in raw(stage, "payments", f"P#{commit.after.id}", "AUD#000001")


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


def test_each_explained_transfer_has_a_row_of_its_own(stage: Stage) -> None:
    """Transfers stand beside the payment, by their block too, so that the same transaction mined twice is two."""
    stores = stage.stores()
    made = creation(payment())
    stores.payments.commit(made)
    rows = (Transfer(HASH, 3, 9, "0xb1", "0xs", 5), Transfer(HASH, 3, 10, "0xb2", "0xs", 5))
    stores.payments.commit(step(made.after, Trigger.SEEN, transfers=rows))
    for row in rows:
        item = raw(stage, "payments", f"P#{made.after.id}", f"TR#{row.key}")
        assert decode(Transfer, read_document(item, "doc")) == row


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


def test_a_payments_life_costs_what_it_did(stage: Stage, endpoint: str) -> None:
    """Write units of a native payment up to paid, with order, key, fence, ledger and delivered webhooks."""
    stores, calls = stage.stores(), counting(stage.connection)
    hook = "https://shop.example.com/hooks/ctrip"
    made = replace(
        creation(payment(order_id="order-4711", webhook_url=hook, metadata=(("cart", "9913"), ("customer", "c_8812")))),
        idempotency=Idempotency("mer_1", "POST /api/v1/payments", "order-4711", "a" * 64),
    )
    fence = stores.money.take("anvil")
    costs: list[float] = []

    def perform(commit: Any) -> Any:
        start = len(calls)
        stores.payments.commit(commit)
        costs.append(sum(units for _, units in calls[start:]))
        if commit.event:
            done = Delivery(
                event_ulid=commit.event.ulid,
                attempt=1,
                at=NOW,
                latency_ms=9,
                status_code=200,
                error=None,
                next_attempt_at=None,
            )
            stores.events.record(commit.event, done, due_index=False)
            costs.append(sum(units for _, units in calls[start:]) - costs[-1])
        return commit.after

    amount = made.after.amount
    arrived = Transfer(HASH, None, 1000, HASH, "0x" + "cd" * 20, amount)
    after = perform(made)
    seen = {"amount_received": amount, "observations": (Observation(amount, 1000, HASH, NOW),), "confirmations": 1}
    after = perform(step(replace(after), Trigger.SEEN, fence=fence, transfers=(arrived,), **seen))
    after = perform(step(replace(after, transfers=(arrived,)), Trigger.COMPLETED, fence=fence, amount_confirmed=amount))
    after = perform(step(after, Trigger.CREDITED, fence=fence, entries=(entry(),), credited=amount))
    perform(quiet(after, fence=fence, confirmations=9))
    assert costs == [16, 4, 12, 4, 10, 4, 14, 4, 6]


def test_the_stores_import_light() -> None:
    """A fresh interpreter that imports the stores has loaded no chain library, and not boto3."""
    code = (
        "import sys, ctrip.store.payments, ctrip.store.events, ctrip.store.money, ctrip.store.access\n"
        "heavy = {'web3', 'eth_account', 'bip_utils', 'boto3', 'httpx', 'pydantic', 'requests'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "core")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
