"""The deployer's smoke event: who may send it, and that its table of writes is what the policies permit."""

import fnmatch
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

import app
from ctrip.store import smoke
from functions.smoke import Gateway, Worker, asked
from infra.tools.process import ROOT

DENIED = "User: arn:aws:sts::000000000000:assumed-role/ctrip-dev-ScanRole-1ABC/ctrip-dev-scan is not authorized to"
TABLES = {"PaymentsTable": "payments", "EventsTable": "events", "MoneyTable": "money", "AccessTable": "access"}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"}


class Aws:
    """A DynamoDB whose policy is a function: which leading keys it permits in one transaction."""

    def __init__(self, permits: Any) -> None:
        self._permits = permits
        self.asked: list[list[dict[str, Any]]] = []

    def dispatch(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        assert operation == "TransactWriteItems"
        items = asked["TransactItems"]
        self.asked.append(items)
        bodies = [next(iter(item.values())) for item in items]
        if not self._permits([(body.get("Item") or body["Key"])["pk"]["S"] for body in bodies]):
            error = {"Code": "AccessDeniedException", "Message": f"{DENIED} perform: dynamodb:PutItem on resource: ..."}
            raise ClientError({"Error": error}, operation)
        reasons = [{"Code": "ConditionalCheckFailed"}] * len(items)
        canceled: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(canceled, operation)


def test_every_handler_answers_a_smoke_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API, schedules, queues and called functions: each names the writes of its own."""
    monkeypatch.setattr(smoke, "try_writes", lambda stage, function: f"{stage} {function}")
    names = [each.name for each in [*app.app.event_sources, *app.app.pure_lambda_functions]]
    handlers = {"api_handler": app.app, **{name: getattr(app, name) for name in names}}
    assert set(handlers) == set(smoke.TRANSACTIONS)
    for name, handler in handlers.items():
        assert isinstance(handler, Gateway | Worker)
        context = SimpleNamespace(function_name=f"ctrip-local-{name}")
        assert handler({"ctrip_smoke": True}, context) == f"local {name}"


@pytest.mark.parametrize(
    "event",
    [
        {"ctrip_smoke": True, "requestContext": {"resourcePath": "/health"}},
        {
            "body": '{"ctrip_smoke": true}',
            "headers": {"ctrip_smoke": "1"},
            "queryStringParameters": {"ctrip_smoke": "1"},
        },
        {"Records": [{"body": '{"ctrip_smoke": true}', "messageAttributes": {"ctrip_smoke": {}}}]},
        {"source": "aws.events", "detail": {"ctrip_smoke": True}},
        {},
        None,
        ["ctrip_smoke"],
    ],
)
def test_what_others_can_send_is_no_smoke_event(event: Any) -> None:
    """Requests, messages and schedules carry what others wrote within their own envelope."""
    assert not asked(event)


def permitted(function: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield what a function's policy permits it to write: the kind of write, the table, the leading keys."""
    policy = json.loads((ROOT / ".chalice" / f"policy-{function}.json").read_text())
    for statement in policy["Statement"]:
        keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
        table = TABLES.get(str(statement["Resource"]).split("${")[-1].split(".")[0])
        for action in {each.removeprefix("dynamodb:") for each in statement["Action"]} & WRITES:
            assert table is not None
            yield action.removesuffix("Item"), table, keys


@pytest.mark.parametrize("function", smoke.TRANSACTIONS)
def test_what_is_tried_is_what_the_policy_permits(function: str) -> None:
    """Each write of the table is permitted, and each leading key that is permitted is tried."""
    tried = {tuple(write.split()) for writes in smoke.TRANSACTIONS[function] for write in writes}
    allowed = list(permitted(function))
    for kind, table, leading in tried:
        assert any(
            (kind, table) == each[:2] and any(fnmatch.fnmatchcase(leading, key) for key in each[2]) for each in allowed
        ), (kind, table, leading)
    for kind, table, keys in allowed:
        for key in keys:
            wanted = any((kind, table) == each[:2] and fnmatch.fnmatchcase(each[2], key) for each in tried)
            assert wanted, (kind, table, key)


def test_a_denied_write_is_named_with_its_role() -> None:
    """The one write that the role lacks is found among those that it may do."""
    aws: Any = Aws(lambda keys: "AB#smoke" not in keys)
    report = smoke.try_writes("dev", "scan", aws)
    assert (report["permitted"], report["all_keys_shown"]) == (False, False)
    (denied,) = [each for each in report["attempts"] if each["outcome"] == "denied"]
    assert (denied["writes"], denied["role"]) == (["Put access AB#"], "ctrip-dev-ScanRole-1ABC")


def test_it_is_seen_where_aws_shows_every_key_of_a_transaction_to_each_write() -> None:
    """Alone each write is permitted, together they are not: the policies' fallback is needed."""
    aws: Any = Aws(lambda keys: len({key.split("#")[0] for key in keys}) == 1)
    report = smoke.try_writes("dev", "scan", aws)
    assert (report["permitted"], report["all_keys_shown"]) == (False, True)


def test_an_error_of_another_kind_is_no_permission() -> None:
    """A missing table or a throttled call says nothing about the role."""

    class Broken:
        def dispatch(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, operation)

    broken: Any = Broken()
    report = smoke.try_writes("dev", "sweep_due", broken)
    assert not report["permitted"]
    assert report["attempts"] == [
        {
            "writes": ["Update access G#"],
            "outcome": "unclear",
            "role": None,
            "reason": "ResourceNotFoundException",
        }
    ]
