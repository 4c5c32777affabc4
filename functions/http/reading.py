"""Reading a request strictly: its body, its query, its idempotency key."""

import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qsl

from chalice.app import Request

from ctrip.domain.errors import (
    BadRequest,
    InvalidField,
    NotFound,
    TooLarge,
    UnsupportedMedia,
)
from ctrip.domain.text import is_whole, whole
from ctrip.ports.idempotency import Idempotency
from functions.http.answers import FORM, JSON

BODY_BYTES = 32 * 1024


BODY_DEPTH = 5


FORM_FIELDS = 20


# HTTP takes the spaces at both ends of a header away.
_KEY = re.compile(r"(?=.{1,255}\Z)[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


_REPLACED = "\ufffd"


LONGEST_NUMBER = 100  # digits; no field takes as many


def body_of(request: Request, most: int = BODY_BYTES) -> dict[str, Any]:
    """Read a JSON object strictly: no duplicate keys, no floats, no NaN, at most 32 KiB or `most`, five levels deep."""
    media = request.headers.get("content-type", JSON).split(";")[0].strip().lower()
    if media != JSON:
        raise UnsupportedMedia(f"The body must be {JSON}.")
    raw = raw_body(request)
    if len(raw) > most:
        raise TooLarge(f"The body is larger than {most} bytes.")
    try:
        text = raw.decode()
        body = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None
    if _REPLACED in text:
        # API Gateway hands a body on as text: bytes that are no UTF-8 have become this, and could be any others.
        raise BadRequest("The body is not UTF-8, or holds the character U+FFFD in its place.", code="invalid_json")
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    if _depth(body, BODY_DEPTH) > BODY_DEPTH:
        raise BadRequest(f"The body is nested more than {BODY_DEPTH} levels deep.", code="invalid_json")
    if "\\u" in text:  # bytes that are UTF-8 hold no half of a surrogate pair; an escape may
        for name, value in body.items():
            _require_whole(name, value)
    return body


def form_of(request: Request) -> dict[str, Any]:
    """Read the fields of a page's form strictly: each once, at most 32 KiB; an empty one is as good as none."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise UnsupportedMedia(f"The body must be {FORM}.")
    raw = raw_body(request)
    if len(raw) > BODY_BYTES:
        raise TooLarge(f"The body is larger than {BODY_BYTES} bytes.")
    try:
        pairs = parse_qsl(raw.decode(), errors="strict", max_num_fields=FORM_FIELDS)
    except ValueError:
        raise BadRequest("The body is no form.", code="invalid_form") from None
    return _unique(pairs)


def query_of(request: Request) -> dict[str, Any]:
    """Read query parameters; a repeated one is refused."""
    query = request.query_params
    if query is None:
        return {}
    for name in query:
        if len(query.getlist(name)) > 1:
            raise InvalidField(name[:64], "repeated_parameter", "may be given once")
    return {name: query[name] for name in query}


def idempotency_of(request: Request, owner: str, route: str, body: dict[str, object]) -> Idempotency | None:
    """Read the Idempotency-Key header, bound to its owner, the route and the body's meaning."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidField("Idempotency-Key", "invalid_value", "must be 1 to 255 printable ASCII characters")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Idempotency(owner, route, key, hashlib.sha256(canonical.encode()).hexdigest())


def raw_body(request: Request) -> bytes:
    """Return the body as it came."""
    try:
        raw = request.raw_body
        return raw if isinstance(raw, bytes) else raw.encode()
    except UnicodeEncodeError:
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None


def refuse_half_characters(request: Request, *, path_only: bool) -> None:
    """Refuse names and values of the request line and the headers that UTF-8 cannot carry.

    Lambda's event is JSON, whose escapes can name half of a surrogate pair.
    """
    if not all(map(is_whole, (request.uri_params or {}).values())):
        raise NotFound("There is nothing at this address.")
    if path_only:
        return
    if (pairs := request.query_params) is not None:
        for name in pairs:
            _require_whole(name, pairs.getlist(name))
    for name, value in request.headers.items():
        _require_whole(name, value)


def _require_whole(name: str, value: Any) -> None:
    if not is_whole(name) or not _all_whole(value):
        raise InvalidField(whole(name)[:64], "invalid_value", "holds half of a surrogate pair, which is no text")


def _all_whole(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_whole, value)) and all(map(_all_whole, value.values()))
    return (
        all(map(_all_whole, value)) if isinstance(value, list) else is_whole(value) if isinstance(value, str) else True
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidField(whole(twice)[:64], "duplicate_key", "appears twice")
    return body


class Inexact:
    """A number that is no integer; no field accepts one, so validation names the field it came in."""


def _integer(text: str) -> int | Inexact:
    return int(text) if len(text) <= LONGEST_NUMBER else Inexact()


def _no_float(_: str) -> Inexact:
    return Inexact()


def _depth(value: Any, left: int) -> int:
    if left < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, left - 1) for item in inner), default=0)
