"""The shape of an answer: its keys and the types of its values, recursively."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parent.parent / "vectors" / "tron"


def recorded(name: str) -> Any:
    """Return what a real node has answered."""
    held = json.loads((RECORDED / f"{name}.json").read_text())
    return held["response"] if isinstance(held, dict) and "response" in held else held


def differences(answer: Any, wanted: Any, path: str = "") -> list[str]:
    """Name each place where an answer has another shape than a recorded one.

    An item of a list must have the shape of one of the recorded items; that some of those are absent is no difference.
    """
    if isinstance(answer, dict) and isinstance(wanted, dict):
        found = [f"{path}.{key} is missing" for key in sorted(wanted.keys() - answer.keys())]
        found += [f"{path}.{key} is extra" for key in sorted(answer.keys() - wanted.keys())]
        for key in sorted(answer.keys() & wanted.keys()):
            found += differences(answer[key], wanted[key], f"{path}.{key}")
        return found
    if isinstance(answer, list) and isinstance(wanted, list):
        return [line for place, each in enumerate(answer) for line in _nearest(each, wanted, f"{path}[{place}]")] or (
            [f"{path} is empty"] if wanted and not answer else []
        )
    if type(answer) is not type(wanted):
        return [f"{path} is {type(answer).__name__}, not {type(wanted).__name__}"]
    return []


def _nearest(item: Any, wanted: list[Any], path: str) -> list[str]:
    if not wanted:
        return [f"{path} is extra"]
    return min((differences(item, each, path) for each in wanted), key=len)
