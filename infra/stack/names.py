"""The names of environment variables that begin with CTRIP_ and mean something; any other is a mistyped one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting of the local stack: its default, and what it settles."""

    name: str
    default: str
    doc: str


STACK = (
    Variable("CTRIP_API_PORT", "8000", "The API's port on this machine; 0: any free one."),
    Variable("CTRIP_ANVIL_PORT", "8545", "Anvil's port; 0: any free one."),
    Variable("CTRIP_TRON_PORT", "8090", "The port of Tron's stand-in, where CTRIP_CHAINS names tron; 0: any free one."),
    Variable("CTRIP_AWS_PORT", "4566", "The embedded AWS's port; 0: any free one."),
    Variable("CTRIP_LAMBDA_PORT", "0", "The port at which the functions are called; 0: any free one."),
    Variable("CTRIP_LOCAL_DIR", ".local", "The folder that a gateway keeps its state in, inside the checkout."),
    Variable("CTRIP_AWS", "embedded", "What stands in for AWS: embedded or localstack; `make up AWS=...` sets it too."),
    Variable("CTRIP_DYNAMODB", "dynoxide", "What stands in for DynamoDB in the embedded AWS: dynoxide or java."),
    Variable("CTRIP_NODE_URL", "", "A development node to use in place of Anvil; empty: Anvil is started."),
)
"""What only the local stack reads, beside the settings of `ctrip.config`."""

TESTS = frozenset({"CTRIP_ANVIL", "CTRIP_DYNOXIDE", "CTRIP_STORE_ENDPOINT"})
"""What only the tests read: programs and a DynamoDB to use in place of those that they fetch and start."""

OWN = frozenset({"CTRIP_PROJECT", "CTRIP_RECORD_CALLS", "CTRIP_URL", "CTRIP_TOMORROW_URL", "CTRIP_AMOUNTS"})
"""What the stack, and `make clients`, hand to their own processes."""

EXPORTED = frozenset(
    {
        "CTRIP_API_URL",
        "CTRIP_API_KEY",
        "CTRIP_SIGNING_KEY_ID",
        "CTRIP_SIGNING_SECRET",
        "CTRIP_WEBHOOK_SECRET",
        "CTRIP_ADMIN_EMAIL",
        "CTRIP_ADMIN_PASSWORD",
    }
)
"""What `make env` prints for the examples, beside the settings and the names of each chain and token."""

_PREFIX = "CTRIP_"


def rpc_url(chain: str) -> str:
    """Name the variable under which `make env` prints a chain's node."""
    return f"{_PREFIX}{chain.upper().replace('-', '_')}_RPC_URL"


def token_id(symbol: str, chain: str = "") -> str:
    """Name the variable under which `make env` prints a token's id; a chain after the first has its name in it."""
    before = f"{chain.upper().replace('-', '_')}_" if chain else ""
    return f"{_PREFIX}{before}{symbol.upper()}"


def settable() -> tuple[str, ...]:
    """Name what a person may set."""
    from ctrip import config

    return (*config.names(), *(variable.name for variable in STACK), *sorted(TESTS))


def known() -> frozenset[str]:
    """Name every variable that means something."""
    from ctrip.networks import load_networks

    networks = load_networks(local=True).values()
    chains = {rpc_url(network.name) for network in networks}
    tokens = {
        token_id(token.symbol, chain)
        for network in networks
        for token in network.tokens
        for chain in ("", network.name)
    }
    return frozenset({*settable(), *OWN, *EXPORTED, *chains, *tokens})


def unknown(env: Mapping[str, str]) -> str | None:
    """Describe, in one line, the variables that are no settings, with the nearest right names; None where all are."""
    there = known()
    wrong = sorted(name for name in env if name.upper().startswith(_PREFIX) and name not in there)
    return "; ".join(map(_described, wrong)) or None


def _described(name: str) -> str:
    from ctrip.domain.text import nearest

    # The prefix is alike in all of them, and would make any two names seem so.
    plain = [each.removeprefix(_PREFIX) for each in settable()]
    alike = nearest(name.upper().removeprefix(_PREFIX), plain).replace("mean ", f"mean {_PREFIX}")
    shown = name[:64].encode("ascii", "backslashreplace").decode()
    return f"{shown} is no setting{alike or '; docs/configuration.md lists them'}"
