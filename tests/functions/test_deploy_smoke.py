"""What make deploy tries a stage with, against the app itself: each check sees what works, and what does not."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

import app
from functions import signer
from infra.deploy import smoke
from tests.functions.conftest import KEY, Api

CONTEXT = SimpleNamespace(aws_request_id="smoke", function_name="ctrip-local-api_handler")

PERMITTED = {"writes": ["PutItem P#"], "outcome": "permitted", "role": "", "reason": ""}


class Functions:
    """The stage's functions, invoked in this process."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.failing: dict[str, str] = {}
        self.denied: dict[str, dict[str, str]] = {}

    def client(self, service: str) -> Any:
        assert service == "lambda"
        return self

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's own
        name = FunctionName.removeprefix("ctrip-local-")
        smoked = json.loads(Payload).get("ctrip_smoke")
        # A smoke event needs no mnemonic.
        if name in self.failing and not (smoked and self.failing[name] == "ResourceNotFoundException"):
            answer: Any = {"errorType": self.failing[name], "errorMessage": "x"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(answer).encode())}
        if smoked:
            answer = {"attempts": [PERMITTED | self.denied.get(name, {})], "all_keys_shown": False}
        elif name == "signer":
            answer = signer.handle(json.loads(Payload), None)
        else:
            answer = app.app(json.loads(Payload), CONTEXT)
            self.api.world.deliver_all()
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def functions(api: Api, monkeypatch: pytest.MonkeyPatch) -> Functions:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(smoke, "PAUSE", 0.0)
    return Functions(api)


def tried(functions: Functions, key: str = KEY) -> tuple[bool, dict[str, str]]:
    lines: list[str] = []
    right = smoke.run(functions, "local", lines.append, {"CTRIP_API_KEY": key})  # type: ignore[arg-type]
    return right, {line.split(": ")[1]: line.split(": ", 2)[2] for line in lines}


def test_all_of_a_working_stage_is_seen(functions: Functions) -> None:
    """A payment is created and cancelled, the signer asked for an address, a test event sent and its delivery seen."""
    functions.api.call("POST", "/api/v1/webhooks", {"url": "https://shop.example/webhooks"})
    right, seen = tried(functions)
    assert right
    assert seen["API"] == "GET /health answered 200"
    assert "0x" in seen["signer"]
    (payment,) = functions.api.call("GET", "/api/v1/payments").json["data"]
    assert (payment["id"] in seen["payment"], payment["status"]) == (True, "expired")
    assert "answered 204" in seen["webhook"]


def test_a_role_that_may_not_write_what_its_function_writes_is_named(functions: Functions) -> None:
    functions.denied["scan"] = {"outcome": "denied", "role": "ctrip-local-ScanRole-1"}
    right, seen = tried(functions)
    assert not right
    assert "scan" in seen["rights"]
    assert "ctrip-local-ScanRole-1" in seen["rights"]


def test_what_is_not_set_up_yet_is_no_failure(functions: Functions) -> None:
    """No key, no endpoint, no mnemonic: the first deployment of a stage."""
    functions.failing["signer"] = "ResourceNotFoundException"
    right, seen = tried(functions, "")
    assert right
    assert [name for name, said in seen.items() if said.startswith("not tried")] == [
        *("API Gateway", "signer", "payment", "webhook")
    ]
    _, seen = tried(functions)
    assert seen["webhook"].startswith("not tried: the merchant has no enabled webhook endpoint")


@pytest.mark.parametrize(
    ("function", "checks"), [("api_handler", {"API", "rights", "payment", "webhook"}), ("signer", {"signer", "rights"})]
)
def test_a_function_that_breaks_is_wrong(functions: Functions, function: str, checks: set[str]) -> None:
    functions.failing[function] = "ImportModuleError"
    right, seen = tried(functions)
    assert not right
    assert {name for name, said in seen.items() if "WRONG" in said and "ImportModuleError" in said} == checks


def test_a_key_that_is_none_is_wrong(functions: Functions) -> None:
    """It is said with the API's own code, and the key is not shown."""
    right, seen = tried(functions, "ctrip_unknownkey0_0123456789abcdefghijkl")
    assert not right
    assert "401" in seen["payment"]
    assert "unknownkey" not in str(seen)
