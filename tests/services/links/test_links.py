"""Payment links: terms that fit together, payments by them and nothing else, and no more than may be made."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import BadRequest, Conflict, InvalidField, NotFound, TooMany
from ctrip.domain.payments.payment import Status
from ctrip.ports.idempotency import Idempotency
from tests.world import ORIGIN, World

FIXED = {"title": "A coffee", "price": ("EUR", "4.50")}
OPEN = {"title": "A gift", "currency": "EUR", "minimum": "5.00", "maximum": "500.00"}
BASE = "http://x"


@pytest.fixture
def world():
    world = World()
    for source in world.rate_sources:
        source.values |= {"USDC": "1", "EUR": "1.1"}
    return world


def make(world, **asked):
    view = world.stage.links.manager.create("m1", asked or FIXED, BASE).view
    return world.stores.links.get(view["id"])


def change(world, link, **asked):
    return world.stage.links.manager.update("m1", link.id, asked, BASE).view


def opened(world, link, amount=None):
    return world.payment(world.stage.links.opener.open(link.id, amount, BASE, ORIGIN))


def code_of(refused):
    return refused.value.errors[0].field, refused.value.errors[0].code


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({}, "price", "missing"),
        ({"price": ("EUR", "1.00"), "currency": "EUR"}, "currency", "mutually_exclusive"),
        (
            {"price": ("EUR", "1.00"), "amount_decimal": "1", "assets": ("USDC",)},
            "amount_decimal",
            "mutually_exclusive",
        ),
        ({"price": ("EUR", "1.001")}, "price.amount", "too_many_decimals"),
        ({"price": ("EUR", "1.00"), "minimum": "1.00"}, "minimum", "needs_currency"),
        ({"price": ("EUR", "1.00"), "maximum": "1.00"}, "maximum", "needs_currency"),
        ({"currency": "DEM"}, "currency", "currency_retired"),
        ({"currency": "EURO"}, "currency", "currency_unknown"),
        ({"currency": "EUR", "minimum": "0.00"}, "minimum", "invalid_price"),
        ({"currency": "JPY", "maximum": "5.00"}, "maximum", "too_many_decimals"),
        ({"currency": "EUR", "minimum": "5.01", "maximum": "5.00"}, "maximum", "invalid_bounds"),
        ({"amount_decimal": "5"}, "assets", "missing"),
        ({"amount_decimal": "0.0", "assets": ("USDC",)}, "amount_decimal", "invalid_amount"),
        ({"price": ("EUR", "1.00"), "assets": ("WIRE",)}, "assets", "asset_not_found"),
        ({"price": ("EUR", "1.00"), "success_url": "ftp://x.example"}, "success_url", "invalid_url"),
        ({"price": ("EUR", "1.00"), "expires_at": 1}, "expires_at", "in_the_past"),
    ],
)
def test_terms_that_do_not_fit_together_are_refused_when_made_and_when_changed(world, asked, field, code):
    with pytest.raises(InvalidField) as refused:
        make(world, title="T", **asked)
    assert code_of(refused) == (field, code)
    link = make(world)
    cleared = {"price": None} if "price" not in asked else {}
    with pytest.raises(InvalidField) as refused:
        change(world, link, **cleared, **asked)
    assert code_of(refused) == (field, code)
    assert world.stores.links.get(link.id) == link


def test_a_payment_has_the_links_terms_and_names_the_link(world):
    asked = {
        "assets": ("USDC",),
        "metadata": (("cart", "7"),),
        "expires_in": 600,
        "cancel_url": "https://shop.example/",
    }
    link = make(world, **FIXED, **asked)
    payment = opened(world, link)
    shown = world.reader.one("m1", payment.id)
    assert (shown["link_id"], shown["price"], shown["assets"]) == (
        link.id,
        {"currency": "EUR", "amount": "4.50"},
        ["USDC"],
    )
    assert (shown["metadata"], shown["description"], shown["cancel_url"]) == (
        {"cart": "7"},
        "A coffee",
        "https://shop.example/",
    )
    assert payment.due.expires_at - payment.times.created_at == 600_000
    assert opened(world, link).id != payment.id


def test_an_amount_of_an_asset_is_asked_for_in_each_of_them(world):
    payment = opened(world, make(world, title="T", amount_decimal="12.50", assets=("USDC",)))
    assert [each.amount for each in world.stage.payments.chooser.offers(payment)] == [12_500_000]


@pytest.mark.parametrize(
    ("typed", "paid"),
    [
        *(("5.00", 500), ("5", 500), ("500", 50_000), ("12,50", 1250), (" 12.5 ", 1250)),
        # In Arabic digits, with and without the Arabic separator of decimals.
        *(("\u0661\u0662\u066b\u0665\u0660", 1250), ("\u0665", 500)),
    ],
)
def test_a_payer_names_an_amount_within_the_bounds_as_people_write_it(world, typed, paid):
    assert opened(world, make(world, **OPEN), typed).choice.price.amount == paid


@pytest.mark.parametrize("typed", ["4.99", "500.01", "0.01", "999999999999"])
def test_an_amount_out_of_bounds_has_its_own_code(world, typed):
    with pytest.raises(BadRequest) as refused:
        opened(world, make(world, **OPEN), typed)
    assert (refused.value.code, code_of(refused)) == ("amount_out_of_bounds", ("amount", "amount_out_of_bounds"))
    assert "at least 5.00 and at most 500.00 EUR" in refused.value.detail


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (None, "missing"),
        ("", "invalid_price"),
        ("0", "invalid_price"),
        ("-5", "invalid_price"),
        ("1e9", "invalid_price"),
        ("1.234,50", "invalid_price"),
        ("ten", "invalid_price"),
        ("10.001", "too_many_decimals"),
        ("1,000", "too_many_decimals"),
    ],
)
def test_what_is_no_amount_is_refused_and_never_taken_for_thousands(world, typed, code):
    with pytest.raises(InvalidField) as refused:
        opened(world, make(world, **OPEN), typed)
    assert code_of(refused) == ("amount", code)


def test_nobody_names_an_amount_that_is_fixed(world):
    with pytest.raises(InvalidField) as refused:
        opened(world, make(world), "0.01")
    assert code_of(refused) == ("amount", "amount_fixed")


def test_a_link_that_is_disabled_expired_or_unknown_takes_nothing_and_says_which(world):
    link = make(world, **FIXED, expires_at=world.clock.now() + 60_000)
    change(world, link, active=False)
    for call in (lambda: opened(world, link), lambda: world.stage.links.opener.show(link.id)):
        with pytest.raises(Conflict) as refused:
            call()
        assert refused.value.code == "link_disabled"
    change(world, link, active=True)
    opened(world, link)
    world.clock.at += 60_000
    with pytest.raises(Conflict) as refused:
        opened(world, link)
    assert refused.value.code == "link_expired"
    for unknown in ("nonsense", "00000000-0000-4000-8000-00000000dead"):
        with pytest.raises(NotFound) as missing:
            world.stage.links.opener.show(unknown)
        assert missing.value.code == "link_not_found"


def test_a_link_of_a_merchant_that_is_switched_off_takes_nothing(world):
    link = make(world)
    world.stores.access._merchants["m1"] = replace(world.merchant, enabled=False)
    with pytest.raises(Conflict) as refused:
        opened(world, link)
    assert refused.value.code == "link_disabled"


def test_a_link_makes_as_many_payments_as_it_may_and_those_nobody_paid_make_room(world):
    link = make(world, **FIXED, max_payments=2)
    first, second = opened(world, link), opened(world, link)
    for call in (lambda: opened(world, link), lambda: world.stage.links.opener.show(link.id)):
        with pytest.raises(Conflict) as refused:
            call()
        assert refused.value.code == "link_used_up"
    world.closer.cancel("m1", first.id, ORIGIN)
    third = opened(world, link)
    assert world.stores.links.get(link.id).holding == (second.id, third.id)
    change(world, link, max_payments=None)
    opened(world, link)


def test_a_payment_that_money_came_for_counts_whatever_became_of_it(world):
    link = make(world, **FIXED, max_payments=1)
    payment = opened(world, link)
    dead = payment.changed(status=Status.EXPIRED, amount_received=1)
    world.stores.payments._state.payments[payment.id] = dead
    with pytest.raises(Conflict) as refused:
        opened(world, link)
    assert refused.value.code == "link_used_up"


def test_two_who_open_the_last_payment_side_by_side_do_not_both_get_one(world):
    """What one has read is outdated once the other has committed: it reads again, and finds nothing left."""
    link = make(world, **FIXED, max_payments=1)
    opener, read = world.stage.links.opener, world.stores.links.get
    held = read(link.id)
    opened(world, link)
    stale, before = [held, held], len(world.stores.payments._state.payments)
    world.stores.links.get = lambda link_id: stale.pop() if stale else read(link_id)
    with pytest.raises(Conflict) as refused:
        opener.open(link.id, None, BASE, ORIGIN)
    assert refused.value.code == "link_used_up"
    assert len(world.stores.payments._state.payments) == before


def test_opening_has_a_limit_of_its_own_and_another_link_another(world):
    link, other = make(world), make(world)
    for _ in range(60):
        opened(world, link)
    with pytest.raises(TooMany) as refused:
        opened(world, link)
    assert (refused.value.code, refused.value.retry_after > 0) == ("too_many_openings", True)
    opened(world, other)
    world.clock.at += 60_000
    opened(world, link)


def test_looking_at_a_link_makes_and_counts_nothing(world):
    link = make(world, **FIXED, max_payments=1)
    for _ in range(100):
        world.stage.links.opener.show(link.id)
    assert world.stores.payments._state.payments == {}
    assert world.stores.links.get(link.id) == link


def test_what_is_left_out_of_a_change_stays_and_what_is_null_goes(world):
    link = make(world, **OPEN, description="For anything", max_payments=3)
    shown = change(world, link, title="Another", maximum=None)
    assert (shown["title"], shown["minimum"], shown["maximum"], shown["description"], shown["max_payments"]) == (
        "Another",
        "5.00",
        None,
        "For anything",
        3,
    )
    shown = change(world, link, currency=None, minimum=None, price=("USD", "3.00"))
    assert (shown["currency"], shown["price"]) == (None, {"currency": "USD", "amount": "3.00"})


def test_the_same_key_makes_one_link_and_another_merchant_sees_none(world):
    key = Idempotency("m1", "POST /api/v1/links", "k", "hash")
    manager = world.stage.links.manager
    first, again = (manager.create("m1", FIXED, BASE, key) for _ in range(2))
    assert (first.view, first.replayed, again.replayed) == (again.view, False, True)
    with pytest.raises(NotFound):
        manager.one("m2", first.view["id"], BASE)
    assert manager.page("m2", None, 20, BASE)["data"] == []


def test_links_are_listed_newest_first_page_after_page(world):
    made = []
    for _ in range(5):
        world.clock.at += 1_000
        made.append(make(world).id)
    seen, cursor = [], None
    while True:
        page = world.stage.links.manager.page("m1", cursor, 2, BASE)
        seen += [each["id"] for each in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == made[::-1]
