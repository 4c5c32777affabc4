"""The process of one execution environment: Python, with the runtime client, in the unpacked archive."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from lambda_processes.runtime_api import Invocation, RuntimeApi


class Child:
    """A runtime that has been started, and its Runtime API; `stop` ends both."""

    def __init__(self, python: str, handler: str, code: Path, env: Mapping[str, str]) -> None:
        self.api = RuntimeApi()
        self._process = subprocess.Popen(
            [python, "-m", "awslambdaric", handler],
            cwd=code,
            env={**env, "AWS_LAMBDA_RUNTIME_API": self.api.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._said, self._reading = bytearray(), threading.Lock()
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until it has loaded the function's module; raises `InitFailed`."""
        self.api.ready.result()

    def ask(self, invocation: Invocation, seconds: float) -> tuple[bytes, bool]:
        """Have it work on an event; raises `TimeoutError`."""
        self.api.hand_over(invocation)
        return invocation.answer.result(seconds)

    def take_said(self) -> str:
        """Return what it has written since this was asked last."""
        self._read()
        with self._reading:
            said, self._said = self._said, bytearray()
        return said.decode("utf-8", "replace")

    def stop(self) -> None:
        """End the process and whatever it has started."""
        if self.runs:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.api.close()

    def _follow(self) -> None:
        """Read what it writes, lest its pipe fills; in the end say how it ended."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while selector.select() and self._read():
                pass
        code = self._process.wait()
        how = f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"
        self.api.failed(
            b'{"errorType":"Runtime.ExitError","errorMessage":"Runtime exited with error: %s"}' % how.encode()
        )

    def _read(self) -> bool:
        """Read what stands in the pipe; False: nobody writes any more.

        What the function wrote before it answered stands there by then, so that nothing need be waited for.
        """
        with self._reading:
            while True:
                try:
                    piece = os.read(self._out, 65_536)
                except BlockingIOError:
                    return True
                if not piece:
                    return False
                self._said += piece
