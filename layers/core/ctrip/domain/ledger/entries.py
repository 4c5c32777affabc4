"""Double entry: every amount leaves one account and enters another."""

from dataclasses import dataclass
from enum import StrEnum


class EntryType(StrEnum):
    """Why an amount was posted."""

    DEPOSIT = "deposit"
    REVERSAL = "reversal"
    HOLD = "hold"
    RELEASE = "release"
    UNMATCHED = "unmatched"
    MATCHED = "matched"
    LOSS = "loss"
    FOUND = "found"
    SWEPT = "swept"
    GAS = "gas"
    GAS_FUNDING = "gas_funding"
    TOKEN_FEE = "token_fee"  # noqa: S105  a kind of entry, not a password
    RESERVED = "reserved"
    RETURNED = "returned"
    SETTLED = "settled"
    REFUNDED = "refunded"
    ASSIGNED = "assigned"
    FEE = "fee"
    CAPITAL = "capital"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One posting of base units: `amount` enters the account `debit` and leaves `credit`.

    `id` is derived from its cause; a cause posts once, as it changes the state that it started from in the same
    transaction. `at` (unix milliseconds) is when it was decided: what is decided longer ago than `LATEST_MS` is not
    stored any more, so that everything older than that is complete.
    """

    id: str
    type: EntryType
    owner: str
    chain: str
    asset: str
    debit: str
    credit: str
    amount: int
    at: int
    payment_id: str | None = None
    payout_id: str | None = None
    tx_hash: str | None = None


LATEST_MS = 60_000

ON_ADDRESSES = "on_addresses"
TREASURY = "treasury"
GAS_STATION = "gas_station"
GAS_EXPENSE = "gas_expense"
TOKEN_FEE_EXPENSE = "token_fee_expense"  # noqa: S105  an account, not a password
FEE_INCOME = "fee_income"
OPERATOR = "operator"
CAPITAL = "capital"
LOSSES = "losses"


def available(merchant_id: str) -> str:
    """Name the account of what a merchant may be paid."""
    return f"available:{merchant_id}"


def held(merchant_id: str) -> str:
    """Name the account of what is a merchant's and waits for a review."""
    return f"held:{merchant_id}"


def payable(merchant_id: str) -> str:
    """Name the account of what is set aside for settlements and refunds that are under way."""
    return f"payable:{merchant_id}"


def unmatched(merchant_id: str) -> str:
    """Name the account of what came to a merchant's addresses and belongs to no payment of its own accord."""
    return f"unmatched:{merchant_id}"


def delivered(merchant_id: str) -> str:
    """Name the account of what reached addresses under a merchant's own key: nothing of it is owed."""
    return f"delivered:{merchant_id}"


def own_wallet(merchant_id: str) -> str:
    """Name the account of what lies under a merchant's own key, outside of what we hold."""
    return f"own_wallet:{merchant_id}"
