"""Verifying deliveries: the gateway's own are taken, everything else is refused."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ctrip.domain.webhooks.webhook import new_secret, sign
from ctrip_client import Event, WebhookRefused, verify_plain_signature, verify_webhook
from tests.clients import samples

NOW = 1_795_000_000
SECRET, OTHER = new_secret(b"s" * 32), new_secret(b"o" * 32)
BODY = samples.event(order_id="order-1", amount=2**255 + 1)
ID = json.loads(BODY)["id"]


def signed(body: bytes = BODY, *secrets: str, at: int = NOW, event_id: str = ID) -> dict[str, str]:
    """Sign as the gateway does."""
    return sign(body, event_id=event_id, timestamp=at, secrets=secrets or (SECRET,))


def refused(body: bytes, headers: Any, secret: str | Iterable[str] = SECRET, now: float = NOW) -> str:
    """Expect a refusal, and return its reason, which tells nothing that was secret."""
    with pytest.raises(WebhookRefused) as caught:
        verify_webhook(body, headers, secret, now=now)
    reason = str(caught.value)
    right = signed()
    for hidden in (SECRET, OTHER, right["webhook-signature"][3:], right["X-Webhook-Signature"], ID, "order-1"):
        assert hidden not in reason
    assert caught.value.__cause__ is None
    return reason


def flips(text: bytes) -> Iterable[bytes]:
    """Flip each bit of each byte."""
    for at in range(len(text)):
        for bit in range(8):
            yield text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1 :]


def test_the_gateways_delivery_is_taken() -> None:
    """And read as the event that it is, to the last digit."""
    event = verify_webhook(BODY, signed(), SECRET, now=NOW)
    assert isinstance(event, Event)
    assert (event.id, event.type, event.sequence) == (ID, "payment.paid", 1)
    assert event.payment is not None
    assert (event.payment.amount, event.payment.order_id) == (2**255 + 1, "order-1")


def test_every_flipped_bit_is_refused() -> None:
    """Of the body, the id, the timestamp and the signature."""
    for body in flips(BODY):
        refused(body, signed())
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        for value in flips(signed()[name].encode()):
            refused(BODY, signed() | {name: value.decode("latin-1")})


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    """Missing and empty are the same."""
    headers = signed()
    assert refused(BODY, headers | {name: ""}) == f"{name} is missing"
    del headers[name]
    assert refused(BODY, headers) == f"{name} is missing"
    assert refused(BODY, {"X-Webhook-Signature": headers["X-Webhook-Signature"]}).endswith("is missing")


def test_names_of_headers_are_read_in_any_case() -> None:
    """Each framework spells them in its own way."""
    for spelt in (str.upper, str.title, str.lower):
        headers = {spelt(name): value for name, value in signed().items()}
        assert verify_webhook(BODY, headers, SECRET, now=NOW).id == ID
        assert verify_plain_signature(BODY, headers, SECRET).id == ID
    assert verify_webhook(BODY, httpx.Headers(signed()), SECRET, now=NOW).id == ID


@pytest.mark.parametrize("off", [-301, 301, -86_400, 86_400, -(10**9), 10**9])
def test_an_old_or_early_delivery_is_refused(off: int) -> None:
    """Five minutes either way are the most, by default and up to the second."""
    assert refused(BODY, signed(at=NOW + off)) == "the timestamp is too far from now"


@pytest.mark.parametrize("off", [-300, -1, 0, 1, 300])
def test_a_fresh_delivery_is_taken(off: int) -> None:
    """The limit itself included."""
    assert verify_webhook(BODY, signed(at=NOW + off), SECRET, now=NOW).id == ID


def test_the_tolerance_is_the_receivers() -> None:
    """Narrower or wider."""
    with pytest.raises(WebhookRefused):
        verify_webhook(BODY, signed(at=NOW - 11), SECRET, now=NOW, tolerance_seconds=10)
    assert verify_webhook(BODY, signed(at=NOW - 999), SECRET, now=NOW, tolerance_seconds=1000).id == ID


def test_without_a_clock_it_is_the_machines() -> None:
    """What was signed just now is fresh, what was signed at the epoch is not."""
    assert verify_webhook(BODY, signed(at=int(time.time())), SECRET).id == ID
    with pytest.raises(WebhookRefused, match="too far"):
        verify_webhook(BODY, signed(at=1), SECRET)


@pytest.mark.parametrize("timestamp", ["now", "1e9", "-1", " 1795000000", "1795000000.0", "\u0661", "nan", "1" * 13])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    """Even where it is signed."""
    headers = signed() | {"webhook-timestamp": timestamp}
    message = f"{ID}.{timestamp}.".encode() + BODY
    tag = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), message, "sha256")
    headers["webhook-signature"] = f"v1,{base64.b64encode(tag).decode()}"
    assert refused(BODY, headers) == "the timestamp is not one"


def test_secrets_rotate_on_either_side() -> None:
    """Any of the sender's signatures with any of the receiver's secrets is enough, in any order."""
    both = signed(BODY, SECRET, OTHER)
    for secrets in (SECRET, OTHER, [SECRET], (OTHER, SECRET), iter([OTHER, SECRET]), [new_secret(b"x" * 32), OTHER]):
        assert verify_webhook(BODY, both, secrets, now=NOW).id == ID
    assert verify_webhook(BODY, signed(BODY, OTHER), [SECRET, OTHER], now=NOW).id == ID
    assert refused(BODY, signed(BODY, OTHER)) == "no signature matches"
    assert refused(BODY, both, new_secret(b"x" * 32)) == "no signature matches"


@pytest.mark.parametrize(
    "odd",
    [
        "",
        " ",
        "v1",
        "v1,",
        "v2,{}",
        "V1,{}",
        "v1 {}",
        "{}",
        "v1a,{}",
        "v1,{},",
        "v1,\u00e9",
        "v1,\ud800",
        ",",
        "v1,{}==",
    ],
)
def test_odd_signatures_are_refused_and_do_not_hide_a_good_one(odd: str) -> None:
    """Other versions and garbage beside ours are passed over."""
    right = signed()["webhook-signature"]
    text = odd.replace("{}", right.removeprefix("v1,"))
    refused(BODY, signed() | {"webhook-signature": text})
    for together in (f"{text} {right}", f"{right} {text}"):
        assert verify_webhook(BODY, signed() | {"webhook-signature": together}, SECRET, now=NOW).id == ID


def test_a_signature_has_one_spelling() -> None:
    """Base64 lets the last letter vary without changing a byte; such a header is not what the gateway sent."""
    right = signed()["webhook-signature"]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = right[:-2] + letters[letters.index(right[-2]) ^ 1] + "="
    assert base64.b64decode(other[3:]) == base64.b64decode(right[3:])
    refused(BODY, signed() | {"webhook-signature": other})


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b'{"id": "evt_1"}', b'{"id": 1, "type": "x"}'])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    """Right signature, no event."""
    assert refused(body, signed(body)) == "the body is no event"
    with pytest.raises(WebhookRefused, match="the body is no event"):
        verify_plain_signature(body, signed(body), SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_====", "whsec_not base64!", "whsec_\u00e9", [], ()])
def test_a_secret_that_is_none_is_the_receivers_mistake(secret: Any) -> None:
    """An empty key would let anybody sign: it is a ValueError, not a refusal, and does not quote the secret."""
    headers = signed()
    for key in (b"", b"whsec_"):
        tag = base64.b64encode(hmac.digest(key, f"{ID}.{NOW}.".encode() + BODY, "sha256")).decode()
        headers["webhook-signature"] = f"v1,{tag}"
        with pytest.raises(ValueError, match="a webhook secret") as caught:
            verify_webhook(BODY, headers, secret, now=NOW)
        assert "not base64" not in str(caught.value)


def test_the_published_vector_is_taken() -> None:
    """Standard Webhooks' own example: its signature is right, its body is no event of ours."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert refused(b'{"test": 2432232314}', headers, secret, now=1614265330) == "the body is no event"
    assert refused(b'{"test": 2432232315}', headers, secret, now=1614265330) == "no signature matches"


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.text(max_size=5), max_size=4),
    st.binary(min_size=1, max_size=64),
    st.sampled_from([-10_000, -360, -240, 0, 240, 360, 10_000]),
    st.sampled_from(["", "body", "id", "signature", "secret", "second"]),
)
def test_the_published_library_agrees(extra: dict[str, Any], key: bytes, off: int, tampered: str) -> None:
    """What it signs is taken, and what it refuses is refused."""
    body = json.dumps(extra | {"id": "evt_1", "type": "payment.paid"})
    secret, at = new_secret(key), int(time.time()) + off
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at + (tampered == "second")),
        "webhook-signature": Webhook(secret).sign("evt_1", datetime.fromtimestamp(at, UTC), body),
    }
    if tampered == "body":
        body += " "
    elif tampered == "id":
        headers["webhook-id"] = "evt_2"
    elif tampered == "signature":
        headers["webhook-signature"] = headers["webhook-signature"][:3] + "A" * 43 + "="
    elif tampered == "secret":
        secret = new_secret(key + b"x")
    assert _takes(lambda: verify_webhook(body.encode(), headers, secret)) == _takes(
        lambda: Webhook(secret).verify(body, headers)
    )
    assert _takes(lambda: verify_webhook(body.encode(), headers, secret)) == (abs(off) < 300 and not tampered)


