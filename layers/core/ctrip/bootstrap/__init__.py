"""The one composition root: a stage is its adapters, with every service wired to them.

A part is built when it is first asked for, and imports then what it needs: an API that creates payments loads no chain.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage

_given: "list[Stage]" = []


def stage() -> "Stage":
    """Return this process's stage: on AWS, unless another one was given to `use`."""
    return _given[0] if _given else _on_aws()


def use(other: "Stage | None") -> None:
    """Have the process use another stage from now on; None: one on AWS, built anew when it is first asked for."""
    _given[:] = [other] if other else []
    _on_aws.cache_clear()


@cache
def _on_aws() -> "Stage":
    # By @cache, which the local stack replaces where it records calls: each function then has a stage of its own.
    from ctrip.bootstrap.aws import AwsAdapters
    from ctrip.bootstrap.composition import Stage

    return Stage(AwsAdapters())
