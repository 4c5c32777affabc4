"""The language that a payer reads: its words, and how it writes amounts and times."""

from collections.abc import Iterable
from typing import Protocol


class Language(Protocol):
    """One language of the pages. A message is its English text, with `{names}` in place of its values."""

    @property
    def tag(self) -> str:
        """The language's tag, as HTML's `lang` takes it: `de`, `ar`."""
        ...

    @property
    def direction(self) -> str:
        """Where its lines begin, as HTML's `dir` takes it: `ltr` or `rtl`."""
        ...

    def say(self, message: str, /, **values: str) -> str:
        """Translate a message, then fill its values in, which are not translated."""
        ...

    def joined(self, sentences: Iterable[str]) -> str:
        """Put sentences into one text: not every language has a space between them."""
        ...

    def listed(self, parts: Iterable[str]) -> str:
        """Write a list with its commas and its *and*."""
        ...

    def number(self, plain: str, *, grouped: bool = True) -> str:
        """Write a plain decimal number with this language's marks, to the last digit."""
        ...

    def price(self, plain: str, currency: str) -> str:
        """Write a plain decimal number of a currency (ISO 4217) with the currency's sign, all decimals shown."""
        ...

    def moment(self, at: int) -> str:
        """Write a time in milliseconds as date and time, in UTC."""
        ...


def translatable(message: str) -> str:
    """Mark an English text as a message of the catalogues: `make words` looks for this name."""
    return message


def amount_in(language: Language, plain: str, symbol: str) -> str:
    """Write an amount with its symbol."""
    return f"{language.number(plain)} {symbol}"
