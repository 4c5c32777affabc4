"""What the page of a payment link says, in words for the payer: messages of the catalogues, in English."""

from ctrip.domain.errors import BadRequest, Refusal
from ctrip.domain.links.link import LinkTerms
from ctrip.domain.prices.price import Price
from ctrip.ports.language import Language, translatable

_BETWEEN = translatable("From {minimum} to {maximum}.")
_AT_LEAST = translatable("At least {minimum}.")
_AT_MOST = translatable("At most {maximum}.")
_NO_AMOUNT = translatable("Please enter an amount in {currency}, such as {example}.")
_OUT_OF_BOUNDS = translatable("This amount cannot be paid here.")
OFTEN = translatable("That was too often. Please wait a minute, then try again.")
LATER = translatable("This cannot be paid at the moment. Please try again in a few minutes.")

# Why a link takes no payments, by the code of its refusal.
_CLOSED = {
    "link_disabled": translatable("This link is switched off. Ask the shop for a new one."),
    "link_expired": translatable("The time of this link is over. Ask the shop for a new one."),
    "link_used_up": translatable("This link has been used as often as it may be. Ask the shop for a new one."),
}


def bounds_of(terms: LinkTerms, language: Language) -> str:
    """Say what a payer may name; empty where nothing bounds it."""
    least, most = terms.least, terms.most
    message = _BETWEEN if least and most else _AT_LEAST if least else _AT_MOST if most else ""
    named = {"minimum": least, "maximum": most}
    values = {name: language.price(each.decimal, each.currency) for name, each in named.items() if each}
    return language.say(message, **values)


def closed_of(refusal: Refusal) -> str:
    """Return the message that says why a link takes no payments; empty where it does."""
    return _CLOSED.get(refusal.code, "")


def trouble_of(refusal: Refusal, terms: LinkTerms, language: Language) -> str:
    """Say why no payment was made."""
    if refusal.code == "amount_out_of_bounds":
        return language.say(_OUT_OF_BOUNDS)
    if isinstance(refusal, BadRequest) and terms.currency and any(each.field == "amount" for each in refusal.errors):
        example = language.price(Price(terms.currency, 1_250).decimal, terms.currency)
        return language.say(_NO_AMOUNT, currency=terms.currency, example=example)
    return language.say(OFTEN if refusal.code == "too_many_openings" else LATER)
