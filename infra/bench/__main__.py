"""`make bench`: measure everything, and print a table; goals that are missed are named, and are no failure."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.bench import (
    cold,
    commands,
    creations,
    deliveries,
    detection,
    imports,
    load,
    overview,
    pages,
    payouts,
    sweeps,
    tron,
    watch_set,
)
from infra.bench.figure import Figure
from infra.stack.settings import check
from infra.tools.errors import Failed, Refused
from infra.tools.ports import HOST, free_ports
from infra.tools.process import ROOT, Interrupted, Interrupts, base_env

CPU_GOAL_MS = 3.0


def main() -> int:
    """Measure everything; missed goals are told, and are no failure."""
    asked = _arguments()
    Interrupts().install()
    told = Figure.line if asked.json else Figure.row
    measured: list[Figure] = []
    try:
        check()
        for figure in _figures(first=asked.cold, against=_checkout(asked.against)):
            measured.append(figure)
            print(told(figure), flush=True)
    except Interrupted:
        return 130
    except Refused as refusal:
        print(f"make bench: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make bench: {failure}", file=sys.stderr)
        return 1
    missed = [figure.name for figure in measured if figure.met is False]
    if told is Figure.row:
        print(f"\n  {'missed: ' + '; '.join(missed) if missed else 'Every goal was met.'}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print each figure as a line of JSON")
    parser.add_argument(
        "--cold", action="store_true", help="also measure `make up` in a clone that installs everything"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="CHECKOUT",
        help="measure another build by turns with this one, and print ratios of what has goals against it; make the "
        "checkout with `git worktree add <folder> <commit>`",
    )
    return parser.parse_args()


def _checkout(given: Path | None) -> Path | None:
    if given is None:
        return None
    other = given.resolve()
    if not (other / "layers" / "core").is_dir():
        raise Refused(f"{other} is no checkout of this project; make one with git worktree add <folder> <commit>")
    return other


def _figures(*, first: bool, against: Path | None) -> Iterator[Figure]:
    yield from imports.figures(against)
    yield from cold.figures(against)
    yield from watch_set.figures(against, _told)
    yield from creations.figures(against, _told)
    yield from deliveries.figures(against, _told)
    if first:
        yield from commands.first()
    yield from _on_a_gateway()
    yield from detection.figures()
    yield from sweeps.figures()
    yield from payouts.figures()
    yield from tron.figures()
    yield from load.figures(_told)
    yield from overview.figures(_told)


def _told(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _on_a_gateway() -> Iterator[Figure]:
    from infra.bench.payments import lives, waiting
    from infra.bench.proxy import CountingProxy
    from infra.stack.handle import Gateway

    [anvil] = free_ports(1)
    with CountingProxy(f"http://{HOST}:{anvil}") as proxy:
        env = {"CTRIP_ANVIL_PORT": str(anvil), "CTRIP_RPC": json.dumps({"anvil": [proxy.url]})}
        with commands.started([sys.executable, "-m", "infra.commands.up"], ROOT, **env) as (about, seconds):
            yield Figure("make up, once installed, until ready", seconds, "s", commands.AGAIN_GOAL)
            gateway = Gateway.of(about)
            steps: tuple[Callable[[], Iterator[Figure]], ...] = (
                _creation,
                lambda: pages.checkout(gateway),
                lambda: waiting(gateway, proxy),
                lambda: lives(gateway, proxy),
                commands.demo,
            )
            for step in steps:
                yield from step()


def _creation() -> Iterator[Figure]:
    env = base_env() | {"CTRIP_LOCAL_DIR": commands.STATE}
    done = subprocess.run(
        [sys.executable, "-m", "infra.bench.handler"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"the creation could not be measured:\n{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    detail = f"{found['aws_calls']:.1f} calls of AWS, answered from memory"
    yield Figure("CPU of one call through plain boto3", found["bare_ms"], "ms")
    yield Figure("CPU of creating a payment", found["ms"], "ms", CPU_GOAL_MS, detail)


if __name__ == "__main__":
    os.environ.pop("MAKELEVEL", None)
    sys.exit(main())
