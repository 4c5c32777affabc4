"""The local Invoke API answers boto3 as Lambda does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from infra.emulator.functions import Functions
from infra.emulator.lambdas import Server

from .conftest import Seen, eventually


@pytest.fixture
def client(functions: Functions) -> Iterator[Any]:
    server = Server(functions)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    client = session.client("lambda", endpoint_url=server.url)
    yield client
    client.close()
    server.shutdown()
    server.server_close()


def invoke(client: Any, name: str, kind: str = "RequestResponse") -> Any:
    return client.invoke(FunctionName=name, InvocationType=kind, Payload=json.dumps({"a": 1}))


@pytest.mark.parametrize(
    "name",
    ["toy-local-called", "toy-local-called:live", "arn:aws:lambda:us-east-1:000000000000:function:toy-local-called"],
)
def test_a_synchronous_call_returns_what_the_function_returned(client: Any, name: str) -> None:
    answer = invoke(client, name)
    assert json.loads(answer["Payload"].read())["got"] == {"a": 1}
    assert "FunctionError" not in answer


def test_the_context_has_the_timeout_and_memory_of_the_configuration(client: Any, seen: Seen) -> None:
    left = json.loads(invoke(client, "toy-local-called")["Payload"].read())["left"]
    assert 6000 < left <= 7000
    assert (seen.contexts[0].memory_limit_in_mb, seen.contexts[0].function_name) == (256, "toy-local-called")


def test_each_call_has_a_request_id_of_its_own(client: Any, seen: Seen) -> None:
    invoke(client, "toy-local-called")
    invoke(client, "toy-local-called")
    assert len({context.aws_request_id for context in seen.contexts}) == 2


def test_an_exception_is_a_function_error_inside_a_200(client: Any) -> None:
    answer = invoke(client, "toy-local-broken")
    told = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (told["errorType"], told["errorMessage"]) == ("RuntimeError", "on purpose")


def test_an_asynchronous_call_is_accepted_and_run(client: Any, seen: Seen) -> None:
    assert invoke(client, "toy-local-called", "Event")["StatusCode"] == 202
    eventually(lambda: {"a": 1} in seen.calls)


def test_an_asynchronous_call_that_fails_is_tried_twice_more(client: Any, seen: Seen) -> None:
    invoke(client, "toy-local-broken", "Event")
    eventually(lambda: seen.calls.count({"a": 1}) == 3)


def test_an_unknown_function_is_not_found(client: Any) -> None:
    for name in ("toy-local-nothing", "called", "toy-prod-called"):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            invoke(client, name)


def test_functions_that_start_together_all_run_their_middleware(functions: Functions, seen: Seen) -> None:
    threads = [functions.call_async("called", {}) for _ in range(8)]
    for thread in threads:
        thread.join()
    assert seen.calls.count("middleware") == 8
