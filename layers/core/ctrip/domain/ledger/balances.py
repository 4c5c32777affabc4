"""Balances: what entries add up to, and the identity that they keep."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ctrip.domain.ledger.entries import (
    CAPITAL,
    FEE_INCOME,
    GAS_EXPENSE,
    GAS_STATION,
    LATEST_MS,
    LOSSES,
    ON_ADDRESSES,
    TOKEN_FEE_EXPENSE,
    TREASURY,
    Entry,
)

# By chain, asset and account: what entered it (debits) less what left it (credits), in base units.
Sums: TypeAlias = Mapping[tuple[str, str, str], int]

# Entries are folded once nobody can add an earlier one: several times as old as they may be when they are stored.
SETTLED_MS = 5 * LATEST_MS
FOLD_FROM = 64  # entries; fewer are cheaper to add up each time

ASSETS = (ON_ADDRESSES, TREASURY, GAS_STATION)
EXPENSES = (GAS_EXPENSE, TOKEN_FEE_EXPENSE, LOSSES)
OWN = (CAPITAL, FEE_INCOME)
OWED = ("available", "held", "unmatched", "payable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The sum of an owner's entries that were decided before `until` (unix milliseconds)."""

    owner: str
    until: int = 0
    sums: tuple[tuple[str, str, str, int], ...] = ()

    def totals(self) -> Counter[tuple[str, str, str]]:
        """Return its sums by chain, asset and account."""
        return Counter({(chain, asset, account): amount for chain, asset, account, amount in self.sums})


def added(totals: Counter[tuple[str, str, str]], entries: Iterable[Entry]) -> Counter[tuple[str, str, str]]:
    """Add entries to totals, which are changed and returned."""
    for each in entries:
        totals[each.chain, each.asset, each.debit] += each.amount
        totals[each.chain, each.asset, each.credit] -= each.amount
    return totals


def folded_further(fold: Fold, tail: Iterable[Entry], now: int) -> Fold | None:
    """Fold the entries after a fold that are old enough; None where that saves too little to be stored."""
    until = now - SETTLED_MS
    old = [each for each in tail if each.at < until]
    if len(old) < FOLD_FROM:
        return None
    sums = added(fold.totals(), old)
    kept = tuple((*place, amount) for place, amount in sorted(sums.items()) if amount)
    return Fold(owner=fold.owner, until=until, sums=kept)


def owed(sums: Sums, chain: str, asset: str, account: str) -> int:
    """Return what an account owes: what left it less what entered it."""
    return -sums.get((chain, asset, account), 0)


def imbalance(sums: Sums) -> dict[tuple[str, str], int]:
    """Return by chain and asset what is wrong with the identity of all accounts; empty where it holds.

    On addresses + treasury + gas station = merchants' available + held + unmatched + payable + the operator's capital
    + fee income - gas and token-fee expense - losses. What is in flight has not been posted yet. Addresses under a
    merchant's own key stand outside.
    """
    wrong: Counter[tuple[str, str]] = Counter()
    for (chain, asset, account), amount in sums.items():
        if counted(account):
            wrong[chain, asset] += amount
    return {place: amount for place, amount in wrong.items() if amount}


def counted(account: str) -> bool:
    """Whether an account is one of the identity's."""
    return account in (*ASSETS, *EXPENSES, *OWN) or account.partition(":")[0] in OWED
