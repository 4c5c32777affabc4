"""What the packaged application does on LocalStack, each part driven by what drives it in AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.stack import wallet
from infra.stack.receiver import Receiver
from infra.stack.seed import MERCHANT_ID, SIGNING_SECRET, WEBHOOK_SECRET
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually
from tests.localstack import log
from tests.localstack.cloud import RECORD, STAGE, STATE, Cloud
from tests.localstack.endpoints import endpoint_of

WAIT = 100
LIFE = ["payment.created", "payment.detected", "payment.confirmed", "payment.paid", "payment.settled"]
SENT = 3


def test_a_native_payment_settles(shop: Shop, begun: dict[str, Any]) -> None:
    """The coin is detected by the deployed scanner, swept by the deployed worker and signer, less the sweep's gas."""
    settled = _settled(shop, begun["ETH"])
    (sweep,) = settled["sweeps"]
    receipt = shop.receipt(sweep["tx_hash"])
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert shop.treasury("ETH") - begun["ETH"]["treasury_before"] == begun["ETH"]["amount"] - gas


def test_a_token_payment_settles(shop: Shop, begun: dict[str, Any]) -> None:
    """The address is given gas by the gas station, and the tokens arrive whole at the treasury."""
    settled = _settled(shop, begun["USDC"])
    assert settled["amount_confirmed"] == begun["USDC"]["amount"]
    assert shop.treasury("USDC") - begun["USDC"]["treasury_before"] == begun["USDC"]["amount"]


def test_webhooks_verify(shop: Shop, begun: dict[str, Any]) -> None:
    """Each event of a life comes once it is due, in order, with both signatures right; so does a test's."""
    for name in ("ETH", "USDC"):
        shop.told(begun[name], "settled")
        assert shop.receiver.heard(begun[name]["id"]) == LIFE
    with endpoint_of(shop) as (endpoint, receiver):
        sent = _right(shop.http.post(f"/api/v1/webhooks/{endpoint}/test"), 202)
        _heard(receiver, 1)
        assert [event["id"] for event in receiver.events] == [sent["id"]]
        assert receiver.refused == []


def test_a_poison_message_reaches_the_dead_letters_alone(cloud: Cloud, shop: Shop) -> None:
    """What is no job is tried five times; what came in its batch is delivered once, and never again."""
    sqs, url = cloud.client("sqs"), _queue(cloud, "webhooks")
    with endpoint_of(shop) as (endpoint, receiver), _seen_again_at_once(cloud, "webhooks"):
        with _stopped(cloud, "webhooks"):
            for _ in range(SENT):
                _right(shop.http.post(f"/api/v1/webhooks/{endpoint}/test"), 202)
            sqs.send_message(QueueUrl=url, MessageBody='{"poison": true}')
        assert _dead(cloud, "webhooks") == ['{"poison": true}']
        assert len(receiver.events) == len({event["id"] for event in receiver.events}) == SENT
        assert receiver.refused == []
    batches = [each["messages"] for each in _ran("webhooks") if not each["failed"]]
    assert SENT + 1 in batches


def test_a_poison_message_of_sweeps_stops_no_other(cloud: Cloud, shop: Shop) -> None:
    """The sweeper fails on it five times; what is to be swept meanwhile is swept."""
    payment = shop.ask(amount=10**15 + 1)
    with _seen_again_at_once(cloud, "sweep"):
        cloud.client("sqs").send_message(QueueUrl=_queue(cloud, "sweep"), MessageBody="no job at all")
        shop.pay(payment)
        assert _dead(cloud, "sweep") == ["no job at all"]
        _settled(shop, payment)


def test_scheduled_rules_scan(shop: Shop, begun: dict[str, Any]) -> None:
    """The scanner that a creation started ends; the next one, which no creation starts, is the rule's."""
    eventually(lambda: [each for each in _ran("scan") if "chain" in each["names"]], WAIT, "the first scanner's end")
    eventually(lambda: [each for each in _ran("tick") if each["by"] == "EventBridge rule"], WAIT, "the rule's tick")
    shop.pay(begun["later"])
    _settled(shop, begun["later"])
    assert [each for each in _ran("relay") if each["by"] == "EventBridge rule"]


