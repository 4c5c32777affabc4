"""What all the other tests have left behind: no secret and no input in a log (threat 14), no riddle in a table."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from ctrip.store import tables
from ctrip.store.engine.database import FORMAT, Item, keyed, put, text
from infra.stack import wallet
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually

CANARY = f"canary{uuid.uuid4().hex[:10]}"
PAYMENTS = "/api/v1/payments"


def secrets_of(about: dict[str, Any]) -> set[str]:
    """Return every secret that gateway.json holds, and those that it does not: the mnemonic and keys from it."""
    held = {
        str(value)
        for part in ("merchant", "admin")
        for name, value in about.get(part, {}).items()
        if any(word in name for word in ("key", "secret", "password", "totp", "token")) and not name.endswith("id")
    }
    # The secret part of a key is enough to find.
    parts = {value.split("_", 2)[-1] for value in held}
    keys = {
        wallet.derive(f"m/44'/60'/{account}'/0/{index}").key.removeprefix("0x")
        for account in (0, 1)
        for index in range(3)
    }
    return held | parts | keys | {wallet.LOCAL_MNEMONIC}


def sent_everywhere(shop: Shop) -> Iterator[int]:
    """Send the canary in every kind of input; yield the statuses."""
    fields: dict[str, Any] = dict.fromkeys(
        ("chain", "amount", "amount_decimal", "token_id", "asset", "order_id", "description", "expires_in", CANARY),
        CANARY,
    )
    address = f"https://{CANARY}:{CANARY}@shop.example/{CANARY}?{CANARY}={CANARY}"
    fields |= dict.fromkeys(("webhook_url", "success_url", "cancel_url"), address) | {"metadata": {CANARY: CANARY}}
    for name, value in fields.items():
        yield shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 1, name: value}).status_code
    for name in ("Idempotency-Key", "Content-Type", "Cookie", "X-Signature", "X-Request-Id", "User-Agent"):
        yield shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 1}, headers={name: CANARY}).status_code
    own = shop.gateway.about["merchant"]["api_key"].rsplit("_", 1)[0]
    for key in (f"Bearer {own}_{CANARY}{CANARY}", f"Basic {CANARY}", CANARY):
        yield shop.http.get(PAYMENTS, headers={"Authorization": key}).status_code
    for body in (CANARY, f'{{"{CANARY}": 1, "{CANARY}": 1}}'):
        yield shop.http.post(PAYMENTS, content=body, headers={"Content-Type": "application/json"}).status_code
    for path in (
        f"{PAYMENTS}/{{}}",
        f"{PAYMENTS}?status={{}}",
        f"{PAYMENTS}?{{}}={{}}",
        "/pay/{0}",
        "/{0}",
        "/assets/{0}",
    ):
        yield shop.http.get(path.format(CANARY, CANARY)).status_code


@pytest.fixture(scope="module")
def queued(shop: Shop) -> Any:
    """Queue a message for a worker."""
    sqs = boto3.client(
        "sqs",
        endpoint_url=shop.gateway.about["aws_endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )

    def send(queue: str, body: str) -> None:
        url = sqs.get_queue_url(QueueName=f"ctrip-local-{queue}")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body)

    yield send
    sqs.close()


def test_no_log_holds_a_secret_or_an_input(up: Up, shop: Shop, behind: Tables, queued: Any) -> None:
    """Inputs refused and taken, a 500 and failing workers leave types and places behind, and nothing else."""
    statuses = set(sent_everywhere(shop))
    assert {201, 400, 401, 404} <= statuses
    assert 500 not in statuses
    key, broken = shop.gateway.about["merchant"]["api_key"], str(uuid.uuid4())
    merchant = tables.list_partition(shop.gateway.about["merchant"]["id"])
    held = {"doc": json.dumps({"tier": f"{CANARY} {key}"}), "status": f"{CANARY} {key}"}
    held |= {"list_pk": merchant, "list_sk": CANARY}
    item = keyed(tables.payment_key(broken), **{name: text(value) for name, value in held.items()})
    behind.database.write(put(behind.names.payments, item))
    assert shop.http.get(f"{PAYMENTS}/{broken}").status_code == 500
    queued("sweep", json.dumps({"chain": CANARY, "asset": key}))
    queued("sweep", f"{CANARY} {key} {{")
    queued("webhooks", json.dumps({"merchant_id": CANARY, "event": CANARY, "attempt": f"{CANARY} {key}"}))
    answer = up.invoke("signer", {"op": "xpub", "kind": "evm", "account": f"{CANARY} {key}"})
    assert answer.json()["errorType"] == "ValueError"
    assert CANARY not in answer.text
    logs = up.state / "logs"

    def failed() -> bool:
        said = (logs / "runner.log").read_text()
        return said.count("sweep failed with a batch of 1") >= 2 and "webhook_job_failed" in said

    eventually(failed, 30, "the workers' failures")
    secret = {CANARY, *secrets_of(shop.gateway.about)}
    assert len(secret) > 8
    found = {
        (path.name, line)
        for path in logs.iterdir()
        for line in path.read_text(errors="replace").splitlines()
        if any(each in line for each in secret)
    }
    assert found == set()
    assert "request_failed" in (logs / "api.log").read_text()
    assert "ValueError at jobs.py:" in (logs / "runner.log").read_text()


def test_every_item_is_text_that_people_read_and_names_its_format(behind: Tables) -> None:
    """No attribute is binary, each document is JSON; a console, an export or a query needs no program of ours."""
    found = [item for name in behind.names._fields for item in behind.items(name)]
    kinds = {item["pk"]["S"].split("#")[0] for item in found}
    assert kinds >= {"P", "A", "O", "I", "E", "DL", "L", "N", "F", "MER", "KEY", "KEYS", "ADM", "SES", "IX", "G", "AUD"}
    unlike = [
        item
        for item in found
        if item.get("format") != {"N": str(FORMAT)}
        or any("B" in held for held in item.values())
        or not _documented(item)
    ]
    assert unlike == []


def _documented(item: Item) -> bool:
    try:
        return all(json.loads(item[name]["S"]) for name in {"doc", "first", "body"} & set(item))
    except ValueError:
        return False
