"""Sweep jobs, one message at a time; and each five minutes the net under them."""

from typing import Any

from ctrip.bootstrap import stage
from ctrip.domain.jobs import SweepJob, decode_job


def handle(event: Any) -> dict[str, Any]:
    """Take one chain's asset a step further; a failure leaves the message to be tried again."""
    for record in event:
        job = decode_job(SweepJob, record.body)
        stage().sweeping.sweeper(job.chain).sweep(job.asset)
    return {"batchItemFailures": []}


def handle_due(event: Any) -> list[str]:
    """Look at chains with unfinished transactions."""
    return stage().sweeping.resumer.run()
