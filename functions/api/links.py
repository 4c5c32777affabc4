"""Payment links: create, read, list, change, disable."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, base_url
from functions.http.resource import Call, Resource

routes = Resource(__name__)
OF_ONE = ("link_not_found",)


@routes.on(
    "POST",
    "/api/v1/links",
    requires=Scope.PAYMENTS_WRITE,
    body="links.PaymentLinkRequest",
    response="PaymentLink",
    status=201,
)
def create_link(call: Call) -> Response:
    """Make a payment link."""
    manager = stage().links.manager
    return answered(manager.create(call.merchant.id, call.body.terms(), base_url(call.request), call.idempotency), 201)


@routes.on(
    "GET",
    "/api/v1/links",
    requires=Scope.PAYMENTS_READ,
    query="pages.Paged",
    response="PaymentLinkPage",
)
def list_links(call: Call) -> Response:
    """List payment links, newest first."""
    page, manager = call.query, stage().links.manager
    return answer(manager.page(call.merchant.id, page.cursor, page.limit, base_url(call.request)))


@routes.on("GET", "/api/v1/links/{link_id}", requires=Scope.PAYMENTS_READ, response="PaymentLink", codes=OF_ONE)
def read_link(call: Call, link_id: str) -> Response:
    """Show a payment link."""
    return answer(stage().links.manager.one(call.merchant.id, link_id, base_url(call.request)))


@routes.on(
    "POST",
    "/api/v1/links/{link_id}",
    requires=Scope.PAYMENTS_WRITE,
    body="links.PaymentLinkUpdate",
    response="PaymentLink",
    codes=(*OF_ONE, "link_changed"),
)
def update_link(call: Call, link_id: str) -> Response:
    """Change a payment link, or disable it; payments that were made keep the terms of their time."""
    manager, wanted = stage().links.manager, call.body.terms()
    return answered(manager.update(call.merchant.id, link_id, wanted, base_url(call.request), call.idempotency))
