"""`make up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from infra.local.boot import Running, running
from infra.local.errors import Failed, Refused
from infra.local.process import Interrupted, Interrupts
from infra.local.settings import from_environment


def main() -> int:
    """Run it, and return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    try:
        settings = from_environment()
        begun = time.monotonic()
        with running(settings, say, interrupts) as stack:
            print(summary(stack.gateway, time.monotonic() - begun), flush=True)
            _watch(stack)
    except Interrupted:
        say("stopped")
        return 0
    except Refused as refusal:
        print(f"make up: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make up: {failure}", file=sys.stderr)
        return 1
    return 0


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"  {line}", flush=True)


def _watch(stack: Running) -> None:
    parent = os.getppid()
    while True:
        stack.supervisor.check()
        # make does not pass a SIGKILL on; without it nobody is left who would stop this.
        if "MAKELEVEL" in os.environ and os.getppid() != parent:
            raise Interrupted
        time.sleep(0.2)


def summary(gateway: dict[str, Any], seconds: float) -> str:
    """What a person wants to know once it runs."""
    api, merchant, admin = gateway["api_url"], gateway.get("merchant", {}), gateway.get("admin", {})
    lines = [
        "",
        f"  cTrip is up ({seconds:.1f} s)",
        "",
        f"  API        {api}/docs",
        *[f"  {name:10} {chain['rpc_url']} (chain {chain['chain_id']})" for name, chain in gateway["chains"].items()],
        f"  AWS        {gateway['aws_endpoint_url']}",
        "",
        f"  API key    {merchant.get('api_key')}",
        f"  webhooks   {merchant.get('webhook_secret')}",
        *([f"  admin      {admin['email']} / {admin['password']}"] if admin else []),
        "",
        "  Create a payment, then pay it (in another terminal):",
        f"    curl -s {api}/api/v1/payments -H 'Authorization: Bearer {merchant.get('api_key')}' \\",
        '      -H \'Content-Type: application/json\' -d \'{"chain": "anvil", "amount": 1000000000000000}\'',
        "    make pay ID=<id>",
        "",
        "  Everything above also stands in .local/gateway.json; logs are in .local/logs. Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
