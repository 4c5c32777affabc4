"""What a payout's own transaction costs, and so the least amount that is worth one."""

from dataclasses import dataclass

from ctrip.domain.chains.assets import Asset

AGAIN_MS = 600_000  # after which the worker asks again what transactions cost
KNOWN_MS = 3_600_000  # after which what they cost then says nothing of now


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCosts:
    """About what one payout of the coin, and one of a token, cost on a chain at a time (unix milliseconds)."""

    chain: str
    coin: int
    token: int
    at: int

    def of(self, asset: Asset, now: int) -> int | None:
        """Return what a payout of an asset costs in base units of the coin; None once that is not known any more."""
        if now - self.at >= KNOWN_MS:
            return None
        return self.coin if asset.address is None else self.token


def worth_sending(asset: Asset, net: int, cost: int) -> bool:
    """Whether what is sent is worth its transaction; where nobody says what the asset is worth, it is."""
    value = asset.worth(net)
    return value is None or value >= cost


def least_net(asset: Asset, cost: int | None) -> int:
    """Return the least that is worth sending, in base units of the asset; one unit where cost or worth is unknown."""
    if cost is None or (asset.address is not None and not asset.coin_value):
        return 1
    if asset.address is None or asset.coin_value is None:
        return max(cost, 1)
    whole: int = 10**asset.decimals
    return max(-(-cost * whole // asset.coin_value), 1)
