"""Records which AWS actions each function needs: emulators enforce no IAM, so a policy is compared with this instead.

Switched on by CTRIP_RECORD_CALLS, which names a file: a line of JSON for each use that differs from all before it.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from infra.tools.awsenv import ACCOUNT, REGION

VARIABLE = "CTRIP_RECORD_CALLS"
# The runner's own calls, for which AWS has no role of ours.
RUNNER = "(runner)"
# A call that no function is known to have made, as from a thread that a function started.
NOBODY = "(nobody)"
UNKNOWN = "(unknown)"

Params = Mapping[str, Any]
Contexts = dict[str, list[str]]

_acting: ContextVar[str] = ContextVar("acting", default=NOBODY)


@contextmanager
def acting(function: str) -> Iterator[None]:
    """Attribute the calls of the block to a function, or to what Lambda does with that function's role."""
    token = _acting.set(function)
    try:
        yield
    finally:
        _acting.reset(token)


@dataclass(frozen=True, slots=True)
class Use:
    """One action on one resource, with the condition keys that AWS would show a policy.

    A leading key is cut after its first `#` and ends in `*` there: `P#*` stands for every payment.
    """

    action: str
    resource: str
    context: Contexts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A use, who made it, and the place in our code where it was first seen."""

    function: str
    use: Use
    where: str


class Recorder:
    """Writes each use once, at once: the runner's end is no occasion to write anything."""

    def __init__(self, path: Path) -> None:
        # The processes that hold functions write to one file, a line at a time.
        self._file = path.open("a", buffering=1)
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def note(self, service: str, operation: str, params: Params) -> None:
        """Record what a call asks for, whether or not it will succeed."""
        for use in uses(service, operation, params):
            seen = json.dumps([_acting.get(), asdict(use)])
            with self._lock:
                if seen in self._known:
                    continue
                self._known.add(seen)
                self._file.write(
                    json.dumps({"function": _acting.get(), **asdict(use), "where": _place(sys._getframe())}) + "\n"
                )


def install(path: Path) -> None:
    """Record every call that any client of this process makes from now on; PynamoDB's are such calls too."""
    from botocore.client import BaseClient

    recorder, call = Recorder(path), BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(self: Any, operation_name: str, api_params: Any) -> Any:
        recorder.note(self.meta.service_model.service_name, operation_name, api_params)
        return call(self, operation_name, api_params)

    BaseClient._make_api_call = recorded  # type: ignore[attr-defined]
    # In AWS each function is a process of its own: what one remembers saves no other a call. The gateway is not
    # imported yet; what it keeps by @cache, its stores and queues among it, is kept for each function apart.
    functools.cache = _cache_of_each(functools.cache)


def _cache_of_each(cache: Callable[..., Any]) -> Callable[..., Any]:
    def apart(function: Callable[..., Any]) -> Callable[..., Any]:
        if not function.__module__.startswith(("ctrip", "functions")):
            return cache(function)  # type: ignore[no-any-return]
        held = cache(lambda _, *args, **named: function(*args, **named))
        return functools.wraps(function)(lambda *args, **named: held(_acting.get(), *args, **named))

    return apart


