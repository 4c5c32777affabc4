"""What the attempts and quotes of a Tron transaction carry of their own, which no other room reads."""

from dataclasses import asdict, dataclass
from typing import TypeVar

from ctrip.domain.sweeping.sweep import Attempt, Terms

T = TypeVar("T", bound="AttemptTerms | QuoteTerms")


@dataclass(frozen=True, slots=True)
class QuoteTerms:
    """What was found out for a transfer: the most that its call may burn.

    `stake` is how many sun of stake lend the energy that its sender lacks, where that is done in place of giving coin.
    `idle`: the sender does not exist on the chain yet, and can be lent nothing.
    """

    fee_limit: int = 0
    stake: int = 0
    idle: int = 0


@dataclass(frozen=True, slots=True)
class AttemptTerms:
    """When an attempt can be mined no more, in unix milliseconds."""

    expires: int = 0


def quote_terms(terms: Terms) -> QuoteTerms:
    """Read the terms of a quote."""
    return QuoteTerms(**dict(terms))


def expires_at(attempt: Attempt) -> int:
    """Return when an attempt can be mined no more."""
    return AttemptTerms(**dict(attempt.terms)).expires


def written(held: T) -> Terms:
    """Write terms as they are carried; what is empty is left out."""
    return tuple((name, value) for name, value in asdict(held).items() if value)
