"""Figures for CloudWatch, as lines of its embedded metric format; Powertools says how such a line is spelt."""

import copy
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_MILLISECONDS = frozenset({"latency", "duration"})


class Metrics:
    """Publishes a stage's figures where it is `enabled`, and is silent elsewhere.

    Each stage has a namespace of its own: two stages of one account never add up, and no alarm hears another stage's.
    """

    def __init__(self, stage: str, *, enabled: bool) -> None:
        self._namespace, self._enabled = namespace(stage), enabled

    def publish(self, dimensions: Mapping[str, str], figures: Mapping[str, float]) -> None:
        """Write one line; figures are counts, but for `latency` and `duration`, which are milliseconds."""
        if not self._enabled:
            return
        line = copy.copy(_shape(self._namespace, tuple(dimensions.items()), tuple(figures)))
        line["_aws"] = {**line["_aws"], "Timestamp": int(time.time() * 1000)}
        line.update({name: [figure] for name, figure in figures.items()})
        # CloudWatch reads it from standard output; one write, so that lines of several threads do not mix.
        print(json.dumps(line, separators=(",", ":")) + "\n", end="", flush=True)


def namespace(stage: str) -> str:
    """Name the namespace of a stage's figures, as the template's alarms do."""
    return f"ctrip/{stage}"


@lru_cache(maxsize=512)
def _shape(space: str, dimensions: tuple[tuple[str, str], ...], figures: tuple[str, ...]) -> dict[str, Any]:
    """Have Powertools spell a line of this kind once; only its figures and its time are new each time."""
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=space)
    for name, value in dimensions:
        provider.add_dimension(name, value)
    for name in figures:
        provider.add_metric(name, "Milliseconds" if name in _MILLISECONDS else "Count", 0.0)
    return dict(provider.serialize_metric_set())
