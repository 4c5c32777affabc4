"""The nets under what usually happens at once: lost jobs, due retries, gates that closed, the daily round.

What has gone wrong is written into the tables as it would stand there afterwards.
"""

from __future__ import annotations

import time

import boto3

from ctrip.domain.jobs import WebhookJob, encode_job
from ctrip.domain.webhooks.endpoint import PAYMENT_ENDPOINT
from ctrip.store import tables
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually
from tests.support.objects import delivery

FAR = 10**13 - 1  # unix milliseconds


def created(shop: Shop) -> str:
    """Return the ulid of an event that has been told just now: an older one is repeated after growing pauses only."""
    payment = shop.ask(amount=1)
    shop.told(payment, "created")
    return str(shop.receiver.of(payment["id"])[0]["id"]).removeprefix("evt_")


def times(shop: Shop, ulid: str) -> int:
    """Count the deliveries of an event."""
    return [attempt.event_id for attempt in shop.receiver.attempts].count(f"evt_{ulid}")


def test_a_lost_job_is_repeated(up: Up, shop: Shop, behind: Tables) -> None:
    """An event that was committed, and whose message was lost, is told when the relay comes."""
    ulid, merchant = created(shop), shop.gateway.about["merchant"]["id"]
    before = times(shop, ulid)
    behind.forget_attempt(merchant, ulid)
    # It leaves alone what is younger than ten seconds.
    eventually(lambda: (up.run("relay"), times(shop, ulid) > before)[1], what="the repetition")
    waiting = tables.outbox_key(ulid, PAYMENT_ENDPOINT)
    eventually(lambda: behind.database.get(behind.names.events, waiting) is None, what="the acknowledgement")


def test_a_due_retry_is_made(up: Up, shop: Shop, behind: Tables) -> None:
    """An attempt whose time has come is made by the relay, once."""
    ulid, merchant = created(shop), shop.gateway.about["merchant"]["id"]
    behind.forget_attempt(merchant, ulid)
    now = int(time.time() * 1000)
    failed = delivery(ulid, merchant_id=merchant, at=now - 9, status_code=500, next_attempt_at=now - 1)
    behind.events.record(failed, due_index=True)
    assert (ulid, 2) in [(each.ulid, each.attempt) for each in behind.events.due(now)]
    before = times(shop, ulid)
    up.run("relay")
    eventually(lambda: times(shop, ulid) > before, what="the second attempt")
    assert eventually(lambda: behind.events.attempted(merchant, ulid, PAYMENT_ENDPOINT, 2)).status_code == 204
    gone = tables.due_key(ulid, PAYMENT_ENDPOINT, 2, now - 1)
    eventually(lambda: behind.database.get(behind.names.events, gone) is None, what="the end of what was due")


def test_a_dead_letter_is_redriven(up: Up, shop: Shop, behind: Tables) -> None:
    """By the operator's command: the job goes back to the worker, and what no worker can read stays."""
    ulid, merchant = created(shop), shop.gateway.about["merchant"]["id"]
    behind.forget_attempt(merchant, ulid)
    sqs = boto3.client("sqs")
    dead = sqs.get_queue_url(QueueName="ctrip-local-webhooks-dlq")["QueueUrl"]
    for body in (encode_job(WebhookJob(merchant, ulid, PAYMENT_ENDPOINT)), '{"event": 7}'):
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    before = times(shop, ulid)
    assert up.ctrip("webhooks", "redrive") == {"moved": 1, "unreadable": 1}
    eventually(lambda: times(shop, ulid) > before, what="the delivery")
    waiting = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    left = {name: int(waiting[f"ApproximateNumberOfMessages{name}"]) for name in ("", "NotVisible")}
    assert sum(left.values()) == 1
    sqs.purge_queue(QueueUrl=dead)
    assert up.ctrip("webhooks", "redrive") == {"moved": 0, "unreadable": 0}


def test_the_daily_round_goes_round(behind: Tables) -> None:
    """When its day has passed, every address ever given out is looked at, and the next round is a day later."""
    eventually(lambda: "daily_at" in behind.gate(), what="the first payment")
    now = int(time.time() * 1000)
    behind.set_gate(daily_at=1)
    eventually(lambda: behind.number("daily_at") > now, 90, "the end of the round")
    assert tables.plain(behind.gate(), "round_merchant") == ""


def test_a_gate_that_closed_over_a_sweep_is_opened(up: Up, shop: Shop, behind: Tables) -> None:
    """A chain with an unfinished transaction of ours is scanned although nothing else keeps it open."""
    payment = shop.ask(amount=3_000_000, asset="USDC")
    shop.rpc("evm_setIntervalMining", 0)
    try:
        shop.pay(payment)
        shop.rpc("anvil_mine", "0x3")
        eventually(lambda: shop.read(payment)["status"] == "paid", 45, "paid")
        # Unmined, the gas for the sweep waits; the sweep itself waits for the gas.
        eventually(lambda: shop.rpc("txpool_status")["pending"] != "0x0", 45, "a transaction of ours")
        behind.set_gate(hot_until=1, warm_until=FAR)
        assert up.run("sweep_due") == ["anvil"]
        assert behind.number("hot_until") > int(time.time() * 1000)
        behind.set_gate(warm_until=1)
    finally:
        shop.rpc("evm_setIntervalMining", 1)
    shop.told(payment, "settled")
