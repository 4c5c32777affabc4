"""How a line is spelt: Powertools' JSON, with what is bound to the invocation, masked once more as a whole."""

import logging
import sys
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from ctrip.aws.log import bound
from ctrip.aws.masking import mask_field
from ctrip.domain.text import whole


class Line(LambdaPowertoolsFormatter):
    """Masks fields by their names too: what comes as `extra` is in no message."""

    def serialize(self, log: Any) -> str:
        """Spell a line."""
        return whole(super().serialize({name: mask_field(name, value) for name, value in (bound() | log).items()}))


class Out(logging.StreamHandler[Any]):
    """Writes to what standard output is now, not to what it was when a process of many functions began."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """Return standard output."""
        return sys.stdout


@cache
def logger(service: str, level: str) -> Logger:
    """Build the logger of one service; its name is not the app's, to whose logger Chalice would add a handler."""
    return Logger(service=service, level=level, logger_formatter=Line(), logger_handler=Out())


@cache
def others() -> logging.Formatter:
    """Build what spells the lines of libraries."""
    return Line()
