"""`ctrip merchants key`: an own extended key for another kind of chain, by the addresses that a wallet shows."""

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from infra.cli.app import cli
from tests.services.merchants.test_own_keys import EVM_KEY, TRON_KEY, OwnWorld


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> OwnWorld:
    """A stage of both kinds, with a merchant under its own EVM key."""
    made = OwnWorld()
    made.provide()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: made.stage)
    monkeypatch.setenv("CTRIP_STAGE", "t")  # the command sets it, and this puts it back
    return made


def run(*arguments: str, told: str = "") -> Result:
    return CliRunner().invoke(cli, ["--stage", "t", "--json", "merchants", "key", "m1", *arguments], input=told)


def test_the_keys_addresses_on_that_kind_are_shown_and_asked_about(world: OwnWorld) -> None:
    """Those of Tron alone; without a yes nothing is stored."""
    done = run("tron", TRON_KEY, told="n\n")
    assert (done.exit_code, world.stores.access.merchant("m1").more_keys) == (1, ())
    done = run("tron", TRON_KEY, told="y\n")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout[done.stdout.index("{") :])["other_xpubs"] == {"tron": TRON_KEY}
    assert "0x" not in done.stderr
    assert done.stderr.count(" T") >= 3


@pytest.mark.parametrize(("key", "code"), [(EVM_KEY, "invalid_xpub"), ("T" + "x" * 33, "invalid_xpub")])
def test_a_key_that_is_none_is_refused(world: OwnWorld, key: str, code: str) -> None:
    """The other kind's key, and an address."""
    done = run("tron", key, "--yes")
    assert done.exit_code != 0
    assert [each.code for each in done.exception.errors] == [code]
    assert world.stores.access.merchant("m1").more_keys == ()
