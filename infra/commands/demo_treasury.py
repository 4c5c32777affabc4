"""What a treasury gained by a demo payment's sweep, read in the sweep's own block: others may use the gateway too."""

from __future__ import annotations

from typing import Any

from infra.stack import tokens, tron
from infra.tools.errors import Failed

_TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def gained(chain: dict[str, Any], payment: dict[str, Any]) -> tuple[int, int]:
    """Return what came, and what the coin's sweep cost of it, in base units; raises `Failed` for another amount."""
    symbol = payment["symbol"]
    if payment["status"] != "settled" or not payment["sweeps"]:
        raise Failed(f"{symbol} ends as {payment['status']} with {len(payment['sweeps'])} sweeps")
    contract = next((each["address"] for each in chain["tokens"].values() if each["id"] == payment["token_id"]), None)
    tx_hash = payment["sweeps"][-1]["tx_hash"]
    read = _on_tron if "node" in chain else _on_evm
    rose, cost = read(chain, tx_hash, contract)
    if rose != payment["amount"] - cost:
        less = f" less {cost} of fees" if cost else ""
        raise Failed(f"{symbol}: the treasury rose by {rose} base units, not by {payment['amount']}{less}")
    return rose, cost


def _on_evm(chain: dict[str, Any], tx_hash: str, contract: str | None) -> tuple[int, int]:
    receipt = tokens.rpc(chain["rpc_url"], "eth_getTransactionReceipt", tx_hash)
    block = int(receipt["blockNumber"], 16)
    rose = _balance(chain, contract, block) - _balance(chain, contract, block - 1)
    return rose, 0 if contract else int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def _balance(chain: dict[str, Any], token: str | None, block: int) -> int:
    address = chain["treasury"]
    if token is None:
        return int(tokens.rpc(chain["rpc_url"], "eth_getBalance", address, hex(block)), 16)
    call = {"to": token, "data": f"0x70a08231{address[2:].lower():0>64}"}
    return int(tokens.rpc(chain["rpc_url"], "eth_call", call, hex(block)), 16)


def _on_tron(chain: dict[str, Any], tx_hash: str, contract: str | None) -> tuple[int, int]:
    """Read a final block: of a token the logs, as no node tells its balances of the past."""
    url, treasury = chain["rpc_url"], chain["treasury"]
    info = tron.final(url, tx_hash)
    if info.get("result") == "FAILED":
        raise Failed(f"the sweep {tx_hash} failed: {info['receipt'].get('result')}")
    if contract is None:
        block = info["blockNumber"]
        return tron.balance(url, treasury, block) - tron.balance(url, treasury, block - 1), info.get("fee", 0)
    from ctrip.domain.chains.tron.addresses import decoded

    to, emitter = f"{decoded(treasury).hex():0>64}", decoded(contract).hex()
    logs = [log for log in info["log"] if log["address"] == emitter and log["topics"][::2] == [_TRANSFER, to]]
    return sum(int(log["data"], 16) for log in logs), 0
