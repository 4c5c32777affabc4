"""Structured logs through Powertools: facts by name, nothing else; and what every line of an invocation carries."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

from ctrip.aws import masking
from ctrip.domain.alarms import ALARMS, UNNAMED

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from ctrip.aws.metrics import Metrics

# The facts that may be logged, each a decision: none of them is text that a caller chose freely.
FACTS = frozenset(
    {
        "address", "age_seconds", "alarm", "amount", "answered", "asset", "attempt", "balance", "block", "by", "cap",
        "chain", "checkpoint", "count", "endpoint", "error", "event", "failures", "fee", "fence", "head", "hour",
        "transaction", "key_id", "kind", "merchant", "newest", "part", "payment", "payments", "payout", "retry_in",
        "root", "session",
        "status", "tx_hash", "type", "what", "where",
        # bound to an invocation
        "aws_request_id", "request_id",
    }
)  # fmt: skip
LONGEST = 500

_BOUND: ContextVar[dict[str, object]] = ContextVar("bound", default={})  # noqa: B039 - it is never changed in place


@contextmanager
def bind(**facts: object) -> Iterator[None]:
    """Have every line of the block carry these facts, whichever logger writes it; None is no fact."""
    token = _BOUND.set({**_BOUND.get(), **allowed({name: held for name, held in facts.items() if held is not None})})
    try:
        yield
    finally:
        _BOUND.reset(token)


def bound() -> dict[str, object]:
    """Return what the lines of this moment carry."""
    return _BOUND.get()


def allowed(facts: dict[str, object]) -> dict[str, object]:
    """Keep the facts that may be logged, masked; name those that may not, without their values."""
    kept = {name: _value(value) for name, value in facts.items() if name in FACTS}
    dropped = sorted(facts.keys() - FACTS)
    return {**kept, "dropped": dropped} if dropped else kept


def _value(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return masking.told(value) if isinstance(value, BaseException) else masking.mask(str(value))[:LONGEST]


class PowertoolsLog:
    """One JSON object a line; an ERROR line is an alarm."""

    def __init__(self, service: str, level: str, metrics: "Metrics") -> None:
        self._service, self._level, self._metrics = service, level, metrics

    @cached_property
    def _logger(self) -> "Logger":
        # Imported at the first line: Powertools takes 20 ms, and most requests log nothing.
        from ctrip.aws.lines import logger

        return logger(f"ctrip.{self._service}", self._level)

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        self._logger.info(message, extra=allowed(facts), stacklevel=3)

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        self._logger.warning(message, extra=allowed(facts), stacklevel=3)

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm: the line with its severity, and a metric named after it.

        A name that the table of alarms lacks is logged too. Nobody watches a metric of that name, so `unnamed_alarm` is
        raised beside it.
        """
        known = ALARMS.get(message)
        severity = {"severity": known.severity.value} if known else {}
        self._logger.error(message, extra=allowed(facts) | severity, stacklevel=3)
        if known:
            self._metrics.publish({"alarm": message}, {"alarms": 1.0})
        else:
            self.error(UNNAMED, alarm=message)

    def measure(self, chain: str, **figures: float) -> None:
        """Publish figures of one chain as metrics."""
        self._metrics.publish({"chain": chain}, figures)


def install() -> None:
    """Mask every line of every library, and have those that Lambda prints be JSON like ours."""
    masking.install()
    for handler in logging.root.handlers:
        # Lambda's own, there before any code of ours runs; its formatter is asked first at the first line.
        if type(handler).__name__ == "LambdaLoggerHandler":
            handler.setFormatter(_Others())


class _Others(logging.Formatter):
    """Loads Powertools when a library has something to say, which costs a start nothing."""

    def format(self, record: logging.LogRecord) -> str:
        from ctrip.aws.lines import others

        record.logger = record.name
        return others().format(record) + "\n"
