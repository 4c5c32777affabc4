"""The words of the checkout page, for somebody who has never paid with crypto: one set for each step of a payer.

They are messages of the catalogues (`pages/catalogues`), whose English is here. In them, `{amount}` is the amount due,
`{received}` what has come of it, `{rest}` what is missing, `{over}` what is too much (each with its symbol), `{symbol}`
and `{network}` are those to pay with, `{until}` is the deadline, and `{strays}` is what was sent by mistake.
"""

from typing import NamedTuple

from ctrip.domain.payments.payer import PayerStep
from ctrip.ports.language import translatable


class Words(NamedTuple):
    """The title of the window, the heading of the state, and what to do, sentence by sentence."""

    title: str
    heading: str
    text: tuple[str, ...]


_ASK = translatable("Ask the shop, and name the payment number below.")
_ASK_BACK = translatable("To get it back, ask the shop, and name the payment number below.")
_ASK_LATER = translatable("If it takes long, ask the shop, and name the payment number below.")
_NOTHING = translatable("Please do not send anything.")
_NOT_TWICE = translatable("Please do not pay a second time.")
_NOT_DUE = translatable("It does not pay for your order.")
_AGAIN = translatable("To buy all the same, start again in the shop.")
_BY_ITSELF = translatable("You need not do anything.")
_HAS = translatable("The shop has {received}.")

