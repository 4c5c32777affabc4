"""Clients of AWS with timeouts that fit a Lambda, built once each, when they are first needed.

botocore's own: what boto3 adds to them is not used here, and takes a twentieth of a second to import.
"""

from functools import cache
from typing import Any

from botocore.config import Config

from ctrip.botocore_calls import make_client

# A name of our own: botocore otherwise spells out the machine, twice a call.
_US = "ctrip/1"
# As many connections as threads may call at once where all functions share a process: opening one costs half a call.
# What is asked for is ours, and tested: it is not compared with the service's model once more, call by call.
_COMMON: dict[str, Any] = {
    "user_agent": _US,
    "connect_timeout": 1,
    "max_pool_connections": 32,
    "parameter_validation": False,
}
QUICK = Config(**_COMMON, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
# For telling what is committed: somebody waits for an answer, and a net catches what was not told.
HURRIED = Config(**_COMMON, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# For a function that is waited for, and may have to start first.
PATIENT = Config(**_COMMON, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2})
# For one that may not take longer than somebody waits for a page, and is not asked twice.
WAITING = Config(**_COMMON, read_timeout=12, retries={"mode": "standard", "total_max_attempts": 1})


@cache
def client(service: str, pace: Config = QUICK) -> Any:
    """Return the process's client of one AWS service."""
    return make_client(service, pace)
