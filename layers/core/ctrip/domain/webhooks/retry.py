"""When a failed delivery is tried again."""

RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
SPREAD = 0.2


def next_delay(attempt: int, spread: float, retry_after: int | None) -> int | None:
    """Return the seconds until the attempt after `attempt` (1 is the first), or None when there is none left.

    `spread` is a number from -1 to 1 chosen by the caller; `retry_after` is the receiver's wish, honoured up to a day.
    """
    if attempt > len(RETRY_SECONDS):
        return None
    planned = round(RETRY_SECONDS[attempt - 1] * (1 + SPREAD * spread))
    return max(planned, min(retry_after or 0, 86_400))
