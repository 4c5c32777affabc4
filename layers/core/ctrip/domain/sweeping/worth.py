"""What is worth a sweep."""

from ctrip.domain.chains.assets import Asset


def worth_it(asset: Asset, amount: int, cost: int, *, settled: bool) -> bool:
    """Whether a sweep moves enough: a further one the asset's floor, each twice its gas where its value is known."""
    value = asset.worth(amount)
    return not (settled and amount < asset.sweep_floor) and (value is None or value >= 2 * cost)
