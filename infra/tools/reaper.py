"""Ends the stack's processes when whoever started them is gone, however it went.

A process of its own, that reads lines from a pipe only the supervisor holds: `+pid` and `-pid` for a child that came
and went, `!path` for a file to remove in the end. The pipe's end of file is the supervisor's end. Linux could tie
children to their parent by itself, but only direct ones, and macOS cannot.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time


def descendants(roots: set[int]) -> set[int]:
    """The given processes and everything below them, whatever session they moved to."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    parents = [(int(pid), int(parent)) for pid, parent in (line.split() for line in listing.splitlines())]
    found, grew = set(roots), True
    while grew:
        below = {pid for pid, parent in parents if parent in found} - found
        found |= below
        grew = bool(below)
    return found


def alive(pid: int) -> bool:
    """Whether the process still exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(roots: set[int], grace: float) -> None:
    """Ask the processes to stop, and after `grace` seconds kill what is left of them and of what they started."""
    family = descendants({pid for pid in roots if alive(pid)})
    _signal(roots & family, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(alive(pid) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal({pid for pid in family if alive(pid)}, signal.SIGKILL)


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def main() -> None:
    """Keep the list that arrives on standard input, and end what is on it when the input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: set[int] = set()
    files: list[str] = []
    for line in sys.stdin:
        sign, value = line[0], line[1:].rstrip("\n")
        if sign == "!":
            files.append(value)
        elif sign == "+":
            pids.add(int(value))
        else:
            pids.discard(int(value))
    for path in files:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    if pids:
        end(pids, grace=5)


if __name__ == "__main__":
    main()
