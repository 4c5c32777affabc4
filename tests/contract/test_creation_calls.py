"""The calls of AWS that a creation makes: what a merchant waits for, and what is paid for, each time."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient

from ctrip.aws.clients import client
from ctrip.aws.jobs import AwsJobs
from ctrip.services.merchants.limit_calls import PLACES_AT_A_TIME
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.payments.open_payment import INDEXES_AT_A_TIME
from ctrip.system import SystemIds
from tests.support.stores import Stage
from tests.world import ORIGIN, World

URL = "https://shop.example/hooks"
FAR = 10**13 - 1  # unix milliseconds
MANY = INDEXES_AT_A_TIME * PLACES_AT_A_TIME


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count calls of any client by service and operation; queues are answered from memory, DynamoDB by itself."""
    seen, real = Counter[str](), BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(self: Any, operation: str, asked: dict[str, Any]) -> Any:
        service = self.meta.service_model.service_name
        seen[f"{service}:{operation}"] += 1
        return {"QueueUrl": "https://queues.example/webhooks"} if service == "sqs" else real(self, operation, asked)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    return seen


@pytest.mark.parametrize(
    ("url", "messages"),
    [(None, {}), (URL, {"sqs:SendMessage": MANY})],
)
def test_a_creation_is_one_transaction_and_sends_a_message_only_where_somebody_is_notified(
    stage: Stage, called: Counter[str], url: str | None, messages: dict[str, int]
) -> None:
    """Beside it only a share of what is taken several at a time: indexes of addresses, and places; no client of SQS."""
    world = World(stores=stage.stores(), ids=SystemIds())
    creator = replace(world.creator, jobs=AwsJobs(stage.name))
    wanted = CreatePayment(chain="anvil", amount=1, webhook_url=url)
    world.stores.access.raise_gate("anvil", hot_until=FAR, warm_until=FAR, now=world.clock.now())
    for _ in range(MANY):  # what a process asks once, it has asked
        creator.create(world.merchant, wanted, "https://pay.example", ORIGIN)
    called.clear()
    for _ in range(MANY):
        creator.create(world.merchant, wanted, "https://pay.example", ORIGIN)
    shares = MANY // INDEXES_AT_A_TIME + MANY // PLACES_AT_A_TIME
    assert called == {"dynamodb:TransactWriteItems": MANY, "dynamodb:UpdateItem": shares} | messages
