"""Handlers that are loaded when they are first called: each function of a stage reads the whole table of triggers."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def late(name: str) -> Callable[..., Any]:
    """Return a handler of `functions`, named with its module; that it is there, a test asserts."""
    module, own = name.split(".")

    def handle(*given: Any) -> Any:
        return getattr(import_module(f"functions.{module}"), own)(*given)

    return handle
