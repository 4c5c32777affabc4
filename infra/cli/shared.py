"""What the groups of commands share: who acts, and how lists are read to their end."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctrip.domain.audit import Origin

EXIT_REFUSED, EXIT_UNREACHABLE = 1, 2


def origin() -> Origin:
    """Name the operator in the audit trail."""
    from ctrip.domain.audit import Origin

    return Origin(f"operator:{getpass.getuser()}")


def every(page: Callable[[str, int], Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Read a list to its end; `page` takes the cursor of a page and its size."""
    found: list[Mapping[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = page(after, 100)
        found, after = found + answer["data"], answer["next_cursor"]
    return found
