"""What reconciliation remembers: one look follows another, with what it posts, all or nothing."""

from dataclasses import replace

import pytest

from ctrip.domain.audit import Origin, record
from ctrip.domain.errors import Stale
from ctrip.domain.ledger.entries import OPERATOR, TREASURY
from ctrip.domain.ledger.reconcile import Difference, Reconciliation
from ctrip.domain.money import MAX_AMOUNT
from tests.support.objects import NOW, entry
from tests.support.stores import Stores

FIRST = Reconciliation(chain="anvil")
DIFFERENCE = Difference(
    account=TREASURY,
    asset="native",
    payment_id="",
    booked=-MAX_AMOUNT,
    seen=MAX_AMOUNT,
    since=NOW,
    block=7,
    alarmed_at=NOW + 1,
    because=("anvil#0x1#0",),
)
LOOK = replace(
    FIRST,
    version=1,
    looked_at=NOW,
    block=7,
    position="closed:x",
    compared=3,
    unknown=1,
    opened=((TREASURY, "native"),),
    differences=(DIFFERENCE,),
)


def test_a_look_comes_back_as_it_was_kept(stores: Stores) -> None:
    """Of each chain by itself; an empty one where there was none."""
    stores.reconciliations.keep(FIRST, LOOK)
    second = replace(FIRST, chain="other")
    assert stores.reconciliations.reconciliations(["anvil", "other"]) == {"anvil": LOOK, "other": second}


def test_of_two_looks_that_start_from_the_same_one_is_kept(stores: Stores) -> None:
    """The other posts nothing either; so does one that comes after a person's decision."""
    stores.reconciliations.keep(FIRST, LOOK)
    opening = entry(1, owner=OPERATOR, debit=TREASURY, credit="capital")
    for before in (FIRST, replace(LOOK, version=2)):
        with pytest.raises(Stale):
            stores.reconciliations.keep(before, replace(LOOK, version=before.version + 1), [opening])
    assert list(stores.ledger.entries(OPERATOR)) == []
    assert stores.reconciliations.reconciliations(["anvil"])["anvil"] == LOOK


def test_what_a_look_posts_and_who_decided_it_are_kept_with_it(stores: Stores) -> None:
    opening = entry(1, owner=OPERATOR, debit=TREASURY, credit="capital")
    decided = record(
        "reconciliation:anvil",
        1,
        "",
        action="reconciliation.posted",
        origin=Origin("operator:me"),
        at=NOW,
        before={},
        after={"amount": "1"},
    )
    stores.reconciliations.keep(FIRST, LOOK, [opening], decided)
    assert list(stores.ledger.entries(OPERATOR)) == [opening]
    assert stores.access.audit("reconciliation:anvil", 0, 10) == [decided]


def test_the_operators_addresses_are_kept_by_chain_kind(stores: Stores) -> None:
    assert stores.reconciliations.operators_addresses("evm") == ()
    stores.reconciliations.note_operators_addresses("evm", ["0xA", "0xB"])
    assert stores.reconciliations.operators_addresses("evm") == ("0xA", "0xB")
    assert stores.reconciliations.operators_addresses("tron") == ()
