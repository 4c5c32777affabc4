"""What the signer alone writes, on the fake and on DynamoDB: what it has taken over, and what it has signed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ctrip.domain.errors import Stale
from ctrip.domain.settlement.reservation import SettlementAddress
from tests.support.stores import Stores

SPENT = ("anvil", "native", "2026-11-28")


def test_an_amount_is_counted_once_for_each_payout_and_slot(stores: Stores) -> None:
    """Up to the day's cap, which counts an asset of a chain by itself, and begins anew each day."""
    book = stores.signer_book
    assert book.signed("stl_1", "anvil#a#0") is None
    assert book.spend(*SPENT, "stl_1", "anvil#a#0", 2**100, 2**101)
    assert book.spend(*SPENT, "stl_1", "anvil#a#0", 2**100, 2**101), "a second time: nothing is counted"
    assert book.spend(*SPENT, "stl_1", "anvil#a#1", 2**100, 2**101)
    assert not book.spend(*SPENT, "stl_2", "anvil#a#2", 1, 2**101)
    assert book.spend("anvil", "usdc", "2026-11-28", "stl_2", "anvil#a#2", 1, 1)
    assert book.spend("anvil", "native", "2026-11-29", "stl_3", "anvil#a#3", 1, 1)
    found = [book.signed(f"stl_{number}", f"anvil#a#{slot}") for number, slot in ((1, 0), (1, 1), (1, 2), (2, 2))]
    assert found == [2**100, 2**100, None, 1]


def test_signers_that_count_at_once_never_pass_the_cap(stores: Stores) -> None:
    """Each counts what nobody else has counted."""
    book = stores.signer_book
    with ThreadPoolExecutor(4) as pool:
        counted = list(pool.map(lambda slot: book.spend(*SPENT, "stl_1", f"anvil#a#{slot}", 10, 30), range(4)))
    assert sum(counted) == 3


def test_what_was_taken_over_is_kept_while_nobody_else_has_changed_it(stores: Stores) -> None:
    """A second first one, and a change of what has moved on, are refused."""
    book = stores.signer_book
    first = SettlementAddress(merchant_id="m1", chain="anvil", address="0x" + "0a" * 20, since=1, signature="s")
    assert book.vouched("m1", "anvil") is None
    book.keep_vouched(None, first)
    assert book.vouched("m1", "anvil") == first
    with pytest.raises(Stale):
        book.keep_vouched(None, replace(first, address="0x" + "0b" * 20))
    second = replace(first, next_address="0x" + "0b" * 20, next_from=9, version=first.version + 1)
    book.keep_vouched(first, second)
    with pytest.raises(Stale):
        book.keep_vouched(first, replace(second, next_from=3))
    assert book.vouched("m1", "anvil") == second
