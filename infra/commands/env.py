"""`make env`: export lines that lead the curl examples to the running gateway."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

from infra.stack import names
from infra.stack.settings import announced, check
from infra.tools.errors import Refused


def main() -> int:
    """Print them, and return the exit code."""
    try:
        check()
        about = announced()
        if about is None:
            raise Refused("no gateway is running here; start it with make up.")
    except Refused as refusal:
        print(f"make env: {refusal}", file=sys.stderr)
        return 2
    for name, value in exports(about).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def exports(gateway: dict[str, Any]) -> dict[str, str]:
    """The variables by name."""
    merchant = gateway.get("merchant", {})
    found = {
        "CTRIP_API_URL": gateway["api_url"],
        "CTRIP_API_KEY": merchant.get("api_key"),
        "CTRIP_SIGNING_KEY_ID": merchant.get("signing_key_id"),
        "CTRIP_SIGNING_SECRET": merchant.get("signing_secret"),
        "CTRIP_WEBHOOK_SECRET": merchant.get("webhook_secret"),
        "CTRIP_ADMIN_EMAIL": gateway.get("admin", {}).get("email"),
        "CTRIP_ADMIN_PASSWORD": gateway.get("admin", {}).get("password"),
        "CTRIP_STAGE": "local",
        "AWS_ENDPOINT_URL": gateway["aws_endpoint_url"],
        "AWS_ENDPOINT_URL_LAMBDA": gateway.get("lambda_endpoint_url"),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    if chains := gateway.get("chains"):
        found["CTRIP_RPC"] = json.dumps(
            {name: [described.get("node", described["rpc_url"])] for name, described in chains.items()}
        )
    for place, (chain, described) in enumerate(gateway.get("chains", {}).items()):
        found[names.rpc_url(chain)] = described["rpc_url"]
        for symbol, token in described.get("tokens", {}).items():
            found[names.token_id(symbol, chain if place else "")] = token["id"]
    return {name: value for name, value in found.items() if value}


if __name__ == "__main__":
    sys.exit(main())
