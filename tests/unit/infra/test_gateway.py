"""The local API Gateway translates as the real one does."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest

from infra.emulator.functions import Functions
from infra.emulator.gateway import BODY_LIMIT, Gateway

from .conftest import Seen


@pytest.fixture
def gateway(functions: Functions) -> Gateway:
    return Gateway(functions)


def ask(
    gateway: Gateway, method: str, target: str, body: bytes = b"", **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": headers.pop("length", str(len(body))),
        "HTTP_HOST": "localhost",
        **{
            f"HTTP_{name.upper()}" if name != "content_type" else "CONTENT_TYPE": text for name, text in headers.items()
        },
    }
    started: list[Any] = []
    chunks = gateway(environ, lambda status, pairs: started.extend([status, pairs]))
    return int(started[0].split()[0]), started[1], b"".join(chunks)


def event_of(gateway: Gateway, method: str, target: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    status, _, answer = ask(gateway, method, target, body, **headers)
    assert status == 200, answer
    event: dict[str, Any] = json.loads(answer)["event"]
    return event


def test_query_parameters_arrive_decoded_and_repeated(gateway: Gateway) -> None:
    event = event_of(gateway, "GET", "/items/a?x=1&x=2%20y&empty=")
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2 y"], "empty": [""]}
    assert event["queryStringParameters"] == {"x": "2 y", "empty": ""}


def test_no_query_parameters_are_null(gateway: Gateway) -> None:
    event = event_of(gateway, "GET", "/items/a")
    assert event["multiValueQueryStringParameters"] is None
    assert event["queryStringParameters"] is None


def test_the_context_path_includes_the_stage_and_the_event_path_does_not(gateway: Gateway) -> None:
    event = event_of(gateway, "GET", "/items/a")
    context = event["requestContext"]
    assert (event["path"], context["path"], context["resourcePath"]) == ("/items/a", "/api/items/a", "/items/{name}")
    assert context["identity"]["sourceIp"] == "127.0.0.1"


def test_an_escaped_slash_stays_inside_its_parameter(gateway: Gateway) -> None:
    assert event_of(gateway, "GET", "/items/a%2Fb")["pathParameters"] == {"name": "a/b"}


def test_a_trailing_slash_is_accepted(gateway: Gateway) -> None:
    """It finds the same function, and stays in the event, as a signature may cover it."""
    event = event_of(gateway, "GET", "/items/a/")
    assert (event["resource"], event["path"], event["pathParameters"]) == ("/items/{name}", "/items/a/", {"name": "a"})


def test_a_literal_path_goes_before_a_parameter(gateway: Gateway) -> None:
    assert json.loads(ask(gateway, "GET", "/items/first")[2]) == {"name": "literal"}


def test_text_bodies_arrive_as_text_and_default_to_json(gateway: Gateway) -> None:
    event = event_of(gateway, "POST", "/items/a", '{"é": 1}'.encode())
    assert (event["body"], event["isBase64Encoded"]) == ('{"é": 1}', False)
    assert event["headers"]["Content-Type"] == "application/json"


def test_headers_arrive_once_and_as_lists(gateway: Gateway) -> None:
    event = event_of(gateway, "GET", "/items/a", x_key_id="k")
    assert event["headers"]["X-Key-Id"] == "k"
    assert event["multiValueHeaders"]["X-Key-Id"] == ["k"]


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/items", 404, "not_found"),
        ("GET", "/items//", 404, "not_found"),
        ("DELETE", "/items/a", 405, "method_not_allowed"),
        ("HEAD", "/items/a", 405, "method_not_allowed"),
        ("OPTIONS", "/page", 405, "method_not_allowed"),
    ],
)
def test_its_own_errors_have_the_shape_of_all_others(
    gateway: Gateway, method: str, target: str, status: int, code: str
) -> None:
    got, headers, body = ask(gateway, method, target)
    assert got == status
    request_id = dict(headers)["X-Request-Id"]
    if method == "HEAD":
        assert body == b""
        return
    told = json.loads(body)
    assert told == {"detail": told["detail"], "code": code, "errors": [], "request_id": request_id}


def test_a_body_over_ten_megabytes_is_refused_unread(gateway: Gateway) -> None:
    status, _, body = ask(gateway, "POST", "/items/a", length=str(BODY_LIMIT + 1))
    assert (status, json.loads(body)["code"]) == (413, "payload_too_large")


def test_preflight_is_answered_without_the_function(gateway: Gateway, seen: Seen) -> None:
    status, headers, _ = ask(gateway, "OPTIONS", "/items/a")
    assert status == 200
    assert dict(headers)["Access-Control-Allow-Origin"] == "*"
    assert dict(headers)["Access-Control-Allow-Methods"] == "GET,OPTIONS,POST"
    assert seen.calls == []


def test_a_header_with_several_values_is_sent_several_times(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, "GET", "/page")
    assert [value for name, value in headers if name == "X-Many"] == ["a", "b"]
    assert ("Content-Type", "text/html; charset=utf-8") in headers
    assert body == b"<p>"


def test_requests_that_run_at_once_keep_their_own_request(gateway: Gateway, seen: Seen) -> None:
    answers: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(json.loads(ask(gateway, "GET", f"/wait/n{n}")[2])))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    seen.release.set()
    for thread in threads:
        thread.join()
    assert sorted(answer["name"] for answer in answers) == [f"n{n}" for n in range(8)]
    assert all(answer["name"] == answer["request"] for answer in answers)
