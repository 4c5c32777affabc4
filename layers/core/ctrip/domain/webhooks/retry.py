"""When a failed delivery is tried again."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import accumulate

ANSWER_SECONDS = 15  # within which an endpoint must have answered
RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
SPREAD = 0.2
LONGEST_SECONDS = 86_400
_NUMBER = re.compile(r"[0-9]+", re.ASCII)


def in_schedule(attempt: int, age: float) -> int:
    """Return which attempt of the schedule this one is, at an event's age in seconds.

    Attempts that somebody asks for come before their time, and use up none of the schedule's.
    """
    begun = sum(planned * (1 - SPREAD) <= age for planned in accumulate(RETRY_SECONDS))
    return min(attempt, begun + 1)


def next_delay(attempt: int, spread: float, asked: int) -> int | None:
    """Return the seconds until the attempt after `attempt` (1 is the first), or None when there is none left.

    `spread` is a number from -1 to 1 chosen by the caller; `asked` is the receiver's wish, honoured up to a day.
    """
    if attempt > len(RETRY_SECONDS):
        return None
    planned = round(RETRY_SECONDS[attempt - 1] * (1 + SPREAD * spread))
    return max(planned, asked)


def seconds_asked(retry_after: str, now: int) -> int:
    """Read a Retry-After header, seconds or a date in any form of RFC 9110: the seconds from `now` (ms), at most a day.

    0 for a date that is past, and for what is neither.
    """
    text = retry_after.strip(" \t")
    if _NUMBER.fullmatch(text):
        return LONGEST_SECONDS if len(text.lstrip("0")) > 5 else min(int(text), LONGEST_SECONDS)
    try:
        at = parsedate_to_datetime(text)
        # A date without a zone is UTC: HTTP knows no other.
        until = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0
    return min(max(-int((now / 1000 - until) // 1), 0), LONGEST_SECONDS)
