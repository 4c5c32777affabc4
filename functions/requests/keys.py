"""Requests about API keys."""

from typing import TYPE_CHECKING, Annotated

from pydantic import (
    Field,
)

from ctrip.domain.merchants.access import OVERLAP, OVERLAP_SECONDS
from functions.http.bounded import Bounded
from functions.http.models import Ips, Name, Paged, Scopes, Strict, Time, example

if TYPE_CHECKING:
    from ctrip.services.merchants.manage_keys import KeyFilter, NewKey


class KeyQuery(Paged):
    """Filters of a list of keys."""

    created_after: Time | None = None
    created_before: Time | None = None

    def filtered(self) -> "KeyFilter":
        """Return the filter in the service's terms."""
        # Here, as below: every start reads this module, and a service is loaded by the call that needs it.
        from ctrip.services.merchants.manage_keys import KeyFilter

        return KeyFilter(
            created_after=self.created_after,
            created_before=self.created_before,
            limit=self.limit,
            cursor=self.cursor,
        )


class KeyRequest(Strict):
    """Ask for an API key."""

    model_config = example(name="shop backend", scopes=["payments:read", "payments:write"], allowed_ips=["203.0.113.7"])

    name: Name = Field(description="What it is for.")
    scopes: Scopes = Field(description="What it may do; at most what the caller's own key may.")
    signed_only: bool = Field(False, description="Whether it opens signed requests alone, and no bearer key exists.")
    allowed_ips: Ips = Field((), description="Addresses or networks that it may be used from; none: anywhere.")
    expires_at: Time | None = Field(None, description="When it ends.")

    def wanted(self) -> "NewKey":
        """Return the key in the service's terms."""
        from ctrip.services.merchants.manage_keys import NewKey

        return NewKey(
            name=self.name,
            scopes=frozenset(self.scopes),
            signed_only=self.signed_only,
            allowed_ips=self.allowed_ips,
            expires_at=self.expires_at,
        )


class RotationRequest(Strict):
    """Ask for a key's next secrets."""

    overlap_seconds: Annotated[int, Bounded(OVERLAP)] = Field(
        OVERLAP_SECONDS, description="How long the secrets that are good now stay good; 0 where they have leaked."
    )
