"""What went through which of LocalStack's services: its own log of requests, and what the executor noted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_CALL = re.compile(r"localstack\.request\.aws\s*: AWS (\w+)\.(\w+) => (\d+)")
# Of the deployment and of the tests' own questions: what functions do is told.
_ADMINISTRATION = frozenset({"cloudformation", "iam", "s3", "sts", "logs", "apigateway", "sns", "ssm"})


def records(path: Path) -> list[dict[str, Any]]:
    """Read what the functions ran on, in the order of their ends."""
    # The last line may be being written.
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def calls(log: Path) -> Counter[tuple[str, str]]:
    """Count the calls of services that succeeded."""
    found = (_CALL.search(line) for line in log.read_text(errors="replace").splitlines())
    return Counter((each[1], each[2]) for each in found if each and each[3] == "200")


def report(ran: Iterable[dict[str, Any]], called: Counter[tuple[str, str]]) -> Iterator[str]:
    """Tell it, a line each."""
    ran = list(ran)
    by, messages = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for each in ran:
        if each["what"] == "invoke":
            trigger = "smoke test" if each["names"] == ["ctrip_smoke"] else each["by"]
            by[trigger, each["function"]] += 1
            messages[trigger, each["function"]] += each["messages"]
    for (trigger, function), number in sorted(by.items()):
        carried = messages[trigger, function]
        yield f"  {trigger:<22} {function:<26} {number:>5} times" + (f", {carried} messages" if carried else "")
    starts = [each["seconds"] for each in ran if each["what"] == "init" and not each["failed"]]
    if starts:
        yield f"  {'INIT':<22} {len(starts)} environments, {min(starts):.1f} to {max(starts):.1f} s each"
    for service in sorted({service for service, _ in called} - _ADMINISTRATION):
        own = Counter({operation: number for (held, operation), number in called.items() if held == service})
        yield f"  {service:<22} " + ", ".join(f"{operation} {number}" for operation, number in own.most_common())
