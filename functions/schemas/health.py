"""Whether the gateway lives and works."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from functions.schemas.shared import Address, FieldProblem, Long, Problem, Shown


class Liveness(Shown):
    """It lives."""

    status: Literal["ok"]


class Endpoint(Shown):
    """A node, as the scanner found it."""

    host: str
    state: str
    reason: str | None = Field(description="Why it is not used, or not for everything.")


class Sweeping(Shown):
    """Whether deposits are swept; `off`: there is no treasury, `refused`: it is not trusted, and nothing is sent."""

    status: Annotated[str, Field(json_schema_extra={"examples": ["ok", "off", "refused"]})]
    treasury: Address | None
    reason: str | None


class ChainHealth(Shown):
    """Whether a chain is looked at. Ready are `ok`, and `idle`: nothing is due, or it became due a moment ago."""

    status: Annotated[
        str,
        Field(
            description="`failing`: passes run, and none succeeds; `not_scanned`: passes are due, and none comes.",
            json_schema_extra={"examples": ["ok", "idle", "failing", "not_scanned", "stale_head", "paused"]},
        ),
    ]
    reason: str | None = Field(description="Why it is not ready.")
    head: Long | None
    head_age: int | None = Field(description="Seconds.")
    lag: int | None = Field(description="Seconds beyond the block time.")
    last_scan: AwareDatetime | None = Field(description="The last pass that succeeded.")
    last_failure: str | None = Field(description="Why the last pass that failed did.")
    failing_since: AwareDatetime | None = Field(description="Since when every pass has failed; null: the last did not.")
    open_payments: int
    endpoints: list[Endpoint]
    sweeping: Sweeping


class Readiness(Shown):
    """Whether every part is up."""

    status: Literal["ok", "degraded", "down"]
    chains: dict[str, ChainHealth]
    queues: dict[str, int]


class Unready(Shown):
    """Which part is down, as in `Readiness`; or a problem, where no function answered. Each field may be absent."""

    status: str = Field("", description=Readiness.model_fields["status"].description)
    chains: dict[str, ChainHealth] = {}
    queues: dict[str, int] = {}
    detail: str = Field("", description=Problem.model_fields["detail"].description)
    code: str = Field("", description=Problem.model_fields["code"].description)
    errors: list[FieldProblem] = []
    request_id: str = ""
