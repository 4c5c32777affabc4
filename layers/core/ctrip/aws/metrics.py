"""Figures for CloudWatch, as lines of its embedded metric format; Powertools says how such a line is spelt."""

import copy
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

NAMESPACE = "ctrip"
_MILLISECONDS = frozenset({"latency", "duration"})


class Metrics:
    """Publishes where it is `enabled`, and is silent elsewhere."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled

    def publish(self, dimensions: Mapping[str, str], figures: Mapping[str, float]) -> None:
        """Write one line; figures are counts, but for `latency` and `duration`, which are milliseconds."""
        if not self._enabled:
            return
        line = copy.copy(_shape(tuple(dimensions.items()), tuple(figures)))
        line["_aws"] = {**line["_aws"], "Timestamp": int(time.time() * 1000)}
        line.update({name: [figure] for name, figure in figures.items()})
        # CloudWatch reads it from standard output; one write, so that lines of several threads do not mix.
        print(json.dumps(line, separators=(",", ":")) + "\n", end="", flush=True)


@lru_cache(maxsize=512)
def _shape(dimensions: tuple[tuple[str, str], ...], figures: tuple[str, ...]) -> dict[str, Any]:
    """Have Powertools spell a line of this kind once; only its figures and its time are new each time."""
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
    for name, value in dimensions:
        provider.add_dimension(name, value)
    for name in figures:
        provider.add_metric(name, "Milliseconds" if name in _MILLISECONDS else "Count", 0.0)
    return dict(provider.serialize_metric_set())
