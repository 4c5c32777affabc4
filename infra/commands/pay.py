"""`make pay ID=...`: pay a local payment from one of Anvil's funded accounts, or from the payer on Tron."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import httpx

from ctrip.domain.money import MAX_AMOUNT
from infra.stack import tokens, tron
from infra.stack.handle import Gateway, find
from infra.stack.settings import check
from infra.tools.errors import Refused

PAYER = 1  # Anvil's account that pays
_DIGITS = re.compile(r"[0-9]{1,78}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def pay(gateway: Gateway, payment: dict[str, Any], amount: int | None = None) -> str:
    """Send what a payment asks for, or `amount` base units; return the transaction's hash."""
    chain = gateway.chain(payment["chain"])
    addresses = {token["id"]: token["address"] for token in chain["tokens"].values()}
    token = addresses[payment["token_id"]] if payment["token_id"] else None
    sent = payment["amount"] if amount is None else amount
    if "node" in chain:
        return tron.pay(chain["rpc_url"], payment["address"], sent, token)
    return tokens.pay(chain["rpc_url"], PAYER, payment["address"], sent, token)


def main() -> int:
    """Pay and say what happened."""
    try:
        check()
        amount = read_amount(os.environ.get("AMOUNT", ""))
        gateway = find()
        payment = _payment(gateway, os.environ.get("ID", ""))
        try:
            tx_hash = pay(gateway, payment, amount)
        except RuntimeError as problem:  # the node's own words: too little money, say
            raise Refused(str(problem).splitlines()[0]) from problem
    except Refused as refusal:
        print(f"make pay: {refusal}", file=sys.stderr)
        return 2
    sent = payment["amount"] if amount is None else amount
    print(f"sent {sent} base units of {payment['symbol']} to {payment['address']} in {tx_hash}")
    print(f"watch it: {payment['checkout_url']}")
    return 0


def read_amount(text: str) -> int | None:
    """Read AMOUNT: None where it is not given; raises `Refused` for what is no positive number of base units."""
    if not text:
        return None
    if not _DIGITS.fullmatch(text) or not 0 < int(text) <= MAX_AMOUNT:
        raise Refused("AMOUNT must be a whole number of base units, from 1 to 2^256-1, in plain digits.")
    return int(text)


def _payment(gateway: Gateway, payment_id: str) -> dict[str, Any]:
    if not payment_id:
        raise Refused("say which: make pay ID=<payment id>  (AMOUNT=<base units> pays part of it, or too much)")
    if not _ID.fullmatch(payment_id):
        raise Refused("ID is not a payment's id, which POST /api/v1/payments answers with.")
    try:
        payment = gateway.read(payment_id)
    except httpx.HTTPStatusError as exc:
        raise Refused(exc.response.json()["detail"]) from exc
    if payment["chain"] not in gateway.about["chains"]:
        raise Refused(f"this payment is on {payment['chain']}, where make pay has no money; pay it from a wallet.")
    return payment


if __name__ == "__main__":
    sys.exit(main())
