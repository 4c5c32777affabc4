"""Scan one chain for as long as this invocation lasts; started by tick, or by a creation on a closed gate."""

from typing import Any

from ctrip.aws.log import bind
from ctrip.bootstrap import stage
from ctrip.domain.jobs import ScanJob, job_of

MARGIN_MS = 2_000  # the pass under way must end before Lambda does


def handle(event: dict[str, Any], context: Any) -> int:
    """Loop over one chain; return the number of passes."""
    until = stage().clock.now() + context.get_remaining_time_in_millis() - MARGIN_MS
    job = job_of(ScanJob, event)
    with bind(request_id=job.request_id or None):
        return stage().detection.scanner(job.chain).run(until)
