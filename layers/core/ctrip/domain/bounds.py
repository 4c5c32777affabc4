"""Bounds of what people may ask for; HTTP and the command line read them here, and refuse in the same words."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number from `lowest` to `highest`, both included."""

    lowest: int
    highest: int
    unit: str = ""

    @property
    def words(self) -> str:
        """What a value must be, as a refusal says it behind the name of the field."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"must be a whole number from {self.lowest} to {self.highest}{unit}"

    def admits(self, value: object) -> bool:
        """Whether a value is within the bounds."""
        return isinstance(value, int) and not isinstance(value, bool) and self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True)
class Text:
    """A text of `shortest` to `longest` characters."""

    shortest: int
    longest: int

    @property
    def words(self) -> str:
        """What a value must be, as a refusal says it behind the name of the field."""
        least = f"{self.shortest} to" if self.shortest else "at most"
        return f"must be a text of {least} {self.longest} characters"

    def admits(self, value: object) -> bool:
        """Whether a value is within the bounds."""
        return isinstance(value, str) and self.shortest <= len(value) <= self.longest


@dataclass(frozen=True, slots=True)
class Count:
    """A list, or an object, of at most `highest` entries."""

    highest: int

    @property
    def words(self) -> str:
        """What a value must be, as a refusal says it behind the name of the field."""
        return f"must have at most {self.highest} entries"

    def admits(self, value: object) -> bool:
        """Whether a value is within the bounds."""
        return isinstance(value, list | tuple | dict) and len(value) <= self.highest


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of an enumeration."""

    values: type[StrEnum]

    @property
    def words(self) -> str:
        """What a value must be, as a refusal says it behind the name of the field."""
        return f"must be {' or '.join(self.values)}"

    def admits(self, value: object) -> bool:
        """Whether a value is one of them."""
        return value in tuple(self.values)


Bounds = WholeNumber | Text | Count | Choice
NAME = Text(1, 100)  # of a merchant, a key, a user
