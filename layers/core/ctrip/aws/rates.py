"""The function `rates`, called by those that may not ask the sources of rates themselves."""

import json
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from ctrip.aws.clients import WAITING, client
from ctrip.aws.names import named
from ctrip.aws.schedules import ahead_of_time
from ctrip.domain.errors import Busy


class LambdaRates:
    """A `RateRefresh` that another function does: it is waited for."""

    def __init__(self, stage: str) -> None:
        self._function = named(stage, "rates")

    def refresh(self, symbols: Sequence[str]) -> None:
        """Have the rates of some symbols asked for; raises `Busy` where that cannot be done."""
        payload = json.dumps(ahead_of_time({"symbols": list(symbols)})).encode()
        try:
            answer = client("lambda", WAITING).invoke(FunctionName=self._function, Payload=payload)
        except (BotoCoreError, ClientError) as exc:
            raise Busy("The rates cannot be asked for.") from exc
        if answer.get("FunctionError"):
            raise Busy("The rates could not be asked for.")
