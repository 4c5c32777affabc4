"""Payment links and invoices as they are stored, beside the payments that are made for them."""

from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.errors import AlreadyExists, InvalidField, Stale
from ctrip.domain.invoices.invoice import Invoice, LineItem
from ctrip.domain.links.link import Link, LinkTerms
from ctrip.domain.prices.price import Price
from ctrip.ports.idempotency import Idempotency
from tests.support.objects import IDS, NOW, creation, payment
from tests.support.stores import Stores

ME = "mer_1"
TERMS = LinkTerms(title="A coffee", price=Price("EUR", 2**60), metadata=(("a", "b"),), assets=("USDC",), active=False)
LINES = (LineItem(description="D", quantity=3, unit_price=2**55), LineItem(description="E", quantity=1, unit_price=0))


def link(at: int = NOW, **given: Any) -> Link:
    made = Link(id=IDS.uuid(), merchant_id=ME, terms=TERMS, created_at=at, updated_at=at)
    return replace(made, **given)


def invoice(at: int = NOW, **given: Any) -> Invoice:
    own = IDS.uuid()
    fields = {"id": own, "merchant_id": ME, "number": own, "currency": "USD", "items": LINES}
    return Invoice(**(fields | {"created_at": at, "updated_at": at} | given))


MAKERS = {"links": link, "invoices": invoice}
BOTH = pytest.mark.parametrize("name", sorted(MAKERS))


@BOTH
def test_what_is_kept_is_read_as_it_was(stores: Stores, name: str) -> None:
    store, made = getattr(stores, name), MAKERS[name]()
    store.keep(None, made)
    assert store.get(made.id) == made
    assert store.get("nobody") is None
    changed = replace(made, updated_at=NOW + 1, version=2)
    store.keep(made, changed)
    assert store.get(made.id) == changed


@BOTH
def test_of_two_changes_side_by_side_one_is_stale_and_an_id_is_given_once(stores: Stores, name: str) -> None:
    store, made = getattr(stores, name), MAKERS[name]()
    store.keep(None, made)
    store.keep(made, replace(made, updated_at=NOW + 1, version=2))
    with pytest.raises(Stale):
        store.keep(made, replace(made, updated_at=NOW + 2, version=2))
    again = replace(made, number="another") if name == "invoices" else replace(made, updated_at=NOW + 3)
    with pytest.raises(AlreadyExists):
        store.keep(None, again)
    assert store.get(made.id).updated_at == NOW + 1


@BOTH
def test_an_idempotency_key_holds_the_answer_and_is_good_once(stores: Stores, name: str) -> None:
    store, key = getattr(stores, name), Idempotency(ME, f"POST {name}", "k", "hash")
    store.keep(None, MAKERS[name](), key, '{"id":1}')
    held = store.remembered(ME, f"POST {name}", "k")
    assert (held.body_hash, held.answer) == ("hash", '{"id":1}')
    other = MAKERS[name]()
    with pytest.raises(AlreadyExists) as refused:
        store.keep(None, other, key, "{}")
    assert (refused.value.key, store.get(other.id)) == ("idempotency", None)


@BOTH
def test_a_list_is_a_merchants_own_newest_first_and_ends(stores: Stores, name: str) -> None:
    store = getattr(stores, name)
    made = [MAKERS[name](NOW + number) for number in range(5)]
    for each in made:
        store.keep(None, each)
    store.keep(None, MAKERS[name](merchant_id="mer_2"))
    seen, cursor = [], None
    while True:
        page, cursor = store.page(ME, cursor, 2)
        seen += page
        if cursor is None:
            break
    assert seen == made[::-1]
    assert store.page(ME, None, 5) == (made[::-1], None)
    assert store.page("nobody", None, 5) == ([], None)
    with pytest.raises(InvalidField):
        store.page(ME, "nonsense", 2)


def test_a_number_is_taken_once_by_a_merchant(stores: Stores) -> None:
    first = invoice(number="7")
    stores.invoices.keep(None, first)
    second = invoice(number="7")
    with pytest.raises(AlreadyExists) as refused:
        stores.invoices.keep(None, second)
    assert (refused.value.key, stores.invoices.get(second.id)) == ("number", None)
    stores.invoices.keep(None, invoice(number="7", merchant_id="mer_2"))


@BOTH
def test_a_payment_and_what_it_is_made_for_are_stored_together_or_not_at_all(stores: Stores, name: str) -> None:
    store, made = getattr(stores, name), MAKERS[name]()
    store.keep(None, made)
    paid, late = payment(link_id="l", invoice_id="i"), payment()
    field = "holding" if name == "links" else "attempts"
    after = replace(made, version=2, **{field: (paid.id,)})
    stores.payments.commit(creation(paid, beside=(made, after)))
    assert (store.get(made.id), stores.payments.get(paid.id).order) == (after, paid.order)
    with pytest.raises(Stale):
        stores.payments.commit(creation(late, beside=(made, replace(made, version=2))))
    assert (store.get(made.id), stores.payments.get(late.id)) == (after, None)
