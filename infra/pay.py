"""`make pay ID=...`: pay a local payment from one of Anvil's funded accounts."""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx

from infra.local import tokens
from infra.local.errors import Refused
from infra.local.handle import Gateway, find

PAYER = 1  # Anvil's account that pays


def pay(gateway: Gateway, payment: dict[str, Any], amount: int | None = None) -> str:
    """Send what a payment asks for, or `amount` base units; return the transaction's hash."""
    chain = gateway.chain(payment["chain"])
    addresses = {token["id"]: token["address"] for token in chain["tokens"].values()}
    token = addresses[payment["token_id"]] if payment["token_id"] else None
    return tokens.pay(chain["rpc_url"], PAYER, payment["address"], amount or payment["amount"], token)


def main() -> int:
    """Pay and say what happened."""
    try:
        gateway = find()
        payment_id, amount = os.environ.get("ID", ""), os.environ.get("AMOUNT", "")
        if not payment_id:
            raise Refused("say which: make pay ID=<payment id>  (AMOUNT=<base units> pays part of it, or too much)")
        if amount and not amount.isdigit():
            raise Refused("AMOUNT is a number of base units.")
        try:
            payment = gateway.read(payment_id)
        except httpx.HTTPStatusError as exc:
            raise Refused(exc.response.json()["detail"]) from exc
        tx_hash = pay(gateway, payment, int(amount) if amount else None)
    except Refused as refusal:
        print(f"make pay: {refusal}", file=sys.stderr)
        return 2
    sent = amount or payment["amount_str"]
    print(f"sent {sent} base units of {payment['symbol']} to {payment['address']} in {tx_hash}")
    print(f"watch it: {payment['checkout_url']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
