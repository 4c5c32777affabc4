"""A schedule's own event, for calls ahead of time: Chalice gives a scheduled function nothing else."""

from collections.abc import Mapping
from typing import Any


def ahead_of_time(detail: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an event with what Chalice wants to find in it."""
    return {
        "version": "0",
        "id": "ahead-of-time",
        "detail-type": "Scheduled Event",
        "source": "ctrip",
        "account": "",
        "time": "",
        "region": "",
        "resources": [],
        "detail": dict(detail or {}),
    }
