"""Tries a deployed stage, by its own functions and so with their roles.

The functions are called directly, as an emulator's API Gateway has addresses of its own; where there is an address, API
Gateway is asked over the network too.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deploy.aws import Aws
from infra.deploy.stack import Stack

DELIVERY_SECONDS = 60.0
PAUSE = 1.0


class NotTried(Exception):
    """Something that the check needs is not set up yet; the stage may be as it should be."""


class Wrong(Exception):
    """The stage does not do what it should."""


class Broke(Wrong):
    """A function raised an error, which is named by its type."""

    def __init__(self, function: str, kind: str) -> None:
        super().__init__(f"{function} failed: {kind}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's functions, called as API Gateway and the other functions call them."""

    aws: Aws
    name: str
    api_key: str = ""

    def call(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call a function; raises `Broke` with the name of the error that escaped it."""
        name = f"ctrip-{self.name}-{function}"
        answer = self.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise Broke(name, str(payload.get("errorType", "unknown")) if isinstance(payload, dict) else "unknown")
        return payload

    def ask(self, method: str, route: str, body: Mapping[str, Any] | None = None, **path: str) -> Answer:
        """Ask the API; `route` is its template, `path` what fills it, and the key is sent where there is one."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        answer = self.call("api_handler", _proxied(method, route, path, headers, body))
        return Answer(int(answer["statusCode"]), json.loads(answer["body"] or "{}"))


def run(aws: Aws, stage: str, say: Callable[[str], None], env: Mapping[str, str] = os.environ) -> bool:
    """Try everything, say how each went, and return whether nothing was wrong."""
    there = Stage(aws, stage, env.get("CTRIP_API_KEY", ""))
    right = True
    for name, check in CHECKS.items():
        try:
            say(f"smoke: {name}: {check(there)}")
        except NotTried as reason:
            say(f"smoke: {name}: not tried: {reason}")
        except Wrong as problem:
            say(f"smoke: {name}: WRONG: {problem}")
            right = False
    return right


def _lives(stage: Stage) -> str:
    answer = stage.ask("GET", "/health")
    if (answer.status, answer.body) != (200, {"status": "ok"}):
        raise Wrong(f"GET /health answered {answer.status}")
    return "GET /health answered 200"


def _reached(stage: Stage) -> str:
    """Ask over the network, through API Gateway."""
    if os.environ.get("AWS_ENDPOINT_URL"):
        raise NotTried("AWS_ENDPOINT_URL leads to an emulator, whose API Gateway has other addresses")
    address = Stack(stage.aws, f"ctrip-{stage.name}").output("EndpointURL")
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        raise Wrong(f"{address} cannot be reached: {error}") from error
    if status != 200:
        raise Wrong(f"{address} answered {status}")
    return f"{address} answered 200"


def _signer(stage: Stage) -> str:
    """Ask the signer for the extended key that the gas station's address comes from: it must read its mnemonic."""
    from ctrip.domain.chains.kinds import FIRST, address_at

    try:
        answer = stage.call("signer", {"op": "xpub", "kind": FIRST.kind, "account": 0})
    except Broke as error:
        if error.kind == "ResourceNotFoundException":
            raise NotTried("the stage has no mnemonic yet") from error
        raise
    if "xpub" not in answer:
        raise Wrong(f"it answered {', '.join(answer) or 'nothing'}")
    return f"the gas station is {address_at(FIRST, answer['xpub'], 1)}"


def rights(stage: Stage) -> str:
    """Have each function try its own writes, none of which can succeed, by its own role."""
    from ctrip.store.smoke import TRANSACTIONS

    tried, denied, shown = 0, list[str](), False
    for function in TRANSACTIONS:
        report = stage.call(function, {"ctrip_smoke": True})
        tried += len(report["attempts"])
        shown = shown or report["all_keys_shown"]
        for each in report["attempts"]:
            if each["outcome"] != "permitted":
                why = each["reason"] or f"denied to the role {each['role']}"
                denied.append(f"{function}: {' with '.join(each['writes'])}: {why}")
    if denied:
        fallback = (
            "; AWS shows each write all keys of its transaction: deploy with TableWideWrites=yes" if shown else ""
        )
        raise Wrong("; ".join(denied) + fallback)
    return f"{tried} transactions of {len(TRANSACTIONS)} functions are permitted to their roles"


def _payment(stage: Stage) -> str:
    """Create a payment, and cancel it."""
    _need_key(stage)
    chains = _right(stage.ask("GET", "/api/v1/chains"), 200)["data"]
    wanted = {"chain": chains[0]["id"], "amount": "1000000000000000", "description": "a smoke test; do not pay"}
    made = _right(stage.ask("POST", "/api/v1/payments", wanted), 201)
    _right(stage.ask("POST", "/api/v1/payments/{payment_id}/cancel", payment_id=made["id"]), 200)
    return f"{made['id']} on {made['chain']} was created and cancelled"


def _webhook(stage: Stage) -> str:
    """Have a test event sent to the merchant's endpoint, and wait for its delivery to be tried."""
    _need_key(stage)
    endpoints = _right(stage.ask("GET", "/api/v1/webhooks"), 200)["data"]
    enabled = [each["id"] for each in endpoints if each["enabled"]]
    if not enabled:
        raise NotTried("the merchant has no enabled webhook endpoint")
    sent = _right(stage.ask("POST", "/api/v1/webhooks/{endpoint_id}/test", endpoint_id=enabled[0]), 202)
    deadline = time.monotonic() + DELIVERY_SECONDS
    while time.monotonic() < deadline:
        page = stage.ask("GET", "/api/v1/webhooks/{endpoint_id}/deliveries", endpoint_id=enabled[0])
        for each in _right(page, 200)["data"]:
            if each["event_id"] == sent["id"] and each["attempt"]:
                return f"a test event was sent; the endpoint answered {each['status_code'] or each['error']}"
        time.sleep(PAUSE)
    raise Wrong(f"a test event was not sent within {DELIVERY_SECONDS:.0f} s")


CHECKS: dict[str, Callable[[Stage], str]] = {
    "API": _lives,
    "API Gateway": _reached,
    "rights": rights,
    "signer": _signer,
    "payment": _payment,
    "webhook": _webhook,
}


def _need_key(stage: Stage) -> None:
    if not stage.api_key:
        raise NotTried("CTRIP_API_KEY names no merchant's key")


def _right(answer: Answer, status: int) -> dict[str, Any]:
    if answer.status != status:
        raise Wrong(f"{answer.status} {answer.body.get('code')}: {answer.body.get('detail')}")
    return answer.body


def _proxied(
    method: str, route: str, path: Mapping[str, str], headers: Mapping[str, str], body: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Spell a request as API Gateway hands it on."""
    asked = route.format(**path)
    return {
        "resource": route,
        "path": asked,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(path) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": f"/api{asked}",
            "stage": "api",
            "requestId": str(uuid.uuid4()),
            "domainName": "smoke.invalid",
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "ctrip-smoke"},
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }
