"""Have waiting merchants given their accounts; each five minutes, and at once where one was made."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> list[str]:
    """Ask the signer for each, and once for the addresses that pay for sweeps."""
    done = stage().merchants.waiting().run()
    stage().ledger.noter.run()
    return done
