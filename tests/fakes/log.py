"""A log that remembers its lines."""

from dataclasses import dataclass, field

from ctrip.aws.log import FACTS, allowed
from ctrip.domain.alarms import ALARMS


class Undecided(BaseException):
    """A fact or an alarm that nobody decided on: no `except Exception` of the code under test hides it."""


@dataclass(slots=True)
class FakeLog:
    """Remembers every line by level, its facts as the real log would show them.

    What the real log drops, or raises an alarm about, is refused here: a test then finds the fact or the alarm that is
    missing from its table.
    """

    lines: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def info(self, message: str, **facts: object) -> None:
        self._note("info", message, facts)

    def warning(self, message: str, **facts: object) -> None:
        self._note("warning", message, facts)

    def error(self, message: str, **facts: object) -> None:
        if message not in ALARMS:
            raise Undecided(f"{message} is not in the table of alarms")
        self._note("error", message, facts)

    def measure(self, chain: str, **figures: float) -> None:
        self.lines.append(("metric", chain, dict(figures)))

    def alarms(self) -> list[str]:
        return [message for level, message, _ in self.lines if level == "error"]

    def _note(self, level: str, message: str, facts: dict[str, object]) -> None:
        if unknown := facts.keys() - FACTS:
            raise Undecided(f"{message} gives facts that may not be logged: {sorted(unknown)}")
        self.lines.append((level, message, allowed(facts)))
