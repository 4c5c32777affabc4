"""Half of a surrogate pair, which JSON can name and UTF-8 cannot carry, is the caller's mistake wherever it stands."""

import json
import logging
from typing import Any

import pytest
from chalice.app import Request

from ctrip.aws.lines import Line
from ctrip.domain.detection.gates import Tip
from ctrip.store.engine.codec import decode, encode
from functions.http.answers import FORM
from functions.http.operation import OPERATIONS, Auth, Operation
from functions.http.resource import guarded, received
from tests.functions.conftest import KEY, Api

HALVES = ["\ud800", "x\udfff", "\ude00\ud83d", "\udbff" * 3]
BODY = {"chain": "anvil", "amount": 1000}
WITH_BODY = [each for each in OPERATIONS if each.body is not None]


def texts(half: str) -> list[dict[str, Any]]:
    """Put it where text can be."""
    return [
        {**BODY, half: 1},
        {**BODY, half: 1, half + "2": {half: [half]}},
        *({**BODY, name: half} for name in ("chain", "asset", "order_id", "description", "webhook_url", "token_id")),
        {**BODY, "metadata": {half: "x"}},
        {**BODY, "metadata": {"x": half}},
        {**BODY, "metadata": [{"x": [half]}]},
    ]


@pytest.mark.parametrize("half", HALVES, ids=ascii)
def test_a_lone_surrogate_in_a_body_is_400_whether_it_is_a_name_or_a_value(api: Api, half: str) -> None:
    for body in texts(half):
        answer = api.call("POST", "/api/v1/payments", body, Idempotency_Key="k1")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_field"), body
        answer.body.decode()
    # An escape in capitals, and the same name twice, are read by the same rule.
    for raw in (rb'{"\uD800": 1}', rb'{"\ud800": 1, "\ud800": 2}', rb'{"a": {"b": ["\uDFFF"]}}'):
        assert api.call("POST", "/api/v1/payments", raw).status_code == 400
    assert api.world.log.alarms() == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.name)
def test_every_operation_refuses_a_lone_surrogate_as_a_fields_name(api: Api, operation: Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    key = None if operation.auth is Auth.NONE else api.token() if operation.auth is Auth.ADMIN else KEY
    answer = api.send(operation, path, {"\ud800": "\udfff"}, key)
    expected = "invalid_form" if operation.takes == FORM else "invalid_field"
    assert (answer.status_code, answer.json["code"]) == (400, expected)


@pytest.mark.parametrize("raw", [b'{"a": "\xed\xa0\x80"}', '{"chain": "anvil"}'.encode("utf-16"), b"\xff\xfe{}"])
def test_a_body_that_is_not_utf_8_is_400(api: Api, raw: bytes) -> None:
    """Bytes of a surrogate, and encodings that Python's reader would guess, are none."""
    answer = api.call("POST", "/api/v1/payments", raw)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("text", ['{"order_id": "M\u00fcller"}', '{"\u00e9": 1}', '{"a": ["\u00e9"]}'])
def test_a_body_in_latin_1_as_api_gateway_hands_it_on_is_400(api: Api, text: str) -> None:
    """It makes U+FFFD of each byte that is no UTF-8: two orders would have one id."""
    mangled = text.encode("latin-1").decode(errors="replace")
    answer = api.call("POST", "/api/v1/payments", mangled.encode())
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_json")
    assert "not UTF-8" in answer.json["detail"]


def test_a_whole_pair_is_one_character_and_is_taken(api: Api) -> None:
    raw = rb'{"chain": "anvil", "amount": 1, "description": "\ud83d\ude00", "metadata": {"\uD83D\uDE00": "ok"}}'
    answer = api.call("POST", "/api/v1/payments", raw)
    assert (answer.status_code, answer.json["description"], answer.json["metadata"]) == (201, "😀", {"😀": "ok"})


def _event(operation: Operation, **given: Any) -> Request:
    """What Lambda hands over: JSON, in which any text may be half of a pair."""
    path = operation.path
    event = {
        "httpMethod": operation.method,
        "path": path,
        "headers": {"authorization": f"Bearer {KEY}", "host": "api.example.com"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "requestContext": {"resourcePath": path, "httpMethod": operation.method, "path": path, "requestId": "r1"},
    }
    event["headers"] |= given.pop("headers", {})
    return Request(event | given)


def _operation(name: str) -> Operation:
    return next(each for each in OPERATIONS if each.name == name)


@pytest.mark.parametrize(
    ("name", "given", "status"),
    [
        ("list_payments", {"multiValueQueryStringParameters": {"\ud800": ["1"]}}, 400),
        ("list_payments", {"multiValueQueryStringParameters": {"order_id": ["a\udfff"]}}, 400),
        ("list_payments", {"multiValueQueryStringParameters": {"cursor": ["\ud800"]}}, 400),
        ("read_payment", {"pathParameters": {"payment_id": "\ud800"}}, 404),
        ("checkout_status", {"pathParameters": {"payment_id": "\ud800"}}, 404),
        ("list_payments", {"headers": {"host": "\ud800"}}, 400),
        ("list_payments", {"headers": {"authorization": "Bearer \ud800"}}, 400),
        ("create_payment", {"headers": {"idempotency-key": "\ud800"}, "body": json.dumps(BODY)}, 400),
        ("create_payment", {"headers": {"content-type": "\ud800"}, "body": json.dumps(BODY)}, 400),
        ("create_payment", {"body": '{"\ud800": 1}'}, 400),
    ],
)
def test_a_lone_surrogate_in_lambdas_event_is_the_callers_mistake(
    api: Api, name: str, given: dict[str, Any], status: int
) -> None:
    """In a query parameter, a header, a path or a body that came as text."""
    operation = next((each for each in OPERATIONS if each.name == name), None) or next(
        each for each in OPERATIONS if each.path == "/pay/{payment_id}/status"
    )
    request = _event(operation, **given)

    def view() -> Any:
        return received(operation, request)

    answer = guarded(request, view)
    assert answer.status_code == status
    str(answer.body).encode()
    assert api.world.log.alarms() == []


def test_a_nodes_half_character_stops_neither_a_document_nor_a_line_of_the_log() -> None:
    """Text that others wrote is stored and logged: it must not make a writer fail."""
    tip = Tip(chain="anvil", failure="a node said \ud800")
    assert decode(Tip, encode(tip)).failure == "a node said ?"
    line = Line().format(logging.LogRecord("x", logging.ERROR, "x.py", 1, "it said \udfff", None, None))
    assert json.loads(line.encode())["message"] == "it said ?"
