"""`ctrip contracts`, on a real Anvil and the stage in memory: what it shows, what it deploys, and who pays."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ctrip import config
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, payout_batcher, sweep_pair
from infra.cli import deployed
from infra.cli.app import cli
from infra.stack import wallet
from tests.evm_support import Anvil
from tests.sweep_support import code_at
from tests.world import _WALLET, World

TREASURY = "0x00000000000000000000000000000000000000AA"
OPERATOR = _WALLET.address("evm", wallet.OPERATOR_PATH)
PAIR = sweep_pair(TREASURY, OPERATOR)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, anvil: Anvil) -> dict[str, str]:
    """The stage's settings, which a test may change before it runs a command."""
    held = {"CTRIP_CHAINS": "anvil", "CTRIP_RPC": json.dumps({"anvil": [anvil.url]}), "CTRIP_TREASURY": TREASURY}
    world = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    monkeypatch.setattr("ctrip.aws.secrets.read_endpoints", lambda _: {})
    monkeypatch.setattr(deployed, "settings", lambda: config.load(held))
    monkeypatch.setenv("CTRIP_STAGE", "t")
    return held


def run(*arguments: str) -> Result:
    """Run a command of a stage that is not the local one."""
    return CliRunner().invoke(cli, ["--stage", "t", "--json", "contracts", *arguments])


def test_what_is_missing_is_shown_with_where_it_will_stand(settings: dict[str, str]) -> None:
    """It ends with 1: batches cannot be sent."""
    done = run("show", "anvil")
    shown = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (shown["treasury"], shown["operator"]) == (TREASURY, OPERATOR)
    assert (shown["batcher"], shown["delegate"]) == (PAIR.batcher.address, PAIR.delegate.address)
    assert "SweepBatcher is not deployed" in shown["problem"]


def test_without_a_key_the_transactions_are_printed_for_any_wallet(settings: dict[str, str], anvil: Anvil) -> None:
    """Sent in their order they deploy both; nothing is sent by the command."""
    done = run("deploy", "anvil")
    calls = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [(each["contract"], each["to"]) for each in calls] == [
        ("SweepBatcher", DEPLOYER),
        ("SweepDelegate", DEPLOYER),
    ]
    assert code_at(anvil, PAIR.batcher.address) == "0x"
    for each in calls:
        anvil.send(each["to"], each["data"])
    assert run("show", "anvil").exit_code == 0


def test_with_a_key_that_pays_both_are_deployed_once(settings: dict[str, str], anvil: Anvil, tmp_path: Path) -> None:
    """A second time nothing is sent."""
    key = tmp_path / "key"
    key.write_text(wallet.funded(6).key + "\n")
    for _ in range(2):
        done = run("deploy", "anvil", "--key-file", str(key))
        assert (done.exit_code, json.loads(done.stdout)["problem"]) == (0, None)
    assert code_at(anvil, PAIR.delegate.address) == PAIR.delegate.runtime
    assert int(anvil.rpc("eth_getTransactionCount", wallet.funded(6).address, "latest"), 16) == 2
    assert wallet.funded(6).key[2:] not in done.output


def test_a_chain_without_a_treasury_has_no_contracts(settings: dict[str, str]) -> None:
    """They follow from it: one line, and no address that is none."""
    settings["CTRIP_TREASURY"] = ""
    done = run("show", "anvil")
    assert done.exit_code != 0
    assert "CTRIP_TREASURY" in str(done.exception)


def test_a_treasury_whose_key_is_here_has_a_contract_that_pays_many(
    settings: dict[str, str], anvil: Anvil, tmp_path: Path
) -> None:
    """Shown and deployed with the others; one whose key is elsewhere has none."""
    assert json.loads(run("show", "anvil").stdout)["payer"] is None
    hot = _WALLET.address("evm", "m/44'/60'/0'/0/0")
    settings["CTRIP_TREASURY"] = hot
    assert [each["contract"] for each in json.loads(run("deploy", "anvil").stdout)][-1] == "PayoutBatcher"
    key = tmp_path / "key"
    key.write_text(wallet.funded(6).key + "\n")
    done = run("deploy", "anvil", "--key-file", str(key))
    assert (done.exit_code, json.loads(done.stdout)["problem"]) == (0, None)
    creation = payout_batcher(hot)
    assert json.loads(done.stdout)["payer"] == creation.address
    assert code_at(anvil, creation.address) == creation.runtime
