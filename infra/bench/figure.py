"""One measured figure, and how people and programs read it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value in a unit; `goal` is the most that it should be, or `at_least` so much, None where it is only told."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    detail: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def line(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self) | {"value": round(self.value, 3), "met": self.met})

    def row(self) -> str:
        """Return it as a row of the table."""
        goal = "" if self.goal is None else f"{'>=' if self.at_least else '<='} {self.goal:g}"
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"  {self.name:<46} {self.value:>9.2f} {self.unit:<6} {goal:>8}  {verdict:<7} {self.detail}".rstrip()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
