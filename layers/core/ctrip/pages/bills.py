"""The pages of payment links and invoices."""

from ctrip.domain.invoices.invoice import Invoice, LineItem, Standing, on_its_way
from ctrip.domain.links.link import Link
from ctrip.domain.payments.payment import Payment
from ctrip.domain.prices.price import Price
from ctrip.pages.render import page
from ctrip.ports.language import Language, translatable
from ctrip.views.brand import Shop
from ctrip.views.invoice_words import ON_ITS_WAY, OVER, STATES
from ctrip.views.link_words import bounds_of

_NO_INVOICE = translatable("Invoice not found")
_NO_LINK = translatable("Link not found")
_WHOLE = translatable("Check that the link is whole, or ask the shop for a new one.")


def link(link: Link, language: Language, shop: Shop, *, closed: str = "", trouble: str = "", typed: str = "") -> str:
    """Render the page of a payment link.

    `closed` is the message that says why it takes no payments, `trouble` why none was made of what was `typed`.
    """
    terms, price = link.terms, link.terms.price
    fixed = language.price(price.decimal, price.currency) if price else language.number(terms.amount_decimal or "0")
    return page(
        "link.html",
        language,
        shop,
        link=link,
        open_amount=terms.currency is not None,
        asked=fixed,
        bounds=bounds_of(terms, language),
        until=language.moment(terms.expires_at) if terms.expires_at is not None else "",
        closed=closed,
        trouble=trouble,
        typed=typed,
    )


def no_link(language: Language) -> str:
    """Render the page for a payment link that nobody knows."""
    return page("missing.html", language, title=_NO_LINK, words=_WHOLE)


def invoice(
    invoice: Invoice,
    known: Standing,
    going: Payment | None,
    language: Language,
    shop: Shop,
    *,
    aside: bool = False,
    trouble: str = "",
) -> str:
    """Render the page of an invoice as it stands.

    `going` is the payment that goes on, `trouble` why none was made. `aside`: money came that does not count yet.
    """

    def written(amount: int) -> str:
        return language.price(Price(invoice.currency, amount).decimal, invoice.currency)

    def line(item: LineItem) -> dict[str, str]:
        return {
            "description": item.description,
            "quantity": language.number(str(item.quantity)),
            "unit_price": written(item.unit_price),
            "total": written(item.total),
        }

    coming = going is not None and on_its_way([going])
    return page(
        "invoice.html",
        language,
        shop,
        invoice=invoice,
        state=known.state.value,
        words=STATES[known.state],
        more=OVER.get(known.state, ON_ITS_WAY if coming else ""),
        over=written(known.over) if known.over else "",
        until=language.moment(invoice.due_at) if invoice.due_at is not None else "",
        lines=[line(each) for each in invoice.items],
        total=written(invoice.total),
        paid=written(known.paid),
        left=written(known.left),
        payable=known.state not in OVER,
        going=going is not None,
        aside=aside,
        trouble=trouble,
    )


def no_invoice(language: Language) -> str:
    """Render the page for an invoice that nobody knows."""
    return page("missing.html", language, title=_NO_INVOICE, words=_WHOLE)
