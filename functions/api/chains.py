"""What can be paid with."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import BadRequest, FieldError, InvalidField
from ctrip.domain.merchants.access import Scope
from ctrip.views.chains import ChainView, TokenView, chain_view, token_views
from functions.http.answers import answer
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.http.models import Paged

routes = Resource(__name__)
Listed = TypeVar("Listed", ChainView, TokenView)


@routes.on("GET", "/api/v1/chains", requires=Scope.PAYMENTS_READ, query="pages.Paged", response="ChainPage")
def list_chains(call: Call) -> Response:
    """List the networks that this stage accepts."""
    return answer(_page([chain_view(network) for network in stage().networks.values()], call.query))


@routes.on(
    "GET",
    "/api/v1/tokens",
    requires=Scope.PAYMENTS_READ,
    query="chains.TokenQuery",
    response="TokenPage",
    codes=("unsupported_chain",),
)
def list_tokens(call: Call) -> Response:
    """List the tokens that this stage accepts, of one chain or of all."""
    name = call.query.chain
    if name is not None and name not in stage().networks:
        problem = FieldError("chain", "unsupported_chain", f"{name[:20]} is not enabled here")
        raise BadRequest(f"Unsupported chain: {name[:20]}", code="unsupported_chain", errors=(problem,))
    chosen = [stage().networks[name]] if name else stage().networks.values()
    data = [view for network in chosen for view in token_views(network)]
    return answer(_page(data, call.query))


def _page(data: Sequence[Listed], query: "Paged") -> dict[str, Any]:
    """Cut a page out of what is all at hand; its cursor is the id of the last one shown."""
    places = [place for place, each in enumerate(data, 1) if each["id"] == query.cursor]
    if query.cursor is not None and not places:
        raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
    rest = data[places[0] :] if places else data
    shown = rest[: query.limit]
    return {"data": shown, "next_cursor": shown[-1]["id"] if len(rest) > len(shown) else None}
