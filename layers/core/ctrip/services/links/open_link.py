"""Open a payment link: show what it asks for, and make a payment by its terms."""

from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, NotFound, TooMany
from ctrip.domain.links.link import Link, asked_price, living, refuse_closed
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Payment
from ctrip.ports.bills import LinkStore
from ctrip.ports.merchants import AccessStore, LimitStore
from ctrip.ports.payments import Beside, PaymentStore
from ctrip.ports.runtime import Clock
from ctrip.services.links.manage_links import LinkManager
from ctrip.services.payments.create_payment import CreatePayment, PaymentCreator
from ctrip.services.shared.retry import on_stale

WINDOW_MS = 60_000
MOST_OPENINGS = 60  # of one link in a minute
TRIES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOpener:
    """Makes payments for whoever opens a link, without counting as a call of its merchant's."""

    manager: LinkManager
    links: LinkStore
    payments: PaymentStore
    access: AccessStore
    limits: LimitStore
    creator: PaymentCreator
    clock: Clock

    def show(self, link_id: str) -> Link:
        """Return a link that takes payments, and change nothing.

        Raises `NotFound`, and `Conflict` where it is disabled, expired or used up.
        """
        link = self.manager.find(None, link_id)
        self._merchant(link)
        refuse_closed(link, self.clock.now())
        self._counting(link)
        return link

    def open(self, link_id: str, amount: str | None, base_url: str, origin: Origin) -> str:
        """Make a payment and return its id; `amount` is what the payer names where it is open.

        Raises what `show` does, `BadRequest` for an amount out of its bounds, `TooMany`, and what creating a payment
        raises.
        """
        self._admit(self.manager.find(None, link_id).id)
        busy = Conflict("The link is changing; try again.", code="link_changed")
        return on_stale(lambda: self._open(link_id, amount, base_url, origin), tries=TRIES, otherwise=busy)

    def _open(self, link_id: str, amount: str | None, base_url: str, origin: Origin) -> str:
        link = self.show(link_id)
        terms, price = link.terms, asked_price(link.terms, amount)
        wanted = CreatePayment(
            price=(price.currency, price.decimal) if price else None,
            amount_decimal=terms.amount_decimal,
            assets=terms.assets,
            metadata=terms.metadata,
            description=terms.title,
            expires_in=terms.expires_in,
            success_url=terms.success_url,
            cancel_url=terms.cancel_url,
            link_id=link.id,
        )
        counting = self._counting(link)

        def beside(payment: Payment) -> Beside | None:
            if terms.max_payments is None:
                return None  # what nobody counts is not written by every payer
            return link, replace(link, holding=(*counting, payment.id), version=link.version + 1)

        made = self.creator.create(self._merchant(link), wanted, base_url, origin, beside=beside)
        return str(made.view["id"])

    def _counting(self, link: Link) -> tuple[str, ...]:
        """Return the payments that count; raises `Conflict` where there are as many as may be."""
        most = link.terms.max_payments
        if most is None or len(link.holding) < most:
            return link.holding
        counting = living(link, self.payments.read(link.holding).values())
        if len(counting) >= most:
            raise Conflict("The link has been used as often as it may be.", code="link_used_up")
        return counting

    def _merchant(self, link: Link) -> Merchant:
        merchant = self.access.merchant(link.merchant_id)
        if merchant is None:
            raise NotFound(f"Payment link {link.id} not found.", code="link_not_found")
        if not merchant.enabled:
            raise Conflict("The link is disabled.", code="link_disabled")
        return merchant

    def _admit(self, link_id: str) -> None:
        now = self.clock.now()
        if self.limits.attempt(f"link:{link_id}", now // WINDOW_MS, now) > MOST_OPENINGS:
            wait = -(-((now // WINDOW_MS + 1) * WINDOW_MS - now) // 1000)
            raise TooMany("That was too often; try again soon.", code="too_many_openings", retry_after=wait)
