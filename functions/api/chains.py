"""What can be paid with."""

from typing import Any

from chalice import Response

from ctrip import bootstrap
from ctrip.domain.access import Scope
from ctrip.domain.assets import Asset, Network
from ctrip.domain.errors import BadRequest, FieldError
from functions.api.http import Call, Resource, answer
from functions.api.models import TokenQuery

routes = Resource(__name__)


@routes.on("GET", "/api/v1/chains", may=Scope.PAYMENTS_READ, answers="ChainPage")
def list_chains(call: Call) -> Response:
    """List the networks that this stage accepts."""
    return answer({"data": [_chain(network) for network in bootstrap.networks().values()], "next_cursor": None})


@routes.on(
    "GET",
    "/api/v1/tokens",
    may=Scope.PAYMENTS_READ,
    query=TokenQuery,
    answers="TokenPage",
    codes=("unsupported_chain",),
)
def list_tokens(call: Call) -> Response:
    """List the tokens that this stage accepts, of one chain or of all."""
    name = call.query.chain
    if name is not None and name not in bootstrap.networks():
        problem = FieldError("chain", "unsupported_chain", f"{name[:20]} is not enabled here")
        raise BadRequest(f"Unsupported chain: {name[:20]}", code="unsupported_chain", errors=(problem,))
    chosen = [bootstrap.networks()[name]] if name else bootstrap.networks().values()
    data = [_token(network, token) for network in chosen for token in network.tokens if token.enabled]
    return answer({"data": data, "next_cursor": None})


def _chain(network: Network) -> dict[str, Any]:
    return {
        "id": network.name,
        "name": network.title,
        "kind": network.kind.value,
        "chain_id": network.chain_id,
        "symbol": network.coin.symbol,
        "decimals": network.coin.decimals,
        "confirmations": network.confirmations,
        "explorer": network.explorer,
        "tokens": [_token(network, token) for token in network.tokens if token.enabled],
    }


def _token(network: Network, token: Asset) -> dict[str, Any]:
    return {
        "id": token.id,
        "chain": network.name,
        "symbol": token.symbol,
        "address": token.address,
        "decimals": token.decimals,
        "confirmations": network.confirmations,
    }
