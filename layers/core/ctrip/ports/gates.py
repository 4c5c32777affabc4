"""Which scanner has a chain."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fence:
    """A scanner's claim on a chain; every write of its carries it."""

    chain: str
    number: int
