"""Double entry: every amount leaves one account and enters another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One posting of base units; `id` is derived from its cause, so that the same cause cannot post twice."""

    id: str
    owner: str
    chain: str
    asset: str
    debit: str
    credit: str
    amount: int
    payment_id: str | None
    tx_hash: str | None
    at: int


ON_ADDRESSES = "on_addresses"
TREASURY = "treasury"
GAS_STATION = "gas_station"
GAS_EXPENSE = "gas_expense"
TOKEN_FEE_EXPENSE = "token_fee_expense"  # noqa: S105  an account, not a password
OPERATOR = "operator"
LOSSES = "losses"
UNMATCHED = "unmatched"


def available(merchant_id: str) -> str:
    """Name the account of what a merchant may be paid."""
    return f"available:{merchant_id}"


def delivered(merchant_id: str) -> str:
    """Name the account of what reached addresses under a merchant's own key: nothing of it is owed."""
    return f"delivered:{merchant_id}"


def own_wallet(merchant_id: str) -> str:
    """Name the account of what lies under a merchant's own key, outside of what we hold."""
    return f"own_wallet:{merchant_id}"
