"""The words of the checkout page, for somebody who has never paid with crypto: one set for each step of a payer.

In the words, `{amount}` is the amount due, `{received}` what has come of it, `{rest}` what is missing, `{over}` what is
too much (each with its symbol), `{symbol}` and `{network}` are those to pay with, and `{strays}` is what was sent by
mistake.
"""

from typing import NamedTuple

from ctrip.domain.payments.payer import PayerStep


class Words(NamedTuple):
    """The title of the window, the heading of the state, and what to do."""

    title: str
    heading: str
    text: str


_ASK = "Ask the shop, and name the payment number below."
_NOTHING = "Please do not send anything."
_NOT_DUE = "It does not pay for your order. To get it back, ask the shop, and name the payment number below."

WORDS: dict[PayerStep, Words] = {
    PayerStep.PAY: Words(
        "Pay {amount}",
        "Waiting for your payment",
        "Scan the QR code with your wallet app, or copy the amount and the address into it.",
    ),
    PayerStep.PAY_REST: Words(
        "Pay the rest: {rest}",
        "Part of the amount has arrived. Please pay the rest: {rest}",
        "{received} of {amount} is here. The QR code and the amount below ask for the rest only.",
    ),
    PayerStep.CHECKING: Words(
        "Checking for a payment",
        "Checking for a payment on its way",
        "The time to pay is over: please do not send anything now. If you have paid already, leave this page open; "
        "your payment shows here within a few minutes.",
    ),
    PayerStep.WAIT: Words(
        "Waiting for confirmations",
        "Payment seen, waiting for confirmations",
        "{received} is on its way to the shop. {network} is confirming it by itself: you need not do anything.",
    ),
    PayerStep.WAIT_LATE: Words(
        "Waiting for confirmations",
        "Your payment came late, and is waiting for confirmations",
        "{received} came after the time was over, and is accepted all the same once {network} has confirmed it. "
        "You need not do anything.",
    ),
    PayerStep.REORGED: Words(
        "Your payment is being checked again",
        "{network} has taken back its last blocks, and is checking your payment again",
        "Please do not pay a second time: a payment mostly comes back by itself within minutes. If it does not, "
        "ask the shop, and name the payment number below.",
    ),
    PayerStep.WRONG_ASSET: Words(
        "Not the right currency: {symbol} is needed",
        "{strays} has arrived, but this payment is in {symbol}",
        _NOT_DUE,
    ),
    PayerStep.WRONG_NETWORK: Words(
        "Not the right network: {network} is needed",
        "{strays} has arrived, but this payment is in {symbol} on {network}",
        _NOT_DUE,
    ),
    PayerStep.CONFIRMED: Words(
        "Payment confirmed",
        "Payment confirmed. Thank you!",
        "{received} has arrived for good. You need not do anything.",
    ),
    PayerStep.DONE: Words(
        "Paid {received}",
        "Paid. Thank you!",
        "The shop has {received}. You need not do anything.",
    ),
    PayerStep.DONE_LATE: Words(
        "Paid {received}",
        "Paid. Your payment came late, and was accepted",
        "The shop has {received}. You need not do anything.",
    ),
    PayerStep.OVERPAID: Words(
        "Paid, and {over} too much",
        "Paid, and {over} too much has arrived",
        "The shop has {received}, and {amount} was due. To get the difference back, ask the shop, and name the "
        "payment number below.",
    ),
    PayerStep.LATE: Words(
        "Your payment came too late",
        "Your payment came too late",
        "The shop has your {received}, and decides whether to accept it or to send it back. Please do not pay a second "
        f"time. {_ASK}",
    ),
    PayerStep.HELD: Words(
        "The shop is reviewing this payment",
        "The shop is reviewing this payment",
        f"{_NOTHING} {_ASK}",
    ),
    PayerStep.HELD_PART: Words(
        "The shop is reviewing this payment",
        "Received; the shop is reviewing this payment",
        "{received} is there. Please do not pay a second time. If it takes long, ask the shop, and name the payment "
        "number below.",
    ),
    PayerStep.EXPIRED: Words(
        "This payment has expired",
        "This payment has expired. Please do not send anything.",
        "Nothing has arrived in time. To buy all the same, start again in the shop.",
    ),
    PayerStep.EXPIRED_PART: Words(
        "Expired: the shop has your {received}",
        "This payment has expired. The shop has your {received}",
        "{received} of {amount} has arrived. Please do not send the rest here. The shop can send back what it has, or "
        f"accept it. {_ASK}",
    ),
    PayerStep.CANCELLED: Words(
        "This payment was cancelled",
        "The shop has cancelled this payment",
        f"{_NOTHING} To buy all the same, start again in the shop.",
    ),
    PayerStep.CANCELLED_PART: Words(
        "Cancelled: the shop has your {received}",
        "The shop has cancelled this payment, and has your {received}",
        f"Please do not send more. The shop can send back what it has. {_ASK}",
    ),
    PayerStep.FAILED: Words(
        "This payment failed",
        "This payment failed. Please contact the shop.",
        f"{_NOTHING} {_ASK}",
    ),
    PayerStep.FAILED_PART: Words(
        "This payment failed",
        "This payment failed. Please contact the shop.",
        "{received} has arrived, but was not accepted. Please do not pay a second time. " + _ASK,
    ),
}

# What follows the text of a step where the payer has sent something by mistake.
PAY_RIGHT = "To pay, send {rest} on {network} as shown below."
TOO_LATE = "The time to pay in {symbol} is over: please do not send anything more."
ASIDE = "{strays} has arrived too, which this payment did not ask for. To get it back, ask the shop."
