"""The same transactions on py-evm, where an account that was never used is none: authorizing earns it no refund."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.stack import contracts
from infra.tools import environments
from infra.tools.errors import Failed
from infra.tools.process import ROOT, base_env

HERE = Path(__file__).parent


def gas(node: Any, hashes: Sequence[str]) -> int:
    """Replay all that a node's chain holds; return what some of its transactions use together.

    Who has sent a transaction has coin from the start; every other account begins as one that was never used.
    """
    sent = [
        node.rpc("eth_getTransactionByHash", each)
        for number in range(1, node.height() + 1)
        for each in node.rpc("eth_getBlockByNumber", hex(number), False)["transactions"]
    ]
    plan = {
        "chain_id": int(node.rpc("eth_chainId"), 16),
        "funded": sorted({each["from"] for each in sent}),
        "codes": {contracts.DEPLOYER: contracts.DEPLOYERS_CODE},
        "raw": [node.rpc("eth_getRawTransactionByHash", each["hash"]) for each in sent],
    }
    used = {each["hash"]: found for each, found in zip(sent, _replayed(plan), strict=True)}
    if any(found["failed"] for found in used.values()):
        raise Failed("a transaction that the node's chain holds fails on py-evm")
    return sum(used[each]["gas"] for each in hashes)


def _replayed(plan: dict[str, Any]) -> list[dict[str, Any]]:
    python = environments.made(ROOT / ".tools", "py-evm", HERE / "requirements.txt", _say)
    command = [str(python), str(HERE / "replay.py")]
    done = subprocess.run(
        command, input=json.dumps(plan), capture_output=True, text=True, check=False, cwd=HERE, env=base_env()
    )
    if done.returncode:
        raise Failed(f"py-evm could not replay the transactions:\n{done.stderr[-2000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _say(line: str) -> None:
    print(f"  {line}", flush=True)
