"""How the operator's command line ends: scripts go by its exit code."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from argon2.profiles import CHEAPEST

from ctrip.domain.admins import Role
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Busy, ChainUnavailable, NotFound
from ctrip.domain.settlement.payout import Booking, Payout, PayoutKind, PayoutState
from ctrip.domain.sweeping.policy import parse_policies
from ctrip.ports.payouts import PayoutCommit
from infra.cli.app import main
from tests.fakes.store import FakePayments
from tests.support.pictures import png
from tests.world import ORIGIN, SETTINGS, World

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


def waiting_payout(world: World) -> str:
    """Put a settlement that waits for two persons in the store; return its id."""
    made = Payout(
        id="stl_01JDSETTLEMENT000000000001",
        kind=PayoutKind.SETTLEMENT,
        merchant_id="m1",
        chain="anvil",
        token_id=None,
        token=None,
        symbol="ETH",
        decimals=18,
        amount=1000,
        to="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        asked_by="key:testkey001",
        state=PayoutState.AWAITING_APPROVAL,
        approvals_needed=2,
    )
    world.stores.payouts.commit(PayoutCommit(before=None, after=made))
    return made.id


@pytest.fixture
def people(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Users of the admin API, whose passwords are their names; whoever is asked types the last one's."""
    monkeypatch.setattr("ctrip.auth.passwords.RFC_9106_LOW_MEMORY", CHEAPEST)
    for name, role in (("ada", Role.OWNER), ("bob", Role.ACCOUNTANT), ("eve", Role.VIEWER)):
        password = f"{name}'s own password"
        world.stage.admins.manager.create(f"{name}@ops.example", name, role, ORIGIN, password=password)
    typed = {"Password": ""}
    monkeypatch.setattr("typer.prompt", lambda words, **_: typed.get(words, ""))
    return typed


def test_two_persons_approve_a_payout_each_with_their_own_password(
    world: World, run: Run, capsys: pytest.CaptureFixture[str], people: dict[str, str]
) -> None:
    """A name without its password is nobody, a second approval of one person none, and a role may not do all."""
    payout_id = waiting_payout(world)
    assert run("payouts", "list") == 0
    assert payout_id in capsys.readouterr().out

    def approve(name: str, password: str) -> int:
        people["Password"] = f"{password}'s own password"
        return run("payouts", "approve", "m1", payout_id, "--as", f"{name}@ops.example")

    assert [approve("ada", "bob"), approve("eve", "eve"), approve("ada", "ada"), approve("ada", "ada")] == [1, 1, 0, 1]
    held = world.stores.payouts.payout("m1", payout_id)
    assert held is not None
    assert (held.state, len(held.approvals)) == (PayoutState.AWAITING_APPROVAL, 1)
    assert approve("bob", "bob") == 0
    held = world.stores.payouts.payout("m1", payout_id)
    assert held is not None
    assert held.state is PayoutState.APPROVED
    assert not [each for each in world.stores.admins._sessions.values() if each.live(world.clock.now())]
    assert approve("bob", "bob") == 1


def test_a_payout_is_rejected_with_a_reason(world: World, run: Run, people: dict[str, str]) -> None:
    """Which the merchant reads; without one the command is wrong."""
    payout_id = waiting_payout(world)
    people["Password"] = "bob's own password"
    rejected = ("payouts", "reject", "m1", payout_id, "--as", "bob@ops.example")
    assert run(*rejected) == 2
    assert run(*rejected, "--reason", "not theirs") == 0
    held = world.stores.payouts.payout("m1", payout_id)
    assert held is not None
    assert (held.state, held.reason) == (PayoutState.REJECTED, "not theirs")
    assert run("payouts", "reject", "m1", "stl_none", "--as", "bob@ops.example", "--reason", "x") == 1


