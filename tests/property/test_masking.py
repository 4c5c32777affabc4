"""Whatever a credential looks like within its kind, and whatever stands around it, it does not come through."""

from __future__ import annotations

import base64
import io
import json
import logging
import string
from collections.abc import Iterator

import pytest
from bip_utils import Bip39Languages, Bip39MnemonicGenerator
from hypothesis import assume, given
from hypothesis import strategies as st

from ctrip.aws import masking
from ctrip.aws.masking import mask, mask_field

WORDS = string.ascii_letters + string.digits
around = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("L", "N")), max_size=20)
token = st.text(alphabet=WORDS + "_-", min_size=20, max_size=128)
entropy = st.binary(min_size=32, max_size=32)


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@st.composite
def secrets(draw: st.DrawFn) -> tuple[str, str]:
    """A credential as it would stand somewhere, and the part of it that must not be seen."""
    secret = draw(token)
    data = draw(entropy)
    key_id = draw(st.text(alphabet=string.ascii_lowercase + string.digits, min_size=8, max_size=32))
    provider = draw(st.text(alphabet=WORDS, min_size=20, max_size=64)) + "7"
    payload = url64(json.dumps({"sub": secret}).encode())
    phrase = str(
        Bip39MnemonicGenerator(Bip39Languages.ENGLISH).FromEntropy(data[: draw(st.sampled_from((16, 20, 24, 28, 32)))])
    )
    between = draw(st.sampled_from((" ", "  ", "\n", ", ", "', '")))
    hidden = {
        f"ctrip_{key_id}_{secret}": secret,
        f"whsec_{base64.b64encode(data).decode()}": base64.b64encode(data).decode(),
        f"ctsk_{url64(data)}": url64(data),
        f"ctrt_{url64(data)}": url64(data),
        f"eyJhbGciOiJFUzI1NiJ9.{payload}.{url64(data)}": payload,
        f"Bearer {secret}": secret,
        f"authorization: {secret}": secret,
        f"'X-Api-Key': '{secret}'": secret,
        f"password={secret}": secret,
        f"private_key=0x{data.hex()}": data.hex(),
        f'"seed": "{phrase}"': phrase,
        between.join(phrase.split()): between.join(phrase.split()[-4:]),
        f"https://{secret}@node.example/": secret,
        f"https://node.example/v2/{provider}": provider,
        f"https://node.example/rpc?apikey={secret}": secret,
        f"wss://node.example/{provider}/ws": provider,
        f"Max retries exceeded with url: /v3/{provider} (Caused by Timeout)": provider,
    }
    text, part = draw(st.sampled_from(sorted(hidden.items())))
    assume(part not in text.replace(part, "", 1))  # "0000..." may be a key's public id as well
    return text, part


@given(before=around, held=secrets(), after=around)
def test_no_credential_survives(before: str, held: tuple[str, str], after: str) -> None:
    """In text, in a field of any name, and deep in a structure."""
    text, hidden = held
    whole = f"{before} {text} {after}"
    assert hidden not in mask(whole)
    assert hidden not in str(mask_field("anything", {"a": [whole, {"b": (whole,)}], "c": whole.encode()}))


@pytest.fixture(scope="module")
def stream() -> Iterator[io.StringIO]:
    """What a library's logger writes once masking is installed."""
    before = logging.getLogRecordFactory()
    masking.install()
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("property.masking")
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


@given(held=secrets())
def test_no_logger_prints_one(stream: io.StringIO, held: tuple[str, str]) -> None:
    """As message, argument, mapping, exception and traceback."""
    text, hidden = held
    stream.seek(0)
    stream.truncate()
    logger = logging.getLogger("property.masking")
    logger.error(text.replace("%", "%%"))
    logger.error("%s and %r", text, [text])
    logger.error("%(held)s", {"held": text})
    try:
        raise ValueError(text)
    except ValueError as exc:
        logger.exception("it broke: %s", exc)  # noqa: TRY401 - as libraries do
    assert stream.getvalue().count("\n") >= 4
    assert hidden not in stream.getvalue()


@given(data=entropy, number=st.integers())
def test_what_is_on_chain_stays(data: bytes, number: int) -> None:
    """Hashes, addresses and amounts are what an operator searches for."""
    text = f"tx 0x{data.hex()} to 0x{data[:20].hex()} of {number} at https://explorer.example/tx/0x{data.hex()}"
    assert mask(text) == text


@given(name=st.sampled_from(("password", "api_key", "totp", "Authorization")), value=st.text() | st.integers())
def test_a_secret_field_shows_nothing(name: str, value: str | int) -> None:
    """Not even its length."""
    assert mask_field(name, value) == "***"


@given(st.from_regex(masking._HARMLESS, fullmatch=True))
def test_what_is_passed_by_would_have_stayed(text: str) -> None:
    """The short way out changes no line: every rule leaves what it lets through as it is."""
    shown = text
    for pattern, replacement in masking._RULES:
        shown = pattern.sub(replacement, shown)
    assert masking._PATH.sub("", masking._URL.sub("", shown)) == text
