"""A merchant's webhook endpoints."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, nothing
from functions.http.resource import Call, Resource

routes = Resource(__name__)
OF_ONE = ("endpoint_not_found",)


@routes.on(
    "GET",
    "/api/v1/webhooks",
    requires=Scope.WEBHOOKS,
    query="webhooks.EndpointQuery",
    response="WebhookEndpointPage",
)
def list_endpoints(call: Call) -> Response:
    """List the merchant's webhook endpoints, newest first, without their secrets."""
    return answer(stage().webhooks.endpoints.page(call.merchant.id, call.query.cursor, call.query.limit))


@routes.on(
    "POST",
    "/api/v1/webhooks",
    requires=Scope.WEBHOOKS,
    body="webhooks.EndpointRequest",
    response="WebhookEndpointWithSecret",
    status=201,
    codes=("too_many_endpoints", "merchant_changed"),
)
def create_endpoint(call: Call) -> Response:
    """Make a webhook endpoint; its secret is shown this once."""
    made = stage().webhooks.endpoints.create(call.merchant.id, call.body.terms(), call.origin, call.idempotency)
    return answered(made, 201)


@routes.on("GET", "/api/v1/webhooks/{endpoint_id}", requires=Scope.WEBHOOKS, response="WebhookEndpoint", codes=OF_ONE)
def show_endpoint(call: Call, endpoint_id: str) -> Response:
    """Show a webhook endpoint."""
    return answer(stage().webhooks.endpoints.one(call.merchant.id, endpoint_id))


@routes.on(
    "PATCH",
    "/api/v1/webhooks/{endpoint_id}",
    requires=Scope.WEBHOOKS,
    body="webhooks.EndpointUpdate",
    response="WebhookEndpoint",
    codes=(*OF_ONE, "endpoint_changed", "merchant_changed"),
)
def update_endpoint(call: Call, endpoint_id: str) -> Response:
    """Change a webhook endpoint; one that was disabled begins with a clean record."""
    manager = stage().webhooks.endpoints
    return answer(manager.update(call.merchant.id, endpoint_id, call.body.terms(), call.origin))


@routes.on(
    "POST",
    "/api/v1/webhooks/{endpoint_id}/rotate",
    requires=Scope.WEBHOOKS,
    body="webhooks.SecretRotation",
    response="WebhookEndpointWithSecret",
    status=201,
    codes=(*OF_ONE, "endpoint_changed", "merchant_changed"),
)
def rotate_endpoint_secret(call: Call, endpoint_id: str) -> Response:
    """Give an endpoint a new secret, shown this once; for a while deliveries are signed with the old one too."""
    manager, overlap = stage().webhooks.endpoints, call.body.overlap_seconds
    made = manager.rotate(call.merchant.id, endpoint_id, call.origin, call.idempotency, overlap_seconds=overlap)
    return answered(made, 201)


@routes.on(
    "DELETE",
    "/api/v1/webhooks/{endpoint_id}",
    requires=Scope.WEBHOOKS,
    status=204,
    codes=(*OF_ONE, "endpoint_changed", "merchant_changed"),
)
def delete_endpoint(call: Call, endpoint_id: str) -> Response:
    """Delete a webhook endpoint; what is still to be delivered to it is not delivered any more."""
    stage().webhooks.endpoints.delete(call.merchant.id, endpoint_id, call.origin)
    return nothing()


@routes.on(
    "POST",
    "/api/v1/webhooks/{endpoint_id}/test",
    requires=Scope.WEBHOOKS,
    response="Event",
    status=202,
    codes=(*OF_ONE, "endpoint_disabled", "merchant_changed"),
)
def test_endpoint(call: Call, endpoint_id: str) -> Response:
    """Send a test event to a webhook endpoint, whatever its filter; its deliveries tell how that went."""
    sent = stage().webhooks.tester.send(call.merchant.id, endpoint_id, call.origin, call.idempotency)
    return answered(sent, 202)


@routes.on(
    "GET",
    "/api/v1/webhooks/{endpoint_id}/deliveries",
    requires=Scope.WEBHOOKS,
    query="webhooks.EndpointQuery",
    response="DeliveryPage",
    codes=OF_ONE,
)
def list_deliveries(call: Call, endpoint_id: str) -> Response:
    """List the attempts to deliver to an endpoint in the last 60 days, those of the newest event first."""
    deliveries = stage().webhooks.redeliverer
    return answer(deliveries.page(call.merchant.id, endpoint_id, call.query.cursor, call.query.limit))


@routes.on(
    "POST",
    "/api/v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    requires=Scope.WEBHOOKS,
    response="Redelivery",
    status=202,
    codes=(*OF_ONE, "delivery_not_found", "endpoint_disabled", "merchant_changed"),
)
def redeliver(call: Call, endpoint_id: str, delivery_id: str) -> Response:
    """Deliver the event of a delivery again, at once."""
    webhooks = stage().webhooks

    def do() -> dict[str, Any]:
        webhooks.redeliverer.one(call.merchant.id, endpoint_id, delivery_id)
        return {"queued": 1, "next_cursor": None}

    made = webhooks.endpoints.once(call.merchant.id, "endpoint.redelivered", call.origin, call.idempotency, do)
    return answered(made, 202)


@routes.on(
    "POST",
    "/api/v1/webhooks/{endpoint_id}/redeliver",
    requires=Scope.WEBHOOKS,
    body="webhooks.RedeliveryRequest",
    response="Redelivery",
    status=202,
    codes=(*OF_ONE, "endpoint_disabled", "merchant_changed"),
)
def redeliver_a_time(call: Call, endpoint_id: str) -> Response:
    """Deliver again what an endpoint wants of a time and does not have; at most 500 events a call."""
    webhooks, asked = stage().webhooks, call.body

    def do() -> dict[str, Any]:
        return webhooks.redeliverer.again(
            call.merchant.id,
            endpoint_id,
            asked.created_after,
            asked.created_before,
            cursor=asked.cursor,
            everything=asked.all,
        )

    made = webhooks.endpoints.once(call.merchant.id, "endpoint.redelivered", call.origin, call.idempotency, do)
    return answered(made, 202)
