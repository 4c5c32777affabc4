"""The stand-in for Lambda's own workers does what Lambda does: what the flows rest on."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest

from infra.package import runtime
from infra.tools.awsenv import ACCOUNT
from tests.e2e.stack import eventually
from tests.localstack.cloud import Cloud

CODE = """
import os, time

if os.environ.get("BREAKS"):
    raise RuntimeError("at its start")
events = 0

def handle(event, context):
    global events
    events += 1
    print("worked on", event["do"])
    if event["do"] == "sleep":
        time.sleep(60)
    if event["do"] == "crash":
        os._exit(3)
    if event["do"] == "raise":
        raise ValueError("as asked")
    return {"events": events, "left": context.get_remaining_time_in_millis(), "environment": dict(os.environ)}
"""
SECONDS = 5
Call = Callable[[str], tuple[dict[str, Any], str]]


@pytest.fixture(scope="module")
def call(cloud: Cloud) -> Call:
    """Make a small function; calling it returns its answer and its log's end."""
    return _made(cloud, "small")


def test_an_environment_is_kept_and_its_log_is_its_events_own(call: Call) -> None:
    """The same process works on one event after another, and knows how long it may."""
    first, said = call("answer")
    second, _ = call("answer")
    assert second["events"] == first["events"] + 1
    assert 0 < second["left"] <= SECONDS * 1000
    assert said.splitlines()[1] == "worked on answer"


def test_a_function_sees_lambdas_environment_and_nothing_of_this_machines(cloud: Cloud, call: Call) -> None:
    """Credentials, region and names as in Lambda; AWS is LocalStack; no folder of ours, no setting of ours."""
    environment = call("answer")[0]["environment"]
    assert environment["AWS_ENDPOINT_URL"] == cloud.env["AWS_ENDPOINT_URL"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "small"
    assert environment["LAMBDA_TASK_ROOT"] == environment["PYTHONPATH"]
    assert not [name for name in environment if name.startswith(("CTRIP_", "PYTEST_", "VIRTUAL_ENV", "GATEWAY_"))]


def test_an_error_is_the_functions_own(call: Call) -> None:
    """What it raises is answered as Lambda answers it, and the environment goes on."""
    before = call("answer")[0]["events"]
    failed, _ = call("raise")
    assert (failed["errorType"], failed["errorMessage"]) == ("ValueError", "as asked")
    assert call("answer")[0]["events"] == before + 2


def test_a_crash_is_followed_by_a_new_process(call: Call) -> None:
    """The event is answered with the exit status; the next event finds a process that has just begun."""
    call("answer")
    failed, _ = call("crash")
    assert failed["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in failed["errorMessage"]
    assert call("answer")[0]["events"] == 1


def test_who_takes_too_long_is_ended(call: Call) -> None:
    """At the function's timeout its process is killed; the next event finds a new one."""
    failed, _ = call("sleep")
    assert failed["errorType"] == "Sandbox.Timedout"
    assert "timed out after 5.00 seconds" in failed["errorMessage"]
    assert call("answer")[0]["events"] == 1


def test_a_module_that_breaks_at_its_start_answers_each_call_so(cloud: Cloud) -> None:
    """INIT's error is the answer."""
    failed, _ = _made(cloud, "broken", BREAKS="1")("answer")
    assert (failed["errorType"], failed["errorMessage"]) == ("RuntimeError", "at its start")


@pytest.mark.parametrize(
    "foreign",
    [
        {"Runtime": "python3.9"},
        {"Architectures": [each for each in runtime.ARCHITECTURES if each != runtime.here()]},
    ],
    ids=["another Python", "another processor"],
)
def test_what_this_machine_cannot_run_does_not_become_active(cloud: Cloud, foreign: dict[str, Any]) -> None:
    """An archive of another processor's or Python's libraries is not run with this one's."""
    client, name = cloud.client("lambda"), f"foreign-{next(iter(foreign))}"
    client.create_function(**_function(name) | foreign)
    failed = eventually(lambda: _unless_pending(client, name), what="the function's end")
    assert failed["State"] == "Failed", failed


def _made(cloud: Cloud, name: str, **variables: str) -> Call:
    client = cloud.client("lambda")
    client.create_function(**_function(name), Environment={"Variables": variables})
    assert eventually(lambda: _unless_pending(client, name), what="the function")["State"] == "Active"

    def call(do: str) -> tuple[dict[str, Any], str]:
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"do": do}), LogType="Tail")
        return json.load(answer["Payload"]), b64decode(answer.get("LogResult", "")).decode()

    return call


def _function(name: str) -> dict[str, Any]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("small.py", CODE)
    return {
        "FunctionName": name,
        "Runtime": f"python{'.'.join(map(str, sys.version_info[:2]))}",
        "Architectures": [runtime.here()],
        "Role": f"arn:aws:iam::{ACCOUNT}:role/none",
        "Handler": "small.handle",
        "Timeout": SECONDS,
        "Code": {"ZipFile": archive.getvalue()},
    }


def _unless_pending(client: Any, name: str) -> dict[str, Any] | None:
    now = client.get_function_configuration(FunctionName=name)
    return None if now["State"] == "Pending" else dict(now)
