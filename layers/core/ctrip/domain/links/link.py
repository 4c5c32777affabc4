"""A payment link: terms by which anybody who has the link may make a payment."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ctrip.domain.errors import BadRequest, Conflict, FieldError, InvalidField
from ctrip.domain.payments.payment import Payment
from ctrip.domain.prices.price import Price, parse_currency, parse_price

# What separates the decimals, where people type an amount, and the spaces that they write between its digits.
_MARKS = str.maketrans({",": ".", "\u066b": ".", " ": None, "\u00a0": None, "\u202f": None})
_LONGEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerms:
    """What a merchant sets of a link. One of `price`, `currency` and `amount_decimal` says what is paid.

    A `price` is fixed. With a `currency` the payer names an amount of it, from `minimum` to `maximum` where they are
    set. `amount_decimal` is of whichever of `assets` the payer chooses.
    """

    title: str
    description: str | None = None
    price: Price | None = None
    currency: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    amount_decimal: str | None = None
    assets: tuple[str, ...] = ()
    success_url: str | None = None
    cancel_url: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    expires_in: int | None = None
    active: bool = True
    expires_at: int | None = None
    max_payments: int | None = None

    @property
    def least(self) -> Price | None:
        """The smallest amount that a payer may name."""
        return self._bound("minimum", self.minimum)

    @property
    def most(self) -> Price | None:
        """The largest amount that a payer may name."""
        return self._bound("maximum", self.maximum)

    def _bound(self, name: str, amount: str | None) -> Price | None:
        return None if amount is None or self.currency is None else _named(self.currency, amount, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A payment link. `holding` are the payments that count, where only so many may be made."""

    id: str
    merchant_id: str
    terms: LinkTerms
    holding: tuple[str, ...] = ()
    created_at: int = 0
    updated_at: int = 0
    version: int = 1


def check_terms(terms: LinkTerms) -> None:
    """Demand that what is paid is said once and can be; raises `InvalidField`."""
    named = [name for name in ("price", "currency", "amount_decimal") if getattr(terms, name) is not None]
    if not named:
        raise InvalidField("price", "missing", "is required, or currency for an open amount, or amount_decimal")
    if len(named) > 1:
        raise InvalidField(
            named[1], "mutually_exclusive", f"excludes {named[0]}: give one of them, and null for others"
        )
    for name in ("minimum", "maximum"):
        if getattr(terms, name) is not None and terms.currency is None:
            raise InvalidField(name, "needs_currency", "bounds an open amount: give currency, and no price")
    if terms.amount_decimal is not None and not terms.assets:
        raise InvalidField("assets", "missing", "is required with amount_decimal: an amount is of some asset")
    if terms.currency is not None:
        parse_currency(terms.currency)
    least, most = terms.least, terms.most
    if least and most and least.amount > most.amount:
        raise InvalidField("maximum", "invalid_bounds", "is less than minimum")


def refuse_closed(link: Link, now: int) -> None:
    """Demand that a link takes payments; raises `Conflict` that says why not."""
    if not link.terms.active:
        raise Conflict("The link is disabled.", code="link_disabled")
    if link.terms.expires_at is not None and now >= link.terms.expires_at:
        raise Conflict("The link has expired.", code="link_expired")


def asked_price(terms: LinkTerms, amount: str | None) -> Price | None:
    """Return the price of a payment, None where its amount is of an asset; `amount` is what the payer named.

    Raises `BadRequest` for an amount that is none, out of bounds, or not the payer's to name.
    """
    if terms.currency is None:
        if amount is not None:
            raise InvalidField("amount", "amount_fixed", "is fixed by the link, and not for the payer to name")
        return terms.price
    if amount is None:
        raise InvalidField("amount", "missing", "is required: the payer names it")
    price = _named(terms.currency, _typed(amount), "amount")
    least, most = terms.least, terms.most
    if (least and price.amount < least.amount) or (most and price.amount > most.amount):
        raise _out_of_bounds(least, most)
    return price


def holds(payment: Payment) -> bool:
    """Whether a payment counts among those that a link may make: it is waited for, or money has come for it."""
    return not payment.is_dead or payment.seen.amount_received > 0


def living(link: Link, payments: Iterable[Payment]) -> tuple[str, ...]:
    """Return which of a link's payments count still; room is made for those that nobody paid."""
    held = {each.id for each in payments if holds(each)}
    return tuple(each for each in link.holding if each in held)


def _named(currency: str, amount: str, field: str) -> Price:
    try:
        return parse_price(currency, amount)
    except InvalidField as exc:
        problem = exc.errors[0]
        named = "currency" if problem.field.endswith("currency") else field
        raise InvalidField(named, problem.code, problem.detail) from exc


def _typed(amount: str) -> str:
    """Read an amount as people write it: 12,50 as 12.50, digits of any script; three decimals are never thousands."""
    plain = amount[:_LONGEST].translate(_MARKS)
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in plain)


def _out_of_bounds(least: Price | None, most: Price | None) -> BadRequest:
    parts = [f"at least {least.decimal}" if least else "", f"at most {most.decimal}" if most else ""]
    currency = (least or most or Price("", 0)).currency
    words = f"must be {' and '.join(part for part in parts if part)} {currency}"
    return BadRequest(
        f"amount: {words}",
        code="amount_out_of_bounds",
        errors=(FieldError("amount", "amount_out_of_bounds", words),),
    )
