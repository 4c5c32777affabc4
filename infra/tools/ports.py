"""Which loopback ports the stack listens on."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass

from infra.tools.errors import Refused

HOST = "127.0.0.1"
PORTS = ("CTRIP_API_PORT", "CTRIP_ANVIL_PORT", "CTRIP_TRON_PORT", "CTRIP_AWS_PORT", "CTRIP_LAMBDA_PORT")


@dataclass(frozen=True, slots=True)
class Ports:
    """One port each; `dynamodb` and `exchange` are always free ones, and `functions` nearly: nobody types them."""

    api: int
    anvil: int
    tron: int
    aws: int
    dynamodb: int
    functions: int
    exchange: int


def choose(env: Mapping[str, str], *, tron: bool = False) -> Ports:
    """Read the ports that are asked for; 0 picks a free one, a taken one is refused. Without `tron` nothing has its."""
    wanted = {
        "api": read_port(env, "CTRIP_API_PORT", 8000),
        "anvil": read_port(env, "CTRIP_ANVIL_PORT", 8545),
        "tron": read_port(env, "CTRIP_TRON_PORT", 8090) if tron else 0,
        "aws": read_port(env, "CTRIP_AWS_PORT", 4566),
        "lambda": read_port(env, "CTRIP_LAMBDA_PORT", 0),
    }
    for name, port in wanted.items():
        if port and list(wanted.values()).count(port) > 1:
            raise Refused(f"port {port} is given twice; set CTRIP_{name.upper()}_PORT to another one, or to 0 for any.")
        if port and _taken(port):
            raise Refused(
                f"port {port} is taken; stop what listens on it (another make up?), "
                f"or set CTRIP_{name.upper()}_PORT to another one, or to 0 for any free one."
            )
    free = iter(free_ports(len(wanted) + 2))
    chosen = {name: port or next(free) for name, port in wanted.items()}
    return Ports(
        api=chosen["api"],
        anvil=chosen["anvil"],
        tron=chosen["tron"],
        aws=chosen["aws"],
        functions=chosen["lambda"],
        dynamodb=next(free),
        exchange=next(free),
    )


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listens on now."""
    with ExitStack() as held:
        # All are held at once, or the kernel may hand the same one out twice.
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def read_port(env: Mapping[str, str], name: str, default: int) -> int:
    """Read the number of a port; raises `Refused` for anything else."""
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        shown = text[:16].encode("ascii", "backslashreplace").decode()
        raise Refused(f"{name}={shown} is not a port; give a number from 0 to 65535.")
    return int(text)


def _taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        # Only connecting finds a listener on all interfaces everywhere: macOS lets both bind.
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
