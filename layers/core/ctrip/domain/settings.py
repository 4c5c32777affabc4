"""Reads the text of a setting; each reader raises ValueError with words that go on after the setting's name.

No value is repeated but a mistyped name: RPC addresses hold providers' keys, and somebody may paste a private key.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ctrip.domain.bounds import WholeNumber
from ctrip.domain.rpc import NodeEntry, RpcEntry
from ctrip.domain.text import nearest, quoted
from ctrip.domain.urls import is_node_address, is_web_address

T = TypeVar("T")

YEAR_SECONDS = 31_536_000
_STAGE = re.compile(r"[a-z][a-z0-9]{0,15}", re.ASCII)
_INTEGER = re.compile(r"[0-9]{1,12}", re.ASCII)
_VERIFYING_KEY = re.compile(r"0[23][0-9a-fA-F]{64}", re.ASCII)
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def plain(text: str) -> str:
    """Take any text."""
    return text


def stage(text: str) -> str:
    """Read a stage's name: part of every table's, queue's and function's."""
    if not _STAGE.fullmatch(text):
        raise ValueError("must be 1 to 16 lower-case letters and digits, and begin with a letter")
    return text


def names(text: str) -> tuple[str, ...]:
    """Read names that commas separate."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise ValueError("names nothing; give names separated by commas")
    if twice := [name for name in found if found.count(name) > 1]:
        raise ValueError(f"names {quoted(twice[0])} twice")
    return found


