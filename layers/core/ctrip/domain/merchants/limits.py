"""A merchant's rate of calls, as a token bucket kept as one moment: the generic cell rate algorithm.

`full_at` is when the bucket will be full again; a call moves it on by what its tokens take to come back. Source: ITU-T
I.371, the virtual scheduling form.
"""

from dataclasses import dataclass

BURST_SECONDS = 1  # a bucket holds what comes back in this time
STRIDES = 10  # a process takes a tenth of a second's tokens at a time


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that gets `rate` tokens a second."""

    rate: int

    @property
    def stride(self) -> int:
        """How many tokens one write takes: few enough that many processes share a bucket fairly."""
        return max(self.rate // STRIDES, 1)

    def cost(self, tokens: int) -> int:
        """Return how long `tokens` take to come back, in microseconds."""
        return -(-tokens * 1_000_000 // self.rate)

    @property
    def depth(self) -> int:
        """Return how far ahead of now a bucket may be emptied, in microseconds."""
        return BURST_SECONDS * 1_000_000


def retry_after(full_at: int, now: int, cost: int, depth: int) -> int:
    """Return the whole seconds, 1 at least, until `cost` fits again; all in microseconds."""
    return max(-(-(full_at + cost - depth - now) // 1_000_000), 1)
