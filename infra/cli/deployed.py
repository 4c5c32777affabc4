"""What a deployed stage is set to: the environment of its functions, read with the operator's own credentials."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ctrip.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from ctrip.config import Settings


def settings() -> Settings:
    """Read a stage's settings from its scanner, which has them all; where nothing is deployed, from this process.

    Raises `ConfigurationError` for settings that the stage would refuse.
    """
    from ctrip import config

    found = environment()
    return config.load() if found is None else config.load(found)


def environment() -> dict[str, str] | None:
    """Read the environment of a stage's scanner; None for the local stage on this machine, which no Lambda knows of.

    Raises `ConfigurationError` where another stage is not deployed.
    """
    from botocore.exceptions import ClientError

    from ctrip import config
    from ctrip.aws.clients import client
    from ctrip.aws.names import named

    stage = os.environ["CTRIP_STAGE"]
    try:
        found = client("lambda").get_function_configuration(FunctionName=named(stage, "scan"))
    except ClientError as exc:
        if stage == config.LOCAL:
            return None
        if exc.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise ConfigurationError(f"The stage {stage} has no application here: make deploy STAGE={stage}") from None
    variables: dict[str, str] = found.get("Environment", {}).get("Variables", {})
    return variables | {"CTRIP_STAGE": stage}
