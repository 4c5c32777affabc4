"""Whoever deploys says yes to what was shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from infra.tools.errors import Refused

Approve = Callable[[str], None]


def ask(question: str, env: Mapping[str, str] = os.environ) -> None:
    """Return if it is approved, by APPROVE=1 or by a person's yes; raises `Refused` otherwise."""
    if env.get("APPROVE") == "1":
        return
    if not sys.stdin.isatty():
        raise Refused(f"{question} Nobody is here to say yes, and APPROVE=1 was not given: not approved.")
    try:
        answer = input(f"{question} Type yes to go on: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise Refused("not approved.")
