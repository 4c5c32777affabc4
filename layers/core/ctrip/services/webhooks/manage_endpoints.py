"""Webhook endpoints: make, change, rotate the secret of, delete; each a change of its merchant, audited there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, InvalidField, NotFound, Stale
from ctrip.domain.merchants.access import OVERLAP_SECONDS
from ctrip.domain.webhooks.addresses import endpoint_problem
from ctrip.domain.webhooks.endpoint import ENDPOINT_ID, MOST_ENDPOINTS, Endpoint, EndpointSecret
from ctrip.domain.webhooks.webhook import new_secret
from ctrip.ports.credentials import Cipher
from ctrip.ports.endpoints import EndpointStore
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.merchants.manage_merchants import PartMoved, change_merchant
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.services.webhooks.redeliver import Redeliverer
from ctrip.views.endpoints import WebhookEndpointPage, WebhookEndpointView, endpoint_view
from ctrip.views.event_types import NAMES

SECRET_BYTES = 32
LIVE_SECRETS = 2  # the newest, and the one that it replaces
TRIES = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTerms:
    """What is asked of an endpoint; None leaves what is there, and no `events` at all stand for all of them."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    enabled: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointManager:
    """Makes and changes endpoints; a secret that it makes is in its answer and nowhere else in clear.

    `loopback` lets endpoints be on this machine, for the local stage alone.
    """

    access: AccessStore
    endpoints: EndpointStore
    cipher: Cipher
    clock: Clock
    ids: Ids
    known: KnownEndpoints
    redeliverer: Redeliverer
    loopback: bool

    def create(
        self, merchant_id: str, terms: EndpointTerms, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Make an endpoint; the answer has its secret, this once."""
        return Once(self.access).run(idempotency, lambda: self._create(merchant_id, terms, origin, idempotency))

    def _create(
        self, merchant_id: str, terms: EndpointTerms, origin: Origin, idempotency: Idempotency | None
    ) -> Answer:
        self._check(terms)
        if len(self.endpoints.endpoints_of(merchant_id)) >= MOST_ENDPOINTS:
            raise Conflict(
                f"A merchant has at most {MOST_ENDPOINTS} endpoints; delete one first.", code="too_many_endpoints"
            )
        secret, now = new_secret(self.ids.entropy(SECRET_BYTES)), self.clock.now()
        endpoint = Endpoint(
            id=self.ids.uuid(),
            merchant_id=merchant_id,
            url="",
            secrets=(self._encrypted(secret, merchant_id, now),),
            created_at=now,
        )
        self.redeliverer.plan_catch_up(merchant_id, endpoint.id, now)
        return self._commit(None, _applied(endpoint, terms), "endpoint.created", origin, idempotency, secret)

    def update(self, merchant_id: str, endpoint_id: str, terms: EndpointTerms, origin: Origin) -> WebhookEndpointView:
        """Change an endpoint; one that is enabled again begins with a clean record."""
        self._check(terms)

        def attempt() -> WebhookEndpointView:
            before = self.find(merchant_id, endpoint_id)
            after = replace(_applied(before, terms), version=before.version + 1)
            if after.enabled and not before.enabled:
                after = replace(after, failing_since=None, disabled_reason="")
            if after.enabled:
                self.redeliverer.plan_catch_up(merchant_id, endpoint_id, self.clock.now())
            self._commit(before, after, "endpoint.updated", origin)
            return endpoint_view(after)

        return self._again(attempt)

    def rotate(
        self,
        merchant_id: str,
        endpoint_id: str,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        overlap_seconds: int = OVERLAP_SECONDS,
    ) -> Answer:
        """Give an endpoint a new secret; for `overlap_seconds` deliveries are signed with the one before it too."""

        def attempt() -> Answer:
            before, now = self.find(merchant_id, endpoint_id), self.clock.now()
            secret, ends = new_secret(self.ids.entropy(SECRET_BYTES)), now + overlap_seconds * 1000
            newest = before.secrets[0]
            older = replace(newest, expires_at=min(newest.expires_at or ends, ends))
            secrets = (self._encrypted(secret, merchant_id, now), older)[: LIVE_SECRETS if overlap_seconds else 1]
            after = replace(before, secrets=secrets, version=before.version + 1)
            return self._commit(before, after, "endpoint.rotated", origin, idempotency, secret)

        return Once(self.access).run(idempotency, lambda: self._again(attempt))

    def delete(self, merchant_id: str, endpoint_id: str, origin: Origin) -> None:
        """Remove an endpoint; what is still to be delivered to it is not delivered any more."""

        def attempt() -> None:
            before = self.find(merchant_id, endpoint_id)
            self._commit(before, None, "endpoint.deleted", origin)

        self._again(attempt)

    def once(
        self,
        merchant_id: str,
        action: str,
        origin: Origin,
        idempotency: Idempotency | None,
        do: Callable[[], Mapping[str, Any]],
    ) -> Answer:
        """Do something with an endpoint once for each idempotency key, and note it in the merchant's audit chain."""

        def attempt() -> Answer:
            view = do()
            change_merchant(
                self.access,
                merchant_id,
                lambda merchant: (merchant, action),
                origin,
                self.clock.now(),
                idempotency=idempotency,
                answer=json.dumps(view),
            )
            return Answer(view)

        return Once(self.access).run(idempotency, attempt)

    def one(self, merchant_id: str, endpoint_id: str) -> WebhookEndpointView:
        """Show an endpoint; raises `NotFound`."""
        return endpoint_view(self.find(merchant_id, endpoint_id))

    def page(self, merchant_id: str, cursor: str | None, limit: int) -> WebhookEndpointPage:
        """List a merchant's endpoints, newest first; `next_cursor` is the id of the last one shown."""
        every = sorted(self.endpoints.endpoints_of(merchant_id), key=lambda each: (each.created_at, each.id))[::-1]
        if cursor is not None:
            places = [place for place, each in enumerate(every) if each.id == cursor]
            if not places:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            every = every[places[0] + 1 :]
        shown = every[:limit]
        return {
            "data": [endpoint_view(each) for each in shown],
            "next_cursor": shown[-1].id if len(every) > len(shown) else None,
        }

    def find(self, merchant_id: str, endpoint_id: str) -> Endpoint:
        """Read an endpoint; raises `NotFound`, for another merchant's too."""
        found = self.endpoints.endpoint(merchant_id, endpoint_id) if ENDPOINT_ID.fullmatch(endpoint_id) else None
        if found is None:
            raise NotFound(f"Webhook endpoint {endpoint_id[:64]} not found.", code="endpoint_not_found")
        return found

    def _check(self, terms: EndpointTerms) -> None:
        if terms.url is not None and (problem := endpoint_problem(terms.url, loopback=self.loopback)):
            raise InvalidField("url", "invalid_url", problem)
        for name in terms.events or ():
            if name not in NAMES:
                problem = "must name event types such as payment.paid; the guide lists them all"
                raise InvalidField("events", "unknown_event_type", problem)

    def _encrypted(self, secret: str, merchant_id: str, now: int) -> EndpointSecret:
        return EndpointSecret(encrypted=self.cipher.encrypt(secret, merchant_id), created_at=now)

    def _commit(
        self,
        before: Endpoint | None,
        after: Endpoint | None,
        action: str,
        origin: Origin,
        idempotency: Idempotency | None = None,
        secret: str | None = None,
    ) -> Answer:
        touched = after or before
        assert touched is not None
        view: dict[str, Any] = {**endpoint_view(touched)}
        change_merchant(
            self.access,
            touched.merchant_id,
            lambda merchant: (merchant, action),
            origin,
            self.clock.now(),
            endpoint=(before, after),
            moved=lambda: self.endpoints.endpoint(touched.merchant_id, touched.id) != before,
            idempotency=idempotency,
            answer=json.dumps(view | {"secret": None}),
        )
        # Whoever asked may pay right away: what this process commits next knows of it.
        self.known.forget(touched.merchant_id)
        return Answer(view | {"secret": secret})

    def _again(self, attempt: Callable[[], T]) -> T:
        def anew() -> T:
            try:
                return attempt()
            except PartMoved as exc:
                raise Stale from exc

        changed = Conflict("The endpoint is changing; read it and try again.", code="endpoint_changed")
        return on_stale(anew, tries=TRIES, otherwise=changed)


def _applied(endpoint: Endpoint, terms: EndpointTerms) -> Endpoint:
    asked = {name: getattr(terms, name) for name in ("url", "enabled", "description")}
    changes = {name: value for name, value in asked.items() if value is not None}
    if terms.events is not None:
        changes["events"] = tuple(dict.fromkeys(terms.events))
    return replace(endpoint, **changes)
