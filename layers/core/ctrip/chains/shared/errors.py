"""What nodes of any kind answer when they refuse, as the gateway's errors.

Refused
├── TooMuch        ask for less: range, size, gas or time; it alone makes a window smaller
├── Unsupported    the node has no such method, or keeps it from us
├── Reverted       the call itself fails; every honest node would answer the same
└── NotJudged      asked to broadcast, the node spoke of itself and not of the transaction
Unavailable
├── Unreachable    no usable answer came: connection, rate limit, garbage; counts against the endpoint
│   ├── Slow       none came in time
│   └── Suspended  the provider keeps us out for a while: it is not asked before that has passed
└── Missing        the node does not hold that block or its state yet; another, or the same one a moment later, may
    └── Gone       the node no longer keeps it
Each kind has a table of its own from its nodes' words to these.
"""

import re

from ctrip.domain.errors import NotHeld, Refused, Unavailable


class TooMuch(Refused):
    """The node would answer a smaller question."""


class Unsupported(Refused):
    """The node does not offer this method."""


class Reverted(Refused):
    """The call reverted."""


class NotJudged(Refused):
    """The node took no look at the transaction: it does not broadcast, or it failed within itself."""


class Unreachable(Unavailable):
    """No usable answer came."""


class Slow(Unreachable):
    """No answer came in time: asking once more at once would take as long again."""


class Suspended(Unreachable):
    """The provider keeps us out for `rest` milliseconds."""

    def __init__(self, detail: str, rest: int) -> None:
        super().__init__(detail)
        self.rest = rest


class Missing(NotHeld):
    """The node does not hold that block or state."""


class Gone(Missing):
    """The node no longer keeps that state: asking it again is of no use."""


def behind(answer: object) -> bool:
    """Say whether an answer means that the node does not hold the block yet."""
    return isinstance(answer, Missing) and not isinstance(answer, Gone)


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return a node's text fit for logs: without keys and control characters, and short."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return re.sub(r"[^\x20-\x7e]+", " ", text)[:200]
