"""What the attempts and the search of an EVM transaction carry of their own, which no other room reads."""

from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ctrip.domain.sweeping.sweep import Attempt, OutgoingTransaction, Terms

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GasTerms:
    """An attempt's gas, and what it offers for each unit in base units: at most, and of it to the block's producer.

    `gas_each` is what a batch gives each of its members.
    """

    gas: int
    max_fee: int
    priority_fee: int
    gas_each: int = 0


@dataclass(frozen=True, slots=True)
class MemberTerms:
    """What a batch does for one of its members beside the sweep.

    `nonce_after` is the address's nonce after its authorization in this batch, 0 where it makes none.
    """

    nonce_after: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """How far one of our attempts has been looked for, of which no receipt is seen although the nonce is used.

    `missing_since` is when that was first seen, `passed_at` a final block by which the nonce was used, `searched` the
    block from which bodies are still to be read.
    """

    missing_since: int = 0
    passed_at: int = 0
    searched: int = 0


def terms_of(attempt: Attempt) -> GasTerms:
    """Read an attempt's terms."""
    return gas_terms(attempt.terms)


def gas_terms(terms: Terms) -> GasTerms:
    """Read the terms of a quote, or of an attempt."""
    return _read(GasTerms, terms)


def member_terms(terms: Terms) -> MemberTerms:
    """Read what a batch does for a member."""
    return _read(MemberTerms, terms)


def search_of(transaction: OutgoingTransaction) -> Search:
    """Read a transaction's search."""
    return _read(Search, transaction.search)


def written(held: Any) -> Terms:
    """Write terms, or a search, as a transaction carries them; what is empty is left out."""
    return tuple((name, value) for name, value in asdict(held).items() if value)


def nonce_of(transaction: OutgoingTransaction) -> int:
    """Read the nonce that a transaction has for its slot."""
    return int(transaction.slot)


def _read(kind: type[T], terms: Terms) -> T:
    empty = dict.fromkeys(kind.__dataclass_fields__, 0)  # type: ignore[attr-defined]
    return kind(**(empty | dict(terms)))
