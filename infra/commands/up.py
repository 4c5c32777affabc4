"""`make up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from infra.stack.settings import from_environment
from infra.tools.errors import Failed, Refused
from infra.tools.process import Interrupted, Interrupts

if TYPE_CHECKING:
    from infra.stack.boot import Running

CURL = """curl -s {api}/api/v1/payments -H 'Authorization: Bearer {key}' \\
      -H 'Content-Type: application/json' -d '{{"chain": "anvil", "amount": "1000000000000000"}}'"""


def main() -> int:
    """Run it, and return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    begun, parent = time.monotonic(), os.getppid()
    try:
        settings = from_environment()
        # Imported here: it takes a second, in which a Ctrl-C is to end as quietly as later.
        from infra.shop.server import Shop
        from infra.stack.boot import running

        with running(settings, say, interrupts) as stack, Shop(stack.gateway) as shop:
            seconds = time.monotonic() - begun
            print(summary(stack.gateway, seconds, settings.state.name, shop=shop.url), flush=True)
            _watch(stack, parent)
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


def _watch(stack: Running, parent: int) -> None:
    while True:
        stack.supervisor.check()
        # make does not pass a SIGKILL on; without it nobody is left who would stop this.
        if "MAKELEVEL" in os.environ and os.getppid() != parent:
            raise Interrupted
        time.sleep(0.2)


def summary(gateway: dict[str, Any], seconds: float, state: str = ".local", *, shop: str = "") -> str:
    """What a person wants to know once it runs."""
    api, merchant, admin = gateway["api_url"], gateway["merchant"], gateway.get("admin")
    rows = [
        ("API", f"{api}/api/v1"),
        ("checkout", f"{api}/pay/<payment id>"),
        ("shop", shop),
        ("ready", f"{api}/health/ready"),
        *((name, f"{chain['rpc_url']}  (chain {chain['chain_id']})") for name, chain in gateway["chains"].items()),
        ("AWS", gateway["aws_endpoint_url"]),
        ("", ""),
        ("API key", merchant["api_key"]),
        ("signing", " ".join(filter(None, (merchant.get("signing_key_id"), merchant.get("signing_secret"))))),
        ("webhooks", merchant["webhook_secret"]),
        ("admin", f"{admin['email']} / {admin['password']}" if admin else ""),
    ]
    where = "" if state == ".local" else f"CTRIP_LOCAL_DIR={state} "
    lines = [
        "",
        f"  cTrip is up ({seconds:.1f} s)",
        "",
        *[f"    {name:<10} {value}".rstrip() for name, value in rows if value or not name],
        "",
        "  Ask for a payment; its checkout_url opens in a browser:",
        "",
        f"    {CURL.format(api=api, key=merchant['api_key'])}",
        "",
        f"  Pay it, from another terminal:  {where}make pay ID=<payment id>",
        f"  All of it at once:              {where}make demo",
        f"  Move a rate:                    {where}.venv/bin/ctrip dev rate ETH 3000",
        "",
        f"  Keys and addresses: {state}/gateway.json   logs: {state}/logs   Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
