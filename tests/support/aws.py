"""AWS in memory, for the adapters that the contract suites run: moto, with clients that know of it."""

import contextlib
from collections.abc import Iterator

import pytest
from moto import mock_aws

from ctrip.aws.clients import client
from ctrip.botocore_calls import session

REGION = "us-east-1"


@contextlib.contextmanager
def in_memory(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run moto in this process; clients made before or after are none of its own."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_LAMBDA"):
        patch.delenv(name, raising=False)
    for name, value in {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t"}.items():
        patch.setenv(name, value)
    with mock_aws():
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    """Have clients made anew, by a session that knows of moto."""
    client.cache_clear()
    session.cache_clear()
