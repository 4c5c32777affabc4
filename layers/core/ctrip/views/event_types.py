"""The types of events: when each comes, what to do, and what comes next; the guide and /docs are made from it."""

from typing import NamedTuple


class EventType(NamedTuple):
    """One type of event, for the developer who receives it."""

    name: str
    when: str
    then: str  # what to do
    after: str  # what comes next


EVENT_TYPES = (
    EventType(
        "payment.created",
        "The payment exists, and its address is watched, where its payer has not to choose first.",
        "Nothing: you made it. Keep its id with your order.",
        "`detected`, `underpaid`, `expired`, or `cancelled` by you; `chosen` where your payer chooses.",
    ),
    EventType(
        "payment.chosen",
        "Your payer has chosen a chain and an asset, or others than before: the amount is locked, the address watched.",
        "Nothing. `chain`, `address` and `amount`, null until then, are now known.",
        "As after `created`; `chosen` again until money is seen.",
    ),
    EventType(
        "payment.detected",
        "Money is seen in the newest block, and it is enough; or the amount has changed and is enough.",
        "Tell your customer that the payment is being confirmed. Do not ship.",
        "`confirmed`, as a rule; `reorged` where the chain drops it.",
    ),
    EventType(
        "payment.underpaid",
        "Money is seen, and it is less than what is due (`amount_received`).",
        "Ask your customer for the rest: the checkout page does.",
        "`detected` once it is complete, `expired` at the deadline.",
    ),
    EventType(
        "payment.confirmed",
        "Enough money is at the confirmed depth.",
        "Nothing yet: the ledger's entry follows at once, unless the payment is held.",
        "`overpaid` where it is more than is due, then `paid`.",
    ),
    EventType(
        "payment.overpaid",
        "More than what is due is at the confirmed depth; it comes again when still more arrives.",
        "Ship on `paid` all the same; give the rest back if you want to.",
        "`paid`, where it was not paid before.",
    ),
    EventType(
        "payment.paid",
        "The amount is credited to you. It comes again where a reorganisation had taken the credit back.",
        "Ship, once per payment, if `data.fulfillable` is true.",
        "`settled`, which may take days.",
    ),
    EventType(
        "payment.settled",
        "The funds are where they belong.",
        "Nothing: you have shipped already.",
        "Nothing, unless more money arrives (`overpaid`).",
    ),
    EventType(
        "payment.late",
        "Money came after the deadline; again when its amount changes.",
        "Where you accept late payments it goes on by itself; else accept it by hand, or give the money back.",
        "`confirmed` and `paid` where it is complete and accepted.",
    ),
    EventType(
        "payment.held",
        "A person has to look before the payment goes on: `exceptions` holds `held`.",
        "Look at it, and accept it if it is as it should be. Do not ship.",
        "`released`, or the next step of its life, once it is accepted.",
    ),
    EventType(
        "payment.released",
        "A held payment was accepted, or what was missing has turned up.",
        "Nothing: it goes on by itself.",
        "The next step of its life.",
    ),
    EventType(
        "payment.expired",
        "The deadline has passed in the chain's confirmed blocks, and what had come was too little.",
        "Give the order up, or make a new payment. `amount_received` is what you owe your customer.",
        "`late` if money comes all the same.",
    ),
    EventType(
        "payment.failed",
        "Screening has rejected it, or the chain took its money back for good.",
        "Give the order up.",
        "`deposit.unmatched` if money comes all the same.",
    ),
    EventType(
        "payment.reorged",
        "The chain replaced blocks, and some or all of the money is gone for now.",
        "Stop an order that has not left. Most such transfers are mined again.",
        "`detected` and `confirmed` again, or `failed` after the monitoring window.",
    ),
    EventType(
        "payment.cancelled",
        "You cancelled it.",
        "Nothing.",
        "`held` if money comes all the same.",
    ),
    EventType(
        "payment.explained",
        "A transaction was found for money that had been seen without one.",
        "Show its `tx_hash`, if you show transactions.",
        "Nothing: amounts and status are as before.",
    ),
    EventType(
        "deposit.wrong_asset",
        "Another asset of the payment's chain came to its address; `data.deposit` says what.",
        "Ask your customer. It is recorded, never credited by itself.",
        "The payment's own life goes on.",
    ),
    EventType(
        "deposit.wrong_network",
        "Money came to the address on another chain; `data.deposit` says what.",
        "Ask your customer. It is recorded, never credited by itself.",
        "The payment's own life goes on.",
    ),
    EventType(
        "deposit.unmatched",
        "Money came after the payment's end; `data.deposit` says what.",
        "Ask your customer. It is recorded, never credited by itself.",
        "Nothing by itself.",
    ),
    EventType(
        "settlement.created",
        "A settlement was asked for, and its amount is set aside.",
        "Nothing.",
        "`approved` at once, or once enough persons have approved it; else `rejected`.",
    ),
    EventType(
        "settlement.approved",
        "Enough persons have approved it.",
        "Nothing.",
        "`sent`, or `awaiting_transfer` where a person must send it.",
    ),
    EventType(
        "settlement.awaiting_transfer",
        "The treasury's key is not in the gateway: a person sends the money from its wallet. Again, with a `reason`: "
        "the transaction that was named is not the one.",
        "Nothing, unless you are that person.",
        "`completed` once that transaction is final.",
    ),
    EventType(
        "settlement.sent",
        "Its transaction is written, and is being sent.",
        "Nothing.",
        "`completed`, as a rule.",
    ),
    EventType(
        "settlement.completed",
        "Its transaction is final; `tx_hash` names it.",
        "Book it.",
        "Nothing.",
    ),
    EventType(
        "settlement.rejected",
        "A person has rejected it; the amount is yours again.",
        "Read `reason`.",
        "Nothing.",
    ),
    EventType(
        "settlement.cancelled",
        "You cancelled it; the amount is yours again.",
        "Nothing.",
        "Nothing.",
    ),
    EventType(
        "settlement.failed",
        "It could not be made; the amount is yours again.",
        "Read `reason`, and ask again if it is mended.",
        "Nothing.",
    ),
    EventType(
        "refund.created",
        "A refund was asked for, and its amount is set aside.",
        "Nothing.",
        "`approved` at once, or once enough persons have approved it; else `rejected`.",
    ),
    EventType(
        "refund.approved",
        "Enough persons have approved it.",
        "Nothing.",
        "`sent`, or `awaiting_transfer` where a person must send it.",
    ),
    EventType(
        "refund.awaiting_transfer",
        "The treasury's key is not in the gateway: a person sends the money from its wallet. Again, with a `reason`: "
        "the transaction that was named is not the one.",
        "Nothing, unless you are that person: with custody `direct` or `xpub` it is you, and you name the transaction.",
        "`completed` once that transaction is final.",
    ),
    EventType(
        "refund.sent",
        "Its transaction is written, and is being sent.",
        "Nothing.",
        "`completed`, as a rule.",
    ),
    EventType(
        "refund.completed",
        "Its transaction is final; `tx_hash` names it.",
        "Tell your customer.",
        "Nothing.",
    ),
    EventType(
        "refund.rejected",
        "A person has rejected it; the amount is yours again.",
        "Read `reason`.",
        "Nothing.",
    ),
    EventType(
        "refund.cancelled",
        "You cancelled it; the amount is yours again.",
        "Nothing.",
        "Nothing.",
    ),
    EventType(
        "refund.failed",
        "It could not be made; the amount is yours again.",
        "Read `reason`, and ask again if it is mended.",
        "Nothing.",
    ),
    EventType(
        "refund.addressed",
        "The payer has named the recipient's address, on the page that you sent them.",
        "Nothing.",
        "`approved` at once, or once enough persons have approved it; else `rejected`.",
    ),
    EventType(
        "assignment.created",
        "You asked that an unmatched deposit counts for a payment.",
        "Nothing.",
        "`completed`, within a minute.",
    ),
    EventType(
        "assignment.completed",
        "An unmatched deposit is part of your balance; `assigned_to` is the payment that it counts for.",
        "Book it, and ship that order where this completes it: the payment's own status does not change.",
        "Nothing.",
    ),
    EventType(
        "assignment.failed",
        "The deposit was not there any more, as a reorganisation took it back.",
        "Nothing.",
        "Nothing.",
    ),
    EventType(
        "settlement.address_changed",
        "Somebody has set where settlements of a chain go, or with custody `direct` deposits; a change counts from "
        "`next_from` on.",
        "If it was not you, revoke your keys and call the operator before that time.",
        "Nothing by itself.",
    ),
    EventType(
        "webhook.test",
        "You asked for a test event.",
        "Answer with any 2xx status.",
        "Nothing.",
    ),
    EventType(
        "webhook.endpoint_disabled",
        "An endpoint answered 410, or nothing could be delivered to it for three days: nothing is sent to it any more.",
        "Mend the endpoint, enable it again, and read what it missed from the feed of events.",
        "Nothing by itself.",
    ),
)
NAMES = frozenset(each.name for each in EVENT_TYPES)

