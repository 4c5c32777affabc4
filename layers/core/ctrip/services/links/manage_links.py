"""Payment links: make, change, switch off, list."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.links.link import Link, LinkTerms, check_terms
from ctrip.domain.payments.choosing import accepted, base_units, check_accepts
from ctrip.domain.prices.price import parse_price
from ctrip.ports.bills import LinkStore
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.payments.create_payment import check_url
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.links import PaymentLinkPage, PaymentLinkView, link_view

TRIES = 5
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkManager:
    """Makes and changes payment links; on the local stage payers may return to `plain_http` addresses."""

    networks: Mapping[str, Network]
    links: LinkStore
    clock: Clock
    ids: Ids
    plain_http: bool

    def create(
        self, merchant_id: str, asked: Mapping[str, Any], base_url: str, idempotency: Idempotency | None = None
    ) -> Answer:
        """Make a link; `asked` are fields of `LinkTerms`, a price as its currency and amount. Raises `InvalidField`."""

        def make() -> Answer:
            now = self.clock.now()
            terms = LinkTerms(**_parsed(asked))
            self._check(terms, asked, now)
            link = Link(id=self.ids.uuid(), merchant_id=merchant_id, terms=terms, created_at=now, updated_at=now)
            return self._keep(None, link, base_url, idempotency)

        return Once(self.links).run(idempotency, make)

    def update(
        self,
        merchant_id: str,
        link_id: str,
        asked: Mapping[str, Any],
        base_url: str,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Change the fields of a link that are asked for; payments that were made keep the terms of their time."""

        def attempt() -> Answer:
            before, now = self.find(merchant_id, link_id), self.clock.now()
            terms = replace(before.terms, **_parsed(asked))
            self._check(terms, asked, now)
            after = replace(before, terms=terms, updated_at=now, version=before.version + 1)
            return self._keep(before, after, base_url, idempotency)

        changed = Conflict("The link is changing; read it and try again.", code="link_changed")
        return Once(self.links).run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))

    def one(self, merchant_id: str, link_id: str, base_url: str) -> PaymentLinkView:
        """Show a link; raises `NotFound`."""
        return link_view(self.find(merchant_id, link_id), base_url)

    def page(self, merchant_id: str, cursor: str | None, limit: int, base_url: str) -> PaymentLinkPage:
        """List a merchant's links, newest first."""
        found, following = self.links.page(merchant_id, cursor, limit)
        return {"data": [link_view(each, base_url) for each in found], "next_cursor": following}

    def find(self, merchant_id: str | None, link_id: str) -> Link:
        """Read a link; raises `NotFound`, for another merchant's too (for nobody's where `merchant_id` is None)."""
        found = self.links.get(link_id) if _ID.fullmatch(link_id) else None
        if found is None or merchant_id not in (None, found.merchant_id):
            raise NotFound(f"Payment link {link_id[:64]} not found.", code="link_not_found")
        return found

    def _keep(self, before: Link | None, after: Link, base_url: str, idempotency: Idempotency | None) -> Answer:
        view = link_view(after, base_url)
        self.links.keep(before, after, idempotency, json.dumps(view))
        return Answer(view)

    def _check(self, terms: LinkTerms, asked: Mapping[str, Any], now: int) -> None:
        check_terms(terms)
        check_accepts(self.networks, terms.assets)
        if terms.amount_decimal is not None:
            for _, asset in accepted(self.networks, terms.assets):
                base_units(terms.amount_decimal, asset)
        for name, url in (("success_url", terms.success_url), ("cancel_url", terms.cancel_url)):
            if url is not None:
                check_url(name, url, plain_http=self.plain_http)
        if asked.get("expires_at") is not None and terms.expires_at is not None and terms.expires_at <= now:
            raise InvalidField("expires_at", "in_the_past", "must be in the future")


def _parsed(asked: Mapping[str, Any]) -> dict[str, Any]:
    price = asked.get("price")
    return {**asked, "price": parse_price(*price)} if price is not None else dict(asked)
