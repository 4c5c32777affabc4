"""The ten languages of the pages: gettext's catalogues for the words, Babel for numbers, times and lists.

Babel is imported by the first page that is shown, and not by the start of a function. English is the language of the
messages themselves, and has no catalogue.
"""

import gettext
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ctrip.domain.errors import BadRequest
from ctrip.ports.language import translatable

if TYPE_CHECKING:
    from babel import Locale

CATALOGUES = Path(__file__).parent / "catalogues"
# Each language in its own name, and the locale by which its numbers and times are written. Dates in British order: with
# the month in words, and hours up to 24, nobody misreads them.
LANGUAGES = {
    "en": ("English", "en_GB"),
    "es": ("Español", "es"),
    "de": ("Deutsch", "de"),
    "fr": ("Français", "fr"),
    "pt": ("Português", "pt"),
    "tr": ("Türkçe", "tr"),
    "ru": ("Русский", "ru"),
    "ar": ("العربية", "ar"),
    "zh": ("中文", "zh"),
    "ja": ("日本語", "ja"),
}
DEFAULT = "en"
_FROM_RIGHT = frozenset({"ar"})
_WITHOUT_SPACES = frozenset({"zh", "ja"})
# Unicode's isolate and its end: a value keeps the direction of its own first letter within a line from right to left.
_ISOLATE, _END = "\u2068", "\u2069"
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_QUALITY = re.compile(r"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_LONGEST_HEADER = 1_000
_WHEN = translatable("{date}, {time} UTC")
UNKNOWN = translatable("There is no such language. This page is available in these:")


@dataclass(frozen=True, slots=True)
class PageLanguage:
    """One of the ten languages: a `ports.Language`."""

    tag: str
    catalogue: gettext.NullTranslations
    locale: "Locale"

    @property
    def direction(self) -> str:
        """Where its lines begin."""
        return "rtl" if self.tag in _FROM_RIGHT else "ltr"

    def say(self, message: str, /, **values: str) -> str:
        """Translate a message and fill it in."""
        translated = self.catalogue.gettext(message) if message else ""
        if self.direction == "rtl":
            values = {name: f"{_ISOLATE}{value}{_END}" for name, value in values.items()}
        return translated.format(**values)

    def joined(self, sentences: Iterable[str]) -> str:
        """Put sentences into one text."""
        return ("" if self.tag in _WITHOUT_SPACES else " ").join(sentences)

    def listed(self, parts: Iterable[str]) -> str:
        """Write a list with its *and*."""
        from babel.lists import format_list

        return format_list(list(parts), locale=self.locale)

    def number(self, plain: str, *, grouped: bool = True) -> str:
        """Write a plain decimal number, to the last digit."""
        from babel.numbers import format_decimal

        # The context's usual 28 digits would round what a token of 18 decimals may have.
        with localcontext(prec=200):
            return format_decimal(
                Decimal(plain), locale=self.locale, decimal_quantization=False, group_separator=grouped
            )

    def price(self, plain: str, currency: str) -> str:
        """Write a plain decimal number of a currency with its sign, all decimals shown."""
        from babel.numbers import format_currency

        with localcontext(prec=200):
            return format_currency(Decimal(plain), currency, locale=self.locale)

    def moment(self, at: int) -> str:
        """Write a time in milliseconds, in UTC."""
        from babel.dates import format_date, format_time

        when = datetime.fromtimestamp(at / 1000, UTC)
        date, time = format_date(when, "long", locale=self.locale), format_time(when, "short", locale=self.locale)
        return self.say(_WHEN, date=date, time=time)


@cache
def language(tag: str) -> PageLanguage:
    """Load one of `LANGUAGES`, once."""
    from babel import Locale

    return PageLanguage(tag, _catalogue(tag), Locale.parse(LANGUAGES[tag][1]))


def choose(asked: str | None, accepted: str | None) -> PageLanguage:
    """Choose a payer's language: what the address asks for, else the best that the browser accepts, else English.

    `asked` is the value of `?lang=`, `accepted` the Accept-Language header. A language without a catalogue gives way to
    the browser's. Raises `BadRequest` of code `unknown_language` where `asked` is no language at all.
    """
    if asked:
        tag = _primary(asked)
        if tag in LANGUAGES:
            return language(tag)
        if not _exists(tag):
            names = ", ".join(LANGUAGES)
            raise BadRequest(f"lang: there is no such language; the pages are in {names}.", code="unknown_language")
    return language(_best(accepted or ""))


def _primary(tag: str) -> str:
    """Return the language of a tag without its region and script: `pt` of `pt-BR`; "" where it is no tag."""
    match = _TAG.fullmatch(tag)
    return match.group(1).lower() if match else ""


def _exists(tag: str) -> bool:
    return tag in language(DEFAULT).locale.languages


def _best(header: str) -> str:
    """Return the offered language of the highest quality in an Accept-Language header."""
    found: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].split(","):
        name, _, more = part.partition(";")
        quality = _QUALITY.fullmatch(more.strip()) if more.strip() else None
        tag = _primary(name.strip())
        if tag in LANGUAGES and (quality or not more.strip()):
            found.append((float(quality.group(1)) if quality else 1.0, tag))
    # Of equals, max takes the first.
    best = max(found, key=lambda each: each[0], default=(0.0, DEFAULT))
    return best[1] if best[0] > 0 else DEFAULT


def _catalogue(tag: str) -> gettext.NullTranslations:
    if tag == DEFAULT:
        return gettext.NullTranslations()
    compiled = CATALOGUES / f"{tag}.mo"
    # Compiled where the package is built; a checkout of the sources has none that could be out of date.
    return gettext.GNUTranslations(BytesIO(compiled.read_bytes() if compiled.is_file() else compile_catalogue(tag)))


def compile_catalogue(tag: str) -> bytes:
    """Compile a catalogue as gettext reads it; the same bytes of the same source."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    out = BytesIO()
    with (CATALOGUES / f"{tag}.po").open("rb") as source:
        words = read_po(source, locale=tag, abort_invalid=True)
    # Babel writes the time of compiling into the header: two packages of one commit would differ.
    words.creation_date = words.revision_date = datetime(1980, 1, 1, tzinfo=UTC)
    write_mo(out, words)
    return out.getvalue()
