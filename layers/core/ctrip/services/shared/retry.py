"""Decide anew where what a decision stood on has moved on."""

from collections.abc import Callable
from typing import TypeVar

from ctrip.domain.errors import CtripError, Stale

T = TypeVar("T")


def on_stale(attempt: Callable[[], T], *, tries: int, otherwise: CtripError) -> T:
    """Make an attempt that reads, decides and commits; raises `otherwise` where each one found its reading outdated."""
    for _ in range(tries):
        try:
            return attempt()
        except Stale:
            continue
    raise otherwise
