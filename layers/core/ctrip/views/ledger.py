"""Balances and ledger entries as merchants see them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, TypedDict, cast

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.ledger.balances import Sums, owed
from ctrip.domain.ledger.entries import Entry, EntryType, available, held, payable, unmatched
from ctrip.domain.money import format_decimal
from ctrip.views.csv import table
from ctrip.views.fields import Amount, Decimal, Digits, Hash, Id, NextCursor, Shape, Time, rfc3339


class BalanceView(TypedDict):
    """What a merchant has in one asset."""

    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    available: Amount
    available_str: Digits
    available_decimal: Annotated[Decimal, "What can be settled or refunded now."]
    held: Amount
    held_str: Digits
    held_decimal: Annotated[Decimal, "Credited, and waiting for a review."]
    payable: Amount
    payable_str: Digits
    payable_decimal: Annotated[Decimal, "Set aside for settlements and refunds under way."]
    unmatched: Amount
    unmatched_str: Digits
    unmatched_decimal: Annotated[Decimal, "Came, and belongs to no payment by itself: to be assigned or refunded."]
    owed: Amount
    owed_str: Digits
    owed_decimal: Annotated[Decimal, "What the merchant owes: a deposit was undone after it had been settled."]


class BalancePage(TypedDict):
    """Balances."""

    data: list[BalanceView]
    next_cursor: NextCursor


class LedgerEntryView(TypedDict):
    """One posting: the amount entered the account `debit` and left `credit`."""

    id: Annotated[str, "Derived from its cause, and unique."]
    type: Annotated[str, Shape(values=EntryType)]
    created_at: Time
    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    debit: str
    credit: str
    amount: Amount
    amount_str: Digits
    amount_decimal: Decimal
    payment_id: Id | None
    payout_id: Annotated[str | None, "The settlement or refund."]
    tx_hash: Hash | None


class EntryPageView(TypedDict):
    """Ledger entries, newest first."""

    data: list[LedgerEntryView]
    next_cursor: NextCursor


COLUMNS = (
    *("created_at", "type", "chain", "symbol", "amount_decimal", "amount_str", "decimals", "debit", "credit"),
    *("payment_id", "payout_id", "tx_hash", "token_id", "id"),
)


def asset_named(networks: Mapping[str, Network], chain: str, asset_key: str) -> Asset:
    """Return an asset by its key within its chain; one that is not enabled any more has no symbol."""
    token_id = None if asset_key == "native" else asset_key
    network = networks.get(chain)
    known = network.asset(token_id) if network else None
    return known or Asset(chain, "", 0, token_id)


def balance_views(sums: Sums, merchant_id: str, networks: Mapping[str, Network]) -> list[BalanceView]:
    """Render what a merchant has, by chain and asset."""
    names = {each(merchant_id) for each in (available, held, payable, unmatched)}
    places = sorted({(chain, asset) for (chain, asset, account), amount in sums.items() if account in names})
    return [_balance(sums, merchant_id, chain, asset_named(networks, chain, asset)) for chain, asset in places]


def _balance(sums: Sums, merchant_id: str, chain: str, asset: Asset) -> BalanceView:
    def amount(account: str) -> int:
        return owed(sums, chain, asset.key, account)

    free = amount(available(merchant_id))
    shown = {
        "available": max(free, 0),
        "held": max(amount(held(merchant_id)), 0),
        "payable": max(amount(payable(merchant_id)), 0),
        "unmatched": max(amount(unmatched(merchant_id)), 0),
        "owed": max(-free, 0),
    }
    fields: dict[str, object] = {}
    for name, each in shown.items():
        decimal = format_decimal(each, asset.decimals)
        fields |= {name: each, f"{name}_str": str(each), f"{name}_decimal": decimal}
    named = {"chain": chain, "token_id": asset.id, "symbol": asset.symbol, "decimals": asset.decimals}
    return cast("BalanceView", named | fields)


def entry_view(entry: Entry, networks: Mapping[str, Network]) -> LedgerEntryView:
    """Render an entry; an account is shown without whose it is."""
    asset = asset_named(networks, entry.chain, entry.asset)
    return {
        "id": entry.id,
        "type": entry.type.value,
        "created_at": rfc3339(entry.at),
        "chain": entry.chain,
        "token_id": asset.id,
        "symbol": asset.symbol,
        "decimals": asset.decimals,
        "debit": entry.debit.partition(":")[0],
        "credit": entry.credit.partition(":")[0],
        "amount": entry.amount,
        "amount_str": str(entry.amount),
        "amount_decimal": format_decimal(entry.amount, asset.decimals),
        "payment_id": entry.payment_id,
        "payout_id": entry.payout_id,
        "tx_hash": entry.tx_hash,
    }


def entry_csv(entries: Iterable[LedgerEntryView]) -> str:
    """Write entries as CSV."""
    return table(COLUMNS, entries)
