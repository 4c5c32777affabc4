"""What the benchmarks do with what they measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bench import commands, first, imports, watch_set
from infra.bench.figure import Figure, percentile
from infra.bench.proxy import CountingProxy
from infra.tools.errors import Failed
from infra.tools.process import ROOT


def test_a_figure_says_whether_its_goal_is_met() -> None:
    """As a row and as a line of JSON, with a goal or without."""
    good, bad, told = Figure("a", 1.23456, "ms", 3.0), Figure("b", 3.1, "ms", 3.0, "why"), Figure("c", 7, "s")
    assert [figure.met for figure in (good, bad, told)] == [True, False, None]
    assert json.loads(bad.line()) == {
        "name": "b", "value": 3.1, "unit": "ms", "goal": 3.0, "detail": "why", "at_least": False, "met": False
    }  # fmt: skip
    assert json.loads(good.line())["value"] == 1.235
    assert "MISSED" in bad.row()
    assert " met" in good.row()
    assert "goal" not in told.row()


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.9, 9), (0.0, 1), (1.0, 10)])
def test_percentiles_are_measured_values(share: float, value: int) -> None:
    """The nearest rank, never something in between."""
    assert percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], share) == value


def test_a_pass_begins_with_the_newest_block() -> None:
    """Batches count by their calls, passes by the question for the head."""
    proxy = CountingProxy("http://127.0.0.1:9")
    with proxy:
        proxy.count({"method": "eth_getBlockByNumber", "params": ["latest", False]})
        proxy.count(
            [{"method": "eth_call", "params": []}, {"method": "eth_getBlockByNumber", "params": ["0x1", False]}]
        )
    assert (proxy.requests, proxy.passes, sum(proxy.calls.values())) == (2, 1, 3)
    proxy.reset()
    assert (proxy.requests, proxy.passes, sum(proxy.calls.values())) == (0, 0, 0)


def test_another_build_is_started_by_what_its_make_up_runs(tmp_path: Path) -> None:
    """Its modules may have other names; a Makefile that does not say is told."""
    assert commands.up_of(ROOT) == [sys.executable, "-m", "infra.commands.up"]
    (tmp_path / "Makefile").write_text("up: ready ## start\n\t@exec python -m infra.up\n\ndemo:\n\tpython -m other\n")
    assert commands.up_of(tmp_path) == [sys.executable, "-m", "infra.up"]
    (tmp_path / "Makefile").write_text("demo:\n\tpython -m other\n")
    with pytest.raises(Failed, match="does not say"):
        commands.up_of(tmp_path)


def test_another_builds_watch_set_is_measured_by_its_own_copy(tmp_path: Path) -> None:
    """Which alone knows the shape of its payments."""
    (tmp_path / "infra" / "bench").mkdir(parents=True)
    (tmp_path / "infra" / "bench" / "watch_set.py").write_text("print('{\"load\": 1.5}')")
    assert watch_set._measured(tmp_path) == {"load": 1.5}


def test_imports_of_two_builds_are_measured_in_turns_with_bytecode_written_first(tmp_path: Path) -> None:
    """And the bytecode goes to neither checkout."""
    builds = {name: tmp_path / name for name in ("ours", "theirs")}
    for build in builds.values():
        (build / "layers" / "core").mkdir(parents=True)
        (build / "app.py").write_text(f"import sys; open({str(tmp_path / 'log')!r}, 'a').write(sys.path[1] + '\\n')")
    taken = imports.least({name: (build, "import app") for name, build in builds.items()})
    assert set(taken) == {"ours", "theirs"}
    assert all(0 < seconds < 60 for seconds in taken.values())
    order = [Path(line.split()[0]).parents[1].name for line in (tmp_path / "log").read_text().splitlines()]
    assert order == ["ours", "theirs"] * (1 + imports.RUNS)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_first_creation_is_compared_by_the_least_of_each_build() -> None:
    """Alone it has no goal."""
    assert [(each.value, each.goal) for each in first.compared([0.3, 0.2], [])] == [(200.0, None)]
    ratio = list(first.compared([0.3, 0.2], [0.4, 0.25]))[1]
    assert (ratio.value, ratio.met) == (0.8, True)


def test_a_first_creation_that_is_refused_is_no_figure(tmp_path: Path) -> None:
    """The benchmark fails, and says why; an answer's own status counts, whatever the interpreter's."""
    (tmp_path / "layers" / "core").mkdir(parents=True)
    (tmp_path / "app.py").write_text(
        "app = lambda event, context: {'statusCode': 401, 'body': event['headers']['Host']}"
    )
    about = {"aws_endpoint_url": "http://127.0.0.1:9", "merchant": {"api_key": "k"}}
    about |= {"chains": {"anvil": {"treasury": "0x"}}}
    with pytest.raises(Failed, match=r"not created: pay\.example"):
        first.measured(tmp_path, about)
    (tmp_path / "app.py").write_text("app = lambda event, context: {'statusCode': 201, 'body': ''}")
    assert len(first.measured(tmp_path, about)) == first.RUNS


@pytest.mark.parametrize(("given", "status", "told"), [("--help", 0, "--against"), ("--colder", 2, "--colder")])
def test_help_and_a_misspelt_option_measure_nothing(given: str, status: int, told: str) -> None:
    """A run takes many minutes."""
    command = [sys.executable, "-m", "infra.bench", given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status
    assert told in done.stdout + done.stderr
    assert "usage: python -m infra.bench" in done.stdout + done.stderr