def test_the_plain_signature_is_taken_and_every_flip_refused() -> None:
    """Hex HMAC of the body by the whole secret; one header, several secrets, no time."""
    headers = {"X-Webhook-Signature": signed()["X-Webhook-Signature"]}
    assert verify_plain_signature(BODY, headers, SECRET).id == ID
    assert verify_plain_signature(BODY, headers, [OTHER, SECRET]).id == ID
    for body in flips(BODY):
        with pytest.raises(WebhookRefused, match="no signature matches"):
            verify_plain_signature(body, headers, SECRET)
    for value in flips(headers["X-Webhook-Signature"].encode()):
        with pytest.raises(WebhookRefused):
            verify_plain_signature(BODY, {"X-Webhook-Signature": value.decode("latin-1")}, SECRET)
    with pytest.raises(WebhookRefused, match="no signature matches"):
        verify_plain_signature(BODY, headers, OTHER)
    with pytest.raises(WebhookRefused, match="x-webhook-signature is missing"):
        verify_plain_signature(BODY, {}, SECRET)
    for secret in ("", "whsec_", []):
        with pytest.raises(ValueError, match="a webhook secret"):
            verify_plain_signature(BODY, headers, secret)


def test_neither_signature_stands_in_for_the_other() -> None:
    """A delivery with a right plain signature and no other is refused where the better one is asked for."""
    headers = signed()
    wrong = {"webhook-signature": "v1,x"}
    refused(BODY, headers | wrong)
    with pytest.raises(WebhookRefused):
        verify_plain_signature(BODY, headers | {"X-Webhook-Signature": "x"}, SECRET)


def _takes(verify: Any) -> bool:
    try:
        verify()
    except (WebhookRefused, WebhookVerificationError):
        return False
    return True
