"""CPU of creating a payment: the whole Lambda handler, with AWS answering from memory.

A program of its own, since it needs a fresh process: a running gateway answers the first creations for real, and what
it answered is played back, at botocore's transport, to the measured ones. `--profile` prints where the time went.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from infra.emulator.functions import API, Functions, load_config
from infra.stack import wallet
from infra.stack.handle import find
from infra.tools.awsenv import aws_env
from infra.tools.process import ROOT

REAL, WARM, MEASURED = 3, 50, 500

Send = Callable[[AWSPreparedRequest], AWSResponse]


class _Body:
    """A body that has arrived."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield it as urllib3 would."""
        yield self._content


class Recorder:
    """What AWS answered last, by service, operation and item."""

    def __init__(self, real: Send) -> None:
        self._real, self._known = real, dict[tuple[str, str], tuple[int, Any, bytes]]()
        self.playing, self.calls = False, 0

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Pass on and remember, or play back."""
        operation = str(request.headers.get("X-Amz-Target", request.url))
        item = json.loads(request.body) if isinstance(request.body, bytes | str) and request.body else {}
        # A transaction is a new one each time; what reads or counts up is told apart by its item.
        key = (operation, json.dumps(item.get("Key")))
        self.calls += 1
        if not self.playing:
            answer = self._real(request)
            self._known[key] = (answer.status_code, answer.headers, answer.content)
            return answer
        status, headers, content = self._known[key]
        return AWSResponse(request.url, status, headers, _Body(content))


def main() -> int:
    """Measure, and print the figures as JSON."""
    gateway = find()
    about = gateway.about
    gateway.create(chain="anvil", amount=1)  # opens the chain, so that no creation below has to start a scan
    functions = _functions(about)
    session = URLLib3Session.send
    transport = URLLib3Session()
    recorder = Recorder(lambda request: session(transport, request))
    setattr(URLLib3Session, "send", lambda _, request: recorder.send(request))  # noqa: B010 - types know no patching
    event = _event(about)
    for _ in range(REAL):
        _create(functions, event)
    recorder.playing = True
    for _ in range(WARM):
        _create(functions, event)
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(_create_many, functions, event)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
        return 0
    before = recorder.calls
    begun = time.process_time()
    _create_many(functions, event)
    spent = time.process_time() - begun
    calls = (recorder.calls - before) / MEASURED
    print(json.dumps({"ms": spent / MEASURED * 1000, "aws_calls": calls, "bare_ms": _bare(recorder)}))
    return 0


def _bare(recorder: Recorder) -> float:
    """What one call costs by itself: plain boto3, the same transport, the smallest request there is."""
    dynamodb = boto3.client("dynamodb")
    recorder.playing = False
    dynamodb.list_tables()
    recorder.playing = True
    begun = time.process_time()
    for _ in range(MEASURED):
        dynamodb.list_tables()
    return (time.process_time() - begun) / MEASURED * 1000


def _functions(about: dict[str, Any]) -> Functions:
    os.environ |= aws_env(about["aws_endpoint_url"]) | {"CTRIP_STAGE": "local", "CTRIP_CHAINS": "anvil"}
    os.environ["CTRIP_TREASURY"] = about["chains"]["anvil"]["treasury"]
    os.environ["CTRIP_VERIFYING_KEY"] = wallet.verifying_key()
    sys.path.insert(0, str(ROOT))
    import app as module

    return Functions(module.app, "local", load_config(ROOT, "local"))


def _create_many(functions: Functions, event: dict[str, Any]) -> None:
    for _ in range(MEASURED):
        _create(functions, event)


def _create(functions: Functions, event: dict[str, Any]) -> None:
    answer = functions.app(event, functions.context(API))
    if answer["statusCode"] != 201:
        raise RuntimeError(f"not created: {answer['body']}")


def _event(about: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {about['merchant']['api_key']}", "Content-Type": "application/json"}
    headers |= {"Host": "pay.example", "X-Forwarded-Proto": "https"}
    path = "/api/v1/payments"
    return {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": "POST",
            "path": f"/api{path}",
            "stage": "api",
            "requestId": "bench",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps({"chain": "anvil", "amount": 12_500_000, "asset": "USDC", "metadata": {"cart": "1042"}}),
        "isBase64Encoded": False,
    }


if __name__ == "__main__":
    sys.exit(main())
