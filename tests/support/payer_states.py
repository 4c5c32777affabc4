"""A payment in each state that its payer can meet, for the tests of the words and for pictures of the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payer import PayerStep
from ctrip.domain.payments.payment import Flag, Payment, Status, UnexpectedDeposit
from ctrip.pages.language import language
from ctrip.views.brand import shop_of
from tests.build import ADDRESS, T0, payment
from tests.world import NETWORK, USDC

ENGLISH = language("en")
SHOP = shop_of(Merchant(id="m1", name="Shop", account=1, xpub="", webhook_secrets=()))
END = T0 + 1_800_000
ELSEWHERE = replace(NETWORK, name="other", title="Other Chain")
NETWORKS = {"anvil": NETWORK, "other": ELSEWHERE}
WRONG = UnexpectedDeposit("anvil", "t2", "0xdd", "USDT", 6, 5_000_000)
FAR = UnexpectedDeposit("other", USDC.id, USDC.address, "USDC", 6, 5_000_000)
_S, _F = Status, Flag


def due(**changes: Any) -> Payment:
    """A payment of 12.5 USDC."""
    token = {"token_id": USDC.id, "token_address": USDC.address, "symbol": "USDC", "decimals": 6}
    uri = f"ethereum:{USDC.address}@31337/transfer?address={ADDRESS}&uint256=12500000"
    return payment(**{**token, "amount": 12_500_000, "payment_uri": uri, **changes})


def seen(amount: int, status: Status, *flags: Flag, **changes: Any) -> dict[str, Any]:
    return {"amount_received": amount, "status": status, "flags": frozenset(flags), **changes}


CASES: list[tuple[PayerStep, dict[str, Any], tuple[str, ...]]] = [
    (PayerStep.PAY, {}, ("Waiting for your payment",)),
    (PayerStep.PAY_REST, seen(5_000_000, _S.DETECTED, _F.UNDERPAID), ("pay the rest: 7.5 USDC", "5 USDC of 12.5 USDC")),
    (PayerStep.WAIT, seen(12_500_000, _S.DETECTED), ("Payment seen", "need not do anything")),
    (PayerStep.WAIT_LATE, seen(12_500_000, _S.DETECTED, _F.LATE), ("came late", "accepted all the same")),
    (PayerStep.REORGED, seen(0, _S.PENDING, _F.REORGED), ("checking your payment again", "do not pay a second time")),
    (PayerStep.REORGED, seen(1, _S.DETECTED, _F.REORGED), ("checking your payment again",)),
    (PayerStep.CONFIRMED, seen(12_500_000, _S.CONFIRMED), ("Payment confirmed",)),
    (PayerStep.DONE, seen(12_500_000, _S.PAID), ("Paid. Thank you!", "The shop has 12.5 USDC")),
    (PayerStep.DONE, seen(12_500_000, _S.SETTLED), ("Paid. Thank you!",)),
    (PayerStep.DONE_LATE, seen(12_500_000, _S.PAID, _F.LATE), ("came late, and was accepted",)),
    (PayerStep.OVERPAID, seen(13_000_000, _S.PAID, _F.OVERPAID), ("0.5 USDC too much", "ask the shop")),
    (PayerStep.LATE, seen(12_500_000, _S.EXPIRED, _F.LATE), ("too late", "your 12.5 USDC", "Ask the shop")),
    (PayerStep.HELD, seen(0, _S.PENDING, _F.HELD), ("reviewing this payment", "do not send anything")),
    (PayerStep.HELD_PART, seen(12_500_000, _S.CONFIRMED, _F.HELD), ("reviewing this payment", "12.5 USDC is there")),
    (PayerStep.EXPIRED, seen(0, _S.EXPIRED), ("has expired", "do not send anything")),
    (
        PayerStep.EXPIRED_PART,
        seen(5_000_000, _S.EXPIRED, _F.UNDERPAID),
        ("The shop has your 5 USDC", "Ask the shop", "do not send the rest"),
    ),
    (PayerStep.EXPIRED_PART, seen(5_000_000, _S.EXPIRED, _F.LATE), ("The shop has your 5 USDC",)),
    (PayerStep.CANCELLED, seen(0, _S.EXPIRED, _F.MANUAL), ("cancelled this payment", "do not send anything")),
    (PayerStep.CANCELLED_PART, seen(1, _S.EXPIRED, _F.MANUAL), ("cancelled", "has your 0.000001 USDC")),
    (PayerStep.FAILED, seen(0, _S.FAILED, _F.REORGED), ("failed", "contact the shop")),
    (PayerStep.FAILED_PART, seen(12_500_000, _S.FAILED), ("failed", "12.5 USDC has arrived")),
    (
        PayerStep.WRONG_ASSET,
        {"strays": (WRONG,), "flags": frozenset({_F.WRONG_ASSET})},
        ("5 USDT has arrived, but this payment is in USDC", "send 12.5 USDC on Anvil"),
    ),
    (
        PayerStep.WRONG_NETWORK,
        {"strays": (FAR,), "flags": frozenset({_F.WRONG_NETWORK})},
        ("5 USDC on Other Chain has arrived", "USDC on Anvil"),
    ),
    (PayerStep.WRONG_ASSET, seen(0, _S.EXPIRED, _F.WRONG_ASSET, strays=(WRONG,)), ("5 USDT", "is over")),
]
