"""The HTTP API in a process of its own, `python -m infra.emulator.api`: as in AWS, no worker takes its time."""

from __future__ import annotations

import os

import waitress

from infra.emulator import hosting
from infra.emulator.gateway import Gateway
from infra.tools.ports import HOST

THREADS = 16


def main() -> None:
    """Serve until terminated."""
    registry = hosting.load()
    server = waitress.create_server(
        Gateway(registry),
        host=HOST,
        port=int(os.environ["CTRIP_API_PORT"]),
        threads=THREADS,
        connection_limit=1000,
        asyncore_use_poll=True,
        ident=None,
    )
    print("ready", flush=True)
    try:
        server.run()
    finally:
        hosting.leave()


if __name__ == "__main__":
    main()
