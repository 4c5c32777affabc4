"""What the gateway answers, rendered by the gateway's own code where it has some."""

from __future__ import annotations

from typing import Any

from ctrip.domain.chains.assets import Asset
from ctrip.domain.payments.payment import Flag, Status, Sweep
from ctrip.domain.settlement.payout import Payout, PayoutKind, PayoutState
from ctrip.domain.settlement.reservation import SettlementAddress
from ctrip.domain.settlement.schedule import Every, Schedule, Weekday
from ctrip.views.events import event_body
from ctrip.views.payments import payment_view
from ctrip.views.payouts import address_view, view_of
from ctrip.views.schedules import schedule_view
from tests.support import objects

LARGEST = 2**256 - 1
CHAIN = {
    "id": "anvil", "name": "Anvil", "kind": "evm", "chain_id": 31337, "symbol": "ETH", "decimals": 18,
    "confirmations": 3, "explorer": None,
}  # fmt: skip
TOKEN = {
    "id": "6e7b1a52-4c0b-5d0e-9d39-0a2f6a6b9f10", "chain": "anvil", "symbol": "USDC", "decimals": 6,
    "address": "0x5FbDB2315678afecb367f032d93F642f64180aa3", "confirmations": 3,
}  # fmt: skip
KEY = {
    "id": "key_2", "name": "shop", "scopes": ["payments:read"], "signed_only": True, "allowed_ips": ["192.0.2.0/24"],
    "expires_at": None, "enabled": True, "created_at": "2026-11-20T10:00:00.000Z", "last_used_at": None,
    "versions": [{"id": 1, "expires_at": None}],
}  # fmt: skip


def payment(**given: Any) -> dict[str, Any]:
    """Render a payment as the API shows it."""
    return payment_view(objects.payment(**given), head=12)


def settled() -> dict[str, Any]:
    """Render a payment with everything in it."""
    shown = payment(
        status=Status.SETTLED, amount=LARGEST, amount_received=LARGEST, amount_confirmed=LARGEST, credited=LARGEST,
        flags=frozenset({Flag.LATE, Flag.OVERPAID}), detected_in_block=9, confirmations=4, order_id="order-1",
        metadata=(("cart", "7"), ("ключ", "значение")), description="Two coffees", paid_at=objects.NOW + 1,
        detected_at=objects.NOW, confirmed_at=objects.NOW + 1, settled_at=objects.NOW + 2,
        success_url="https://shop.example/thanks", cancel_url="https://shop.example/cart",
        sweeps=(Sweep("0xfeed", "final", LARGEST),),
    )  # fmt: skip
    shown["transfers"] = [
        {"tx_hash": "0xbeef", "log_index": 3, "block_number": 9, "block_hash": "0xb10c", "from": "0xfa11",
         "amount": LARGEST, "amount_str": str(LARGEST), "confirmations": 4}
    ]  # fmt: skip
    return shown


def payout(**given: Any) -> dict[str, Any]:
    """Render a settlement as the API shows it; with a payment, a refund."""
    fields: dict[str, Any] = {
        "id": "stl_1", "kind": given.pop("kind", PayoutKind.REFUND if "payment_id" in given else PayoutKind.SETTLEMENT),
        "merchant_id": "mer_1", "chain": "anvil", "token_id": None, "token": None, "symbol": "ETH", "decimals": 18,
        "amount": LARGEST, "fee": 7, "to": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "asked_by": "key:a",
        "state": PayoutState.COMPLETED, "approvals_needed": 2, "tx_hash": "0xfeed", "reason": "why",
        "created_at": objects.NOW, "updated_at": objects.NOW + 1,
    }  # fmt: skip
    return view_of(Payout(**(fields | given)))


def destination() -> dict[str, Any]:
    """Render where settlements go, as the API shows it, with a change that does not count yet."""
    mine, other = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    held = SettlementAddress(
        merchant_id="mer_1", chain="anvil", address=mine, since=objects.NOW, next_address=other, next_from=objects.NOW
    )
    return dict(address_view(held))


def schedule() -> dict[str, Any]:
    """Render when settlements are asked for, as the API shows it."""
    made = Schedule(
        merchant_id="mer_1", chain="anvil", asset="native", every=Every.WEEKLY, weekday=Weekday.SUNDAY, hour=5,
        threshold=LARGEST, keep=LARGEST - 1, since=objects.NOW, skipped="below_minimum",
    )  # fmt: skip
    return dict(schedule_view(made, Asset("anvil", "ETH", 18)))


def event(kind: str = "payment.paid", **given: Any) -> bytes:
    """Render an event as it is delivered."""
    made = objects.payment(**given)
    return event_body(kind, objects.new_ulid(objects.NOW), made, objects.NOW).encode()
