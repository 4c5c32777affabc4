"""When a try is worth another, and how long to wait before it: exponential backoff with full jitter.

Only what is safe to repeat is repeated: reading, and writing under an idempotency key, which every write has.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from ctrip_client.answers import failure
from ctrip_client.errors import ConnectionFailed

AGAIN = frozenset({429, 502, 503, 504})
FIRST_SECONDS = 0.5
LONGEST_SECONDS = 8.0
# However long the gateway asks to wait, nobody is kept longer than this in one call's pause.
PATIENCE_SECONDS = 60.0


def worth_another(outcome: httpx.Response | ConnectionFailed) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(outcome, ConnectionFailed):
        return True
    if outcome.status_code == 409:
        return failure(outcome).code == "idempotency_in_progress"
    return outcome.status_code in AGAIN


def pause(outcome: httpx.Response | ConnectionFailed, tried: int, *, jitter: float, now: float) -> float:
    """Return the seconds to wait after `tried` retries; `jitter` is a number from 0 to 1, `now` unix seconds.

    What Retry-After asks for is the least, up to a minute.
    """
    spread = jitter * min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(tried, 10))
    asked = 0.0 if isinstance(outcome, ConnectionFailed) else _asked(outcome.headers.get("Retry-After", ""), now)
    return min(asked + spread, PATIENCE_SECONDS)


def _asked(text: str, now: float) -> float:
    if re.fullmatch(r"[0-9]+", text := text.strip(" \t")):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        # A date without a zone is UTC: HTTP knows no other.
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
