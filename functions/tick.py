"""Each minute: start a scanner for every chain that is due, and end payments whose payer has chosen nothing in time."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> list[str]:
    """Read the gates and start the scanners; these first, whatever becomes of the rest."""
    started = stage().detection.starter.run()
    stage().payments.lapser.run()
    return started
