"""What a payer may choose to pay with, and what follows from the choice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import Conflict, InvalidField
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.payment import Due, Payment

_UP = Context(prec=200, rounding=ROUND_CEILING)
_ONE = Decimal(1)
Offer = tuple[Network, Asset]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a payer may choose: how much of which asset; `amount` is None where it cannot be had now, for `reason`."""

    network: Network
    asset: Asset
    amount: int | None
    reason: str = ""


def every_offer(networks: Iterable[Network]) -> list[Offer]:
    """List what can be paid with, network after network, tokens first: most payers hold one."""
    every = ((network, asset) for network in networks for asset in (*network.tokens, network.coin))
    return [(network, asset) for network, asset in every if asset.enabled]


def accepted(networks: Mapping[str, Network], accepts: Sequence[str]) -> list[Offer]:
    """List what a payment accepts: `symbol` on every network, `chain:symbol` on one; nothing named: everything."""
    every = every_offer(networks.values())
    wanted = set(accepts)
    return [each for each in every if not wanted or wanted & set(_names(each))]


def check_accepts(networks: Mapping[str, Network], accepts: Sequence[str], *, field: str = "assets") -> None:
    """Demand that each name is of something that can be paid with here; raises `InvalidField`."""
    known = {name for each in every_offer(networks.values()) for name in _names(each)}
    for name in accepts:
        if name not in known:
            raise InvalidField(field, "asset_not_found", f"{name} is not enabled here")
    if len(set(accepts)) != len(accepts):
        raise InvalidField(field, "invalid_assets", "names something twice")


def chosen_offer(offers: Iterable[Offer], chain: str, symbol: str) -> Offer:
    """Return the offer of a chain and symbol; raises `InvalidField`."""
    for network, asset in offers:
        if (network.name, asset.symbol) == (chain, symbol):
            return network, asset
    raise InvalidField("asset", "asset_not_offered", f"{symbol} on {chain} is not offered for this payment")


def base_units(whole: str, asset: Asset) -> int:
    """Return an amount in whole units as base units of an asset, rounded up to the next; raises `InvalidField`."""
    scaled = _UP.scaleb(Decimal(whole), asset.decimals)
    amount = int(_UP.quantize(scaled, _ONE))
    if not 0 < amount <= MAX_AMOUNT:
        raise InvalidField(
            "amount_decimal", "invalid_amount", f"is not from one base unit to 2^256-1 of {asset.symbol}"
        )
    return amount


def due_at(
    network: Network, asset: Asset, amount: int, place: tuple[str, str], *, expires_at: int, confirmations: int
) -> Due:
    """Return what is due, `amount` base units of an asset, at a place: an address and the path of its key.

    `confirmations` are what the merchant asks for, where that is more than the network's own.
    """
    address, path = place
    return Due(
        chain=network.name,
        token_id=asset.id,
        token_address=asset.address,
        symbol=asset.symbol,
        decimals=asset.decimals,
        address=address,
        derivation_path=path,
        amount=amount,
        required_confirmations=max(network.confirmations, confirmations),
        expires_at=expires_at,
        payment_uri=rules_of(network).payment_uri(network, asset, address, amount),
    )


def refuse_choice(payment: Payment, now: int) -> None:
    """Demand that the payer may still choose; raises `Conflict` that says why not."""
    if not payment.choice.choosable:
        raise Conflict("What this payment is paid with is fixed.", code="payment_not_choosable")
    if payment.is_unseen and now >= payment.due.expires_at:
        raise Conflict("The time to pay is over.", code="payment_expired")
    if payment.seen.amount_received or payment.seen.strays or payment.flags or not payment.is_unseen:
        raise Conflict("Money has come, or the payment is over: it is paid with what was chosen.", code="choice_closed")


def may_choose(payment: Payment, now: int) -> bool:
    """Whether the payer may choose, or choose anew."""
    try:
        refuse_choice(payment, now)
    except Conflict:
        return False
    return True


def _names(offer: Offer) -> tuple[str, str]:
    network, asset = offer
    return asset.symbol, f"{network.name}:{asset.symbol}"
