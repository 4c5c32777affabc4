"""Test tokens on the local chain, and payments from its funded accounts."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from infra.stack import wallet

ARTEFACTS = Path(__file__).resolve().parent.parent / "contracts" / "artefacts"
DECIMALS = {"USDC": 6, "USDT": 6, "DAI": 18, "FEE": 18}
"""The local tokens in the order of their deployment, which settles their addresses."""

HOLDERS, UNITS_EACH = 10, 1_000_000
GAS_STATION_COINS, OPERATOR_COINS = 1_000, 100
HOLDER_COINS = 2_000
"""The least that each of Anvil's ten accounts has; on Anvil they begin with more."""
_WAIT_SECONDS = 30.0
_COIN = 10**18


def addresses() -> dict[str, str]:
    """Return where the tokens stand on every local chain: they follow from the operator's key and nonces 0 to 3."""
    sender = wallet.operator().address
    return {symbol: created(sender, nonce) for nonce, symbol in enumerate(DECIMALS)}


def created(sender: str, nonce: int) -> str:
    """Return the address of the contract that a sender makes at a nonce under 128."""
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    # rlp([address, nonce]); zero is the empty string
    coded = b"\xd6\x94" + bytes.fromhex(sender[2:]) + (bytes([nonce]) if nonce else b"\x80")
    return to_checksum_address(keccak(coded)[12:])


def deploy_tokens(rpc_url: str) -> dict[str, dict[str, Any]]:
    """Deploy what is not there yet, price feeds too, and fund who needs it; return address and decimals by symbol.

    Raises `RuntimeError` where the operator's nonce was used for something else.
    """
    from eth_abi.abi import encode

    from infra.stack import feeds  # which sends by this module

    where, operator = addresses(), wallet.operator()
    holders = [wallet.funded(index).address for index in range(HOLDERS)]
    _fund(rpc_url, dict.fromkeys(holders, HOLDER_COINS))
    _fund(
        rpc_url,
        {
            operator.address: OPERATOR_COINS,
            wallet.gas_station().address: GAS_STATION_COINS,
            wallet.feeder().address: feeds.FEEDER_COINS,
        },
    )
    sent = []
    for nonce, (symbol, decimals) in enumerate(DECIMALS.items()):
        if rpc(rpc_url, "eth_getCode", where[symbol], "latest") != "0x":
            continue
        if _next_nonce(rpc_url, operator.address, nonce) != nonce:
            raise RuntimeError(f"{symbol} cannot be deployed at {where[symbol]}: the operator has sent something else")
        arguments = encode(["address[]", "uint256"], [holders, UNITS_EACH * 10**decimals])
        code = str(json.loads((ARTEFACTS / f"{symbol}.json").read_text())["bytecode"])
        sent.append(send(rpc_url, operator, to=None, data=code + arguments.hex(), gas=4_000_000, nonce=nonce))
    sent += filter(None, [feeds.deploy(rpc_url)])
    for tx_hash in sent:
        mined(rpc_url, tx_hash)
    return {symbol: {"address": where[symbol], "decimals": decimals} for symbol, decimals in DECIMALS.items()}


def _next_nonce(rpc_url: str, address: str, expected: int) -> int:
    """Return an account's next nonce, once its transactions so far are counted.

    A node that mines at once may for an instant count one neither as pending nor as mined.
    """
    until = time.monotonic() + _WAIT_SECONDS
    while (count := int(rpc(rpc_url, "eth_getTransactionCount", address, "pending"), 16)) < expected:
        if time.monotonic() > until:
            break
        time.sleep(0.02)
    return count


def _fund(rpc_url: str, coins: dict[str, int]) -> None:
    for tx_hash in [fund(rpc_url, address, each * _COIN) for address, each in coins.items()]:
        if tx_hash:
            mined(rpc_url, tx_hash)


def fund(rpc_url: str, address: str, least: int) -> str | None:
    """Transfer what an account lacks of `least` wei; return the transaction's hash, or None where it has enough.

    The first of Anvil's accounts gives; where it has too little, an account whose key the node holds.
    """
    missing = least - _coins(rpc_url, address)
    if missing <= 0:
        return None
    giver = wallet.funded(0)
    if address != giver.address and _coins(rpc_url, giver.address) > missing + _COIN:
        return send(rpc_url, giver, to=address, value=missing)
    for held in rpc(rpc_url, "eth_accounts"):
        if _coins(rpc_url, held) > missing + _COIN:
            return str(rpc(rpc_url, "eth_sendTransaction", {"from": held, "to": address, "value": hex(missing)}))
    raise RuntimeError(f"neither {giver.address} nor an account of the node's own can fund {address}")


def _coins(rpc_url: str, address: str) -> int:
    return int(rpc(rpc_url, "eth_getBalance", address, "latest"), 16)


def pay(rpc_url: str, from_index: int, to: str, amount: int, token: str | None = None) -> str:
    """Pay base units of the coin, or of the token at that address, from one of Anvil's accounts; return the hash."""
    account = wallet.funded(from_index)
    if token is None:
        return send(rpc_url, account, to=to, value=amount)
    data = f"0xa9059cbb{'0' * 24}{to[2:].lower()}{amount:064x}"
    return send(rpc_url, account, to=token, data=data)


def send(
    rpc_url: str,
    account: wallet.Account,
    *,
    to: str | None,
    value: int = 0,
    data: str = "0x",
    gas: int | None = None,
    nonce: int | None = None,
) -> str:
    """Sign and hand over one transaction, after the account's pending ones or at a nonce; return its hash."""
    from eth_account import Account as EthAccount
    from eth_utils.address import to_checksum_address

    call = {"from": account.address, "value": hex(value), "data": data} | ({"to": to} if to else {})
    price = int(rpc(rpc_url, "eth_gasPrice"), 16)
    fields: dict[str, Any] = {
        "chainId": int(rpc(rpc_url, "eth_chainId"), 16),
        "nonce": _next_nonce(rpc_url, account.address, 0) if nonce is None else nonce,
        "value": value,
        "data": data,
        # A fifth more than estimated: what another block changes in storage may cost more.
        "gas": gas or int(rpc(rpc_url, "eth_estimateGas", call), 16) * 6 // 5,
        "maxFeePerGas": 2 * price,
        "maxPriorityFeePerGas": min(price, 10**9),
    }
    if to:
        fields["to"] = to_checksum_address(to)
    signed = EthAccount.sign_transaction(fields, account.key)
    return str(rpc(rpc_url, "eth_sendRawTransaction", "0x" + signed.raw_transaction.hex().removeprefix("0x")))


def mined(rpc_url: str, tx_hash: str) -> dict[str, Any]:
    """Wait for the receipt; raises `RuntimeError` where the transaction failed or half a minute went by."""
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        receipt: dict[str, Any] | None = rpc(rpc_url, "eth_getTransactionReceipt", tx_hash)
        if receipt is not None:
            if receipt["status"] != "0x1":
                raise RuntimeError(f"transaction {tx_hash} failed")
            return receipt
        time.sleep(0.02)
    raise RuntimeError(f"transaction {tx_hash} was not mined in {_WAIT_SECONDS:.0f} s")


def rpc(rpc_url: str, method: str, *params: Any) -> Any:
    """Make one JSON-RPC call. Raises `RuntimeError` with the node's own words."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(rpc_url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        reply = json.load(answer)
    if "error" in reply:
        raise RuntimeError(f"{method}: {reply['error'].get('message')}")
    return reply["result"]
