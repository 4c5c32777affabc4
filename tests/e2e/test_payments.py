"""Payments on a real chain, through to the treasury."""

from __future__ import annotations

from typing import Any

import pytest

from infra.stack.receiver import Receiver
from tests.e2e.conftest import SYMBOLS
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually

Begun = dict[str, dict[str, Any]]
WHOLE_LIFE = [f"payment.{name}" for name in ("created", "detected", "confirmed", "paid", "settled")]


@pytest.mark.parametrize("name", ["coin", "USDC", "USDT", "DAI"])
def test_a_payment_ends_in_the_treasury(shop: Shop, begun: Begun, name: str) -> None:
    """A payment in the coin, or in a token of any habit, settles: credited in full, and nothing left at its address."""
    payment = begun[name]
    shop.told(payment, "settled")
    final = shop.read(payment)
    eventually(lambda: shop.receiver.heard(payment["id"]) == WHOLE_LIFE, 10)
    assert (final["status"], final["exceptions"], final["fulfillable"]) == ("settled", [], True)
    assert final["amount"] == final["amount_received"] == final["amount_confirmed"]
    assert [transfer["amount"] for transfer in final["transfers"]] == [payment["amount"]]
    assert shop.balance(payment["address"], payment["symbol"]) == 0
    [sweep] = final["sweeps"]
    receipt = shop.receipt(sweep["tx_hash"])
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert sweep["status"] == "final"
    assert sweep["amount"] == payment["amount"] - (fee if name == "coin" else 0)
    assert int(receipt["blockNumber"], 16) > final["detected_in_block"]


def test_times_and_statuses_of_a_settled_payment_agree(shop: Shop, begun: Begun) -> None:
    """Each status left its time, in the order of the statuses, and the confirmations were waited for."""
    shop.told(begun["USDC"], "settled")
    final = shop.read(begun["USDC"])
    times = [final[f"{name}_at"] for name in ("created", "detected", "confirmed", "paid", "settled")]
    assert times == sorted(times)
    assert None not in times
    paid = shop.told(begun["USDC"], "confirmed")
    assert paid["confirmations"] >= final["required_confirmations"] == 3
    [transfer] = final["transfers"]
    assert transfer["block_number"] == final["detected_in_block"]
    assert transfer["from"].startswith("0x")
    assert transfer["log_index"] is not None


def test_two_parts_make_a_whole(shop: Shop, begun: Begun) -> None:
    """A part is `underpaid` and does not confirm; the rest completes the payment, and the exception leaves."""
    payment = begun["parts"]
    short = shop.told(payment, "underpaid")
    assert (short["status"], short["exception"], short["amount_received"]) == ("detected", "underpaid", 4_000_000)
    assert not short["fulfillable"]
    shop.pay(payment, 5_000_000)
    shop.told(payment, "settled")
    final = shop.read(payment)
    assert (final["status"], final["exceptions"], final["amount_received"]) == ("settled", [], 9_000_000)
    assert sorted(transfer["amount"] for transfer in final["transfers"]) == [4_000_000, 5_000_000]
    assert sum(sweep["amount"] for sweep in final["sweeps"]) == 9_000_000


def test_a_token_that_keeps_a_share_pays_what_arrives(shop: Shop, begun: Begun) -> None:
    """FEE keeps one in a hundred: short at first, complete with the rest, swept to nothing, nothing held."""
    payment = begun["FEE"]
    short = shop.told(payment, "underpaid")
    assert short["amount_received"] == 99 * 10**18
    shop.pay(payment, 2 * 10**18)
    shop.told(payment, "settled")
    final = shop.read(payment)
    received = 99 * 10**18 + 198 * 10**16
    assert (final["status"], final["exceptions"]) == ("settled", ["overpaid"])
    assert (final["amount_received"], final["amount_confirmed"]) == (received, received)
    assert shop.balance(payment["address"], "FEE") == 0
    assert final["sweeps"][-1]["amount"] == received - received // 100


def test_the_wrong_asset_is_reported_and_left_alone(shop: Shop, begun: Begun) -> None:
    """USDC for a payment in coin: an event that says how much of what, no credit, nothing swept."""
    payment = begun["wrong"]
    assert shop.receiver.wait_for(payment["id"], "deposit.wrong_asset", 45)
    told = next(e for e in shop.receiver.of(payment["id"]) if e["type"] == "deposit.wrong_asset")
    assert (told["data"]["deposit"]["symbol"], told["data"]["deposit"]["amount"]) == ("USDC", 777)
    now = shop.read(payment)
    assert (now["status"], now["exception"], now["amount_received"]) == ("pending", "wrong_asset", 0)
    assert shop.balance(payment["address"], "USDC") == 777


def test_too_much_is_credited_and_said(shop: Shop, begun: Begun) -> None:
    """All of an overpayment is credited and swept, with the exception `overpaid` and its event."""
    shop.told(begun["overpaid"], "settled")
    final = shop.read(begun["overpaid"])
    assert (final["status"], final["exception"], final["amount_confirmed"]) == ("settled", "overpaid", 5_000_005)
    assert [sweep["amount"] for sweep in final["sweeps"]] == [5_000_005]
    assert shop.told(final, "overpaid")["exception"] == "overpaid"


def test_a_contract_may_pay(shop: Shop, begun: Begun) -> None:
    """An internal transfer, as exchanges and smart wallets make, is detected, paid and swept like any other."""
    shop.told(begun["internal"], "settled")
    final = shop.read(begun["internal"])
    assert (final["status"], final["exceptions"], final["amount_received"]) == ("settled", [], 10**16)
    assert [transfer["amount"] for transfer in final["transfers"]] == [10**16]


