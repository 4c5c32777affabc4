"""`ctrip kms` on KMS (in memory, by moto): a key is made once, and its address is shown."""

import json
from collections.abc import Iterator

import boto3
import pytest
from typer.testing import CliRunner

from ctrip.aws.kms_keys import KmsKey, alias
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Conflict, NotFound
from ctrip.signer.outside_keys import OutsideKey
from infra.cli.app import cli
from tests.support.aws import in_memory


@pytest.fixture(autouse=True)
def _kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CTRIP_STAGE", "t")
    with in_memory(monkeypatch):
        yield


def run(*arguments: str) -> object:
    """Run a command of the group; return what it printed."""
    done = CliRunner().invoke(cli, ["--stage", "t", "--json", "kms", *arguments])
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


def test_a_key_is_made_under_the_stages_alias_once() -> None:
    """On secp256k1, to sign with; a second time nothing is made, and the refusal names the address."""
    made = run("create", "gas_station")
    assert isinstance(made, dict)
    assert (made["name"], made["alias"]) == ("gas_station", "alias/ctrip-t-gas-station")
    assert FIRST.wrong_address(made["address"]) is None
    described = boto3.client("kms").describe_key(KeyId=made["alias"])["KeyMetadata"]
    assert (described["KeySpec"], described["KeyUsage"]) == ("ECC_SECG_P256K1", "SIGN_VERIFY")
    tags = boto3.client("kms").list_resource_tags(KeyId=described["KeyId"])["Tags"]
    assert tags == [{"TagKey": "ctrip-signing-key", "TagValue": "t"}]
    assert OutsideKey(KmsKey(alias("t", "gas_station"))).public.to_checksum_address() == made["address"]
    with pytest.raises(Conflict, match=made["address"]):
        run("create", "gas_station")
    assert len(boto3.client("kms").list_keys()["Keys"]) == 1
    shown = run("show")
    assert isinstance(shown, list)
    assert [each["address"] for each in shown] == [None, made["address"], None]


def test_a_name_that_is_none_makes_nothing() -> None:
    with pytest.raises(NotFound, match="treasury, gas_station, operator"):
        run("create", "gasstation")
    assert boto3.client("kms").list_keys()["Keys"] == []
