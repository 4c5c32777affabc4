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
    event = json.loads(payload or "null")
    by, messages = _trigger(event if isinstance(event, dict) else {})
    # The names alone: values are the application's.
    names = sorted(event) if by == "call" and isinstance(event, dict) else []
    facts = {"by": by, "messages": messages, "names": names, "seconds": round(seconds, 3), "failed": failed}
    _note(what="invoke", function=function, **facts)


def _trigger(event: dict[str, Any]) -> tuple[str, int]:
    """Return what an event comes from, and how many messages it holds."""
    if "httpMethod" in event and "requestContext" in event:
        return "API Gateway", 0
    if records := event.get("Records"):
        return f"event source {records[0].get('eventSource', 'unknown')}", len(records)
    return ("EventBridge rule" if event.get("source") == "aws.events" else "call"), 0


def _note(**facts: Any) -> None:
    if path := os.environ.get(FILE):
        with _WRITING, open(path, "a") as file:
            file.write(json.dumps(facts) + "\n")
