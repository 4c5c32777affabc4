"""Structured logs through Powertools: facts by name, nothing else."""

from aws_lambda_powertools import Logger


class PowertoolsLog:
    """One JSON object a line; an ERROR line is an alarm."""

    def __init__(self, service: str, level: str) -> None:
        self._logger = Logger(service=f"ctrip.{service}", level=level)

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        self._logger.info(message, extra=_safe(facts))

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        self._logger.warning(message, extra=_safe(facts))

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm."""
        self._logger.error(message, extra=_safe(facts))


_RESERVED = frozenset({"name", "msg", "args", "message", "level", "service", "timestamp", "location"})


def _safe(facts: dict[str, object]) -> dict[str, object]:
    return {f"{name}_" if name in _RESERVED else name: value for name, value in facts.items()}