# How payments go that do not simply go well, event by event; `tests/services/webhooks/test_lives.py` plays each.
LIVES: dict[str, tuple[str, ...]] = {
    "paid as it should be": (
        *("payment.created", "payment.detected", "payment.confirmed", "payment.paid", "payment.settled"),
    ),
    "paid in two parts": (
        *("payment.created", "payment.detected", "payment.underpaid", "payment.detected"),
        *("payment.confirmed", "payment.paid", "payment.settled"),
    ),
    "paid too much": (
        *("payment.created", "payment.detected", "payment.confirmed", "payment.overpaid", "payment.paid"),
        "payment.settled",
    ),
    "paid in part, then expired": ("payment.created", "payment.detected", "payment.underpaid", "payment.expired"),
    "paid in part, and the rest too late, which you accept": (
        *("payment.created", "payment.detected", "payment.underpaid", "payment.expired", "payment.late"),
        *("payment.confirmed", "payment.paid", "payment.settled"),
    ),
    "paid too late, which you accept": (
        *("payment.created", "payment.expired", "payment.late", "payment.confirmed", "payment.paid"),
        "payment.settled",
    ),
    "cancelled, paid all the same, and accepted by hand": (
        *("payment.created", "payment.cancelled", "payment.held", "payment.confirmed", "payment.paid"),
        "payment.settled",
    ),
}