def names_of(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Return the reader of some of a few known names."""

    def read(text: str) -> tuple[str, ...]:
        found = names(text)
        if strange := [name for name in found if name not in known]:
            raise ValueError(f"names {quoted(strange[0])}{nearest(strange[0], known)}; there are {', '.join(known)}")
        return found

    return read


def integer(least: int, most: int) -> Callable[[str], int]:
    """Return the reader of a whole number within bounds."""
    bounds = WholeNumber(least, most)

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not bounds.admits(int(text)):
            raise ValueError(bounds.words)
        return int(text)

    return read


def level(text: str) -> str:
    """Read the least level that is logged."""
    if text.upper() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(_LEVELS)}{nearest(text.upper(), _LEVELS)}")
    return text.upper()


def verifying_key(text: str) -> str:
    """Read a compressed public key, or several by comma, newest first."""
    found = [part.strip().lower() for part in text.split(",")]
    if not all(_VERIFYING_KEY.fullmatch(each) for each in found):
        raise ValueError("must be a public key of 66 hexadecimal digits, as `ctrip verifying-key` prints it")
    return ",".join(found)


def day(text: str) -> str:
    """Read a day of the calendar."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError("must be a day such as 2026-11-28, as `ctrip wallet verify` prints it")
    return text


def address(text: str) -> str:
    """Read an address of the web, which has a host and neither credentials nor a query."""
    if not is_web_address(text, plain_http=True) or "?" in text or "#" in text:
        raise ValueError("must be an address such as https://pay.example.com, without a query")
    return text


def loopback(text: str) -> str:
    """Read an address of a server on this machine."""
    if not _LOOPBACK.fullmatch(text):
        raise ValueError("must be an address on this machine, such as http://127.0.0.1:9000")
    return text


def hook(text: str) -> str:
    """Read the address that webhooks go to."""
    if not is_web_address(text, plain_http=True):
        raise ValueError("must be an address such as https://shop.example.com/webhooks")
    return text


def endpoints(text: str) -> dict[str, tuple[RpcEntry, ...]]:
    """Read RPC endpoints by chain: addresses, and objects of a node's addresses."""
    return {chain: _entries(chain, held) for chain, held in mapping(text, '{"ethereum": ["https://..."]}').items()}


def _entries(chain: str, held: Any) -> tuple[RpcEntry, ...]:
    if not isinstance(held, list) or not all(isinstance(each, str | dict) for each in held):
        raise ValueError(f'must map {quoted(chain)} to a list of addresses, such as ["https://..."]')
    return tuple(_entry(each, f"place {place} of {quoted(chain)}") for place, each in enumerate(held, 1))


def _entry(held: str | dict[str, Any], where: str) -> RpcEntry:
    if isinstance(held, str):
        return _node_address(held, where)
    if strange := sorted(held.keys() - {"full", "solid", "jsonrpc", "headers"}):
        raise ValueError(f"has, at {where}, an unknown {quoted(strange[0])}; there are full, solid, jsonrpc, headers")
    if lacking := [name for name in ("full", "solid") if name not in held]:
        # A full node alone shows what may never be mined: nothing can be decided by it.
        raise ValueError(f"lacks, at {where}, {lacking[0]}: an object names a node's full and its solid side")
    headers = held.get("headers", {})
    plain_headers = isinstance(headers, dict) and all(
        _HEADER.fullmatch(name) and isinstance(value, str) and value.isascii() and value.isprintable()
        for name, value in headers.items()
    )
    if not plain_headers:
        raise ValueError(f'has, at {where}, headers that are no object of texts, such as {{"TRON-PRO-API-KEY": "..."}}')
    return NodeEntry(
        full=_node_address(held["full"], where),
        solid=_node_address(held["solid"], where),
        jsonrpc=_node_address(held["jsonrpc"], where) if "jsonrpc" in held else "",
        headers=tuple(headers.items()),
    )


def _node_address(url: Any, where: str) -> str:
    if not isinstance(url, str) or not is_node_address(url):
        raise ValueError(f"has no http or https address at {where}")
    return url


def caps(text: str) -> dict[str, Any]:
    """Read amounts of the coin's base units by chain."""
    found = mapping(text, '{"polygon": "500000000000000000"}')
    wrong = [chain for chain, amount in found.items() if isinstance(amount, bool) or not isinstance(amount, str | int)]
    if wrong:
        raise ValueError(f"must map {quoted(wrong[0])} to digits as text, in the coin's base units")
    return found


def amounts(text: str) -> dict[str, dict[str, str]]:
    """Read amounts of whole units by chain and symbol."""
    found = mapping(text, '{"ethereum": {"USDC": "10000"}}')
    for chain, held in found.items():
        if not isinstance(held, dict) or not all(isinstance(each, str) for each in held.values()):
            raise ValueError(f'must map {quoted(chain)} to amounts as text, such as {{"USDC": "10000"}}')
    return found


def by_asset(text: str, such_as: str, read: Callable[[str, Any], T]) -> dict[str, dict[str, T]]:
    """Read what is set by chain and symbol; `read` is given whose it is, for its words, and what stands there."""
    held = mapping(text, such_as) if text.strip() else {}
    if not all(isinstance(each, dict) for each in held.values()):
        raise ValueError(f"must map chains to objects by symbol, such as {such_as}")
    return {
        chain: {symbol: read(f"{quoted(chain)}, {quoted(symbol)}", each) for symbol, each in by_symbol.items()}
        for chain, by_symbol in held.items()
    }


def whole_numbers(where: str, held: Any, kind: type, bounds: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """Read an object of whole numbers, as digits or text, whose names are the fields of a dataclass."""
    known = [each.name for each in fields(kind)]
    if not isinstance(held, dict) or not set(held) <= set(known):
        raise ValueError(f"must give {where} an object of any of {', '.join(known)}")
    values = {}
    for name, value in held.items():
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not (text.isascii() and text.isdigit() and len(text) <= 78):
            raise ValueError(f'has, for {where}, a {name} that is no whole number such as "1000000"')
        least, most = bounds.get(name, (0, 2**256 - 1))
        if not least <= int(text) <= most:
            raise ValueError(f"has, for {where}, a {name} that is not from {least} to {most}")
        values[name] = int(text)
    return values


def mapping(text: str, such_as: str) -> dict[str, Any]:
    """Read a JSON object; a name that comes twice is refused, since only the last would count."""
    malformed = ValueError(f"is malformed: it must be a JSON object such as {such_as}")
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except _TwiceError:
        raise ValueError("names the same thing twice") from None
    except (ValueError, RecursionError):
        raise malformed from None
    if not isinstance(found, dict):
        raise malformed
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise _TwiceError
    return held


class _TwiceError(Exception):
    """An object names a member twice."""
