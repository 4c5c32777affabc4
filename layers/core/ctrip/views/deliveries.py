"""Deliveries of webhooks as merchants see them: an endpoint's log."""

from typing import Annotated, TypedDict

from ctrip.ports.events import Delivery
from ctrip.views.fields import NextCursor, Shape, Time, rfc3339


class DeliveryView(TypedDict):
    """One attempt to deliver an event to an endpoint."""

    id: Annotated[str, Shape(pattern=r"^dlv_[0-9A-Z]{26}_[0-9]{1,4}$")]
    event_id: Annotated[str, Shape(pattern=r"^evt_[0-9A-Z]{26}$")]
    type: str
    attempt: int
    status_code: Annotated[int | None, "Of the endpoint's answer; null where none came in time."]
    latency_ms: int
    error: Annotated[str | None, "Why no answer came."]
    answer: Annotated[str, "How the endpoint's answer began, at most 1,024 bytes of it; what looks secret is masked."]
    created_at: Time
    next_attempt_at: Annotated[Time | None, "When it is tried again; null where it is not."]


class DeliveryPage(TypedDict):
    """Deliveries, those of the newest event first."""

    data: list[DeliveryView]
    next_cursor: NextCursor


class RedeliveryView(TypedDict):
    """Deliveries that are made again."""

    queued: Annotated[int, "How many deliveries are on their way."]
    next_cursor: NextCursor


def delivery_id(ulid: str, attempt: int) -> str:
    """Format the id of a delivery, which names it among its endpoint's."""
    return f"dlv_{ulid}_{attempt}"


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Render a delivery."""
    again = delivery.next_attempt_at
    return {
        "id": delivery_id(delivery.event_ulid, delivery.attempt),
        "event_id": f"evt_{delivery.event_ulid}",
        "type": delivery.type,
        "attempt": delivery.attempt,
        "status_code": delivery.status_code,
        "latency_ms": delivery.latency_ms,
        "error": delivery.error,
        "answer": delivery.answer,
        "created_at": rfc3339(delivery.at),
        "next_attempt_at": None if again is None else rfc3339(again),
    }