def test_secrets_stand_under_the_stacks_keys(cloud: Cloud, shop: Shop, begun: dict[str, Any]) -> None:
    """The signer derives from the mnemonic of Secrets Manager; a merchant's secrets are read by KMS for it alone."""
    from ctrip.domain.chains.kinds import FIRST
    from ctrip.signer.wallet import MnemonicWallet

    secrets, kms = cloud.client("secretsmanager"), cloud.client("kms")
    keys = {
        name: kms.describe_key(KeyId=f"alias/ctrip-{STAGE}-{name}")["KeyMetadata"] for name in ("mnemonic", "secrets")
    }
    assert secrets.describe_secret(SecretId=f"ctrip/{STAGE}/mnemonic")["KmsKeyId"] == keys["mnemonic"]["Arn"]
    asked = {"op": "xpub", "kind": FIRST.kind, "account": 0}
    answer = cloud.client("lambda").invoke(FunctionName=f"ctrip-{STAGE}-signer", Payload=json.dumps(asked))
    assert json.load(answer["Payload"])["xpub"] == MnemonicWallet(wallet.LOCAL_MNEMONIC).account_xpub(FIRST.kind, 0)
    access = json.dumps(list(_items(cloud, "access")))
    assert MERCHANT_ID in access
    assert not [secret for secret in (WEBHOOK_SECRET, SIGNING_SECRET) if secret in access]
    called = log.calls(STATE / "logs" / "aws.log")
    assert called["secretsmanager", "GetSecretValue"]
    assert called["kms", "Decrypt"]


# ---- parts


def _settled(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    def shown() -> dict[str, Any] | None:
        now = shop.read(payment)
        return now if now["status"] == "settled" else None

    return dict(eventually(shown, WAIT, f"the settlement of {payment['id']}"))


def _right(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def _heard(receiver: Receiver, number: int) -> None:
    with receiver.changed:
        assert receiver.changed.wait_for(lambda: len(receiver.events) >= number, WAIT)


def _queue(cloud: Cloud, name: str) -> str:
    return str(cloud.client("sqs").get_queue_url(QueueName=f"ctrip-{STAGE}-{name}")["QueueUrl"])


@contextmanager
def _seen_again_at_once(cloud: Cloud, queue: str) -> Iterator[None]:
    """Five receives take half an hour with the queue's own pause of six minutes between them."""
    sqs, url = cloud.client("sqs"), _queue(cloud, queue)
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


@contextmanager
def _stopped(cloud: Cloud, function: str) -> Iterator[None]:
    """Stop a function's event source, so that what comes meanwhile is one batch."""
    client = cloud.client("lambda")
    (source,) = client.list_event_source_mappings(FunctionName=f"ctrip-{STAGE}-{function}")["EventSourceMappings"]

    def turn(state: str, **how: bool) -> None:
        client.update_event_source_mapping(UUID=source["UUID"], **how)
        eventually(lambda: client.get_event_source_mapping(UUID=source["UUID"])["State"] == state, WAIT, state)

    turn("Disabled", Enabled=False)
    yield
    turn("Enabled", Enabled=True)


def _dead(cloud: Cloud, queue: str) -> list[str]:
    """Wait for dead letters and for their queue's end, and return their bodies."""
    sqs, url, dead = cloud.client("sqs"), _queue(cloud, queue), _queue(cloud, f"{queue}-dlq")
    eventually(lambda: _number(sqs, dead), WAIT, "a dead letter")
    eventually(lambda: not _number(sqs, url), WAIT, f"the end of {queue}")
    letters = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
    assert len(letters) == _number(sqs, dead)
    return [each["Body"] for each in letters]


def _number(sqs: Any, url: str) -> int:
    names = [f"ApproximateNumberOfMessages{each}" for each in ("", "NotVisible", "Delayed")]
    held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(each) for each in held.values())


def _ran(function: str) -> list[dict[str, Any]]:
    name = f"ctrip-{STAGE}-{function}"
    return [each for each in log.records(RECORD) if each["what"] == "invoke" and each["function"] == name]


def _items(cloud: Cloud, table: str) -> Iterator[dict[str, Any]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=f"ctrip-{STAGE}-{table}")
    return (item for page in pages for item in page["Items"])
