"""The languages of the pages: complete catalogues, the choice of a language, and how each writes amounts and times."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from ctrip.domain.errors import BadRequest
from ctrip.domain.money import MAX_AMOUNT, format_decimal
from ctrip.pages import render
from ctrip.pages.language import CATALOGUES, DEFAULT, LANGUAGES, choose, compile_catalogue, language
from ctrip.views.checkout import checkout_view
from infra.commands import words
from tests.build import T0
from tests.support.payer_states import CASES, NETWORKS, SHOP, due
from tests.world import NETWORK

TRANSLATED = sorted(set(LANGUAGES) - {DEFAULT})
_NAMES = re.compile(r"\{\w*\}")


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalogue_translates_every_message_of_the_sources_and_no_other(tag: str) -> None:
    """`make words` would change nothing; no translation is missing, empty, or a copy of an English sentence."""
    text = (CATALOGUES / f"{tag}.po").read_text(encoding="utf-8")
    assert text == words.written(tag, words.messages())
    held = {str(message.id): str(message.string) for message in words.catalogue(tag) if message.id}
    assert [message for message, translated in held.items() if not translated.strip()] == []
    assert [message for message, translated in held.items() if message == translated and message.endswith(".")] == []


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_translation_has_the_places_of_its_message_and_no_markup(tag: str) -> None:
    """Each value once where the English has it once: a page that asks for money must not lose its amount."""
    for message in words.catalogue(tag):
        if not message.id:
            continue
        translated = str(message.string)
        assert sorted(_NAMES.findall(translated)) == sorted(_NAMES.findall(str(message.id))), message.id
        assert not re.search(r"[<>&\u202a-\u202e\u2066-\u2069]|%[sd(]", translated), message.id
        assert not re.search(r"^\s|\s$|  ", translated), message.id


@pytest.mark.parametrize("tag", TRANSLATED)
def test_a_catalogue_compiles_to_the_same_bytes_each_time(tag: str) -> None:
    """No time of compiling is in them, so the package follows from its sources alone."""
    assert set(re.findall(rb"\d{4}-\d\d-\d\d", compile_catalogue(tag))) == {b"1980-01-01"}


@pytest.mark.parametrize("tag", sorted(LANGUAGES))
@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_each_state_is_said_in_each_language(tag: str, case: tuple[Any, dict[str, Any], tuple[str, ...]]) -> None:
    """Filled in, in the page and in its status alike; nothing of the English is left in another language."""
    known, asked = language(tag), due(**case[1])
    state = checkout_view(asked, NETWORKS, T0, None, known)
    said = [state["title"], state["heading"], state["text"]]
    assert state["language"] == tag
    assert not _NAMES.search("".join(said))
    page = html.unescape(render.checkout(state, asked, NETWORK, known, SHOP))
    assert f'<html lang="{tag}" dir="{known.direction}">' in page
    assert all(f">{each}</" in page for each in said)
    if tag != DEFAULT:
        english = checkout_view(asked, NETWORKS, T0, None, language(DEFAULT))
        assert not {state["heading"], state["text"]} & {english["heading"], english["text"]}
        left = [str(each.id) for each in words.messages() if len(str(each.id).split()) > 2 and "{" not in str(each.id)]
        assert [each for each in left if f">{each}<" in page or f'"{each}"' in page] == []


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, None, "en"),
        (None, "", "en"),
        (None, "de", "de"),
        (None, "de-CH, de;q=0.9, en;q=0.8", "de"),
        (None, "it-IT,it;q=0.9,pt-BR;q=0.8,en;q=0.7", "pt"),
        (None, "en;q=0.3, JA ; q=0.7 ,ru;q=0.5", "ja"),
        (None, "fr;q=0, es;q=0.1", "es"),
        (None, "fr;q=0", "en"),
        (None, "zh-Hant-TW", "zh"),
        (None, "*", "en"),
        (None, "de;q=2, tr", "tr"),
        (None, "de;q=nan, ;;;,,=, \x00, tr;q=0.001", "tr"),
        (None, "xx," * 5_000 + "de", "en"),
        ("ar", "de", "ar"),
        ("PT_br", "de", "pt"),
        ("zh-Hans", None, "zh"),
        ("", "de", "de"),
        # Languages, but none of the ten.
        ("it", "de", "de"),
        ("nl-BE", None, "en"),
    ],
)
def test_the_address_chooses_then_the_browser_then_english(
    asked: str | None, accepted: str | None, chosen: str
) -> None:
    assert choose(asked, accepted).tag == chosen


@pytest.mark.parametrize(
    "asked", ["xx", "klingon", "e", "de_", "de-!", "-de", "d\u00e9", "en\x00", "..", "zz-DE", "de " * 9]
)
def test_a_language_that_is_none_is_refused(asked: str) -> None:
    """Even where the browser names one: whoever wrote the link learns of it. What was asked is not repeated."""
    with pytest.raises(BadRequest) as refused:
        choose(asked, "de")
    assert (refused.value.status, refused.value.code) == (400, "unknown_language")
    assert "en, es, de, fr, pt, tr, ru, ar, zh, ja" in refused.value.detail
    assert asked not in refused.value.detail.split() or len(asked) < 3


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("en", "12,345,678.000000000000000001"),
        ("de", "12.345.678,000000000000000001"),
        ("fr", "12\u202f345\u202f678,000000000000000001"),
        ("ru", "12\u00a0345\u00a0678,000000000000000001"),
        ("ar", "12,345,678.000000000000000001"),
        ("ja", "12,345,678.000000000000000001"),
    ],
)
def test_an_amount_is_written_to_its_last_digit(tag: str, written: str) -> None:
    """With the marks of its language, and in the digits that wallets have."""
    assert language(tag).number("12345678.000000000000000001") == written


@pytest.mark.parametrize("tag", sorted(LANGUAGES))
@pytest.mark.parametrize("decimals", [0, 6, 18, 77])
def test_no_amount_is_rounded_in_any_language(tag: str, decimals: int) -> None:
    """The largest amounts have 78 digits, more than a decimal context keeps by itself."""
    for amount in (MAX_AMOUNT, MAX_AMOUNT - 1, 1, 10**decimals + 1):
        plain = format_decimal(amount, decimals)
        written = language(tag).number(plain, grouped=False)
        assert re.sub(r"\D", ".", written) == plain
        assert re.sub(r"\D", "", language(tag).number(plain)) == plain.replace(".", "")


def test_a_time_is_written_with_its_month_and_in_utc() -> None:
    at = 1_795_887_000_000
    assert language("en").moment(at) == "28 November 2026, 17:30 UTC"
    assert language("de").moment(at) == "28. November 2026, 17:30 Uhr UTC"
    assert language("ja").moment(at) == "2026年11月28日 17:30（UTC）"


def test_an_amount_keeps_its_own_direction_in_arabic() -> None:
    """Isolated, so that the words around it do not turn it; other languages need nothing of the kind."""
    assert "\u20685 USDC\u2069" in language("ar").say("Pay {amount}", amount="5 USDC")
    assert language("de").say("Pay {amount}", amount="5 USDC") == "5 USDC zahlen"


def test_sentences_are_joined_as_their_language_does() -> None:
    assert language("zh").joined(["一。", "二。"]) == "一。二。"
    assert language("es").joined(["Uno.", "Dos."]) == "Uno. Dos."
    assert language("tr").listed(["1 USDT", "2 DAI"]) == "1 USDT ve 2 DAI"


def test_a_value_cannot_bring_markup_or_places_into_the_words() -> None:
    """Whatever a network or a token is called."""
    say = render._words_of(language("ar"))
    assert str(say("on {network}", network="<b>{amount}</b>")).endswith("&lt;b&gt;{amount}&lt;/b&gt;\u2069")
