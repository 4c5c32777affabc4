"""Webhook endpoints as merchants see them; secrets are shown once, by whoever makes them."""

from typing import Annotated, TypedDict

from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.views.fields import Id, NextCursor, Time, rfc3339


class WebhookEndpointView(TypedDict):
    """A webhook endpoint."""

    id: Id
    url: str
    events: Annotated[list[str], "The types of events that are delivered to it; none: all of them."]
    enabled: bool
    disabled_reason: Annotated[str | None, "Why the gateway disabled it: `gone` (410) or `failing` (three days)."]
    description: str
    created_at: Time


class WebhookEndpointWithSecret(WebhookEndpointView):
    """A webhook endpoint with its secret, this once; a replayed answer has null for it."""

    secret: str | None


class WebhookEndpointPage(TypedDict):
    """Webhook endpoints, newest first."""

    data: list[WebhookEndpointView]
    next_cursor: NextCursor


def endpoint_view(endpoint: Endpoint) -> WebhookEndpointView:
    """Render an endpoint, without its secrets."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason or None,
        "description": endpoint.description,
        "created_at": rfc3339(endpoint.created_at),
    }
