"""Requests about webhook endpoints."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from ctrip.domain.merchants.access import OVERLAP, OVERLAP_SECONDS
from ctrip.domain.urls import LONGEST
from functions.http.bounded import Bounded
from functions.http.models import Cursor, Paged, Strict, Time, example

if TYPE_CHECKING:
    from ctrip.services.webhooks.manage_endpoints import EndpointTerms

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]
EventTypes = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=3, max_length=64)], ...], Field(strict=False, max_length=64)
]
Description = Annotated[str, StringConstraints(max_length=200)]


class EndpointQuery(Paged):
    """A page of a list of endpoints."""


class EndpointRequest(Strict):
    """Ask for a webhook endpoint."""

    model_config = example(url="https://shop.example/webhooks", events=["payment.paid", "payment.late"])

    url: Url = Field(description="Where events are posted to: https, on the internet.")
    events: EventTypes = Field((), description="The types of events that it wants; none: all of them.")
    description: Description = Field("", description="What it is for.")

    def terms(self) -> "EndpointTerms":
        """Return the endpoint in the service's terms."""
        # Here, as below: every start reads this module, and a service is loaded by the call that needs it.
        from ctrip.services.webhooks.manage_endpoints import EndpointTerms

        return EndpointTerms(url=self.url, events=self.events, description=self.description)


class EndpointUpdate(Strict):
    """Change a webhook endpoint; what is left out stays."""

    model_config = example(enabled=True)

    url: Url | None = Field(None, description="Where events are posted to: https, on the internet.")
    events: EventTypes | None = Field(None, description="The types of events that it wants; none: all of them.")
    enabled: bool | None = Field(None, description="Whether events are delivered to it.")
    description: Description | None = Field(None, description="What it is for.")

    def terms(self) -> "EndpointTerms":
        """Return what changes in the service's terms."""
        from ctrip.services.webhooks.manage_endpoints import EndpointTerms

        return EndpointTerms(url=self.url, events=self.events, enabled=self.enabled, description=self.description)


class SecretRotation(Strict):
    """Ask for an endpoint's next secret."""

    overlap_seconds: Annotated[int, Bounded(OVERLAP)] = Field(
        OVERLAP_SECONDS, description="How long deliveries are signed with the old secret too; 0 where it has leaked."
    )


class RedeliveryRequest(Strict):
    """Ask for the deliveries of a time again."""

    model_config = example(created_after="2026-01-31T12:00:00Z", created_before="2026-01-31T18:00:00Z")

    created_after: Time = Field(description="Events from this time on.")
    created_before: Time | None = Field(None, description="Events up to this time; without it up to now.")
    cursor: Cursor | None = Field(None, description="The `next_cursor` of the call before.")
    all: bool = Field(False, description="Also what the endpoint has answered with a 2xx status.")