def test_a_large_sweep_is_listed_and_approved_by_a_person(
    world: World, run: Run, capsys: pytest.CaptureFixture[str], people: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With that person's own password, and the permission that payouts ask for."""
    sweeps = parse_policies('{"anvil": {"ETH": {"approval_above": "500"}}}')
    monkeypatch.setattr(world.stage.adapters, "own", replace(SETTINGS, sweeps=sweeps))
    payment = world.create(1_000)
    world.chain.deposit(payment.due.address, 1_000)
    world.step(4)
    assert run("sweeps", "list") == run("sweeps", "list", "anvil", "--waiting") == 0
    assert capsys.readouterr().out.count(f"{payment.id}  anvil  ETH") == 2
    assert run("sweeps", "list", "--stuck") == run("sweeps", "list", "--parked") == 0
    assert payment.id not in capsys.readouterr().out

    def approve(name: str, password: str) -> int:
        people["Password"] = f"{password}'s own password"
        return run("sweeps", "approve", payment.id, "--as", f"{name}@ops.example")

    assert [approve("ada", "bob"), approve("eve", "eve"), approve("bob", "bob")] == [1, 1, 0]
    assert world.payment(payment.id).review.sweep_approved == 1_000


def test_a_brand_is_set_shown_and_taken_away_part_by_part(
    world: World, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is not named stays; a file that is no picture is refused by what is in it."""
    picture, other = tmp_path / "logo.png", tmp_path / "evil.png"
    picture.write_bytes(png())
    other.write_text("<svg/>")
    assert run("merchants", "brand", "m1", "--logo", str(picture), "--colour", "#0f766e") == 0
    assert run("merchants", "brand", "m1", "--logo", str(other)) == 1
    assert run("merchants", "brand", "m1", "--contact", "help@shop.example", "--origin", "https://shop.example") == 0
    assert run("merchants", "brand", "m1", "--no", "colour", "--name", "Coffee to go") == 0
    capsys.readouterr()
    assert run("--json", "merchants", "brand", "m1") == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "Coffee to go",
        "colour": None,
        "contact": "help@shop.example",
        "origins": ["https://shop.example"],
        "logo": "image/png",
    }
    assert world.stores.access.logo("m1") == png()


def test_a_merchant_of_custody_direct_and_its_treasury(
    world: World, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made, set, shown; a change waits; what is none of that custody's has no treasury."""
    monkeypatch.setattr("infra.cli.merchants.PROVISION_SECONDS", 0)
    assert run("--json", "merchants", "create", "Own Treasury", "--custody", "direct") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["custody"] == "direct"
    own, other = (FIRST.shown("0x" + digits * 20) for digits in ("5e", "6f"))
    assert run("merchants", "treasury", made["id"], "anvil") == 1
    for address, following in ((own, None), (other, other)):
        capsys.readouterr()
        assert run("--json", "merchants", "treasury", made["id"], "anvil", address) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["address"], shown["next_address"]) == (own, following)
    assert run("merchants", "treasury", made["id"], "anvil", "nonsense") == 1
    assert run("merchants", "treasury", "m1", "anvil", own) == 1
    assert "custody is not direct" in capsys.readouterr().err
    assert run("merchants", "create", "Both", "--custody", "xpub") == 1
    assert run("merchants", "create", "None", "--custody", "cold") == 2


def test_what_is_to_be_sent_is_listed_by_status_as_a_table_and_as_csv(
    world: World, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the treasury that it comes from."""
    waits, other = waiting_payout(world), FIRST.shown("0x" + "5e" * 20)
    held = world.stores.payouts.payout("m1", waits)
    assert held is not None
    told = replace(held, id="stl_2", state=PayoutState.AWAITING_TRANSFER, booking=Booking.RESERVED, treasury=other)
    world.stores.payouts.commit(PayoutCommit(before=None, after=told))
    assert run("payouts", "list", "--status", "awaiting_transfer") == 0
    table = capsys.readouterr().out
    assert (waits in table, "stl_2" in table, other in table) == (False, True, True)
    assert run("payouts", "list", "--csv") == 0
    assert [waits in line or "stl_2" in line for line in capsys.readouterr().out.splitlines()] == [False, True, True]
    assert run("payouts", "list", "--status", "nonsense") == 2
