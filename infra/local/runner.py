"""The gateway itself: HTTP API, Lambda Invoke API and triggers in one process, `python -m infra.local.runner`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import boto3
import waitress
from botocore.config import Config

from infra.local import functions, lambdas, record
from infra.local.gateway import Gateway
from infra.local.ports import HOST
from infra.local.worker import Worker

log = logging.getLogger("infra.local")

THREADS = 16


def main() -> None:
    """Serve until terminated; the ports and the project come from the environment."""
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

    registry = functions.Functions(module.app, stage, config)
    api = lambdas.Server(registry, int(os.environ["CTRIP_LAMBDA_PORT"]))
    threading.Thread(target=api.serve_forever, name="lambda-api", daemon=True).start()
    server = waitress.create_server(
        Gateway(registry),
        host=HOST,
        port=int(os.environ["CTRIP_API_PORT"]),
        threads=THREADS,
        connection_limit=1000,
        asyncore_use_poll=True,
        ident=None,
    )
    # One long poll for each queue, plus deletes from as many batches as run.
    sqs = boto3.client("sqs", config=Config(max_pool_connections=64, read_timeout=40))
    worker = Worker(registry, sqs)
    worker.start()
    print("ready", flush=True)
    try:
        server.run()
    finally:
        worker.stop(seconds=1)
        api.shutdown()
        logging.shutdown()
        # Functions still running are threads here; in AWS they would be frozen, and nothing waits for them.
        os._exit(0)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
