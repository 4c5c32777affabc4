"""How one local stack is to be started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.errors import Refused
from infra.local.ports import Ports, choose
from infra.local.process import ROOT


@dataclass(frozen=True, slots=True)
class Settings:
    """The stack's ports, places and kind of AWS."""

    ports: Ports
    state: Path
    aws: str = "embedded"
    # What answers for DynamoDB in the embedded AWS: dynoxide, or DynamoDB Local, which large tables do not slow down.
    dynamodb: str = "dynoxide"
    project: Path = ROOT
    template: Path = ROOT / "template.yaml"
    # Downloads, shared by every stack of the checkout.
    tools: Path = ROOT / ".tools"
    block_time: int = 1
    anvil_options: Sequence[str] = ()
    runner_env: Mapping[str, str] = field(default_factory=dict)


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from CTRIP_*_PORT, CTRIP_AWS, CTRIP_DYNAMODB and CTRIP_LOCAL_DIR."""
    aws = env.get("CTRIP_AWS") or "embedded"
    if aws not in {"embedded", "localstack"}:
        raise Refused(f"AWS={aws} is not known; it is embedded (the default) or localstack.")
    dynamodb = env.get("CTRIP_DYNAMODB") or "dynoxide"
    if dynamodb not in {"dynoxide", "java"}:
        raise Refused(f"CTRIP_DYNAMODB={dynamodb} is not known; it is dynoxide (the default) or java (DynamoDB Local).")
    state = ROOT / (env.get("CTRIP_LOCAL_DIR") or ".local")
    return Settings(ports=choose(env), state=state, aws=aws, dynamodb=dynamodb)
