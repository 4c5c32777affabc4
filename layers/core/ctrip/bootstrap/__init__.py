"""The one composition root: a stage is its adapters, with every service wired to them.

A part is built when it is first asked for, and imports then what it needs: an API that creates payments loads no chain.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage

_held: "list[Stage]" = []


def stage() -> "Stage":
    """Return this process's stage: on AWS, unless another one was given to `use`."""
    if not _held:
        from ctrip.bootstrap.aws import AwsAdapters
        from ctrip.bootstrap.composition import Stage

        use(Stage(AwsAdapters()))
    return _held[0]


def use(other: "Stage | None") -> None:
    """Have the process use another stage from now on; None: one on AWS, built anew when it is first asked for."""
    _held[:] = [other] if other else []
