"""The gateway's workers: Lambda Invoke API and triggers in one process, `python -m infra.emulator.runner`."""

from __future__ import annotations

import os
import threading

from botocore.config import Config

from infra.emulator import hosting, lambdas
from infra.emulator.worker import Worker


def main() -> None:
    """Serve until terminated; the ports and the project come from the environment."""
    registry = hosting.load()
    api = lambdas.Server(registry, int(os.environ["CTRIP_LAMBDA_PORT"]))
    threading.Thread(target=api.serve_forever, name="lambda-api", daemon=True).start()
    # In AWS polling is not our work: here it shares a processor with what is, and goes the gateway's own cheap way.
    from ctrip.aws.clients import client  # on the path since the app was loaded

    # One long poll for each queue, plus deletes from as many batches as run.
    polling = Config(max_pool_connections=64, read_timeout=40, parameter_validation=False, user_agent="ctrip-runner/1")
    worker = Worker(registry, client("sqs", polling))
    worker.start()
    print("ready", flush=True)
    try:
        threading.Event().wait()
    finally:
        worker.stop(seconds=1)
        api.shutdown()
        hosting.leave()


if __name__ == "__main__":
    main()
