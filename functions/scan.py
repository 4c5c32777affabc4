"""Scan one chain for as long as this invocation lasts; started by tick, or by a creation on a closed gate."""

from typing import Any

from ctrip import bootstrap
from ctrip.aws.log import bind

MARGIN_MS = 2_000  # the pass under way must end before Lambda does


def handle(event: dict[str, Any], context: Any) -> int:
    """Loop over one chain; return the number of passes."""
    until = bootstrap.clock.now() + context.get_remaining_time_in_millis() - MARGIN_MS
    with bind(request_id=event.get("request_id")):
        return bootstrap.scanner(event["chain"]).run(until)
