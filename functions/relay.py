"""Each minute: repeat what was committed and not acknowledged."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> int:
    """Queue lost jobs and due retries."""
    return stage().webhooks.relay.run()
