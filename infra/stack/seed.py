"""Fills an empty local stack with what a merchant needs to begin; ids and keys are the same at each start."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.stack import contracts, tokens, tron, wallet
from infra.tools.errors import Failed

if TYPE_CHECKING:
    from ctrip.domain.audit import Origin

MERCHANT_ID = "00000000-0000-4000-8000-000000000001"
API_KEY_ID = "localdemo1"
API_KEY = f"ctrip_{API_KEY_ID}_local-and-worthless-0000000000"
SIGNING_SECRET = "ctsk_local-and-worthless-0000000000000000000000"  # noqa: S105  public, and good here alone
ADMIN_ID = "00000000-0000-4000-8000-0000000000ad"
ADMIN_EMAIL = "admin@local.example"
ADMIN_PASSWORD = "local-and-worthless"  # noqa: S105  likewise
WEBHOOK_SECRET = "whsec_" + b64encode(hashlib.sha256(b"ctrip local webhook secret").digest()).decode()


def seed(env: dict[str, str], *, rpc_url: str, api_url: str, tron_url: str = "") -> dict[str, Any]:
    """Return what gateway.json shows, and under `_env` what the runner needs."""
    nodes: dict[str, list[Any]] = {"anvil": [rpc_url]} | ({tron.CHAIN: [tron.entry(tron_url)]} if tron_url else {})
    runner = {
        "CTRIP_STAGE": "local",
        "CTRIP_CHAINS": ",".join(nodes),
        "CTRIP_RPC": json.dumps(nodes),
        "CTRIP_TREASURY": _treasuries(bool(tron_url)),
        "CTRIP_VERIFYING_KEY": wallet.verifying_key(),
        **{name: text for name, text in os.environ.items() if name.startswith("CTRIP_") and name not in _OURS and text},
    }
    # Whoever names endpoints of other chains has not named those of these.
    runner["CTRIP_RPC"] = json.dumps(nodes | json.loads(runner["CTRIP_RPC"]))
    os.environ.update(env | runner)
    try:
        tokens.deploy_tokens(rpc_url)
    except RuntimeError as problem:
        raise Failed(f"the node cannot be prepared: {problem}") from problem
    _seed_secrets_and_merchant()
    if treasury := _treasury():
        # A node that has no deterministic deployer and takes none, or knows no EIP-7702: tokens are swept one by one.
        with suppress(RuntimeError):
            made = (*contracts.pair(treasury, wallet.operator().address), contracts.payer(treasury))
            contracts.deploy(rpc_url, made, wallet.operator())
    return {
        "api_url": api_url,
        "aws_endpoint_url": env["AWS_ENDPOINT_URL"],
        "lambda_endpoint_url": env["AWS_ENDPOINT_URL_LAMBDA"],
        "admin": {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD},
        "merchant": {
            "id": MERCHANT_ID,
            "api_key": API_KEY,
            "signing_key_id": API_KEY_ID,
            "signing_secret": SIGNING_SECRET,
            "webhook_secret": WEBHOOK_SECRET,
        },
        "chains": _chains(rpc_url, tron_url),
        "_env": runner,
    }


_OURS = frozenset(
    {
        "CTRIP_API_PORT",
        "CTRIP_ANVIL_PORT",
        "CTRIP_TRON_PORT",
        "CTRIP_AWS_PORT",
        "CTRIP_AWS",
        "CTRIP_LOCAL_DIR",
        "CTRIP_LAMBDA_PORT",
        "CTRIP_NODE_URL",
    }
)


def _seed_secrets_and_merchant() -> None:
    from ctrip.aws.clients import client
    from ctrip.bootstrap import stage
    from ctrip.domain.admins import Role
    from ctrip.domain.audit import Origin

    client("secretsmanager").put_secret_value(SecretId="ctrip/local/mnemonic", SecretString=wallet.LOCAL_MNEMONIC)
    origin = Origin("operator")
    _seed_merchant(origin)
    stage().admins.manager.create(
        ADMIN_EMAIL, "Local admin", Role.OWNER, origin, password=ADMIN_PASSWORD, admin_id=ADMIN_ID
    )


def _seed_merchant(origin: Origin) -> None:
    """Make the merchant and its key as their services would, but for the ids and the secrets, which never change."""
    from ctrip.bootstrap import stage
    from ctrip.domain.errors import ChainError
    from ctrip.domain.merchants.access import ApiKey, Merchant, Scope
    from ctrip.ports.merchants import AccessChange
    from ctrip.services.merchants.manage_keys import encrypted_version
    from ctrip.services.merchants.manage_merchants import change_merchant, merchant_record

    access, cipher, now = (
        stage().adapters.access,
        stage().adapters.cipher,
        stage().clock.now(),
    )
    merchant = Merchant(
        id=MERCHANT_ID,
        name="Local shop",
        account=access.next_account(),
        xpub="",
        webhook_secrets=(cipher.encrypt(WEBHOOK_SECRET, MERCHANT_ID),),
        created_at=now,
        updated_at=now,
    )
    audit = merchant_record(None, merchant, "merchant.created", origin)
    access.change(AccessChange(merchant=(None, replace(merchant, audit_head=audit.hash)), audit=audit))
    stage().merchants.provisioner.provision(MERCHANT_ID)
    # Where a chain does not answer, the merchant waits for the function `provision`, which tries again.
    with suppress(ChainError):
        stage().merchants.discoverer().discover(MERCHANT_ID)
    key = ApiKey(
        id=API_KEY_ID,
        merchant_id=MERCHANT_ID,
        name="Local key",
        scopes=frozenset(Scope),
        versions=(encrypted_version(cipher, API_KEY_ID, API_KEY, SIGNING_SECRET, now),),
        created_at=now,
    )
    change_merchant(access, MERCHANT_ID, lambda held: (held, "key.created"), origin, now, key=(None, key))


def _treasuries(with_tron: bool) -> str:
    """Name the treasuries as CTRIP_TREASURY does: an address alone is every chain's."""
    first = wallet.treasury().address
    return json.dumps({"anvil": first, tron.CHAIN: tron.treasury()}) if with_tron else first


def _treasury(chain: str = "anvil") -> str:
    from ctrip.bootstrap import stage

    return stage().settings.treasury_of(stage().network(chain))


def _chains(rpc_url: str, tron_url: str) -> dict[str, Any]:
    chains = {"anvil": _chain("anvil", rpc_url)}
    if tron_url:
        # Its node is more than an address: `make env` prints it as CTRIP_RPC wants it.
        chains[tron.CHAIN] = _chain(tron.CHAIN, tron_url) | {"node": tron.entry(tron_url)}
    return chains


def _chain(name: str, rpc_url: str) -> dict[str, Any]:
    from ctrip.networks import load_networks

    network, treasury = load_networks((name,), local=True)[name], _treasury(name)
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
