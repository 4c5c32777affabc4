"""The process's connection to DynamoDB: one client of botocore's, whose calls are cheap.

PynamoDB's own connection is not used: it sends signals around each call, which nobody listens to, and loads what sends
them at every start. Its expressions are used (`database.py`).
"""

from functools import cache
from typing import Any

from botocore.config import Config

from ctrip.botocore_calls import make_client

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
CALLERS = 32  # as many as may call at once: each keeps a connection
USER_AGENT = "ctrip/1"


class Connection:
    """A client of DynamoDB; `more` is what botocore takes for one, where it shall not find it by itself.

    botocore repeats nothing by itself: it would not say that it did, and a repeated write may be its own competitor.
    """

    def __init__(self, *, read_seconds: float = READ_SECONDS, callers: int = CALLERS, **more: Any) -> None:
        config = Config(
            # A name of our own: botocore otherwise spells out the machine, twice a call, for a quarter of its CPU.
            user_agent=USER_AGENT,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            max_pool_connections=callers,
            # What is asked for is ours, and tested: it is not compared with the service's model once more.
            parameter_validation=False,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        self.client: Any = make_client("dynamodb", config, **more)
        self._methods = {name: method for method, name in self.client.meta.method_to_api_mapping.items()}

    def dispatch(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Call an operation by its name; raises what botocore raises."""
        answer: dict[str, Any] = getattr(self.client, self._methods[operation])(**asked)
        return answer


@cache
def connection() -> Connection:
    """Open the process's one connection; endpoint and region are botocore's own to find."""
    return Connection()
