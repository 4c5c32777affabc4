"""What encryption of secrets at rest promises, of the fake and of KMS (in memory, by moto)."""

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctrip.aws import secrets
from ctrip.aws.secrets import REMEMBER_MS, KmsCipher
from ctrip.domain.errors import Busy, DecryptionRefused
from ctrip.ports.credentials import Cipher
from tests.fakes.cipher import FakeCipher
from tests.fakes.clock import FakeClock
from tests.support.aws import in_memory

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key service with the stage's key, and the key of another stage."""
    with in_memory(monkeypatch):
        service = boto3.client("kms")
        for stage in ("t", "other"):
            key = service.create_key()["KeyMetadata"]["KeyId"]
            service.create_alias(AliasName=f"alias/ctrip-{stage}-secrets", TargetKeyId=key)
        yield


@pytest.fixture(params=["fake", "kms"])
def cipher(request: pytest.FixtureRequest) -> Cipher:
    """A cipher of either kind."""
    if request.param == "fake":
        return FakeCipher()
    request.getfixturevalue("kms")
    return KmsCipher("t", FakeClock())


@settings(suppress_health_check=list(HealthCheck), max_examples=40)
@given(st.text(max_size=900, min_size=1), st.text(min_size=1, max_size=40))
def test_what_is_encrypted_is_decrypted(cipher: Cipher, secret: str, owner: str) -> None:
    """Text of any script, for an owner of any name."""
    assert cipher.decrypt(cipher.encrypt(secret, owner), owner) == secret


def test_a_ciphertext_is_text_that_shows_nothing_of_the_secret(cipher: Cipher) -> None:
    """Neither as it stands, nor decoded, nor in base64, nor for whose it is; and no two are equal."""
    encrypted, again = cipher.encrypt(SECRET, "m1"), cipher.encrypt(SECRET, "m1")
    assert encrypted != again
    shown = encrypted.encode() + base64.b64decode(encrypted, validate=True)
    for part in (SECRET[:6], SECRET[6:14], SECRET[-8:], base64.b64encode(SECRET.encode()).decode()[:12]):
        assert part.encode() not in shown
    assert {cipher.decrypt(each, "m1") for each in (encrypted, again)} == {SECRET}


@pytest.mark.parametrize("other", ["m2", "m", "m11", "M1", "", " m1", "m1\0"])
def test_another_owners_secret_is_refused(cipher: Cipher, other: str) -> None:
    """Also after its owner has read it: what is remembered belongs to the owner too."""
    encrypted = cipher.encrypt(SECRET, "m1")
    assert cipher.decrypt(encrypted, "m1") == SECRET
    with pytest.raises(DecryptionRefused) as caught:
        cipher.decrypt(encrypted, other)
    assert SECRET not in str(caught.value)
    assert cipher.decrypt(encrypted, "m1") == SECRET


@pytest.mark.parametrize(
    "garbage", ["", "x", "?", "no base64 at all", "====", base64.b64encode(b"x").decode(), "QUJD" * 40, "ä", SECRET]
)
def test_garbage_is_refused(cipher: Cipher, garbage: str) -> None:
    """Whatever stands in the table: an error of ours, by its type."""
    with pytest.raises(DecryptionRefused):
        cipher.decrypt(garbage, "m1")


def test_a_ciphertext_that_was_changed_is_refused(cipher: Cipher) -> None:
    """Cut, or with another byte in any quarter of it."""
    encrypted = base64.b64decode(cipher.encrypt(SECRET, "m1"))
    changed = [encrypted[:-1], encrypted[: len(encrypted) // 2]]
    places = (len(encrypted) // 4, len(encrypted) // 2, len(encrypted) - 1)
    changed += [encrypted[:place] + bytes([encrypted[place] ^ 1]) + encrypted[place + 1 :] for place in places]
    for each in changed:
        with pytest.raises(DecryptionRefused):
            cipher.decrypt(base64.b64encode(each).decode(), "m1")


@pytest.mark.usefixtures("kms")
def test_kms_is_asked_once_in_some_minutes_for_each_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then again: a key that was disabled does not stay readable for ever."""
    clock, asked, real = FakeClock(), [], secrets._kms
    monkeypatch.setattr(secrets, "_kms", lambda operation, **given: asked.append(operation) or real(operation, **given))
    cipher = KmsCipher("t", clock)
    encrypted = cipher.encrypt(SECRET, "m1")
    for later in (0, REMEMBER_MS - 1, 1):
        clock.at += later
        assert cipher.decrypt(encrypted, "m1") == SECRET
    assert asked == ["encrypt", "decrypt", "decrypt"]


class Failing:
    """A key service that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, _: str) -> Any:
        def call(**_: Any) -> Any:
            raise self.error

        return call


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        *[(ClientError({"Error": {"Code": code}}, "Decrypt"), Busy) for code in sorted(secrets._SHORT_OF_BREATH)],
        *[(kind(endpoint_url="x"), Busy) for kind in (ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)],
        *[(ClientError({"Error": {"Code": code}}, "Decrypt"), DecryptionRefused) for code in sorted(secrets._NOT_OURS)],
        (ClientError({"Error": {"Code": "DisabledException"}}, "Decrypt"), ClientError),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else str(each)[:60],
)
def test_what_kms_answers_is_told_apart(
    error: Exception, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy may be tried again, a refusal may not; a disabled key is a fault of the stage, and stays as it is."""
    monkeypatch.setattr(secrets, "client", lambda *_: Failing(error))
    with pytest.raises(raised):
        KmsCipher("t", FakeClock()).decrypt("QUJD" * 40, "m1")
