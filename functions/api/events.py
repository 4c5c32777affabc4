"""The feed of events."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from ctrip.ports.events import EventFilter
from functions.http.answers import answer
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.events import EventQuery

routes = Resource(__name__)


@routes.on(
    "GET",
    "/api/v1/events",
    requires=Scope.PAYMENTS_READ,
    query="events.EventQuery",
    response="EventPage",
    codes=("payment_not_found",),
)
def list_events(call: Call) -> Response:
    """List what happened in the last 60 days, up to a second ago, with the payloads that the webhooks had."""
    # Here: every start reads this module, and a service is loaded by the call that needs it.
    from ctrip.services.webhooks.read_events import ulid_of

    query: EventQuery = call.query
    wanted = EventFilter(
        newest_first=query.order == "desc",
        after=ulid_of("after", query.after),
        type=query.type,
        created_after=query.created_after,
        created_before=query.created_before,
        limit=query.limit,
        position=ulid_of("cursor", query.cursor),
    )
    return answer(stage().webhooks.reader.page(call.merchant.id, wanted, query.payment_id))
