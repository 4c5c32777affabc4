"""`ctrip dev`: what it moves, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.app import main
from infra.stack import exchange, feeds

Run = Callable[..., int]


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str, int]]:
    """A gateway that runs, as its folder says; returns what its feeds are moved to."""
    held: list[tuple[str, str, int]] = []
    monkeypatch.setenv("CTRIP_LOCAL_DIR", str(tmp_path))
    (tmp_path / "gateway.json").write_text(json.dumps({"chains": {"anvil": {"rpc_url": "http://127.0.0.1:1"}}}))
    monkeypatch.setattr(feeds, "move", lambda _, symbol, value, age: held.append((symbol, value, age)))
    return held


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; the command line sets the stage for its process, which is taken back."""
    monkeypatch.setenv("CTRIP_STAGE", "")
    monkeypatch.delenv("CTRIP_STAGE")

    def called(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["ctrip", *arguments])
        return main()

    return called


def test_a_rate_is_moved_at_every_source_without_naming_the_stage(run: Run, moved: list, tmp_path: Path) -> None:
    assert run("dev", "rate", "ETH", "3000.5") == 0
    assert moved == [("ETH", "3000.5", 0)]
    assert exchange.moved(tmp_path) == {"kraken": {"ETH": "3000.5"}, "coinbase": {"ETH": "3000.5"}}


def test_one_source_alone_is_moved_or_made_old(run: Run, moved: list, tmp_path: Path) -> None:
    assert run("dev", "rate", "ETH", "1", "--source", "kraken") == 0
    assert run("dev", "rate", "ETH", "2", "--source", "chainlink", "--age", "90") == 0
    assert (moved, exchange.moved(tmp_path)) == ([("ETH", "2", 90)], {"kraken": {"ETH": "1"}})


def test_an_outage_begins_and_ends_and_what_was_moved_stays(run: Run, moved: list, tmp_path: Path) -> None:
    run("dev", "rate", "ETH", "1", "--source", "kraken")
    assert run("dev", "outage", "kraken") == 0
    asked = ("/0/public/Ticker", "pair=XETHZUSD")
    assert exchange.answer(*asked, exchange.moved(tmp_path))[0] == 503
    assert exchange.answer("/v2/exchange-rates", "", exchange.moved(tmp_path))[0] == 200
    assert run("dev", "outage", "all", "--end") == 0
    status, body = exchange.answer(*asked, exchange.moved(tmp_path))
    assert (status, body["result"]["XETHZUSD"]["a"][0]) == (200, "1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("rate", "DOGE", "1"),
        ("rate", "ETH", "0"),
        ("rate", "ETH", "-1"),
        ("rate", "ETH", "1e3"),
        ("rate", "ETH", "0.123456789"),
        ("rate", "ETH", "1", "--source", "binance"),
        ("rate", "ETH", "1", "--age", "-1"),
        ("outage", "chainlink"),
    ],
)
def test_what_cannot_be_moved_is_refused_and_moves_nothing(
    run: Run, moved: list, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert run("dev", *arguments) == 2
    assert (moved, exchange.moved(tmp_path)) == ([], {})


def test_no_other_stage_and_no_gateway_that_does_not_run_is_moved(run: Run, moved: list, tmp_path: Path) -> None:
    assert run("--stage", "prod", "dev", "rate", "ETH", "1") == 2
    (tmp_path / "gateway.json").unlink()
    assert run("dev", "rate", "ETH", "1") == 2
    assert moved == []


def test_any_other_command_still_needs_its_stage_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("chains", "pause", "anvil") == 2
    assert "--stage" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/", "/0/public/Time", "/v2/prices"])
def test_the_recorded_exchange_knows_two_questions(path: str) -> None:
    assert exchange.answer(path, "", {})[0] == 404
