"""A merchant's webhook endpoints, and the log of each."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.services.merchants.manage_merchants import find_merchant
from ctrip.services.webhooks.manage_endpoints import EndpointTerms
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = ("id", "url", "events", "enabled", "disabled_reason", "description", "created_at")
DELIVERIES = (
    *("created_at", "id", "event_id", "type", "attempt", "status_code", "latency_ms", "error", "answer"),
    "next_attempt_at",
)


def list_all(visit: Visit, merchant_id: str) -> Response:
    """List a merchant's endpoints, newest first."""
    find_merchant(stage().adapters.access, merchant_id)
    manager = stage().webhooks.endpoints
    rows, cursor = lists.page(visit, lists.paged(lambda limit, cursor: manager.page(merchant_id, cursor, limit)))
    if visit.query.format == "csv":
        return visit.csv("endpoints", COLUMNS, [{**each, "events": " ".join(each["events"])} for each in rows])
    merchant = stage().merchants.manager.one(merchant_id)
    return visit.show("endpoints.html", rows=rows, next_cursor=cursor, merchant=merchant)


def create(visit: Visit, merchant_id: str) -> Response:
    """Make an endpoint; its secret is shown this once."""
    form = visit.form
    terms = EndpointTerms(url=form.url, events=form.events, description=form.description)
    made = stage().webhooks.endpoints.create(merchant_id, terms, visit.origin, visit.idempotency)
    return _secret(visit, merchant_id, made.view, "The new webhook endpoint")


def show(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Show an endpoint and its deliveries of 60 days, those of the newest event first."""
    endpoint = stage().webhooks.endpoints.one(merchant_id, endpoint_id)
    redeliverer = stage().webhooks.redeliverer
    read = lists.paged(lambda limit, cursor: redeliverer.page(merchant_id, endpoint_id, cursor, limit))
    rows, cursor = lists.page(visit, read)
    if visit.query.format == "csv":
        return visit.csv("deliveries", DELIVERIES, rows)
    merchant = stage().merchants.manager.one(merchant_id)
    return visit.show("endpoint.html", rows=rows, next_cursor=cursor, merchant=merchant, endpoint=endpoint)


def switch(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Switch an endpoint on or off."""
    terms = EndpointTerms(enabled=visit.form.enabled == "yes")
    stage().webhooks.endpoints.update(merchant_id, endpoint_id, terms, visit.origin)
    return visit.go(f"/merchants/{merchant_id}/endpoints/{endpoint_id}", "changed")


def test(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Send a test event."""
    stage().webhooks.tester.send(merchant_id, endpoint_id, visit.origin, visit.idempotency)
    return visit.go(f"/merchants/{merchant_id}/endpoints/{endpoint_id}", "tested")


def rotate(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Give an endpoint a new secret; for a while deliveries are signed with the old one too."""
    made = stage().webhooks.endpoints.rotate(merchant_id, endpoint_id, visit.origin, visit.idempotency)
    return _secret(visit, merchant_id, made.view, "New secret of the webhook endpoint")


def delete(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Delete an endpoint."""
    stage().webhooks.endpoints.delete(merchant_id, endpoint_id, visit.origin)
    return visit.go(f"/merchants/{merchant_id}/endpoints", "deleted")


def redeliver(visit: Visit, merchant_id: str, endpoint_id: str) -> Response:
    """Deliver the event of a delivery again."""
    webhooks = stage().webhooks

    def do() -> dict[str, Any]:
        webhooks.redeliverer.one(merchant_id, endpoint_id, visit.form.delivery_id)
        return {"queued": 1, "next_cursor": None}

    webhooks.endpoints.once(merchant_id, "endpoint.redelivered", visit.origin, visit.idempotency, do)
    return visit.go(f"/merchants/{merchant_id}/endpoints/{endpoint_id}", "redelivered")


def _secret(visit: Visit, merchant_id: str, view: Any, title: str) -> Response:
    back = f"/merchants/{merchant_id}/endpoints/{view['id']}"
    return visit.show("secret.html", title=title, back=back, secrets=[("Webhook secret", view["secret"])])
