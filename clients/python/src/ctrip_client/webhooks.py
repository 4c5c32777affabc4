"""Verifying webhooks, before anything in them is believed.

Source: the Standard Webhooks specification: `v1,` + base64 HMAC-SHA256 of `id.timestamp.body`, keyed by the decoded
secret. The body is the bytes as they came: JSON that was parsed and written again has another signature.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Iterable
from typing import Protocol

from ctrip_client.errors import AnswerUnreadable, WebhookRefused
from ctrip_client.models import Event
from ctrip_client.reading import read

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


class Headers(Protocol):
    """The headers of any framework."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return names and values."""


def verify_webhook(
    body: bytes,
    headers: Headers,
    secret: str | Iterable[str],
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """Return the event of a delivery that is the gateway's and fresh; raises `WebhookRefused` for every other.

    Several secrets are tried while one is being rotated. `now` is unix seconds, by default this machine's. A delivery
    may come again within the tolerance and later: remember the ids of the events that were dealt with.
    """
    event_id, timestamp, signatures = _sent(headers, "webhook-id", "webhook-timestamp", "webhook-signature")
    signed = _bytes(f"{event_id}.{timestamp}.") + body
    expected = [_standard(key, signed) for key in map(_key, _several(secret))]
    _require_one_of(expected, signatures.split(" "))
    _require_fresh(timestamp, tolerance_seconds, time.time() if now is None else now)
    return _event(body)


def verify_plain_signature(body: bytes, headers: Headers, secret: str | Iterable[str]) -> Event:
    """Return the event of a delivery whose `X-Webhook-Signature` is right; raises `WebhookRefused` for every other.

    The plain alternative: hex HMAC-SHA256 of the body, keyed by the whole secret as UTF-8. It carries no time, so a
    delivery that was overheard can be repeated for ever; `verify_webhook` refuses it after five minutes.
    """
    expected = [hmac.digest(_whole(each), body, "sha256").hex().encode() for each in _several(secret)]
    _require_one_of(expected, _sent(headers, "x-webhook-signature"))
    return _event(body)


def _sent(headers: Headers, *names: str) -> list[str]:
    lower = {name.lower(): value for name, value in headers.items()}
    if missing := [name for name in names if not lower.get(name)]:
        raise WebhookRefused(f"{missing[0]} is missing")
    return [lower[name] for name in names]


def _bytes(text: str) -> bytes:
    # Servers hand on odd bytes of a header as lone surrogates, which must be refused like anything else.
    return text.encode("utf-8", "surrogatepass")


def _several(secret: str | Iterable[str]) -> list[str]:
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets:
        raise ValueError("a webhook secret is missing")
    return secrets


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    # With an empty key, anybody could sign.
    if not key:
        raise ValueError("a webhook secret must be whsec_ and base64")
    return key


def _whole(secret: str) -> bytes:
    if not secret.removeprefix(_PREFIX):
        raise ValueError("a webhook secret must be whsec_ and base64")
    return secret.encode()


def _standard(key: bytes, signed: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))


def _require_one_of(expected: list[bytes], given: list[str]) -> None:
    # The text is compared, not what it decodes to: base64 spells the same bytes in several ways. All pairs are
    # compared, so that the time does not tell which one matched.
    found = [hmac.compare_digest(right, _bytes(each)) for right in expected for each in given]
    if not any(found):
        raise WebhookRefused("no signature matches")


def _require_fresh(timestamp: str, tolerance: float, now: float) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise WebhookRefused("the timestamp is not one")
    if abs(now - int(timestamp)) > tolerance:
        raise WebhookRefused("the timestamp is too far from now")


def _event(body: bytes) -> Event:
    try:
        return read(Event, json.loads(body))
    except (ValueError, AnswerUnreadable):
        raise WebhookRefused("the body is no event") from None
