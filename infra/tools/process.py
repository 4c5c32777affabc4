"""Child processes: started in order, awaited by a condition, ended in reverse, never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from infra.tools.errors import Failed
from infra.tools.reaper import descendants, end

STOP_SECONDS = 8.0
ROOT = Path(__file__).resolve().parents[2]


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal: not an error, so that no `except Exception` swallows it."""


@dataclass(slots=True)
class Interrupts:
    """Turns signals into Interrupted, but never between starting a child and remembering it."""

    deferred: int = 0
    pending: bool = False

    def install(self) -> None:
        """Take over the signals that end a command."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup makes SIGHUP ignored on purpose.
            if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:
                signal.signal(number, self._arrived)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold a signal back until the block is done."""
        self.deferred += 1
        try:
            yield
        finally:
            self.deferred -= 1
        if self.pending and not self.deferred:
            raise Interrupted

    def ignore(self) -> None:
        """From here on the command is ending anyway."""
        self.deferred += 1

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            return
        self.pending = True
        if not self.deferred:
            raise Interrupted


@dataclass(slots=True)
class Child:
    """A running process, and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, lines: int = 20) -> str:
        """The last lines that it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def died(self) -> Failed:
        """The failure to raise once it has ended by itself."""
        return Failed(f"{self.name} stopped (exit {self.process.returncode}); its log ends:\n{self.tail()}")


@dataclass(slots=True)
class Supervisor:
    """Owns the children of one stack."""

    state: Path
    interrupts: Interrupts = field(default_factory=Interrupts)
    children: list[Child] = field(default_factory=list)
    _reaper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        (self.state / "logs").mkdir(parents=True, exist_ok=True)
        with self.interrupts.held():
            self._reaper = subprocess.Popen(
                [sys.executable, "-S", "-m", "infra.tools.reaper"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        return self

    def start(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path = ROOT) -> Child:
        """Start a process in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor."""
        log = self.state / "logs" / f"{name}.log"
        with self.interrupts.held(), log.open("wb") as out:
            process = subprocess.Popen(
                [str(part) for part in command],
                env={**env},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            child = Child(name, process, log)
            self.children.append(child)
            self._tell(f"+{process.pid}\n")
        return child

    def await_ready(self, child: Child, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait for the condition; a child that stops first, or takes too long, is a failure."""
        deadline, pause = time.monotonic() + seconds, 0.02
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{child.name} was not ready after {seconds:.0f} s; its log ends:\n{child.tail()}")
            time.sleep(pause)
            # A program that answers, but not yet well, would only fill its log.
            pause = min(pause * 1.2, 0.5)

    def remove_at_the_end(self, path: Path) -> None:
        """Have the file removed even if this process is killed."""
        self._tell(f"!{path}\n")

    def check(self) -> None:
        """Raise for a child that has ended by itself."""
        for child in self.children:
            if child.process.poll() is not None:
                raise child.died()

    def stop(self, child: Child) -> None:
        """End one child and what it started."""
        family = descendants({child.process.pid}) - {child.process.pid} if child.process.poll() is None else set()
        if child.process.poll() is None:
            child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(STOP_SECONDS)
        if child.process.poll() is None:
            child.process.kill()
            child.process.wait()
        if family:
            end(family, grace=1)
        self._tell(f"-{child.process.pid}\n")
        self.children.remove(child)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.interrupts.ignore()
        for child in reversed(list(self.children)):
            self.stop(child)
        if self._reaper and self._reaper.stdin:
            with contextlib.suppress(OSError):
                self._reaper.stdin.close()
            self._reaper.wait()

    def _tell(self, line: str) -> None:
        if self._reaper and self._reaper.stdin:
            with contextlib.suppress(OSError):
                self._reaper.stdin.write(line.encode())
                self._reaper.stdin.flush()


def base_env() -> dict[str, str]:
    """What a child inherits: no credentials and no AWS settings of the developer's own reach the local stack."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LOCALSTACK_", "MOTO_", "PYTEST_"))
        and name not in {"MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"}
    }
