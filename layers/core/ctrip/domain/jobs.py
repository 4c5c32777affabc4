"""Jobs: what one function leaves for another, and the one spelling of it for both ends."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar, get_type_hints


@dataclass(frozen=True, slots=True)
class WebhookJob:
    """Make one attempt to deliver an event to an endpoint; `event` is its ULID, `endpoint` the endpoint's id.

    The attempt 0 is to catch up: `event` is then the time from which on the endpoint gets what it missed.
    `due_at` places the row of the due index that the attempt comes from (unix milliseconds), 0 where it has none;
    `request_id` is the call that the event follows from, if any.
    """

    merchant_id: str
    event: str
    endpoint: str
    attempt: int = 1
    due_at: int = 0
    request_id: str = ""


@dataclass(frozen=True, slots=True, order=True)
class SweepJob:
    """Take what is due of one asset on a chain a step further; `asset` is a token's id, or `native`."""

    chain: str
    asset: str


@dataclass(frozen=True, slots=True)
class ScanJob:
    """Scan a chain for as long as one invocation lasts."""

    chain: str
    request_id: str = ""


Job = WebhookJob | SweepJob | ScanJob
J = TypeVar("J", WebhookJob, SweepJob, ScanJob)


def encode_job(job: Job) -> str:
    """Write a job as JSON text."""
    return json.dumps(asdict(job), separators=(",", ":"))


def decode_job(kind: type[J], body: str) -> J:
    """Read a job; raises `ValueError` for what is none, without a word of what was sent."""
    try:
        held = json.loads(body)
    except ValueError:
        held = None
    return job_of(kind, held if isinstance(held, dict) else {})


def job_of(kind: type[J], held: dict[str, Any]) -> J:
    """Read a job from its members; those it does not know are ignored, as a newer sender may add some."""
    hints = get_type_hints(kind)
    known = {each.name: held[each.name] for each in fields(kind) if each.name in held}
    for name, value in known.items():
        if type(value) is not hints[name]:
            raise ValueError(f"a job's {name} is of another type")
    try:
        return kind(**known)
    except TypeError:
        raise ValueError("a job lacks a member") from None
