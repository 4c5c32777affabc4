"""How the operator's command line ends: scripts go by its exit code."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ctrip.domain.errors import Busy, ChainUnavailable, NotFound
from infra.cli.app import main
from tests.fakes.store import FakePayments
from tests.world import World

Run = Callable[..., int]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A gateway in memory, which the command line takes for its stage."""
    made = World()
    monkeypatch.setattr("ctrip.bootstrap.stage", lambda: made.stage)
    return made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; the command line sets the stage for its process, which is taken back."""
    monkeypatch.setenv("CTRIP_STAGE", "local")

    def called(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["ctrip", "--stage", "local", *arguments])
        return main()

    return called


def test_an_audit_chain_that_is_whole_and_one_that_is_not(
    world: World, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken one ends with 1."""
    payment = world.create()
    assert run("audit", "verify", "payment", payment.id) == 0
    chain = world.stores.payments._state.audits[payment.id]
    chain[0] = replace(chain[0], body=chain[0].body.replace("key:test", "key:else"))
    assert run("audit", "verify", "payment", payment.id) == 1
    assert "BROKEN" in capsys.readouterr().err


@pytest.mark.parametrize(("problem", "code"), [(NotFound("There is none."), 1), (Busy("Try again."), 2)])
def test_a_refusal_and_a_stage_out_of_reach(
    world: World,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    problem: Exception,
    code: int,
) -> None:
    """One line, and a code for each."""

    def fails(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(FakePayments, "audit", fails)
    assert run("audit", "verify", "payment", world.create().id) == code
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("webhooks", "redrive", "--most", "0"), ("webhooks", "nothing"), ("--wrong",)])
def test_a_wrong_command_is_2(world: World, run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments) == 2


def test_help_is_0(run: Run) -> None:
    assert run("--help") == 0


def test_a_chain_is_paused_and_resumed(world: World, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A paused one takes no payments; a name that is none is refused with the nearest one."""
    assert run("chains", "pause", "anvil") == 0
    assert world.stores.access.gates(["anvil"])["anvil"].paused
    with pytest.raises(ChainUnavailable):
        world.create()
    assert run("chains", "resume", "anvil") == 0
    assert not world.stores.access.gates(["anvil"])["anvil"].paused
    capsys.readouterr()
    assert run("chains", "pause", "anvill") == 2
    assert "anvil" in capsys.readouterr().err
