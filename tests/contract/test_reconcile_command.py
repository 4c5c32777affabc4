"""`ctrip reconcile`: the page that a person reads, and what is recorded by it."""

import json
from dataclasses import replace

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ctrip.domain.errors import Conflict
from infra.cli.app import cli
from tests.world import STATION, World

MINUTE = 60_000


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A stage whose books are open, and at whose gas station somebody took 7."""
    world = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: world.stage)
    monkeypatch.setenv("CTRIP_STAGE", "local")
    world.stage.ledger.noter.run()
    world.create(1_000)
    look(world, 2)
    world.chain.burn(STATION, 7)
    look(world, 2)
    return world


def look(world: World, times: int) -> None:
    for _ in range(times):
        world.clock.at += MINUTE
        world.chain.mine()
        world.stage.ledger.reconciler.run()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--stage", "local", *arguments])


def test_a_difference_is_explained_with_what_to_do(world: World) -> None:
    """What is booked, what the chain shows, since when, what it means; and the command, which works as it is shown."""
    done = run("reconcile", "explain", "anvil")
    assert done.exit_code == 1
    page = done.stdout
    assert "gas_station, ETH: booked 100, on the chain 99.999999999999999993 (-0.000000000000000007)" in page
    assert "the key has leaked" in page
    assert "capital -> gas_station" in page
    (command,) = [line.split("ctrip ")[1] for line in page.splitlines() if "If this was you" in line]
    done = run(*command.split(), "--reason", "drew it")
    assert done.exit_code == 0, done.output
    look(world, 2)
    done = run("reconcile", "explain")
    assert (done.exit_code, "no differences" in done.stdout) == (0, True)


def test_programs_read_whole_amounts_as_text(world: World) -> None:
    done = run("--json", "reconcile", "explain")
    ((chain,), (difference,)) = (found := json.loads(done.stdout)), found[0]["differences"]
    assert (chain["chain"], chain["unknown"]) == ("anvil", 0)
    assert (difference["account"], difference["amount"]) == ("gas_station", "-7")
    assert difference["booked"] == str(10**20)


def test_another_amount_than_is_there_is_not_recorded(world: World) -> None:
    """Somebody drew more since the page was read; and no reason is no answer."""
    world.chain.burn(STATION, 1)
    look(world, 1)
    arguments = ["reconcile", "post", "anvil", "gas_station", "native", "--reason", "mine", "--amount", "-7"]
    assert isinstance(run(*arguments).exception, Conflict)


def test_a_chain_that_was_never_looked_at_says_so(world: World) -> None:
    held = world.stores.reconciliations._held
    held["anvil"] = replace(held["anvil"], looked_at=0, differences=())
    assert "not looked at yet" in run("reconcile", "explain").stdout
