"""Reading what a request asks for; a node's own words about what it cannot read."""

from __future__ import annotations

from typing import Any

from ctrip.domain.chains.tron.addresses import decoded
from infra.tron.wire import PREFIX


class Wrong(Exception):
    """A request that the node answers with `Error` and status 200."""


class NoPath(Exception):
    """A path that one side of the node does not have."""


def wrong(kind: str, words: str) -> Wrong:
    """Return a refusal in the form of a Java exception."""
    return Wrong(f"class {kind} : {words}")


def address(asked: dict[str, Any], name: str, *, needed: bool = True) -> bytes:
    """Return 20 octets; in base58 where the request says `visible`, else in hexadecimal digits with 41 before."""
    text = str(asked.get(name, ""))
    if not text and not needed:
        return b""
    try:
        if asked.get("visible") in (True, "true"):
            return decoded(text)
        octets = bytes.fromhex(text)
    except ValueError as exc:
        raise wrong("java.lang.IllegalArgumentException", f"INVALID address: {text[:64]}") from exc
    if len(octets) != 21 or octets[:1] != PREFIX:
        raise wrong("java.lang.IllegalArgumentException", f"INVALID address: {text[:64]}")
    return octets[1:]


def number(asked: dict[str, Any], name: str, default: int = 0) -> int:
    """Return a number, also one that is written as text."""
    try:
        return int(asked.get(name, default))
    except (TypeError, ValueError) as exc:
        raise wrong("java.lang.NumberFormatException", f'For input string: "{asked[name]}"') from exc


def octets(asked: dict[str, Any], name: str) -> bytes:
    """Return octets that are written in hexadecimal digits."""
    try:
        return bytes.fromhex(str(asked.get(name, "")))
    except ValueError as exc:
        raise wrong("org.bouncycastle.util.encoders.DecoderException", "exception decoding Hex string") from exc
