"""`make docs`: write what is generated from the code; with --check, compare instead."""

import sys
from pathlib import Path

from ctrip.config import example, reference
from ctrip.described import compiled
from ctrip.domain.alarms import runbook
from ctrip.domain.payments.machine import diagram
from ctrip.views.event_types import EVENT_TYPES, LIVES
from infra.stack.names import STACK

ROOT = Path(__file__).resolve().parents[2]


def states() -> str:
    """Write the payment's life as a page."""
    return (
        "# A payment's life\n\nGenerated from the table in `ctrip/domain/payments/machine.py`; `make docs` writes it "
        f"anew. + and - name the flags that an edge raises and lowers.\n\n```mermaid\n{diagram()}\n```\n"
    )


def settings() -> str:
    """Write every variable that a person may set as a page."""
    rows = [f"| `{each.name}` | {f'`{each.default}`' if each.default else ''} | {each.doc} |" for each in STACK]
    head = "\n## On this machine\n\n`make up`, `make demo` and their like read these too.\n\n"
    return reference() + head + "\n".join(["| variable | default | what it settles |", "|---|---|---|", *rows]) + "\n"


def environment() -> str:
    """Write every variable that a person may set as a commented `.env` file."""
    return example() + "".join(f"\n# {each.doc}\n#{each.name}={each.default}\n" for each in STACK)


def alarms() -> str:
    """Write the table of alarms as a page."""
    return (
        "# Alarms\n\nEvery ERROR line of the log, with the metric `alarms` of the same name, and last what AWS counts. "
        "Each is an alarm of the template, `ctrip-<stage>-<name>`, and has a page in `infra/runbooks`. `page`: look at "
        "once; `ticket`: within a working day. Generated from `ctrip/domain/alarms.py`; `make docs` writes it anew.\n\n"
        f"{runbook()}\n"
    )


def events() -> str:
    """Write the types of events, and lives told by them, as a page."""
    rows = [f"| `{each.name}` | {each.when} | {each.then} | {each.after} |" for each in EVENT_TYPES]
    lives = [f"- {life}: {', '.join(f'`{name}`' for name in names)}" for life, names in LIVES.items()]
    return (
        "# Events\n\nEvery type of event that a webhook or the feed of events carries. Clients ignore types that they "
        "do not know: more may come. Generated from `ctrip/views/event_types.py`; `make docs` writes it anew.\n\n"
        "| type | when it comes | what to do | what comes next |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\n## Payments, event by event\n\nEvents may arrive in another order and more than once: sort by "
        "`data.sequence`, and do once what an `id` asks for.\n\n" + "\n".join(lives) + "\n"
    )


def pages() -> dict[str, str]:
    """Return every generated file by its path."""
    return {
        "docs/configuration.md": settings(),
        ".env.example": environment(),
        "docs/payment-states.md": states(),
        "docs/alarms.md": alarms(),
        "layers/core/ctrip/chains.json": compiled("chains"),
        "layers/core/ctrip/feeds.json": compiled("feeds"),
        "docs/events.md": events(),
    }


def main() -> int:
    """Write, or compare."""
    stale = [path for path, text in pages().items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path} is stale: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for path, text in pages().items():
        (ROOT / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
