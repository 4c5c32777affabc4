"""A payment as the world sees it: the API's answer and the events' payload are the same shape."""

import json
from datetime import UTC, datetime
from typing import Any

from ctrip.domain.chains.bip32 import checksum
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Flag, Payment, Status, Stray
from ctrip.domain.webhooks.events import API_VERSION

_AMOUNTS = ("amount", "amount_received", "amount_confirmed")


def rfc3339(at: int | None) -> str | None:
    """Spell unix milliseconds in UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def payment_view(payment: Payment, *, head: int | None = None) -> dict[str, Any]:
    """Render a payment; `head` is the newest block known, where the confirmations should be today's."""
    view: dict[str, Any] = {
        "id": payment.id,
        "chain": payment.chain,
        "token_id": payment.token_id,
        "symbol": payment.symbol,
        "decimals": payment.decimals,
        "address": payment.address,
        "derivation_path": payment.derivation_path,
        "status": payment.status.value,
        "exception": payment.exception.value if payment.exception else None,
        "exceptions": [flag.value for flag in Flag if flag in payment.flags],
        "fulfillable": payment.fulfillable,
    }
    for name in _AMOUNTS:
        view |= with_text(name, getattr(payment, name))
    return view | {
        "amount_decimal": format_decimal(payment.amount, payment.decimals),
        "received_decimal": format_decimal(payment.amount_received, payment.decimals),
        "confirmations": _confirmations(payment, payment.detected_in_block, head),
        "required_confirmations": payment.required_confirmations,
        "detected_in_block": payment.detected_in_block,
        "payment_uri": payment.payment_uri,
        "checkout_url": payment.checkout_url,
        "order_id": payment.order_id,
        "metadata": dict(payment.metadata),
        "description": payment.description,
        "success_url": payment.success_url,
        "cancel_url": payment.cancel_url,
        "created_at": rfc3339(payment.created_at),
        "expires_at": rfc3339(payment.expires_at),
        "updated_at": rfc3339(payment.updated_at),
        "detected_at": rfc3339(payment.detected_at),
        "confirmed_at": rfc3339(payment.confirmed_at),
        "paid_at": rfc3339(payment.paid_at),
        "settled_at": rfc3339(payment.settled_at),
        "transfers": [transfer_view(payment, transfer, head=head) for transfer in payment.transfers],
        "sweeps": [
            {"tx_hash": sweep.tx_hash, "status": sweep.status, **with_text("amount", sweep.amount)}
            for sweep in payment.sweeps
        ],
    }


def transfer_view(payment: Payment, transfer: Transfer, *, head: int | None = None) -> dict[str, Any]:
    """Render one arrival; `head` is the newest block known."""
    return {
        "tx_hash": transfer.tx_hash,
        "log_index": transfer.log_index,
        "block_number": transfer.block_number,
        "block_hash": transfer.block_hash,
        "from": checksum(transfer.sender) if transfer.sender else None,
        **with_text("amount", transfer.amount),
        "confirmations": _confirmations(payment, transfer.block_number, head),
    }


def with_text(name: str, amount: int) -> dict[str, int | str]:
    """Show an amount as a number and, for languages whose numbers end at 2^53, as text."""
    return {name: amount, f"{name}_str": str(amount)}


def event_body(event_type: str, ulid: str, payment: Payment, at: int, stray: Stray | None = None) -> str:
    """Freeze an event's payload as JSON text; it never changes after this. `stray` is the deposit that it tells of."""
    view = payment_view(payment)
    if stray is not None:
        view["deposit"] = {
            "chain": stray.chain,
            "token_id": stray.token_id,
            "token_address": stray.token,
            "symbol": stray.symbol,
            **with_text("amount", stray.amount),
            "amount_decimal": format_decimal(stray.amount, stray.decimals),
            "tx_hash": stray.tx_hash,
            "from": checksum(stray.sender) if stray.sender else None,
        }
    body = {
        "id": f"evt_{ulid}",
        "type": event_type,
        "api_version": API_VERSION,
        "timestamp": rfc3339(at),
        "data": view | {"object": "payment", "sequence": payment.version},
        "event": event_type,
        "payment_id": payment.id,
        "address": payment.address,
        **with_text("amount", payment.amount),
        "chain": payment.chain,
        "status": payment.status.value,
    }
    return json.dumps(body, separators=(",", ":"))


def first_answer(body: str) -> dict[str, Any]:
    """Recover the answer to a request from the event that it made."""
    data = json.loads(body)["data"]
    return {name: value for name, value in data.items() if name not in ("object", "sequence")}


def _confirmations(payment: Payment, block: int | None, head: int | None) -> int:
    if block is None:
        return 0
    if payment.status in (Status.PENDING, Status.FAILED):
        return 0
    if head is None:
        newest = (payment.detected_in_block or block) + payment.confirmations - 1
        return max(newest - block + 1, 0)
    return max(head - block + 1, 0)
