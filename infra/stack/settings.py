"""How one local stack is to be started."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.stack import anvil, names
from infra.tools.awsenv import listening
from infra.tools.errors import Refused
from infra.tools.ports import HOST, PORTS, Ports, choose, read_port
from infra.tools.process import ROOT

if TYPE_CHECKING:
    from ctrip.domain.rpc import RpcEntry

LOCAL_CHAIN = "anvil"
LOCAL_TRON = "tron"
LOOPBACK = (HOST, "localhost")
# The first of each is what is taken where nothing else is asked for.
KINDS = {"embedded": " (the default)", "localstack": ""}
DATABASES = {"dynoxide": " (the default)", "java": " (DynamoDB Local)"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The stack's ports, places and kind of AWS."""

    ports: Ports
    state: Path
    aws: str = "embedded"
    # What answers for DynamoDB in the embedded AWS: dynoxide, or DynamoDB Local, which large tables do not slow down.
    dynamodb: str = "dynoxide"
    project: Path = ROOT
    # Where data.yaml and template.yaml are.
    templates: Path = ROOT
    # Downloads, shared by every stack of the checkout.
    tools: Path = ROOT / ".tools"
    block_time: int = 1
    anvil_options: Sequence[str] = ()
    # The local chain's node, if it is not an Anvil of our own.
    node_url: str = ""
    # Whether Tron's stand-in is started too.
    tron: bool = False
    runner_env: Mapping[str, str] = field(default_factory=dict)


def check(env: Mapping[str, str] = os.environ) -> None:
    """Refuse, in one line, what is no setting and settings with which nothing could work; nothing is started."""
    if wrong := names.unknown(env):
        raise Refused(wrong)
    _one_of(env, "CTRIP_AWS", KINDS)
    _one_of(env, "CTRIP_DYNAMODB", DATABASES)
    for name in PORTS:
        read_port(env, name, 0)
    _check_gateway(env)


def from_environment(env: Mapping[str, str] = os.environ) -> Settings:
    """Read how the stack is to be started; raises `Refused` for what could not work, and for a port that is taken."""
    check(env)
    _check_local(env)
    state = state_folder(env)
    _check_writable(state)
    if node_url := env.get("CTRIP_NODE_URL") or "":
        anvil.check(node_url)
        env = {**env, "CTRIP_ANVIL_PORT": "0"}  # no Anvil is started, and the node may listen on its port
    tron = _names_tron(env)
    ports = choose(env, tron=tron)
    _check_endpoints(env, ports)
    return Settings(
        ports=ports,
        state=state,
        node_url=node_url,
        tron=tron,
        aws=_one_of(env, "CTRIP_AWS", KINDS),
        dynamodb=_one_of(env, "CTRIP_DYNAMODB", DATABASES),
    )


def state_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Name the folder in which a gateway of this checkout keeps its state."""
    return ROOT / (env.get("CTRIP_LOCAL_DIR") or ".local")


def announced(env: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Read the gateway.json of a running gateway; None where there is none. Raises `Refused` if it cannot be read."""
    path = state_folder(env) / "gateway.json"
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{_where(path.parent)} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Refused(f"{_where(path)} is not what make up writes; stop the gateway and start it again.") from error


def _where(path: Path) -> str:
    shown = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return f"CTRIP_LOCAL_DIR={shown.encode('ascii', 'backslashreplace').decode()}"


def _one_of(env: Mapping[str, str], name: str, choices: Mapping[str, str]) -> str:
    from ctrip.domain.text import nearest, quoted

    chosen = env.get(name) or next(iter(choices))
    if chosen not in choices:
        there = ", ".join(f"{each}{meant}" for each, meant in choices.items())
        shown = quoted(chosen).strip("'")
        raise Refused(f"{name}={shown} is not known{nearest(chosen, choices)}; there are {there}.")
    return chosen


def _check_gateway(env: Mapping[str, str]) -> None:
    """Refuse what every function of the gateway would refuse at its own start."""
    from ctrip import config, startup
    from ctrip.domain.errors import ConfigurationError

    try:
        startup.check(config.load(env))
    except ConfigurationError as problem:
        raise Refused(str(problem)) from problem


def _check_local(env: Mapping[str, str]) -> None:
    """Refuse another stage than the one that runs on this machine, one without its chain, and a treasury of our own."""
    from ctrip import config

    settings = config.load(env)
    if not settings.local:
        raise Refused(f"CTRIP_STAGE is {settings.stage}; what runs on this machine is the stage local: unset it.")
    if LOCAL_CHAIN not in settings.chains:
        raise Refused(f"CTRIP_CHAINS does not name {LOCAL_CHAIN}, the chain that is started and paid on here: add it.")
    if settings.treasury:
        _check_not_ours(settings.treasuries.values())


def _names_tron(env: Mapping[str, str]) -> bool:
    from ctrip import config

    return LOCAL_TRON in config.load(env).chains


def _check_endpoints(env: Mapping[str, str], ports: Ports) -> None:
    """Refuse an endpoint on this machine where nobody listens: one that `make env` named for an earlier gateway."""
    from ctrip import config

    if not env.get("CTRIP_RPC", "").strip():
        return
    rpc = config.load(env).rpc
    for chain, own in ((LOCAL_CHAIN, ports.anvil), (LOCAL_TRON, ports.tron)):
        for url in _addresses(rpc.get(chain, ())):
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            if parts.hostname in LOOPBACK and port != own and not listening(port):
                raise Refused(
                    f"CTRIP_RPC names port {port} of this machine for {chain}, where nobody listens: unset it."
                )


def _addresses(entries: Iterable[RpcEntry]) -> list[str]:
    """Return the addresses of a chain's nodes, one each: the full side's where a node has two."""
    return [each if isinstance(each, str) else each.full for each in entries]


def _check_writable(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state):
            pass
    except OSError as error:
        raise Refused(f"{_where(state)} cannot be written to: {error.strerror}; name another folder.") from error


def _check_not_ours(treasuries: Iterable[str]) -> None:
    # Imported here: deriving takes half a second, and few set a treasury of their own.
    from ctrip.domain.chains.kinds import FIRST
    from ctrip.domain.sweeping.treasury import own_address
    from ctrip.signer.wallet import MnemonicWallet
    from infra.stack.wallet import LOCAL_MNEMONIC

    wallet = MnemonicWallet(LOCAL_MNEMONIC)
    for account in (0, 1):
        for treasury in treasuries:
            if whose := own_address(FIRST, treasury, account, wallet.account_xpub(FIRST.kind, account)):
                raise Refused(f"CTRIP_TREASURY is refused: {whose}")
