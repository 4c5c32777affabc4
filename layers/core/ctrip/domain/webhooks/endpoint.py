"""Webhook endpoints: where a merchant's events are delivered, and which of them."""

import re
from dataclasses import dataclass, replace

# The endpoints that no merchant has created: a payment's own `webhook_url`, and the stage's default address.
PAYMENT_ENDPOINT = "payment"
STAGE_ENDPOINT = "stage"
IMPLICIT = frozenset({PAYMENT_ENDPOINT, STAGE_ENDPOINT})

MOST_ENDPOINTS = 20  # of one merchant
ENDPOINT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

GONE = "gone"  # the endpoint answered 410
FAILING = "failing"  # no delivery succeeded for `FAILING_MS`
FAILING_MS = 3 * 86_400_000  # of failures without one success, after which an endpoint is disabled


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSecret:
    """One secret of an endpoint, encrypted; `expires_at` is unix milliseconds, None for the newest."""

    encrypted: str
    created_at: int
    expires_at: int | None = None

    def live(self, now: int) -> bool:
        """Whether deliveries are still signed with it."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address that a merchant's events are delivered to; `events` are the types that it wants, none of them: all.

    `secrets` are newest first. `failing_since` is when the deliveries that failed since the last success began, and
    `disabled_reason` one of `GONE` and `FAILING` where the gateway has disabled it, else empty.
    """

    id: str
    merchant_id: str
    url: str
    events: tuple[str, ...] = ()
    enabled: bool = True
    description: str = ""
    secrets: tuple[EndpointSecret, ...] = ()
    created_at: int = 0
    failing_since: int | None = None
    disabled_reason: str = ""
    version: int = 1

    def wants(self, event_type: str) -> bool:
        """Whether events of this type are delivered to it."""
        return self.enabled and (not self.events or event_type in self.events)

    def after_success(self) -> "Endpoint":
        """Return it after a delivery that succeeded: it is not failing any more."""
        return replace(self, failing_since=None)

    def after_failure(self, at: int, *, gone: bool) -> "Endpoint":
        """Return it after a delivery that failed: disabled where it is `gone`, or fails for too long by now."""
        since = at if self.failing_since is None else self.failing_since
        reason = GONE if gone else FAILING if at - since >= FAILING_MS else ""
        return replace(self, failing_since=since, enabled=not reason, disabled_reason=reason)

    def live_secrets(self, now: int) -> tuple[str, ...]:
        """Return the encrypted secrets that deliveries are signed with, newest first."""
        return tuple(each.encrypted for each in self.secrets if each.live(now))
