"""What the recorder says that a call needs, and whom it says it of."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from infra.emulator import record
from infra.emulator.record import NOBODY, Use, acting, read, uses

TABLES = "arn:aws:dynamodb:us-east-1:000000000000:table/"
KEYS = "dynamodb:LeadingKeys"


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "x"}}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A recorder over a client that calls nobody; all of it is undone."""
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *_: {})
    monkeypatch.setattr(functools, "cache", functools.cache)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    record.install(tmp_path / "calls.jsonl")
    return tmp_path / "calls.jsonl"


def test_a_transaction_is_its_items() -> None:
    """Each clause asks for its own action on its own table; the keys of one action and table come together."""
    items = [
        {"Put": {"TableName": "t", "Item": key("P#1") | {"doc": {"S": "secret"}}}},
        {"Put": {"TableName": "t", "Item": key("A#0x1#2")}},
        {"Update": {"TableName": "t", "Key": key("P#2")}},
        {"Delete": {"TableName": "u", "Key": key("OUT#1")}},
        {"ConditionCheck": {"TableName": "u", "Key": key("MERS")}},
    ]
    enclosing = {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}
    assert uses("dynamodb", "TransactWriteItems", {"TransactItems": items}) == [
        Use("dynamodb:PutItem", f"{TABLES}t", {KEYS: ["A#*", "P#*"]} | enclosing),
        Use("dynamodb:UpdateItem", f"{TABLES}t", {KEYS: ["P#*"]} | enclosing),
        Use("dynamodb:DeleteItem", f"{TABLES}u", {KEYS: ["OUT#*"]} | enclosing),
        Use("dynamodb:ConditionCheckItem", f"{TABLES}u", {KEYS: ["MERS"]} | enclosing),
    ]
    got = uses("dynamodb", "TransactGetItems", {"TransactItems": [{"Get": {"TableName": "t", "Key": key("P#1")}}]})
    assert [use.action for use in got] == ["dynamodb:GetItem"]


def test_a_batch_reads_or_writes_each_table_and_an_index_is_a_resource() -> None:
    """A batch stands for itself, once a table; a query's key is the index's own."""
    batch = {"RequestItems": {"t": {"Keys": [key("P#1"), key("P#2")]}, "u": {"Keys": [key("F#x")]}}}
    assert uses("dynamodb", "BatchGetItem", batch) == [
        Use("dynamodb:BatchGetItem", f"{TABLES}t", {KEYS: ["P#*"]}),
        Use("dynamodb:BatchGetItem", f"{TABLES}u", {KEYS: ["F#*"]}),
    ]
    written = (
        {"PutRequest": {"Item": key("DLV#m#e") | {"doc": {"S": "secret"}}}},
        {"DeleteRequest": {"Key": key("OUT#1")}},
    )
    assert uses("dynamodb", "BatchWriteItem", {"RequestItems": {"t": written}}) == [
        Use("dynamodb:BatchWriteItem", f"{TABLES}t", {KEYS: ["DLV#*", "OUT#*"]})
    ]
    query = {
        "TableName": "t",
        "IndexName": "list",
        "KeyConditionExpression": "(#0 = :0 AND #1 BETWEEN :1 AND :2)",
        "ExpressionAttributeNames": {"#0": "list_pk", "#1": "list_sk"},
        "ExpressionAttributeValues": {":0": {"S": "M#me"}, ":1": {"S": "0"}, ":2": {"S": "1"}},
    }
    assert uses("dynamodb", "Query", query) == [Use("dynamodb:Query", f"{TABLES}t/index/list", {KEYS: ["M#*"]})]
    [scan] = uses("dynamodb", "Scan", {"TableName": "t"})
    assert scan == Use("dynamodb:Scan", f"{TABLES}t")


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "resource"),
    [
        ("sqs", "SendMessageBatch", {"QueueUrl": "http://h/0/q"}, "sqs:SendMessage", "sqs:us-east-1:000000000000:q"),
        ("sqs", "GetQueueUrl", {"QueueName": "q"}, "sqs:GetQueueUrl", "sqs:us-east-1:000000000000:q"),
        ("lambda", "Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", "lambda:us-east-1:000000000000:function:f"),  # noqa: E501
        (
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": "arn:aws:secretsmanager:us-east-1:000000000000:secret:a/b-Xy12Zw"},
            "secretsmanager:GetSecretValue",
            "secretsmanager:us-east-1:000000000000:secret:a/b",
        ),
        ("kms", "Decrypt", {"KeyId": "alias/a"}, "kms:Decrypt", "kms:us-east-1:000000000000:alias/a"),
    ],
)  # fmt: skip
def test_other_services(service: str, operation: str, params: dict[str, str], action: str, resource: str) -> None:
    """A call is the action and the resource that IAM knows it by."""
    assert uses(service, operation, params) == [Use(action, f"arn:aws:{resource}")]


def test_what_it_does_not_know_it_says() -> None:
    """A service that nobody taught it, and an operation without a table, have an unknown resource: no policy fits."""
    for service, operation in (("sns", "Publish"), ("dynamodb", "ExecuteStatement")):
        assert uses(service, operation, {})[0].resource == record.UNKNOWN


def test_calls_are_attributed(path: Path) -> None:
    """boto3's calls and PynamoDB's are the running function's, each once; a thread that it starts is nobody's."""
    sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")

    def call() -> None:
        sqs.send_message(QueueUrl="http://h/0/q", MessageBody="private")
        dynamodb.get_item(TableName="t", Key=key("P#private"))

    for name in ("scan", "sweep", "scan"):
        with acting(name):
            call()
    with acting("scan"):
        thread = threading.Thread(target=call, name="its-own")
        thread.start()
        thread.join()
    found = [(each.function, each.use.action) for each in read(path)]
    both = ("sqs:SendMessage", "dynamodb:GetItem")
    assert found == [(name, action) for name in ("scan", "sweep", NOBODY) for action in both]
    assert {each.where for each in read(path) if each.function == NOBODY} == {"its-own"}
    assert "private" not in path.read_text()


def test_functions_share_no_memory(path: Path) -> None:
    """What the gateway caches, it caches for each function: in AWS none saves another a call."""
    made: list[str] = []

    def build(what: str) -> str:
        made.append(what)
        return what

    def other(what: str) -> str:
        made.append(f"other {what}")
        return what

    build.__module__, other.__module__ = "ctrip.bootstrap", "elsewhere"
    ours, theirs = functools.cache(build), functools.cache(other)
    for name in ("scan", "sweep", "scan"):
        with acting(name):
            assert (ours("a"), theirs("a")) == ("a", "a")
    assert made == ["a", "other a", "a"]
