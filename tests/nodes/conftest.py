"""Fixtures of the tests on real nodes, and the table of their results at the end."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.nodes import build
from infra.tools.process import ROOT
from tests.detection.node_world import NodeWorld
from tests.evm_support import Proxy
from tests.nodes.geth_node import KINDS, DrivenGeth, GethNode, running_geth

_RESULTS = pytest.StashKey[list[tuple[str, str, str, float]]]()


@pytest.fixture(scope="session")
def binary() -> Path:
    """The pinned geth, built if it is not there."""
    return build.geth(ROOT / ".tools", print)


@pytest.fixture(scope="session")
def nodes(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], GethNode]]:
    """Start each kind of geth once, for the whole session."""
    with contextlib.ExitStack() as stack:
        started: dict[str, GethNode] = {}

        def find(kind: str) -> GethNode:
            if kind not in started:
                state = tmp_path_factory.mktemp("geth")
                started[kind] = stack.enter_context(running_geth(kind, binary, state))
            return started[kind]

        yield find


@pytest.fixture(params=KINDS)
def geth(request: pytest.FixtureRequest, nodes: Callable[[str], GethNode]) -> GethNode:
    """A geth of each kind, as it was before each test."""
    node = nodes(request.param)
    node.begin_anew()
    return node


@pytest.fixture(params=["geth driven"])
def driven(request: pytest.FixtureRequest, nodes: Callable[[str], GethNode]) -> DrivenGeth:
    """The geth that our own consensus client drives, as it was before each test."""
    node = nodes(request.param)
    assert isinstance(node, DrivenGeth)
    node.begin_anew()
    return node


@pytest.fixture(params=["geth --dev"])
def dev(request: pytest.FixtureRequest, nodes: Callable[[str], GethNode]) -> GethNode:
    """The geth in developer mode, as it was before each test."""
    node = nodes(request.param)
    node.begin_anew()
    return node


@pytest.fixture
def world(geth: GethNode) -> NodeWorld:
    """A gateway that asks geth."""
    return NodeWorld(geth)


@pytest.fixture
def proxied() -> Iterator[Callable[[str], Proxy]]:
    """Make proxies before nodes."""
    made: list[Proxy] = []

    def make(url: str) -> Proxy:
        made.append(Proxy(url))
        return made[-1]

    yield make
    for each in made:
        each.close()


# --- the table


def pytest_configure(config: pytest.Config) -> None:
    """Begin the list of results."""
    config.stash[_RESULTS] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Note the result of each test, and how long it took with its node."""
    report: pytest.TestReport = yield
    callspec = getattr(item, "callspec", None)
    params = dict(callspec.params) if callspec else {}
    node = next((str(value) for value in params.values() if value in KINDS), "")
    others = [str(value) for value in params.values() if value not in KINDS]
    name = item.originalname if isinstance(item, pytest.Function) else item.name
    scenario = ", ".join([name.removeprefix("test_").replace("_", " "), *others])
    results = item.config.stash[_RESULTS]
    if report.when == "setup":
        results.append((node, scenario, report.outcome, report.duration))
    elif report.when == "call":
        *_, before = results.pop()
        results.append((node, scenario, report.outcome, before + report.duration))
    elif report.failed:
        results.append((node, f"{scenario} (stopping)", report.outcome, report.duration))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    results = sorted(config.stash[_RESULTS], key=lambda each: each[0])
    if results:
        terminalreporter.write_sep("-", f"geth {build.VERSION}")
    for node, scenario, outcome, seconds in results:
        terminalreporter.write_line(f"{node:<12} {outcome:<7} {seconds:6.1f} s  {scenario}")
