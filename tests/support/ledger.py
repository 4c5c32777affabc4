"""The ledger as tests read it."""

from typing import Any

from ctrip.domain.ledger.entries import Entry


def entries_of(stores: Any, *owners: str) -> list[Entry]:
    """Return the entries of owners (else of the tests' merchant and the operator), oldest first."""
    found = [entry for owner in owners or ("m1", "operator") for entry in stores.ledger.entries(owner)]
    return sorted(found, key=lambda entry: (entry.at, entry.id))


def owed_to(entries: list[Entry], *accounts: str) -> int:
    """Return what accounts owe: what left them less what entered them."""
    return sum(
        (entry.credit.split(":")[0] in accounts) * entry.amount - (entry.debit.split(":")[0] in accounts) * entry.amount
        for entry in entries
    )
