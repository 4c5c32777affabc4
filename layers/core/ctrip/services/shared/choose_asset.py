"""What a request names: a chain, one of its assets, an amount of it."""

from collections.abc import Mapping
from typing import Protocol

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.errors import BadRequest, FieldError, InvalidField
from ctrip.domain.money import parse_amount, parse_decimal


class Named(Protocol):
    """A request that names an asset by its token's id or its symbol, and an amount in base or whole units."""

    @property
    def token_id(self) -> str | None: ...  # noqa: D102
    @property
    def asset(self) -> str | None: ...  # noqa: D102
    @property
    def amount(self) -> int | str | None: ...  # noqa: D102
    @property
    def amount_decimal(self) -> str | None: ...  # noqa: D102


def chosen_network(networks: Mapping[str, Network], name: str) -> Network:
    """Return an enabled network; raises `BadRequest` for another."""
    network = networks.get(name)
    if network is None:
        problem = FieldError("chain", "unsupported_chain", f"{name} is not enabled here")
        raise BadRequest(f"Unsupported chain: {name}", code="unsupported_chain", errors=(problem,))
    return network


def chosen_asset(network: Network, wanted: Named) -> Asset:
    """Return the asset that is named, the coin where none is; raises `BadRequest` naming the field."""
    if wanted.token_id is not None and wanted.asset is not None:
        raise InvalidField("asset", "mutually_exclusive", "give token_id or asset, not both")
    if wanted.asset is not None:
        if found := network.asset_by_symbol(wanted.asset):
            return found
        raise InvalidField("asset", "asset_not_found", f"{wanted.asset} is not enabled on {network.name}")
    if found := network.asset(wanted.token_id):
        return found
    detail = f"Token {wanted.token_id} not found for chain {network.name}"
    raise BadRequest(detail, code="token_not_found", errors=(FieldError("token_id", "token_not_found", detail),))


def chosen_amount(asset: Asset, wanted: Named) -> int | None:
    """Return the amount in base units, None where none is named; raises `InvalidField`."""
    if wanted.amount is not None and wanted.amount_decimal is not None:
        raise InvalidField("amount_decimal", "mutually_exclusive", "give amount or amount_decimal, not both")
    if wanted.amount_decimal is not None:
        return parse_decimal(wanted.amount_decimal, asset.decimals)
    return None if wanted.amount is None else parse_amount(wanted.amount)
