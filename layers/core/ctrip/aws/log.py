"""Structured logs through Powertools: facts by name, nothing else."""

from aws_lambda_powertools import Logger


class PowertoolsLog:
    """One JSON object a line; an ERROR line is an alarm."""

    def __init__(self, service: str, level: str) -> None:
        self._service = f"ctrip.{service}"
        self._logger = Logger(service=f"ctrip.{service}", level=level)

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        self._logger.info(message, extra=_safe(facts), stacklevel=3)

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        self._logger.warning(message, extra=_safe(facts), stacklevel=3)

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm: the line, and a metric named after it."""
        self._logger.error(message, extra=_safe(facts), stacklevel=3)
        self._publish({"alarm": message}, {"alarms": 1.0})

    def measure(self, chain: str, **figures: float) -> None:
        """Publish figures of one chain as metrics."""
        self._publish({"chain": chain}, figures)

    def _publish(self, dimensions: dict[str, str], figures: dict[str, float]) -> None:
        """Write CloudWatch's embedded metric format, through Powertools."""
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        metrics = AmazonCloudWatchEMFProvider(namespace="ctrip", service=self._service)
        for name, text in dimensions.items():
            metrics.add_dimension(name, text)
        for name, figure in figures.items():
            metrics.add_metric(name, "Count", figure)
        metrics.flush_metrics()


_RESERVED = frozenset({"name", "msg", "args", "message", "level", "service", "timestamp", "location"})


def _safe(facts: dict[str, object]) -> dict[str, object]:
    return {f"{name}_" if name in _RESERVED else name: value for name, value in facts.items()}
