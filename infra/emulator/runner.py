"""The gateway's workers: Lambda Invoke API and triggers in one process, `python -m infra.emulator.runner`."""

from __future__ import annotations

import os
import threading

import boto3
from botocore.config import Config

from infra.emulator import hosting, lambdas
from infra.emulator.worker import Worker


def main() -> None:
    """Serve until terminated; the ports and the project come from the environment."""
    registry = hosting.load()
    api = lambdas.Server(registry, int(os.environ["CTRIP_LAMBDA_PORT"]))
    threading.Thread(target=api.serve_forever, name="lambda-api", daemon=True).start()
    # One long poll for each queue, plus deletes from as many batches as run.
    sqs = boto3.client("sqs", config=Config(max_pool_connections=64, read_timeout=40))
    worker = Worker(registry, sqs)
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
