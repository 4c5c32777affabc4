"""Runs a make target's command with what `.env` sets, once all of it is seen to be right: `up -m infra.commands.up`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from infra.tools.errors import Refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def main() -> int:
    """Become the command, or return the exit code of a refusal."""
    target, *command = sys.argv[1:]
    if code := _prepare(target):
        return code
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - this very interpreter
    return 0


def _prepare(target: str) -> int:
    try:
        # make runs in the Makefile's own folder.
        for name, value in read(Path(".env")).items():
            os.environ.setdefault(name, value)
        # Imported here, where a Ctrl-C ends as quietly as later.
        from infra.stack.settings import check

        check(os.environ)
    except Refused as refusal:
        print(f"make {target}: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def read(path: Path) -> dict[str, str]:
    """Read a file of NAME=value lines; raises `Refused` naming the line that is none, and never shows its text."""
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from None
    found: dict[str, str] = {}
    for binding in bindings:
        if binding.key is None and not binding.error:
            continue  # a comment, or the file's end
        if not _NAME.fullmatch(binding.key or "") or binding.value is None or "\0" in binding.value:
            text = binding.original.string
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise Refused(f"{path.name}, line {line}: it must be NAME=value, with JSON in single quotes or in none.")
        found[str(binding.key)] = binding.value
    return found


if __name__ == "__main__":
    sys.exit(main())
