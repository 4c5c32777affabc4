"""`python -m infra.tron [--port N] [--lag N] [--block-seconds N] [--on-demand] [--grant ADDRESS=SUN]...`: run one."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from infra.tools.process import ROOT
from infra.tron.options import Options
from infra.tron.standin import Beginning, running


def main(arguments: list[str]) -> int:
    """Run one, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.tron", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0: any free one")
    parser.add_argument("--lag", type=int, default=3, help="how many blocks the newest final one is behind")
    parser.add_argument("--block-seconds", type=int, default=1)
    parser.add_argument("--on-demand", action="store_true", help="blocks are made by POST /_control/mine alone")
    parser.add_argument("--grant", action="append", default=[], metavar="ADDRESS=SUN", help="an account to begin with")
    parser.add_argument("--units", action="append", default=[], metavar="ADDRESS=UNITS", help="the same of its USDT")
    parser.add_argument("--tools", type=Path, default=ROOT / ".tools", help="where Anvil's binary is")
    asked = parser.parse_args(arguments)
    options = Options(lag=asked.lag, block_ms=asked.block_seconds * 1000, own_pace=not asked.on_demand)
    begin = Beginning(coins=dict(map(_amount, asked.grant)), units=dict(map(_amount, asked.units)))
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with running(options, port=asked.port, tools=asked.tools, say=_say, begin=begin) as standin:
        print(f"the Tron stand-in answers at {standin.url}", flush=True)
        over.wait()
    return 0


def _amount(text: str) -> tuple[str, int]:
    address, _, amount = text.partition("=")
    return address, int(amount)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
