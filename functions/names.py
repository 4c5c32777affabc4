"""Names that the triggers share with `data.yaml`."""

import os

from ctrip.aws.names import Queue, named


def queue(name: str) -> str:
    """Name one of the stage's queues in full; raises `ValueError` for a queue that the gateway does not have."""
    return named(os.environ.get("CTRIP_STAGE", "local"), Queue(name))
