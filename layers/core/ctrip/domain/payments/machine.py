"""The payment's state machine: one table.

A payment is moved by triggers. Money seen at the head makes it `detected`; the same money at the confirmed depth makes
it `confirmed`; the ledger's credit makes it `paid`; the final sweep makes it `settled`. Deadlines are judged by block
time, by the scanner alone. A reorganisation walks the same way back. Whatever has no row below is refused and changes
nothing.

Every row emits exactly one event, so that whoever reads the events has read the life.
Edges from a status to itself raise or lower a flag; they are rows like any other.
"""

from dataclasses import dataclass
from enum import StrEnum

from ctrip.domain.errors import IllegalTransition
from ctrip.domain.payments.payment import Flag, Status


class Trigger(StrEnum):
    """What can happen to a payment; the value is the sentence of the diagram."""

    CHOSEN = "the payer has chosen what to pay with"
    SEEN = "funds seen at the head"
    AMENDED = "the amount seen has changed, and is complete"
    SHORT = "the amount seen is less than due"
    REDUCED = "a reorganisation removed some of it"
    REMOVED = "a reorganisation removed all of it"
    COMPLETED = "enough at the confirmed depth"
    EXCESS = "more than due at the confirmed depth"
    RECREDITED = "what a reorganisation took came back, and is credited again"
    CREDITED = "credited to the merchant's ledger"
    SETTLED = "the funds are where they belong"
    LAPSED = "the confirmed block has passed the deadline, and it was short"
    LATE_PARTIAL = "a late amount has changed"
    LATE_COMPLETED = "completed late, and the merchant accepts that"
    TURNED_UP = "funds that were on time turn up after all"
    ACCEPTED = "accepted by hand, at the confirmed depth"
    CANCELLED = "cancelled by the merchant"
    REVERSED_SOME = "a reorganisation beyond the confirmations removed some of it"
    REVERSED_ALL = "a reorganisation beyond the confirmations removed all of it"
    GAVE_UP = "the window closed, and a read at the confirmed depth shows less than due"
    REJECTED = "screening rejected it"
    WRONG_ASSET = "another asset of its chain has come"
    WRONG_NETWORK = "money has come on another chain"
    UNMATCHED = "money has come after its end"
    EXPLAINED = "a transaction was found for what had come without one"
    HELD = "held for review"
    RELEASED = "released from review"


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a trigger leads, the one event it emits, and the flags it raises and lowers."""

    to: Status
    event: str
    raises: frozenset[Flag] = frozenset()
    lowers: frozenset[Flag] = frozenset()


def _edge(to: Status, event: str, *raises: Flag, lowers: tuple[Flag, ...] = ()) -> Edge:
    return Edge(to, f"payment.{event}", frozenset(raises), frozenset(lowers))


P, D, C, PAID, S, X, F = (
    Status.PENDING,
    Status.DETECTED,
    Status.CONFIRMED,
    Status.PAID,
    Status.SETTLED,
    Status.EXPIRED,
    Status.FAILED,
)
T = Trigger

TRANSITIONS: dict[tuple[Status, Trigger], Edge] = {
    (P, T.CHOSEN): _edge(P, "chosen"),
    (P, T.SEEN): _edge(D, "detected"),
    (P, T.LAPSED): _edge(X, "expired"),
    (P, T.CANCELLED): _edge(X, "cancelled", Flag.MANUAL),
    (P, T.GAVE_UP): _edge(F, "failed"),
    (P, T.HELD): _edge(P, "held", Flag.HELD),
    (P, T.RELEASED): _edge(P, "released", lowers=(Flag.HELD,)),
    (D, T.AMENDED): _edge(D, "detected", lowers=(Flag.UNDERPAID,)),
    (D, T.SHORT): _edge(D, "underpaid", Flag.UNDERPAID),
    (D, T.REDUCED): _edge(D, "reorged", Flag.REORGED),
    (D, T.REMOVED): _edge(P, "reorged", Flag.REORGED, lowers=(Flag.UNDERPAID,)),
    (D, T.COMPLETED): _edge(C, "confirmed", lowers=(Flag.UNDERPAID,)),
    (D, T.LAPSED): _edge(X, "expired"),
    (D, T.CANCELLED): _edge(X, "cancelled", Flag.MANUAL),
    (D, T.GAVE_UP): _edge(F, "failed"),
    (D, T.HELD): _edge(D, "held", Flag.HELD),
    (D, T.RELEASED): _edge(D, "released", lowers=(Flag.HELD,)),
    (C, T.EXCESS): _edge(C, "overpaid", Flag.OVERPAID),
    (C, T.CREDITED): _edge(PAID, "paid"),
    (C, T.REJECTED): _edge(F, "failed"),
    (C, T.REVERSED_SOME): _edge(D, "reorged", Flag.REORGED, lowers=(Flag.OVERPAID,)),
    (C, T.REVERSED_ALL): _edge(P, "reorged", Flag.REORGED, lowers=(Flag.OVERPAID,)),
    (C, T.HELD): _edge(C, "held", Flag.HELD),
    (C, T.RELEASED): _edge(C, "released", lowers=(Flag.HELD,)),
    (PAID, T.EXCESS): _edge(PAID, "overpaid", Flag.OVERPAID),
    (PAID, T.SETTLED): _edge(S, "settled"),
    (PAID, T.REVERSED_SOME): _edge(D, "reorged", Flag.REORGED, lowers=(Flag.OVERPAID,)),
    (PAID, T.REVERSED_ALL): _edge(P, "reorged", Flag.REORGED, lowers=(Flag.OVERPAID,)),
    (PAID, T.HELD): _edge(PAID, "held", Flag.HELD),
    (PAID, T.RELEASED): _edge(PAID, "released", lowers=(Flag.HELD,)),
    (S, T.RECREDITED): _edge(S, "paid"),
    (S, T.EXCESS): _edge(S, "overpaid", Flag.OVERPAID),
    (S, T.REVERSED_SOME): _edge(S, "reorged", Flag.REORGED),
    (S, T.REVERSED_ALL): _edge(S, "reorged", Flag.REORGED),
    (S, T.HELD): _edge(S, "held", Flag.HELD),
    (S, T.RELEASED): _edge(S, "released", lowers=(Flag.HELD,)),
    (X, T.LATE_PARTIAL): _edge(X, "late", Flag.LATE),
    (X, T.LATE_COMPLETED): _edge(D, "late", Flag.LATE, lowers=(Flag.UNDERPAID,)),
    (X, T.TURNED_UP): _edge(D, "detected", lowers=(Flag.UNDERPAID, Flag.LATE)),
    (X, T.ACCEPTED): _edge(C, "confirmed", Flag.LATE, lowers=(Flag.HELD, Flag.UNDERPAID)),
    (X, T.HELD): _edge(X, "held", Flag.HELD),
    (X, T.RELEASED): _edge(X, "released", lowers=(Flag.HELD,)),
}

# What comes to an address by mistake is recorded and reported, and what explains an amount, in whatever state; neither
# moves a status.
TRANSITIONS |= {
    (status, trigger): edge
    for status in Status
    for trigger, edge in (
        (T.WRONG_ASSET, Edge(status, "deposit.wrong_asset", frozenset({Flag.WRONG_ASSET}))),
        (T.WRONG_NETWORK, Edge(status, "deposit.wrong_network", frozenset({Flag.WRONG_NETWORK}))),
        (T.UNMATCHED, Edge(status, "deposit.unmatched")),
        (T.EXPLAINED, Edge(status, "payment.explained")),
    )
}

FIRST_EVENT = "payment.created"
EVENTS = frozenset({FIRST_EVENT} | {edge.event for edge in TRANSITIONS.values()})


def follow(status: Status, trigger: Trigger) -> Edge:
    """Look the edge up; raises `IllegalTransition` where there is none."""
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise IllegalTransition(f"{status} has no edge for: {trigger}") from None


def diagram() -> str:
    """Draw the table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> pending: created"]
    for (source, trigger), edge in TRANSITIONS.items():
        flags = "".join(f" +{flag}" for flag in Flag if flag in edge.raises)
        flags += "".join(f" -{flag}" for flag in Flag if flag in edge.lowers)
        if not edge.event.startswith("deposit.") and trigger is not T.EXPLAINED:
            lines.append(f"    {source} --> {edge.to}: {trigger}{flags}")
    return "\n".join(lines)
