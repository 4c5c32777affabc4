"""What the operator's own places hold, as the last reconciliation saw it on the chain."""

from typing import TypedDict

from ctrip.domain.chains.assets import Network
from ctrip.domain.ledger.reconcile import Reconciliation
from ctrip.domain.money import format_decimal


class HoldingView(TypedDict):
    """One asset at one of the operator's places."""

    chain: str
    account: str
    symbol: str
    decimals: int
    amount: int
    amount_str: str
    amount_decimal: str
    at_block: int


def holding_views(network: Network, look: Reconciliation) -> list[HoldingView]:
    """Render what a look saw, but for assets that are not enabled any more."""
    known = {asset.key: asset for asset in (network.coin, *network.tokens)}
    return [
        {
            "chain": network.name,
            "account": each.account,
            "symbol": known[each.asset].symbol,
            "decimals": known[each.asset].decimals,
            "amount": each.amount,
            "amount_str": str(each.amount),
            "amount_decimal": format_decimal(each.amount, known[each.asset].decimals),
            "at_block": look.block,
        }
        for each in look.holdings
        if each.asset in known
    ]
