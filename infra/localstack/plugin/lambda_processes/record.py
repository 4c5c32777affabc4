"""Notes what ran, and what it was triggered by, a JSON line each: for the log that `make localstack` prints."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

FILE = "LAMBDA_PROCESS_RECORD"
_WRITING = threading.Lock()


def began(function: str, seconds: float, *, failed: bool) -> None:
    """Note that an environment was started."""
    _note(what="init", function=function, seconds=round(seconds, 3), failed=failed)


def invoked(function: str, payload: str, seconds: float, failed: bool) -> None:
    """Note that an event was worked on."""
    by, messages = _trigger(payload)
    _note(what="invoke", function=function, by=by, messages=messages, seconds=round(seconds, 3), failed=failed)


def _trigger(payload: str) -> tuple[str, int]:
    """Return what an event comes from, and how many messages it holds."""
    event = json.loads(payload or "null")
    if not isinstance(event, dict):
        return "call", 0
    if "httpMethod" in event and "requestContext" in event:
        return "API Gateway", 0
    if records := event.get("Records"):
        return f"event source {records[0].get('eventSource', 'unknown')}", len(records)
    return ("EventBridge rule" if event.get("source") == "aws.events" else "call"), 0


def _note(**facts: Any) -> None:
    if path := os.environ.get(FILE):
        with _WRITING, open(path, "a") as file:
            file.write(json.dumps(facts) + "\n")
