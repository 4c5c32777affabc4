"""The Tron stand-in beside the local stack: what it begins with, and payments from an account that has much."""

from __future__ import annotations

import json
import secrets
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.stack import wallet
from infra.tools import npm
from infra.tools.ports import HOST, Ports
from infra.tools.process import Supervisor, base_env

CHAIN = "tron"
LAG, BLOCK_SECONDS = 3, 1
"""How many blocks the newest final one is behind; a real network's is 19, of three seconds each."""

PAYER_PATH = "m/44'/195'/0'/0/1"
TRX = 10**6
TREASURY_COINS, GAS_STATION_COINS, PAYER_COINS = 1_000, 100_000, 1_000_000
PAYER_UNITS = 1_000_000 * 10**6
_FEE_LIMIT = 100 * TRX
_EXPIRES_MS = 600_000
_WAIT_SECONDS = 30.0


def start(supervisor: Supervisor, ports: Ports, tools: Path, say: Callable[[str], None]) -> str:
    """Start it with its accounts, and return its address."""
    npm.anvil(tools, say)  # which is fetched here, where somebody is told
    url = f"http://{HOST}:{ports.tron}"
    command = [sys.executable, "-m", "infra.tron", "--port", str(ports.tron), "--tools", str(tools)]
    command += ["--lag", str(LAG), "--block-seconds", str(BLOCK_SECONDS)]
    grants = {treasury(): TREASURY_COINS, gas_station(): GAS_STATION_COINS, payer(): PAYER_COINS}
    for address, coins in grants.items():
        command += ["--grant", f"{address}={coins * TRX}"]
    command += ["--units", f"{payer()}={PAYER_UNITS}"]
    child = supervisor.start("tron", command, env=base_env())
    supervisor.await_ready(child, lambda: _answers(url))
    return url


def entry(url: str) -> dict[str, str]:
    """Return how CTRIP_RPC lists it: both sides of the node, and its JSON-RPC on final blocks."""
    return {"full": url, "solid": url, "jsonrpc": f"{url}/solid/jsonrpc"}


def treasury() -> str:
    """Return where deposits are swept to."""
    return _own(0)


def gas_station() -> str:
    """Return what pays for sweeps."""
    return _own(1)


def payer() -> str:
    """Return the account that pays: one of the mnemonic that is Anvil's own, worthless and public."""
    from ctrip.signer.wallet import MnemonicWallet

    return MnemonicWallet(wallet.ANVIL_MNEMONIC).address(CHAIN, PAYER_PATH)


def _own(index: int) -> str:
    from ctrip.signer.wallet import MnemonicWallet

    return MnemonicWallet(wallet.LOCAL_MNEMONIC).address(CHAIN, f"m/44'/195'/0'/0/{index}")


def pay(url: str, to: str, amount: int, token: str | None = None) -> str:
    """Pay sun, or units of a token; return the transaction's id. Raises `RuntimeError` with the node's own words."""
    from ctrip.domain.chains.tron.acts import transfer_data
    from ctrip.domain.chains.tron.transaction import Transaction
    from ctrip.signer import tron as signer
    from ctrip.signer.wallet import MnemonicWallet

    block = ask(url, "/walletsolidity/getblock", detail=False)
    now = time.time_ns() // 1_000_000
    transfer: dict[str, Any] = {"to": to, "amount": amount}
    if token:
        transfer = {"to": token, "data": transfer_data(to, amount), "fee_limit": _FEE_LIMIT}
    transaction = Transaction(
        sender=payer(),
        ref_block=block["block_header"]["raw_data"].get("number", 0),
        ref_hash=block["blockID"][16:32],
        expiration=now + _EXPIRES_MS,
        timestamp=now + secrets.randbelow(1_000),  # two that are equal in all else are one transaction
        **transfer,
    )
    key = MnemonicWallet(wallet.ANVIL_MNEMONIC).key(PAYER_PATH)
    signed = signer.sign(key, transaction, lambda path: b"")
    answer = ask(url, "/wallet/broadcasthex", transaction=signed.raw)
    if answer.get("result") is not True:
        raise RuntimeError(f"{answer.get('code')}: {answer.get('message')}")
    return transaction.tx_hash


def final(url: str, tx_id: str) -> dict[str, Any]:
    """Wait until a transaction is in a final block, and return what became of it; raises `RuntimeError`."""
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        if info := ask(url, "/walletsolidity/gettransactioninfobyid", value=tx_id):
            return dict(info)
        time.sleep(0.1)
    raise RuntimeError(f"transaction {tx_id} was not final in {_WAIT_SECONDS:.0f} s")


def balance(url: str, address: str, number: int) -> int:
    """Return the sun of an account at a block."""
    from ctrip.domain.chains.tron.addresses import to_hex

    block = ask(url, "/walletsolidity/getblockbynum", num=number)
    asked = {"account_identifier": {"address": to_hex(address)}}
    named = {"block_identifier": {"hash": block["blockID"], "number": number}}
    return int(ask(url, "/wallet/getaccountbalance", **asked, **named)["balance"])


def ask(url: str, path: str, **asked: Any) -> Any:
    """Ask the node one thing; raises `RuntimeError` with its own words."""
    request = urllib.request.Request(url + path, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        reply = json.load(answer)
    if isinstance(reply, dict) and "Error" in reply:
        raise RuntimeError(f"{path}: {reply['Error']}")
    return reply


def _answers(url: str) -> bool:
    try:
        return bool(ask(url, "/wallet/getnowblock"))
    except (OSError, ValueError, RuntimeError):
        return False
