"""`make nodes`: build geth if it is not there, then run the tests on it; RUN=dev or RUN=driven only starts one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from infra.nodes import build
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT, Interrupted, Interrupts, Supervisor

TOOLS, STATE = ROOT / ".tools", ROOT / ".local-nodes"
KINDS = ("dev", "driven")


def main(arguments: list[str]) -> int:
    """Run the tests with pytest's `arguments`, or a node; return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    kind = os.environ.get("RUN", "")
    try:
        if kind not in ("", *KINDS):
            raise Refused(f"RUN={kind} is not known; it is dev or driven.")
        binary = build.geth(TOOLS, say)
        if kind:
            serve(kind, binary, interrupts)
        tests = [sys.executable, "-m", "pytest", "tests/nodes", *arguments]
        return subprocess.run(tests, cwd=ROOT, check=False).returncode
    except Refused as refusal:
        print(f"make nodes: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make nodes: {failure}", file=sys.stderr)
        return 1
    except Interrupted:
        say("stopped")
        return 0 if kind else 1


def serve(kind: str, binary: Path, interrupts: Interrupts) -> None:
    """Run one geth with a block each second, until Ctrl-C or until it ends by itself."""
    from infra.nodes import geth
    from infra.nodes.consensus import Consensus

    with contextlib.ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(STATE, interrupts))
        node = geth.start(supervisor, binary, period=1 if kind == "dev" else None)
        if kind == "driven":
            consensus = stack.enter_context(contextlib.closing(Consensus(node)))
            stack.enter_context(consensus.running())
        say(f"geth {build.VERSION} ({kind}) makes a block each second at {node.url}; Ctrl-C stops it.")
        say(f"The gateway on it, from another terminal:  CTRIP_NODE_URL={node.url} make up")
        while True:
            supervisor.check()
            time.sleep(0.2)


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
