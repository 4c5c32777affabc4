"""The secret that holds a stage's RPC endpoints, read from Secrets Manager (in memory, by moto)."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ctrip.aws.secrets import read_endpoints
from ctrip.domain.errors import ConfigurationError
from tests.support.aws import in_memory

URL = "https://node.example/v3/s3cret-key"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager, empty."""
    with in_memory(monkeypatch):
        yield boto3.client("secretsmanager")


def test_without_a_value_there_are_none(manager: Any) -> None:
    """The public list is what remains."""
    assert read_endpoints("t") == {}


def test_endpoints_come_by_chain_in_their_order(manager: Any) -> None:
    """Any number of them."""
    manager.create_secret(Name="ctrip/t/rpc", SecretString=json.dumps({"ethereum": [URL, URL + "2"], "base": [URL]}))
    assert read_endpoints("t") == {"ethereum": (URL, URL + "2"), "base": (URL,)}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"ethereum": URL}),  # an address alone is no list of its characters
        json.dumps({"ethereum": {"full": URL}}),
        json.dumps({"ethereum": [URL, 5]}),
        json.dumps({"ethereum": ["ftp://node.example/s3cret-key"]}),
        json.dumps([URL]),
        json.dumps(URL),
        URL,
        "{",
        "",
    ],
)
def test_what_is_no_list_of_addresses_is_refused_and_not_shown(manager: Any, text: str) -> None:
    """The secret is named; what is in it holds providers' keys."""
    manager.create_secret(Name="ctrip/t/rpc", SecretString=text or " ")
    with pytest.raises(ConfigurationError, match="the secret ctrip/t/rpc ") as caught:
        read_endpoints("t")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__
