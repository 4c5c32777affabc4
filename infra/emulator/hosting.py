"""What each process that holds the app's functions begins with."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from infra.emulator import functions, record


def load() -> functions.Functions:
    """Import the project's app in its environment; both come from ours. A signal ends the process from now on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stdout)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if wanted := os.environ.get(record.VARIABLE):
        record.install(Path(wanted))
    project = Path(os.environ.get("CTRIP_PROJECT") or Path.cwd()).resolve()
    stage = os.environ.setdefault("CTRIP_STAGE", "local")
    os.chdir(project)
    sys.path[:0] = [str(project), str(project / "layers" / "core")]

    config = functions.load_config(project, stage)
    for name, value in config.scope(stage, functions.API).environment_variables.items():
        os.environ.setdefault(name, str(value))
    import app as module  # the project's own, now that its environment is complete

    return functions.Functions(module.app, stage, config)


def leave() -> None:
    """End at once: functions still running are threads; in AWS they would be frozen, and nothing waits for them."""
    logging.shutdown()
    os._exit(0)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
