"""Fills an empty local stack with what a merchant needs to begin; ids and keys are the same at each start."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from typing import Any

from infra.local import tokens, wallet

MERCHANT_ID = "00000000-0000-4000-8000-000000000001"
API_KEY_ID = "localdemo1"
API_KEY = f"ctrip_{API_KEY_ID}_local-and-worthless-0000000000"
WEBHOOK_SECRET = "whsec_" + b64encode(hashlib.sha256(b"ctrip local webhook secret").digest()).decode()


def seed(env: dict[str, str], *, rpc_url: str, api_url: str) -> dict[str, Any]:
    """Return what gateway.json shows, and under `_env` what the runner needs."""
    treasury = wallet.treasury().address
    runner = {
        "CTRIP_STAGE": "local",
        "CTRIP_CHAINS": "anvil",
        "CTRIP_RPC": json.dumps({"anvil": [rpc_url]}),
        "CTRIP_TREASURY": treasury,
        **{name: value for name, value in os.environ.items() if name.startswith("CTRIP_") and name not in _OURS},
    }
    os.environ.update(env | runner)
    tokens.deploy_tokens(rpc_url)
    _seed_secrets_and_merchant()
    return {
        "api_url": api_url,
        "aws_endpoint_url": env["AWS_ENDPOINT_URL"],
        "merchant": {"id": MERCHANT_ID, "api_key": API_KEY, "webhook_secret": WEBHOOK_SECRET},
        "chains": {"anvil": _chain(rpc_url, treasury)},
        "_env": runner,
    }


_OURS = frozenset(
    {"CTRIP_API_PORT", "CTRIP_ANVIL_PORT", "CTRIP_AWS_PORT", "CTRIP_AWS", "CTRIP_LOCAL_DIR", "CTRIP_LAMBDA_PORT"}
)


def _seed_secrets_and_merchant() -> None:
    from ctrip import bootstrap
    from ctrip.aws.clients import client
    from ctrip.aws.secrets import KmsSealer
    from ctrip.domain.access import ApiKey, Merchant, Scope
    from ctrip.services.provision_merchant import provision_merchant

    client("secretsmanager").put_secret_value(SecretId="ctrip/local/mnemonic", SecretString=wallet.LOCAL_MNEMONIC)
    sealed = KmsSealer("local").seal(WEBHOOK_SECRET, MERCHANT_ID)
    merchant = Merchant(
        id=MERCHANT_ID,
        name="Local shop",
        account=0,
        xpub="",
        webhook_secrets=(sealed,),
        created_at=bootstrap.clock.now(),
    )
    provision_merchant(merchant, access=bootstrap.access(), signer=bootstrap.signer())
    digest = hashlib.sha256(API_KEY.encode()).hexdigest()
    bootstrap.access().put_api_key(
        ApiKey(id=API_KEY_ID, merchant_id=MERCHANT_ID, digest=digest, scopes=frozenset(Scope))
    )


def _chain(rpc_url: str, treasury: str) -> dict[str, Any]:
    from ctrip.networks import load_networks

    network = load_networks(("anvil",))["anvil"]
    return {
        "rpc_url": rpc_url,
        "chain_id": network.chain_id,
        "confirmations": network.confirmations,
        "treasury": treasury,
        "tokens": {
            token.symbol: {"id": token.id, "address": token.address, "decimals": token.decimals}
            for token in network.tokens
            if token.enabled
        },
    }
