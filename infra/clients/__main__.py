"""`make clients`: generate clients in six languages, compile each, and use it on a running gateway."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.clients.report import AMOUNTS, Row, amounts, later, table
from infra.clients.targets import Place, Target, chosen, missing, tools
from infra.clients.tomorrow import proxy
from infra.stack.boot import running
from infra.stack.handle import Gateway, find
from infra.stack.settings import from_environment
from infra.tools.errors import Failed, Refused
from infra.tools.process import Interrupted, Interrupts

LAST_LINES = 40


def main() -> int:
    """Make, compile and use the clients; return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    try:
        targets = chosen(sys.argv[1:])
        if lacking := missing():
            raise Refused(f"missing here: {'; '.join(lacking)}. Install it, then run this again.")
        try:
            rows = _with(find(), targets)
        except Refused:
            with running(from_environment(), lambda line: print(f"  {line}", flush=True), interrupts) as stack:
                rows = _with(Gateway.of(stack.gateway), targets)
    except Refused as refusal:
        print(f"make clients: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make clients: {failure}", file=sys.stderr)
        return 1
    except Interrupted:
        print("\n  interrupted", file=sys.stderr)
        return 130
    print(table(rows))
    return 0 if all(row.right for row in rows) else 1


def _with(gateway: Gateway, targets: list[Target]) -> list[Row]:
    with proxy(gateway.about["api_url"]) as tomorrow, tempfile.TemporaryDirectory(prefix="ctrip-clients-") as folder:
        return [_seen(gateway, tomorrow, target, Path(folder) / target.name) for target in targets]


def _seen(gateway: Gateway, tomorrow: str, target: Target, folder: Path) -> Row:
    """Take one client through its steps, up to the first that fails."""
    folder.mkdir()
    description = gateway.http.get(f"/{target.description}").raise_for_status()
    (folder / target.description).write_bytes(description.content)
    row, place, begun = Row(target), Place(folder, target.description, tools()), time.monotonic()
    step = "generates"
    try:
        target.generate(place)
        row.cells[step], step = "yes", "compiles"
        target.compile(place)
        row.cells[step], step = "yes", "uses"
        said = target.use(place, _environment(gateway, tomorrow))
        row.cells |= amounts(gateway, said) | later(said)
        row.said = "" if row.right else said
    except subprocess.CalledProcessError as exc:
        row.cells.setdefault(step, "no")
        row.said = f"{' '.join(map(str, exc.cmd))}\n{exc.stdout}"
    row.seconds = time.monotonic() - begun
    print(f"  {target.name}: {'right' if row.right else 'WRONG'} in {row.seconds:.0f} s", flush=True)
    if row.said:
        print("\n".join(f"    {line}" for line in row.said.splitlines()[-LAST_LINES:]), flush=True)
    return row


def _environment(gateway: Gateway, tomorrow: str) -> dict[str, str]:
    names = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return dict.fromkeys(names, "") | {
        "CTRIP_URL": gateway.about["api_url"],
        "CTRIP_TOMORROW_URL": tomorrow,
        "CTRIP_API_KEY": gateway.about["merchant"]["api_key"],
        "CTRIP_AMOUNTS": " ".join(map(str, AMOUNTS.values())),
    }


if __name__ == "__main__":
    sys.exit(main())
