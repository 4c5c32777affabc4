"""What goes wrong between a store and DynamoDB, on demand."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from ctrip.store.engine.connection import Connection


class PatientClock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits = 0

    def now(self) -> int:
        return int(self.time)

    def wait(self, seconds: float) -> None:
        self.waits += 1
        self.time += seconds * 1000


def refusing(
    connection: Connection, operation: str, times: int, code: str, *, after: int = 0, **more: Any
) -> list[int]:
    """Answer `times` calls of an operation with an error, `after` so many; nothing of them reaches DynamoDB."""
    seen: list[int] = []

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        seen.append(1)
        if not after < len(seen) <= after + times:
            return None
        body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more}
        return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.0"}, _Raw(json.dumps(body)))

    connection.client.meta.events.register_first(f"before-send.dynamodb.{operation}", refuse)
    return seen


def losing(connection: Connection, operation: str, *, arrives: bool, then: Callable[[], None] = lambda: None) -> None:
    """Break the line once: after DynamoDB has done the call (`arrives`) or before it came there; then do something."""
    event, left = ("response-received" if arrives else "before-send"), [1]

    def lose(**_: Any) -> None:
        if left:
            left.pop()
            then()
            raise ConnectionClosedError(endpoint_url="http://127.0.0.1")

    connection.client.meta.events.register_first(f"{event}.dynamodb.{operation}", lose)


def forgetting_tokens(connection: Connection) -> None:
    """Make every transaction look like a new one, as a DynamoDB does that has forgotten its tokens."""

    def forget(params: dict[str, Any], **_: Any) -> None:
        params["ClientRequestToken"] = uuid.uuid4().hex

    connection.client.meta.events.register("before-parameter-build.dynamodb.TransactWriteItems", forget)


def counting(connection: Connection) -> list[tuple[str, float]]:
    """Note each call's name and the capacity units that it took."""
    seen: list[tuple[str, float]] = []

    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        used = parsed.get("ConsumedCapacity", [])
        seen.append((model.name, sum(each["CapacityUnits"] for each in (used if isinstance(used, list) else [used]))))

    connection.client.meta.events.register("before-parameter-build.dynamodb", ask)
    connection.client.meta.events.register("after-call.dynamodb", note)
    return seen


class _Raw:
    """A body as urllib3 gives it."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def stream(self) -> Any:
        yield self._text
