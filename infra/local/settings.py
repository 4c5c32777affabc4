"""How one local stack is to be started."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import anvil
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
    # The local chain's node, if it is not an Anvil of our own.
    node_url: str = ""
    runner_env: Mapping[str, str] = field(default_factory=dict)


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from CTRIP_*_PORT, CTRIP_AWS, CTRIP_DYNAMODB, CTRIP_NODE_URL and CTRIP_LOCAL_DIR."""
    aws = env.get("CTRIP_AWS") or "embedded"
    if aws not in {"embedded", "localstack"}:
        raise Refused(f"AWS={aws} is not known; it is embedded (the default) or localstack.")
    dynamodb = env.get("CTRIP_DYNAMODB") or "dynoxide"
    if dynamodb not in {"dynoxide", "java"}:
        raise Refused(f"CTRIP_DYNAMODB={dynamodb} is not known; it is dynoxide (the default) or java (DynamoDB Local).")
    _check_gateway(env)
    state = ROOT / (env.get("CTRIP_LOCAL_DIR") or ".local")
    node_url = env.get("CTRIP_NODE_URL") or ""
    if node_url:
        anvil.check(node_url)
        env = {**env, "CTRIP_ANVIL_PORT": "0"}  # no Anvil is started, and the node may listen on its port
    return Settings(ports=choose(env), state=state, aws=aws, dynamodb=dynamodb, node_url=node_url)


def _check_gateway(env: Mapping[str, str]) -> None:
    """Refuse what every function of the gateway would refuse at its own start, and a treasury of our own keys."""
    from ctrip import config
    from ctrip.domain.errors import ConfigurationError
    from ctrip.networks import check_treasuries, load_networks

    try:
        settings = config.load(env)
        load_networks(settings.chains)
        check_treasuries(settings.treasuries, settings.treasury_contract)
    except ConfigurationError as problem:
        raise Refused(str(problem)) from problem
    if settings.treasury:
        _check_not_ours(settings.treasuries.values())


def _check_not_ours(treasuries: Iterable[str]) -> None:
    # Imported here: deriving takes half a second, and few set a treasury of their own.
    from ctrip.domain.treasury import own_address
    from ctrip.keys.wallet import MnemonicWallet
    from infra.local.wallet import LOCAL_MNEMONIC

    wallet = MnemonicWallet(LOCAL_MNEMONIC)
    for account in (0, 1):
        for treasury in treasuries:
            if whose := own_address(treasury, account, wallet.account_xpub(account)):
                raise Refused(f"CTRIP_TREASURY is refused: {whose}")
