"""Each minute: repeat what was committed and not acknowledged."""

from typing import Any

from ctrip import bootstrap


def handle(event: Any) -> int:
    """Queue lost jobs and due retries."""
    return bootstrap.relay().run()
