"""Names that the triggers share with `template.yaml`."""

import os


def queue(name: str) -> str:
    """Name one of the stage's queues."""
    return f"ctrip-{os.environ.get('CTRIP_STAGE', 'local')}-{name}"
