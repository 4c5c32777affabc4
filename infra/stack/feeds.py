"""Price feeds on the local chain, which `ctrip dev rate` moves."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

from infra.stack import tokens, wallet

INITIAL = {
    "ETH": "2500",
    "BTC": "95000",
    "USDC": "1",
    "USDT": "1",
    "DAI": "1",
    "EUR": "1.1",
    "GBP": "1.3",
    "JPY": "0.0067",
}
"""What a unit is worth in US dollars at the start, as the recorded exchange's files say too.

The order is that of the feeds' deployment, which settles their addresses."""

DECIMALS = 8
SET = "0xc5d227fb"  # set(int256,uint256,uint256)
FEEDER_COINS = 10


def addresses() -> dict[str, str]:
    """Return where the feeds stand on every local chain: they follow from the feeder's key."""
    group = tokens.created(wallet.feeder().address, 0)
    return {symbol: tokens.created(group, place) for place, symbol in enumerate(INITIAL, 1)}


def deploy(rpc_url: str) -> str | None:
    """Deploy the feeds, unless they are there; return the transaction's hash. The feeder has its coins already."""
    from eth_abi.abi import encode

    feeder = wallet.feeder()
    if int(tokens.rpc(rpc_url, "eth_getTransactionCount", feeder.address, "latest"), 16):
        return None
    names = [f"{symbol} / USD" for symbol in INITIAL]
    arguments = encode(["string[]", "int256[]"], [names, [scaled(value) for value in INITIAL.values()]])
    code = str(json.loads((tokens.ARTEFACTS / "MockFeeds.json").read_text())["bytecode"])
    return tokens.send(rpc_url, feeder, to=None, data=code + arguments.hex(), gas=8_000_000, nonce=0)


def move(rpc_url: str, symbol: str, value: str, *, age: int = 0) -> dict[str, Any]:
    """Have a feed answer another value, as of `age` seconds ago, and wait until it does."""
    at = int(time.time()) - age
    words = f"{scaled(value):064x}{at:064x}{at:064x}"
    return tokens.mined(rpc_url, tokens.send(rpc_url, wallet.feeder(), to=addresses()[symbol], data=SET + words))


def scaled(value: str) -> int:
    """Return a feed's answer; raises `ValueError` where a value has more places than it can say."""
    found = Decimal(value).scaleb(DECIMALS)
    if found != int(found):
        raise ValueError(f"a feed has {DECIMALS} decimals")
    return int(found)