def test_a_receiver_that_fails_is_asked_again(shop: Shop, begun: Begun, unsteady: Receiver) -> None:
    """A 500 is followed by the same event about five seconds later, and no event is lost."""
    payment = begun["unsteady"]
    shop.told(payment, "settled", unsteady)
    eventually(lambda: len(unsteady.heard(payment["id"])) == len(WHOLE_LIFE), 15)
    assert unsteady.heard(payment["id"]) == WHOLE_LIFE
    refused = next(attempt for attempt in unsteady.attempts if attempt.status == 500)
    again = next(a for a in unsteady.attempts if a.event_id == refused.event_id and a.status == 204)
    assert 3.5 <= again.at - refused.at <= 10  # 5 s, give or take a fifth, and a poll


def test_a_payments_events_are_in_order(shop: Shop, begun: Begun) -> None:
    """Sequences rise with the life, ids are unique, and each event freezes the payment as it was then."""
    for name in ("coin", "USDT", "overpaid", "parts"):
        shop.told(begun[name], "settled")
        events = shop.receiver.of(begun[name]["id"])
        sequences = [event["data"]["sequence"] for event in events]
        assert sequences == sorted(set(sequences))
        assert sequences[0] == 1
        for event in events:
            assert event["type"] == event["event"]
            assert event["id"].startswith("evt_")
            assert event["payment_id"] == event["data"]["id"] == begun[name]["id"]
            assert event["status"] == event["data"]["status"]
            assert event["amount_str"] == str(event["amount"]) == str(begun[name]["amount"])
        assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
        assert events[0]["data"]["status"] == "pending"


def test_what_arrives_later_is_swept_too(shop: Shop, begun: Begun) -> None:
    """Money on a settled payment is credited by itself: an `overpaid` event, a second sweep, the same status."""
    payment = begun["DAI"]
    shop.told(payment, "settled")
    shop.pay(payment, 77)
    more = shop.told(payment, "overpaid")
    assert (more["status"], more["amount_received"]) == ("settled", payment["amount"] + 77)

    def twice() -> list[dict[str, Any]] | None:
        sweeps = shop.read(payment)["sweeps"]
        return sweeps if [sweep["status"] for sweep in sweeps] == ["final", "final"] else None

    sweeps = eventually(twice, 45, "the second sweep")
    assert [sweep["amount"] for sweep in sweeps] == [payment["amount"], 77]
    assert shop.balance(payment["address"], "DAI") == 0


def test_deadlines_are_the_chains(shop: Shop) -> None:
    """Money in time is in time however late it confirms; money after the deadline is `late`, and still accepted."""
    prompt, slow, short = (shop.ask(amount=2_000_000, asset="USDC", expires_in=60) for _ in range(3))
    shop.pay(prompt)
    shop.pay(short, 1_500_000)
    shop.told(prompt, "detected")
    shop.told(short, "underpaid")
    shop.let_pass(61)
    for payment in (slow, short):
        assert shop.told(payment, "expired")["status"] == "expired"
    shop.pay(slow)
    late = shop.told(slow, "settled")
    assert (late["exception"], late["exceptions"], late["fulfillable"]) == ("late", ["late"], True)
    in_time = shop.told(prompt, "settled")
    assert in_time["exceptions"] == []
    assert "payment.expired" not in shop.receiver.heard(prompt["id"])
    assert shop.read(short)["amount_received"] == 1_500_000


def test_a_reorganisation_takes_back_and_may_give_again(shop: Shop) -> None:
    """Funds that a reorganisation removed are `reorged` and pending; mined again they pay as if nothing had been."""
    payment = shop.ask(amount=4_000_000, asset="USDC")
    shop.rpc("evm_setIntervalMining", 0)
    try:
        # Anvil does not put back what it takes away: an earlier nonce in that block would be missing for good.
        shop.mine_what_is_sent()
        sent = shop.pay(payment)
        raw = shop.rpc("eth_getRawTransactionByHash", sent)
        shop.rpc("anvil_mine", "0x1")
        assert shop.told(payment, "detected")["amount_received"] == 4_000_000
        shop.rpc("anvil_reorg", 1, [])
        gone = shop.told(payment, "reorged")
        assert (gone["status"], gone["exception"], gone["amount_received"]) == ("pending", "reorged", 0)
        assert gone["transfers"] == []
        assert shop.rpc("eth_getTransactionReceipt", sent) is None
        assert shop.rpc("eth_sendRawTransaction", raw) == sent
    finally:
        shop.rpc("evm_setIntervalMining", 1)
    shop.told(payment, "settled")
    final = shop.read(payment)
    assert (final["status"], final["amount_confirmed"]) == ("settled", 4_000_000)
    assert [transfer["tx_hash"] for transfer in final["transfers"]] == [sent]
    assert [sweep["amount"] for sweep in final["sweeps"]] == [4_000_000]


def test_the_treasury_holds_what_was_swept(shop: Shop, before: dict[str, int]) -> None:
    """In each asset the treasury rose by the sum of all sweeps that the API shows, to the last base unit."""
    query = {"limit": 100, "status": "paid"}
    eventually(lambda: not shop.http.get("/api/v1/payments", params=query).json()["data"], 45)
    swept = dict.fromkeys(SYMBOLS, 0)
    cursor: str | None = None
    while True:
        params = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = shop.http.get("/api/v1/payments", params=params).json()
        for payment in page["data"]:
            if payment["symbol"] in swept:
                swept[payment["symbol"]] += sum(sweep["amount"] for sweep in payment["sweeps"])
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert {symbol: shop.treasury(symbol) - before[symbol] for symbol in SYMBOLS} == swept
    assert all(swept.values())
