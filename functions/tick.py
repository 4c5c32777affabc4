"""Each minute: start a scanner for every chain that is due."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> list[str]:
    """Read the gates and start the scanners."""
    return stage().detection.starter.run()
