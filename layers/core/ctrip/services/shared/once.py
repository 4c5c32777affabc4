"""Do a request once for each idempotency key, and give its first answer again to a request that comes again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ctrip.domain.errors import AlreadyExists, Conflict, Contended, KeyReused
from ctrip.ports.events import EventStore
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.views.events import first_answer


class Memory(Protocol):
    """A store that remembers idempotency keys beside what they changed."""

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown; `replayed` when an earlier call with the same idempotency key got it."""

    view: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """Does requests once; what a key answered first may be frozen in the event that the request made."""

    memory: Memory
    events: EventStore | None = None

    def run(self, idempotency: Idempotency | None, do: Callable[[], Answer]) -> Answer:
        """Give the key's first answer again, else do the request.

        What `do` commits must hold the key, so that of two requests side by side one is refused: by `AlreadyExists`
        named `idempotency`, or by a `Conflict` with what the other one has done. It gets the other's answer. Raises
        `KeyReused` where the body was another, and the conflict `idempotency_in_progress` while there is no answer yet.
        """
        if (first := self._first(idempotency)) is not None:
            return first
        try:
            return do()
        except (AlreadyExists, Conflict) as exc:
            if (first := self._first(idempotency)) is not None:
                return first
            raise (in_progress() if isinstance(exc, AlreadyExists) and exc.key == "idempotency" else exc) from exc
        except Contended as exc:
            raise (in_progress() if idempotency else exc) from exc

    def _first(self, idempotency: Idempotency | None) -> Answer | None:
        """Return the first answer, None for a key that is new; raises `KeyReused` where the body was another."""
        if idempotency is None:
            return None
        known = self.memory.remembered(idempotency.owner, idempotency.route, idempotency.key)
        if known is None:
            return None
        if known.body_hash != idempotency.body_hash:
            raise KeyReused("The idempotency key was used before with another body.")
        if known.answer:
            return Answer(json.loads(known.answer), replayed=True)
        event = self.events.event(idempotency.owner, known.event_ulid) if self.events else None
        return Answer(first_answer(event.body), replayed=True) if event else None


def in_progress() -> Conflict:
    """Say that another call with the same idempotency key is being answered, and that ours gave way for too long."""
    return Conflict(
        "Another request with this idempotency key is being answered; repeat it shortly.",
        code="idempotency_in_progress",
        retry_after=1,
    )