WORDS: dict[PayerStep, Words] = {
    PayerStep.CHOOSE: Words(
        translatable("Choose how to pay {amount}"),
        translatable("Choose what to pay with"),
        (translatable("You then have until {until} to pay."),),
    ),
    PayerStep.PAY: Words(
        translatable("Pay {amount}"),
        translatable("Waiting for your payment"),
        (translatable("Scan the QR code with your wallet app, or copy the amount and the address into it."),),
    ),
    PayerStep.PAY_REST: Words(
        translatable("Pay the rest: {rest}"),
        translatable("Part of the amount has arrived. Please pay the rest: {rest}"),
        (
            translatable("{received} of {amount} is here."),
            translatable("The QR code and the amount below ask for the rest only."),
        ),
    ),
    PayerStep.CHECKING: Words(
        translatable("Checking for a payment"),
        translatable("Checking for a payment on its way"),
        (
            translatable("The time to pay is over: please do not send anything now."),
            translatable(
                "If you have paid already, leave this page open; your payment shows here within a few minutes."
            ),
        ),
    ),
    PayerStep.WAIT: Words(
        translatable("Waiting for confirmations"),
        translatable("Payment seen, waiting for confirmations"),
        (
            translatable("{received} is on its way to the shop."),
            translatable("{network} is confirming it by itself: you need not do anything."),
        ),
    ),
    PayerStep.WAIT_LATE: Words(
        translatable("Waiting for confirmations"),
        translatable("Your payment came late, and is waiting for confirmations"),
        (
            translatable(
                "{received} came after the time was over, and is accepted all the same once {network} has confirmed it."
            ),
            _BY_ITSELF,
        ),
    ),
    PayerStep.REORGED: Words(
        translatable("Your payment is being checked again"),
        translatable("{network} has taken back its last blocks, and is checking your payment again"),
        (
            _NOT_TWICE,
            translatable("A payment mostly comes back by itself within minutes."),
            translatable("If it does not, ask the shop, and name the payment number below."),
        ),
    ),
    PayerStep.WRONG_ASSET: Words(
        translatable("Not the right currency: {symbol} is needed"),
        translatable("{strays} has arrived, but this payment is in {symbol}"),
        (
            _NOT_DUE,
            _ASK_BACK,
        ),
    ),
    PayerStep.WRONG_NETWORK: Words(
        translatable("Not the right network: {network} is needed"),
        translatable("{strays} has arrived, but this payment is in {symbol} on {network}"),
        (
            _NOT_DUE,
            _ASK_BACK,
        ),
    ),
    PayerStep.CONFIRMED: Words(
        translatable("Payment confirmed"),
        translatable("Payment confirmed. Thank you!"),
        (
            translatable("{received} has arrived for good."),
            _BY_ITSELF,
        ),
    ),
    PayerStep.DONE: Words(
        translatable("Paid {received}"),
        translatable("Paid. Thank you!"),
        (
            _HAS,
            _BY_ITSELF,
        ),
    ),
    PayerStep.DONE_LATE: Words(
        translatable("Paid {received}"),
        translatable("Paid. Your payment came late, and was accepted"),
        (
            _HAS,
            _BY_ITSELF,
        ),
    ),
    PayerStep.OVERPAID: Words(
        translatable("Paid, and {over} too much"),
        translatable("Paid, and {over} too much has arrived"),
        (
            translatable("The shop has {received}, and {amount} was due."),
            translatable("To get the difference back, ask the shop, and name the payment number below."),
        ),
    ),
    PayerStep.LATE: Words(
        translatable("Your payment came too late"),
        translatable("Your payment came too late"),
        (
            translatable("The shop has your {received}, and decides whether to accept it or to send it back."),
            _NOT_TWICE,
            _ASK,
        ),
    ),
    PayerStep.HELD: Words(
        translatable("The shop is reviewing this payment"),
        translatable("The shop is reviewing this payment"),
        (
            _NOTHING,
            _ASK,
        ),
    ),
    PayerStep.HELD_PART: Words(
        translatable("The shop is reviewing this payment"),
        translatable("Received; the shop is reviewing this payment"),
        (
            translatable("{received} is there."),
            _NOT_TWICE,
            _ASK_LATER,
        ),
    ),
    PayerStep.EXPIRED: Words(
        translatable("This payment has expired"),
        translatable("This payment has expired. Please do not send anything."),
        (
            translatable("Nothing has arrived in time."),
            _AGAIN,
        ),
    ),
    PayerStep.EXPIRED_PART: Words(
        translatable("Expired: the shop has your {received}"),
        translatable("This payment has expired. The shop has your {received}"),
        (
            translatable("{received} of {amount} has arrived."),
            translatable("Please do not send the rest here."),
            translatable("The shop can send back what it has, or accept it."),
            _ASK,
        ),
    ),
    PayerStep.CANCELLED: Words(
        translatable("This payment was cancelled"),
        translatable("The shop has cancelled this payment"),
        (
            _NOTHING,
            _AGAIN,
        ),
    ),
    PayerStep.CANCELLED_PART: Words(
        translatable("Cancelled: the shop has your {received}"),
        translatable("The shop has cancelled this payment, and has your {received}"),
        (
            translatable("Please do not send more."),
            translatable("The shop can send back what it has."),
            _ASK,
        ),
    ),
    PayerStep.FAILED: Words(
        translatable("This payment failed"),
        translatable("This payment failed. Please contact the shop."),
        (
            _NOTHING,
            _ASK,
        ),
    ),
    PayerStep.FAILED_PART: Words(
        translatable("This payment failed"),
        translatable("This payment failed. Please contact the shop."),
        (
            translatable("{received} has arrived, but was not accepted."),
            _NOT_TWICE,
            _ASK,
        ),
    ),
}

# The text of a step where wallets have no link in common: the QR code holds the address alone.
WITHOUT_LINK: dict[PayerStep, tuple[str, ...]] = {
    PayerStep.PAY: (
        translatable("Copy the amount and the address into your wallet app, or scan the QR code of the address there."),
    ),
    PayerStep.PAY_REST: (
        translatable("{received} of {amount} is here."),
        translatable("The amount below is the rest only."),
    ),
}
# What follows it where money is seen only once it is final.
WHEN_FINAL = translatable(
    "A payment shows here about a minute after it was sent, once {network} has made it final: do not pay a second time."
)
# What follows the text of a step where the payer has sent something by mistake.
PAY_RIGHT = translatable("To pay, send {rest} on {network} as shown below.")
TOO_LATE = translatable("The time to pay in {symbol} is over: please do not send anything more.")
ASIDE = (
    translatable("{strays} has arrived too, which this payment did not ask for."),
    translatable("To get it back, ask the shop."),
)
ON_NETWORK = translatable("{amount} on {network}")