def read(path: Path) -> list[Recorded]:
    """Read a record; a line that is being written is left for the next time."""
    lines = [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [
        Recorded(line["function"], Use(line["action"], line["resource"], line["context"]), line["where"])
        for line in lines
    ]


def uses(service: str, operation: str, params: Params) -> list[Use]:
    """What a call asks IAM for. Source: the Service Authorization Reference, a page for each service."""
    known = _SERVICES.get(service)
    return known(operation, params) if known else [Use(f"{service}:{operation}", UNKNOWN)]


# -- DynamoDB

_INNER = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_LEADING, _ENCLOSING = "dynamodb:LeadingKeys", "dynamodb:EnclosingOperation"
_EQUALS = re.compile(r"([#\w]+) = (:\w+)")


def _dynamodb(operation: str, params: Params) -> list[Use]:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        # All keys of one action on one table are shown together: a policy that takes them so takes each alone too.
        touched: dict[tuple[str, str], set[str]] = {}
        for item in params["TransactItems"]:
            for kind, body in item.items():
                touched.setdefault((_INNER[kind], body["TableName"]), set()).add(
                    _leading(body.get("Key") or body["Item"])
                )
        enclosing = {_ENCLOSING: [operation]}
        return [_on_table(action, table, keys, enclosing) for (action, table), keys in touched.items()]
    if operation == "BatchGetItem":
        return [
            _on_table(operation, table, {_leading(key) for key in asked["Keys"]})
            for table, asked in params["RequestItems"].items()
        ]
    if operation == "BatchWriteItem":
        return [
            _on_table(operation, table, {_leading(_of_batch(each)) for each in asked})
            for table, asked in params["RequestItems"].items()
        ]
    if operation == "Query":
        index = params.get("IndexName")
        return [_on_table(operation, params["TableName"], {_queried(params)}, index=index)]
    if operation in {"GetItem", "PutItem", "UpdateItem", "DeleteItem"}:
        return [_on_table(operation, params["TableName"], {_leading(params.get("Key") or params["Item"])})]
    if set(params) >= {"TableName"}:
        return [_on_table(operation, params["TableName"], set())]
    return [Use(f"dynamodb:{operation}", UNKNOWN)]


def _on_table(action: str, table: str, keys: set[str], more: Contexts | None = None, index: str | None = None) -> Use:
    resource = _arn("dynamodb", f"table/{table}" + (f"/index/{index}" if index else ""))
    return Use(f"dynamodb:{action}", resource, ({_LEADING: sorted(keys)} if keys else {}) | (more or {}))


def _of_batch(request: Params) -> Params:
    found: Params = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return found


def _leading(attributes: Params) -> str:
    return _cut(attributes["pk"]["S"]) if "pk" in attributes else UNKNOWN


def _queried(params: Params) -> str:
    names, values = params.get("ExpressionAttributeNames", {}), params.get("ExpressionAttributeValues", {})
    partition = f"{params['IndexName']}_pk" if params.get("IndexName") else "pk"
    for name, value in _EQUALS.findall(params.get("KeyConditionExpression", "")):
        if names.get(name, name) == partition:
            return _cut(values[value]["S"])
    return UNKNOWN


def _cut(key: str) -> str:
    head, separator, _ = key.partition("#")
    return f"{head}#*" if separator else head


# -- the others


def _sqs(operation: str, params: Params) -> list[Use]:
    # A batch is authorised as its single form.
    queue = params.get("QueueName") or str(params.get("QueueUrl", UNKNOWN)).rsplit("/", 1)[-1]
    return [Use(f"sqs:{operation.removesuffix('Batch')}", _arn("sqs", queue))]


def _lambda(operation: str, params: Params) -> list[Use]:
    name = str(params.get("FunctionName", UNKNOWN)).rsplit("function:", 1)[-1].split(":", 1)[0]
    action = "InvokeFunction" if operation in {"Invoke", "InvokeAsync"} else operation
    return [Use(f"lambda:{action}", _arn("lambda", f"function:{name}"))]


def _secretsmanager(operation: str, params: Params) -> list[Use]:
    given = str(params.get("SecretId", UNKNOWN))
    # Secrets Manager ends every ARN in a hyphen and six characters of its own.
    name = given if not given.startswith("arn:") else given.rsplit(":secret:", 1)[-1][:-7]
    return [Use(f"secretsmanager:{operation}", _arn("secretsmanager", f"secret:{name}"))]


def _kms(operation: str, params: Params) -> list[Use]:
    given = str(params.get("KeyId") or UNKNOWN)
    # A symmetric ciphertext names its key by itself; whoever decrypts without one is asked to name it here.
    resource = given if given.startswith("arn:") else _arn("kms", given if "/" in given else f"key/{given}")
    bound = sorted(params.get("EncryptionContext", {}))
    return [Use(f"kms:{operation}", resource, {"kms:EncryptionContextKeys": bound} if bound else {})]


_SERVICES: dict[str, Callable[[str, Params], list[Use]]] = {
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "lambda": _lambda,
    "secretsmanager": _secretsmanager,
    "kms": _kms,
}


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def _place(frame: FrameType | None) -> str:
    """Name the place in our own code that is nearest to the call."""
    while frame:
        path = frame.f_code.co_filename
        for ours in ("/ctrip/", "/functions/"):
            if ours in path and "/store/database.py" not in path and "site-packages" not in path:
                return f"{ours[1:] if ours == '/functions/' else ''}{path.rsplit(ours, 1)[1]}:{frame.f_lineno}"
        frame = frame.f_back
    return threading.current_thread().name
