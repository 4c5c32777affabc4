"""Traces as geth and Erigon write them, read as what moved."""

from typing import Any

import pytest

from ctrip.chains.evm import bodies, logs
from ctrip.chains.evm.codec import TRANSFER, topic

ME, PAYER, OTHER = ("0x" + digit * 40 for digit in "123")


def frame(kind: str, sender: str, to: str, value: int, *calls: dict[str, Any], error: str = "") -> dict[str, Any]:
    """Write a callTracer frame."""
    made = {"type": kind, "from": sender, "to": to, "value": hex(value), "calls": list(calls)}
    return made | ({"error": error} if error else {})


@pytest.mark.parametrize(
    ("trace", "moved"),
    [
        (frame("CALL", PAYER, ME, 5), [5]),
        (frame("CALL", PAYER, OTHER, 9, frame("CALL", OTHER, ME, 5)), [5]),
        (frame("CALL", PAYER, OTHER, 9, frame("CALL", OTHER, ME, 5), error="execution reverted"), []),
        (
            frame(
                "CALL", PAYER, OTHER, 9, frame("CALL", OTHER, OTHER, 5, frame("CALL", OTHER, ME, 5), error="out of gas")
            ),
            [],
        ),
        (frame("CALL", PAYER, OTHER, 9, frame("SELFDESTRUCT", OTHER, ME, 5)), [5]),
        (frame("CREATE2", PAYER, ME, 5), [5]),
        (frame("CALL", PAYER, OTHER, 9, frame("DELEGATECALL", OTHER, ME, 9)), []),
        (frame("CALL", PAYER, OTHER, 9, frame("CALLCODE", OTHER, ME, 9)), []),
        (frame("CALL", PAYER, OTHER, 9, frame("STATICCALL", OTHER, ME, 0)), []),
        (frame("CALL", ME, ME, 5), []),
        (frame("CALL", PAYER, ME, 0), []),
        ({"type": "CALL", "from": PAYER, "to": ME}, []),
        ({}, []),
    ],
)
def test_frames_that_succeeded_and_moved_value_count(trace: dict[str, Any], moved: list[int]) -> None:
    """A failed frame takes its subtree with it; borrowed code moves nothing; neither does paying oneself."""
    assert [amount for _, to, amount in bodies._frames(trace) if to == ME] == moved


@pytest.mark.parametrize(
    ("entry", "moved"),
    [
        ({"type": "call", "action": {"callType": "call", "from": PAYER, "to": ME, "value": "0x5"}}, (PAYER, ME, 5)),
        (
            {"type": "call", "action": {"callType": "delegatecall", "from": PAYER, "to": ME, "value": "0x5"}},
            ("", "", 0),
        ),
        (
            {"type": "create", "action": {"from": PAYER, "value": "0x5"}, "result": {"address": ME}},
            (PAYER, ME, 5),
        ),
        ({"type": "create", "action": {"from": PAYER, "value": "0x5"}, "result": None}, ("", "", 0)),
        ({"type": "suicide", "action": {"address": PAYER, "refundAddress": ME, "balance": "0x5"}}, (PAYER, ME, 5)),
        ({"type": "reward", "action": {"author": ME, "value": "0x5"}}, ("", "", 0)),
    ],
)
def test_flat_traces_are_read(entry: dict[str, Any], moved: tuple[str, str, int]) -> None:
    """Parity's form: calls, creations and self-destructions move value."""
    assert bodies._moved(entry) == moved


def test_a_forged_or_malformed_log_is_dropped() -> None:
    """A node's filter is not relied on: another contract, receiver, event or block explains nothing."""
    log: dict[str, Any] = {
        "address": OTHER,
        "topics": [TRANSFER, topic(PAYER), topic(ME)],
        "data": f"0x{5:064x}",
        "blockNumber": "0x7",
        "blockHash": "0x" + "ab" * 32,
        "transactionHash": "0x" + "cd" * 32,
        "logIndex": "0x0",
        "removed": False,
    }
    wrong: list[dict[str, Any]] = [
        {"address": PAYER},
        {"removed": True},
        {"data": "0x"},
        {"data": f"0x{0:064x}"},
        {"blockNumber": "0x9"},
        {"blockNumber": "0x6"},  # before the first block that matters to this address
        {"topics": [TRANSFER, topic(PAYER)]},
        {"topics": [TRANSFER, topic(PAYER), topic(OTHER)]},
        {"topics": [TRANSFER, topic(ME), topic(ME)]},
        {"topics": [topic(ME), topic(PAYER), topic(ME)]},
        {"topics": [*log["topics"], topic(ME)]},  # an NFT: its number is no amount
    ]
    found = list(logs._incoming([log, *(log | each for each in wrong)], OTHER, {ME: 7}, 5, 8))
    assert [(to, each.sender, each.amount, each.block_number) for to, each in found] == [(ME, PAYER, 5, 7)]
