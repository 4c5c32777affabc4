"""Sweeps that are not over, as operators see them."""

from collections.abc import Iterator
from typing import Annotated, TypedDict

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import shown
from ctrip.domain.detection.gates import Tip
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.standing import Standing, SweepState
from ctrip.views.fields import Address, Amount, Decimal, Digits, Id, NextCursor, Shape, Time, rfc3339, rfc3339_if


class SweepStandingView(TypedDict):
    """A payment's money that is not in the treasury yet, and why."""

    payment_id: Id
    merchant_id: str
    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    amount: Amount
    amount_str: Digits
    amount_decimal: Annotated[Decimal, "What lies at the address of what was due."]
    address: Address
    state: Annotated[str, "`stuck`: somebody should look.", Shape(values=SweepState)]
    reason: Annotated[
        str,
        "`fails`, `not_mined`, `unreadable`, `held` of what is stuck; `approval`, `quiet_gas`, `daily_cap`, "
        "`under_way`, `due` of what waits; `worth_too_little` of what is parked.",
        Shape(examples=("fails", "approval", "daily_cap")),
    ]
    detail: Annotated[str | None, "What a node, or the transaction, said."]
    since: Time
    tries: Annotated[int, "How often the sweep was tried since then."]
    next_try_at: Annotated[Time | None, "When it is tried again, where that is known."]
    approved: Amount
    approved_str: Annotated[Digits, "The amount whose sweep a person has approved."]


class ParkedView(TypedDict):
    """What lies parked of one asset: dust and tiny deposits, counted as the scanner looks at them."""

    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    payments: Annotated[int, "How many."]
    amount: Amount
    amount_str: Digits
    amount_decimal: Annotated[Decimal, "What their addresses hold at least."]
    counted_at: Time


class SweepPage(TypedDict):
    """Sweeps that are not over; a page may be short while `next_cursor` is set."""

    data: list[SweepStandingView]
    next_cursor: NextCursor
    parked: Annotated[list[ParkedView], "The sums of what is parked, on all chains that are asked about."]


def parked_views(network: Network, tip: Tip) -> Iterator[ParkedView]:
    """Render what lies parked on a chain, by asset."""
    assets = {asset.address or "native": asset for asset in (network.coin, *network.tokens)}
    for parked in tip.parked:
        if asset := assets.get(parked.token):
            yield {
                "chain": network.name,
                "token_id": asset.id,
                "symbol": asset.symbol,
                "decimals": asset.decimals,
                "payments": parked.payments,
                "amount": parked.amount,
                "amount_str": str(parked.amount),
                "amount_decimal": format_decimal(parked.amount, asset.decimals),
                "counted_at": rfc3339(tip.parked_at),
            }


def sweep_view(payment: Payment, standing: Standing) -> SweepStandingView:
    """Render a payment's sweep."""
    due, amount = payment.due, payment.unswept
    return {
        "payment_id": payment.id,
        "merchant_id": payment.merchant_id,
        "chain": due.chain,
        "token_id": due.token_id,
        "symbol": due.symbol,
        "decimals": due.decimals,
        "amount": amount,
        "amount_str": str(amount),
        "amount_decimal": format_decimal(amount, due.decimals),
        "address": shown(due.address),
        "state": standing.state.value,
        "reason": standing.why.value,
        "detail": standing.detail or None,
        "since": rfc3339(standing.since),
        "tries": standing.tries,
        "next_try_at": rfc3339_if(standing.next_at),
        "approved": payment.review.sweep_approved,
        "approved_str": str(payment.review.sweep_approved),
    }
