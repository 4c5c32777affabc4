"""A payment in groups: a field's name alone says which group it is of, in changes and in documents."""

import json
from dataclasses import fields, is_dataclass

import pytest

from ctrip.domain.payments.payment import Payment, Status
from ctrip.store.engine.codec import decode, encode
from tests.build import payment

GROUPS = {"due", "links", "times", "order", "seen", "review", "own"}


def test_no_two_groups_have_a_field_of_the_same_name():
    made = payment()
    names = [field.name for field in fields(Payment) if field.name not in GROUPS]
    for group in GROUPS:
        assert is_dataclass(getattr(made, group))
        names += [field.name for field in fields(getattr(made, group))]
    assert len(names) == len(set(names))


def test_a_change_goes_to_the_group_of_its_field_and_nowhere_else():
    before = payment()
    after = before.changed(amount_received=7, pending="anvil#0xaa#1", status=Status.DETECTED, order_id="A-1")
    assert (after.seen.amount_received, after.own.pending, after.order.order_id) == (7, "anvil#0xaa#1", "A-1")
    assert after.status is Status.DETECTED
    assert (after.due, after.links, after.times, after.review) == (
        before.due,
        before.links,
        before.times,
        before.review,
    )
    assert before.seen.amount_received == 0


def test_a_field_that_no_payment_has_is_refused():
    with pytest.raises(KeyError):
        payment().changed(amount_recieved=7)


def test_a_document_has_no_groups_and_reads_back_as_it_was():
    made = payment(amount_received=7, pending="anvil#0xaa#1", webhook_url="https://shop.example/hooks", paid_at=3)
    held = json.loads(encode(made))
    assert not GROUPS & set(held)
    assert (held["amount_received"], held["pending"], held["chain"], held["paid_at"]) == (
        "7",
        "anvil#0xaa#1",
        "anvil",
        3,
    )
    assert decode(Payment, json.dumps(held)) == made


def test_what_stands_beside_a_document_goes_to_its_group_too():
    made = payment(amount_received=7, pending="anvil#0xaa#1")
    left_out = frozenset({"id", "amount_received", "pending"})
    text = encode(made, without=left_out)
    assert not left_out & set(json.loads(text))
    assert decode(Payment, text, id=made.id, amount_received=7, pending="anvil#0xaa#1") == made
