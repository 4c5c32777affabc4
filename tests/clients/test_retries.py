"""What is tried again, with what, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip_client import ApiError, Conflict, ConnectionFailed, CtripError, ServerError, TooManyRequests
from ctrip_client.retry import PATIENCE_SECONDS, pause
from tests.clients import samples
from tests.clients.scripted import API_KEY, NOW, SIGNING, Scripted, ok, refusal

PAID = samples.payment()
# RFC 9110, 5.6.7: the form to send, and the two obsolete ones that are to be read.
HTTP_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y")
PASSING = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.ReadTimeout("slow"),
    httpx.ReadError("cut"),
    httpx.RemoteProtocolError("garbage"),
    httpx.WriteError("cut"),
    refusal(409, "idempotency_in_progress"),
    refusal(429, "rate_limited"),
    httpx.Response(502, text="<html>"),
    refusal(503, "busy"),
    httpx.Response(504),
]
LASTING = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 500, 501, 505, 301, 307]


@pytest.mark.parametrize(
    "trouble", PASSING, ids=lambda trouble: getattr(trouble, "status_code", type(trouble).__name__)
)
def test_what_passes_is_tried_again(kind: Any, trouble: httpx.Response | Exception) -> None:
    """After a lost connection, a 409 of the same key under way, 429, 502, 503 and 504; reading as well as writing."""
    for call in (lambda c: c.payments.get("p-1"), lambda c: c.payments.create(chain="anvil", amount=1)):
        gateway = Scripted(trouble, trouble, ok(PAID))
        assert call(gateway.client(kind)).id == PAID["id"]
        assert len(gateway.asked) == 3


@pytest.mark.parametrize("status", LASTING)
def test_nothing_else_is_tried_again(kind: Any, status: int) -> None:
    """Any other answer is final, another conflict and a plain 500 among them."""
    gateway = Scripted(refusal(status, "order_id_in_use"), ok(PAID))
    with pytest.raises(ApiError) as caught:
        gateway.client(kind).payments.create(chain="anvil", amount=1)
    assert (caught.value.status, len(gateway.asked), gateway.slept) == (status, 1, [])


def test_every_try_has_the_same_idempotency_key_and_body(kind: Any) -> None:
    """However often it is sent, it is one request; the next call is another."""
    gateway = Scripted(httpx.ReadTimeout(""), refusal(503), ok(PAID), refusal(503), ok(PAID))
    client = gateway.client(kind)
    client.payments.create(chain="anvil", amount=1)
    client.payments.create(chain="anvil", amount=1)
    keys = [asked.headers["Idempotency-Key"] for asked in gateway.asked]
    assert len(set(keys[:3])) == len(set(keys[3:])) == 1
    assert keys[0] != keys[3]
    assert len({asked.content for asked in gateway.asked}) == 1


def test_a_deletion_keeps_its_key_too(kind: Any) -> None:
    """Each write has one, whatever its method; an empty 204 is a success."""
    gateway = Scripted(refusal(503), httpx.Response(204))
    assert gateway.client(kind).keys.revoke("key_2") is None
    assert len({asked.headers["Idempotency-Key"] for asked in gateway.asked}) == 1


def test_every_try_is_signed_anew(kind: Any) -> None:
    """A nonce is used once, and the time is that of the try."""
    times = iter(range(NOW, NOW + 100))
    gateway = Scripted(refusal(503), refusal(503), ok(PAID))
    gateway.client(kind, **SIGNING, clock=lambda: next(times)).payments.create(chain="anvil", amount=1)
    for name in ("X-Nonce", "X-Timestamp", "X-Signature"):
        assert len({asked.headers[name] for asked in gateway.asked}) == 3, name
    assert len({asked.headers["Idempotency-Key"] for asked in gateway.asked}) == 1


def test_waits_double_up_to_a_limit(kind: Any) -> None:
    """0.5, 1, 2, 4, 8, 8 seconds, of which the jitter takes a part between nothing and all."""
    for jitter in (0.0, 0.25, 1.0):
        gateway = Scripted(*[refusal(503)] * 6, ok(PAID))
        gateway.client(kind, max_retries=6, jitter=lambda jitter=jitter: jitter).payments.get("p-1")
        assert gateway.slept == [jitter * seconds for seconds in (0.5, 1, 2, 4, 8, 8)]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_tries_end(kind: Any, retries: int) -> None:
    """After `max_retries` the last outcome is what is raised, and nobody sleeps for it."""
    gateway = Scripted(*[refusal(429)] * 10)
    with pytest.raises(TooManyRequests):
        gateway.client(kind, max_retries=retries).payments.get("p-1")
    assert (len(gateway.asked), len(gateway.slept)) == (retries + 1, retries)


def test_the_last_outcome_is_raised(kind: Any) -> None:
    """Also when others came before it."""
    gateway = Scripted(httpx.ConnectError("x"), refusal(429), refusal(503))
    with pytest.raises(ServerError, match="503 nope: It is nope"):
        gateway.client(kind, max_retries=2).payments.get("p-1")
    gateway = Scripted(refusal(503), refusal(409, "idempotency_in_progress"), refusal(409, "payment_changed"))
    with pytest.raises(Conflict, match="payment_changed"):
        gateway.client(kind).payments.cancel("p-1")


def test_a_lost_connection_is_one_of_our_errors(kind: Any) -> None:
    """It names the host and the reason, keeps the cause, and tells neither path nor key."""
    gateway = Scripted(*[httpx.ConnectTimeout("slow")] * 9)
    with pytest.raises(ConnectionFailed) as caught:
        gateway.client(kind).payments.get("p-1")
    assert str(caught.value) == "no answer from gateway.example: ConnectTimeout"
    assert isinstance(caught.value, CtripError)
    assert isinstance(caught.value.__cause__, httpx.ConnectTimeout)
    assert API_KEY not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("status", [409, 429, 503])
def test_retry_after_is_honoured(kind: Any, status: int) -> None:
    """Nobody comes back before the gateway asks for, in seconds or by a date; the jitter is added."""
    headers = [{"Retry-After": "7"}, {"Retry-After": formatdate(NOW + 20, usegmt=True)}]
    gateway = Scripted(*(refusal(status, "idempotency_in_progress", each) for each in headers), ok(PAID))
    gateway.client(kind).payments.create(chain="anvil", amount=1)
    assert gateway.slept == [7.5, 21.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0.0), ("1", 1.0), (" 2 ", 2.0), ("59", 59.0), ("61", 60.0), ("999999999", 60.0), ("9" * 5000, 60.0)),
        *(("-1", 0.0), ("1.5", 0.0), ("nan", 0.0), ("inf", 0.0), ("0\x1f", 0.0)),
        *(("", 0.0), ("soon", 0.0), ("\u0661", 0.0)),
        (formatdate(NOW - 100, usegmt=True), 0.0),
        (formatdate(NOW + 10**6, usegmt=True), 60.0),
        ("Sun, 06 Nov 2094 08:49:37", 60.0),
        *((at.strftime(form), 20.0) for at in (datetime.fromtimestamp(NOW + 20, UTC),) for form in HTTP_DATES),
        ("Sun, 99 Nov 2094 08:49:37 GMT", 0.0),
    ],
    ids=range(22),
)
def test_what_retry_after_may_say(text: str, seconds: float) -> None:
    """A minute is the most, and what makes no sense counts as absent."""
    asked = httpx.Response(503, headers=[(b"Retry-After", text.encode())])
    assert pause(asked, 0, jitter=0.0, now=NOW) == seconds


@given(st.text(st.characters(codec="latin-1")), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 2**33))
def test_a_pause_is_never_long_nor_negative(text: str, tried: int, jitter: float, now: float) -> None:
    """Whatever a gateway says and however often it is asked."""
    answer = httpx.Response(429, headers=[(b"Retry-After", text.encode("latin-1"))])
    assert 0 <= pause(answer, tried, jitter=jitter, now=now) <= PATIENCE_SECONDS
