"""Networks and tokens that can be paid with, as the world sees them."""

from typing import Annotated, TypedDict

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import KINDS, rules_of
from ctrip.views.fields import Address, Id, Long, NextCursor, Shape


class TokenView(TypedDict):
    """A token that can be paid with."""

    id: Id
    chain: str
    symbol: str
    address: Address
    decimals: int
    standard: Annotated[str, "By which wallets and exchanges name the network, such as TRC-20."]
    confirmations: int


class TokenPage(TypedDict):
    """Tokens."""

    data: list[TokenView]
    next_cursor: NextCursor


class ChainView(TypedDict):
    """A network that can be paid on."""

    id: str
    name: str
    kind: Annotated[str, Shape(values=tuple(KINDS))]
    chain_id: Long
    symbol: str
    decimals: int
    confirmations: int
    explorer: Annotated[str, "Empty: there is none."]
    tokens: list[TokenView]


class ChainPage(TypedDict):
    """Networks."""

    data: list[ChainView]
    next_cursor: NextCursor


def chain_view(network: Network) -> ChainView:
    """Render a network with its enabled tokens."""
    return {
        "id": network.name,
        "name": network.title,
        "kind": network.kind,
        "chain_id": network.chain_id,
        "symbol": network.coin.symbol,
        "decimals": network.coin.decimals,
        "confirmations": network.confirmations,
        "explorer": network.explorer,
        "tokens": token_views(network),
    }


def token_views(network: Network) -> list[TokenView]:
    """Render the enabled tokens of a network."""
    return [_token(network, token) for token in network.tokens if token.enabled]


def _token(network: Network, token: Asset) -> TokenView:
    if token.id is None or token.address is None:
        raise ValueError(f"{token.symbol} is the coin of {network.name}, not a token")
    return {
        "id": token.id,
        "chain": network.name,
        "symbol": token.symbol,
        "address": token.address,
        "decimals": token.decimals,
        "standard": rules_of(network).token_standard(network),
        "confirmations": network.confirmations,
    }
