"""A payer who chooses what to pay with: nothing is used before, nothing is lost after, and no amount is mixed up."""

from dataclasses import replace

import pytest

from ctrip.domain.chains.chain import OwnTransfer
from ctrip.domain.detection.step import quiet
from ctrip.domain.errors import BadRequest, Busy, Conflict, InvalidField, NotFound, RateUnavailable, Stale, TooMany
from ctrip.domain.payments.payment import Flag, Hold, Status, Tier
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.payments.lapse_unchosen import AT_A_TIME
from tests.fakes.chain import FakeChain
from tests.world import NETWORK, ORIGIN, SETTINGS, USDC, World

DAI = replace(USDC, symbol="DAI", id="0d8ba0a0-6b3b-5a0e-8f0a-000000000002", address="0x" + "d4" * 20, decimals=18)
TWO_TOKENS = replace(NETWORK, tokens=(USDC, DAI))
BSC = replace(NETWORK, name="bsc", chain_id=56, title="BNB Smart Chain", tokens=(replace(USDC, chain="bsc"),))


class Shop(World):
    """A world with two tokens."""

    network = TWO_TOKENS


@pytest.fixture
def world():
    world = Shop()
    for source in world.rate_sources:
        source.values |= {"DAI": "1", "USDC": "1"}
    return world


def ask(world, **wanted):
    wanted = {"price": ("USD", "25.00")} | wanted if "amount_decimal" not in wanted else wanted
    made = world.creator.create(world.merchant, CreatePayment(**wanted), "http://x", ORIGIN)
    return world.payment(made.view["id"])


def choose(world, payment, symbol="USDC", chain="anvil"):
    return world.stage.payments.chooser.choose(payment.id, chain, symbol, ORIGIN)


def names(world, payment):
    events = world.stores.payments.events_of(payment.id)
    return [world.stores.events.event(payment.merchant_id, ulid).type for ulid in events]


def used(world):
    return world.stores.access.indexes("m1", "evm")


# -- before the choice


def test_a_payment_that_waits_for_a_choice_uses_nothing(world):
    """No address, no index, no watch, no place among the open payments; what is not known is null, never zero."""
    before = used(world)
    payment = ask(world)
    shown = world.stage.payments.reader.one("m1", payment.id)
    assert {shown[name] for name in ("chain", "token_id", "address", "amount", "amount_str", "payment_uri")} == {None}
    assert (shown["status"], shown["price"], shown["payer_chooses"]) == (
        "pending",
        {"currency": "USD", "amount": "25.00"},
        True,
    )
    assert (used(world), world.stores.payments.rows("anvil", Tier.OPEN), payment.tier) == (before, [], Tier.CLOSED)
    assert payment.target > 2**256


def test_the_offers_are_what_the_merchant_accepts_each_with_its_amount(world):
    payment = ask(world, assets=("USDC", "anvil:ETH"))
    offers = {each.asset.symbol: each.amount for each in world.stage.payments.chooser.offers(payment)}
    assert offers == {"USDC": 25_000_000, "ETH": 10**16}
    everything = world.stage.payments.chooser.offers(ask(world))
    assert [each.asset.symbol for each in everything] == ["USDC", "DAI", "ETH"]
    with pytest.raises(InvalidField) as refused:
        choose(world, payment, "DAI")
    assert refused.value.errors[0].code == "asset_not_offered"


def test_an_amount_of_whatever_asset_is_asked_for_in_each_ones_own_units(world):
    payment = ask(world, amount_decimal="12.5000001", assets=("USDC", "DAI"))
    offers = {each.asset.symbol: each.amount for each in world.stage.payments.chooser.offers(payment)}
    assert offers == {"USDC": 12_500_001, "DAI": 12_500_000_100_000_000_000}


@pytest.mark.parametrize(
    ("wanted", "field", "code"),
    [
        ({"price": ("USD", "5.00"), "amount": 5, "chain": "anvil"}, "price", "mutually_exclusive"),
        ({"price": ("USD", "5.00"), "amount_decimal": "5"}, "price", "mutually_exclusive"),
        ({"price": ("USD", "5.001")}, "price.amount", "too_many_decimals"),
        ({"price": ("JPY", "5.0")}, "price.amount", "too_many_decimals"),
        ({"price": ("USD", "0.00")}, "price.amount", "invalid_price"),
        ({"price": ("DEM", "5.00")}, "price.currency", "currency_retired"),
        ({"price": ("usd", "5.00")}, "price.currency", "currency_unknown"),
        ({"price": ("USD", "5.00"), "assets": ("USDC", "WIRE")}, "assets", "asset_not_found"),
        ({"price": ("USD", "5.00"), "assets": ("bsc:USDC",)}, "assets", "asset_not_found"),
        ({"price": ("USD", "5.00"), "assets": ("USDC", "USDC")}, "assets", "invalid_assets"),
        ({"price": ("USD", "5.00"), "assets": ("USDC",), "chain": "anvil"}, "assets", "mutually_exclusive"),
        ({"price": ("USD", "5.00"), "asset": "USDC"}, "chain", "missing"),
        ({"amount": 5}, "chain", "missing"),
        ({"amount_decimal": "5"}, "chain", "missing"),
        ({}, "chain", "missing"),
        ({"assets": ("USDC",)}, "price", "missing"),
        ({"assets": ("USDC", "DAI"), "amount": 5}, "amount", "needs_chain"),
        ({"assets": ("USDC", "DAI"), "amount_decimal": "0.0"}, "amount_decimal", "invalid_amount"),
        ({"chain": "anvil"}, "amount", "missing"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_names_its_field(world, wanted, field, code):
    with pytest.raises(InvalidField) as refused:
        world.creator.create(world.merchant, CreatePayment(**wanted), "http://x", ORIGIN)
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)
    assert world.stores.payments.commits == []


def test_a_price_on_a_chain_is_an_amount_at_a_locked_rate(world):
    payment = ask(world, chain="anvil", asset="DAI")
    assert (payment.due.amount, payment.choice.rate.rate, payment.choice.choosable) == (25 * 10**18, "1", False)
    for source in world.rate_sources:
        source.values["USDC"] = "2"
    assert world.payment(payment.id).due.amount == 25 * 10**18
    with pytest.raises(Conflict) as refused:
        choose(world, payment)
    assert refused.value.code == "payment_not_choosable"


# -- the choice


def test_what_was_chosen_is_watched_and_paid(world):
    """From `created` over `chosen` to `settled`; the amount is the locked one."""
    payment = ask(world)
    world.run = world.new_run()
    chosen = choose(world, payment, "ETH")
    assert (chosen.due.chain, chosen.due.amount, chosen.choice.rate.rate) == ("anvil", 10**16, "2500")
    assert world.stores.payments.by_address(chosen.due.address) == payment.id
    world.step()
    world.chain.deposit(chosen.due.address, 10**16)
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
    assert names(world, payment)[:3] == ["payment.created", "payment.chosen", "payment.detected"]


def test_the_chain_is_looked_at_for_as_long_as_the_payment_says(world):
    """Its merchant has shortened the watch since: that holds for new payments, and not for this one."""
    payment = ask(world)
    access = world.stores.access
    before = access.merchant("m1")
    short = replace(before, policy=replace(before.policy, monitoring_seconds=60))
    world.stage.payments.chooser.access.merchant = lambda _: short
    chosen = choose(world, payment)
    assert access.gates(["anvil"])["anvil"].warm_until >= chosen.window_ends


@pytest.mark.parametrize("asked", ["USDC", "ETH"])
def test_what_lay_at_the_address_before_a_late_choice_does_not_pay_for_it(world, asked):
    """A merchant's own wallet had used the address, and the payer takes a while: a scanner has looked in between."""
    twin = Shop()
    for each in twin.rate_sources:
        each.values |= {"DAI": "1", "USDC": "1"}
    choose(twin, ask(twin))
    address = choose(twin, ask(twin)).due.address
    amount, token = (25_000_000, USDC.address) if asked == "USDC" else (10**16, None)
    choose(world, ask(world))
    payment = ask(world)
    world.step()
    world.chain.deposit(address, amount, token)
    for _ in range(20):
        world.step(seconds=20)
    world.run = world.new_run()
    world.step()
    chosen = choose(world, payment, asked)
    assert chosen.due.address == address
    for _ in range(6):
        world.step(seconds=5)
    after = world.payment(payment.id)
    assert (after.own.credited, after.seen.baseline, after.review.hold) == (0, amount, Hold.NOT_FRESH)


def test_a_late_choice_is_credited_by_nodes_that_have_forgotten_the_payments_creation(world, monkeypatch):
    """What matters is what lay there when the payer chose: states of longer ago are kept by few nodes."""
    choose(world, ask(world))
    payment = ask(world)
    for _ in range(200):
        world.step()
    chosen = choose(world, payment, "ETH")
    kept, balances = world.chain.head().number - 30, FakeChain.balances
    monkeypatch.setattr(
        FakeChain,
        "balances",
        lambda chain, at, all_: chain.lacks(at) if at.number < kept else balances(chain, at, all_),
    )
    world.run = world.new_run()
    world.chain.deposit(chosen.due.address, 10**16, explained=False)
    for _ in range(6):
        world.step()
    after = world.payment(payment.id)
    assert (after.own.credited, after.review.hold) == (10**16, None)


def test_the_same_choice_again_changes_nothing(world):
    payment = choose(world, ask(world))
    assert choose(world, payment) == payment
    assert names(world, payment) == ["payment.created", "payment.chosen"]


def test_another_choice_before_money_keeps_the_address_and_asks_anew(world):
    """At the rate of then; what had been chosen before is kept, and counts as another asset."""
    first = choose(world, ask(world), "ETH")
    for source in world.rate_sources:
        source.values["ETH"] = "1250"
    second = choose(world, first, "USDC")
    world.clock.at += SETTINGS.rate_seconds * 1000 + 1
    third = choose(world, second, "ETH")
    assert {each.due.address for each in (first, second, third)} == {first.due.address}
    assert [each.due.amount for each in (first, second, third)] == [10**16, 25_000_000, 2 * 10**16]
    assert [each.symbol for each in third.choice.former] == ["ETH", "USDC"]


@pytest.mark.parametrize("scanned", [0, 1, 3])
def test_money_for_an_earlier_choice_is_never_taken_for_the_new_one(world, scanned):
    """A scanner that still holds the row of the earlier choice reads its balance: it is another asset's."""
    payment = choose(world, ask(world, assets=("USDC", "DAI", "ETH")), "ETH")
    for _ in range(scanned):
        world.step()
    chosen = choose(world, payment, "USDC")
    world.chain.deposit(chosen.due.address, 10**16)
    for _ in range(8):
        world.step(seconds=20)
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.own.credited) == (Status.PENDING, 0, 0)
    assert [(each.symbol, each.amount) for each in after.seen.strays] == [("ETH", 10**16)]
    assert Flag.WRONG_ASSET in after.flags
    with pytest.raises(Conflict) as refused:
        choose(world, payment, "ETH")
    assert refused.value.code == "choice_closed"
    world.chain.deposit(chosen.due.address, 25_000_000, USDC.address)
    world.step(6)
    assert world.payment(payment.id).own.credited == 25_000_000


def test_a_row_that_still_shows_the_earlier_choice_decides_nothing(world):
    """The index lags: the balance that was read for the row is another asset's than what is due now."""
    payment = choose(world, ask(world, assets=("USDC", "DAI", "ETH")), "ETH")
    world.step()
    stale = world.stores.payments.rows("anvil", Tier.OPEN)
    world.stores.payments.rows = lambda chain, tier, *, raised_after=0: stale if tier is Tier.OPEN else []
    choose(world, payment, "DAI")
    world.chain.deposit(payment.due.address, 10**16)
    world.run = world.new_run()
    world.step(3)
    del world.stores.payments.rows
    world.run = world.new_run()
    for _ in range(6):
        world.step(seconds=20)
    after = world.payment(payment.id)
    assert (after.due.symbol, after.status, after.seen.amount_received) == ("DAI", Status.PENDING, 0)
    assert [(each.symbol, each.amount) for each in after.seen.strays] == [("ETH", 10**16)]


def test_money_that_a_scanner_finds_while_the_payer_chooses_anew_is_not_mixed_up(world):
    """The decision was made about the payment as it was: it is stale, and is not repeated with the old balance."""
    payment = choose(world, ask(world), "ETH")
    world.step()
    world.chain.deposit(payment.due.address, 10**16)
    real = world.stores.payments.commit
    done = []

    def meanwhile(commit):
        if not done:
            done.append(True)
            choose(world, payment, "DAI")
        real(commit)

    world.stores.payments.commit = meanwhile
    world.step()
    world.stores.payments.commit = real
    for _ in range(6):
        world.step(seconds=20)
    after = world.payment(payment.id)
    assert (after.due.symbol, after.own.credited, after.seen.amount_received) == ("DAI", 0, 0)


def test_money_on_the_chain_of_an_earlier_choice_is_seen_there(world):
    """The address is the same on every chain of the kind: that chain's round finds it, and it is held for review."""
    both = {"anvil": TWO_TOKENS, "bsc": BSC}
    chooser = replace(world.stage.payments.chooser, networks=both)
    creator = replace(world.creator, networks=both)
    made = creator.create(world.merchant, CreatePayment(price=("USD", "25.00")), "http://x", ORIGIN)
    first = chooser.choose(made.view["id"], "anvil", "USDC", ORIGIN)
    world.step()
    second = chooser.choose(first.id, "bsc", "USDC", ORIGIN)
    assert (second.due.chain, second.due.address) == ("bsc", first.due.address)
    assert world.stores.payments.rows("anvil", Tier.OPEN) == []
    world.chain.deposit(first.due.address, 25_000_000, USDC.address)
    for _ in range(8):
        world.step(seconds=20)
    after = world.payment(first.id)
    assert (after.own.credited, [each.chain for each in after.seen.strays]) == (0, ["anvil"])
    assert Flag.WRONG_NETWORK in after.flags


def test_what_came_on_an_earlier_choices_chain_is_told_apart_from_what_we_moved_on_the_present_one(world):
    """A sweep there, and the gas that was given for it, change nothing of what lies here; nor does one under way."""
    both = {"anvil": TWO_TOKENS, "bsc": BSC}
    chooser = replace(world.stage.payments.chooser, networks=both)
    creator = replace(world.creator, networks=both)
    made = creator.create(world.merchant, CreatePayment(price=("USD", "25.00")), "http://x", ORIGIN)
    chooser.choose(made.view["id"], "anvil", "ETH", ORIGIN)
    second = chooser.choose(made.view["id"], "bsc", "USDC", ORIGIN)
    moves = (OwnTransfer("0x1", None, -500, 1, "0xb"), OwnTransfer("0x2", USDC.address, 700, 1, "0xb"))
    moved = quiet(second, world.clock.now(), moves=moves, pending="bsc#0x0#1")
    world.stores.payments.commit(world.stage.recorder("api").step(second, moved))
    world.chain.deposit(second.due.address, 10_000)
    world.chain.deposit(second.due.address, 300, USDC.address)
    for _ in range(8):
        world.step(seconds=20)
    strays = world.payment(second.id).seen.strays
    assert {each.symbol: each.amount for each in strays} == {"ETH": 10_000, "USDC": 300}


def test_what_is_due_is_no_mistake_where_a_row_of_the_earlier_choice_is_looked_at(world):
    """The index lags: it shows what had been chosen before, while the money for the new choice is there already."""
    payment = choose(world, ask(world), "ETH")
    world.step()
    real = world.stores.payments.rows
    old = {tier: real("anvil", tier) for tier in Tier}
    world.stores.payments.rows = lambda chain, tier, raised_after=0: old[tier]
    chosen = choose(world, payment, "USDC")
    world.chain.deposit(chosen.due.address, 25_000_000, USDC.address)
    for _ in range(8):
        world.step(seconds=5)
    assert (world.payment(payment.id).seen.strays, world.payment(payment.id).flags) == ((), frozenset())
    world.stores.payments.rows = real
    for _ in range(8):
        world.step(seconds=20)
    after = world.payment(payment.id)
    assert (after.own.credited, after.seen.strays, after.flags) == (25_000_000, (), frozenset())


def test_a_token_that_is_switched_off_is_neither_offered_nor_chosen(world):
    """Nobody prices a payment in what the operator takes no more; a payment that names it is refused at once."""
    off = {"anvil": replace(TWO_TOKENS, tokens=(USDC, replace(DAI, enabled=False)))}
    payment = ask(world)
    chooser = replace(world.stage.payments.chooser, networks=off)
    assert [each.asset.symbol for each in chooser.offers(payment)] == ["USDC", "ETH"]
    with pytest.raises(InvalidField) as refused:
        chooser.choose(payment.id, "anvil", "DAI", ORIGIN)
    assert refused.value.errors[0].code == "asset_not_offered"
    creator, wanted = replace(world.creator, networks=off), CreatePayment(price=("USD", "25.00"), assets=("DAI",))
    with pytest.raises(InvalidField) as refused:
        creator.create(world.merchant, wanted, "http://x", ORIGIN)
    assert refused.value.errors[0].code == "asset_not_found"


def test_a_payer_chooses_anew_after_the_stage_has_left_the_chain_that_was_chosen(world):
    made = ask(world)
    both = replace(world.stage.payments.chooser, networks={"anvil": TWO_TOKENS, "bsc": BSC})
    first = both.choose(made.id, "bsc", "USDC", ORIGIN)
    assert choose(world, first, "USDC").due.chain == "anvil"


def test_a_chain_that_the_payer_comes_back_to_is_watched_as_any_other(world):
    """The row of the former choice does not take what is due for a mistake."""
    both = {"anvil": TWO_TOKENS, "bsc": BSC}
    chooser = replace(world.stage.payments.chooser, networks=both)
    creator = replace(world.creator, networks=both)
    payment = creator.create(world.merchant, CreatePayment(price=("USD", "25.00")), "http://x", ORIGIN).view["id"]
    for chain in ("anvil", "bsc", "anvil"):
        chosen = chooser.choose(payment, chain, "USDC", ORIGIN)
    world.chain.deposit(chosen.due.address, 25_000_000, USDC.address)
    for _ in range(8):
        world.step(seconds=20)
    after = world.payment(payment)
    assert (after.own.credited, after.seen.strays, after.flags) == (25_000_000, (), frozenset())


def test_nothing_is_chosen_after_money_has_come_nor_after_the_deadline(world):
    paid, late = choose(world, ask(world)), ask(world)
    world.step()
    world.chain.deposit(paid.due.address, 1, USDC.address)
    world.step()
    with pytest.raises(Conflict) as refused:
        choose(world, paid, "ETH")
    assert refused.value.code == "choice_closed"
    world.clock.at = late.due.expires_at
    with pytest.raises(Conflict) as refused:
        choose(world, late)
    assert refused.value.code == "payment_expired"


def test_choices_of_one_payment_are_limited(world):
    payment = ask(world)
    for number in range(10):
        choose(world, payment, ("USDC", "DAI")[number % 2])
    with pytest.raises(TooMany) as refused:
        choose(world, payment, "ETH")
    assert refused.value.code == "too_many_choices"
    world.clock.at += 60_000
    choose(world, payment, "ETH")


@pytest.mark.parametrize("unknown", ["00000000-0000-4000-8000-00000000ffff", "x" * 4_000, "P#1", ""])
def test_a_choice_for_a_payment_that_nobody_knows_is_refused_before_anything_is_written(world, unknown):
    """Whoever makes ids up leaves nothing in the table, nor does one that is too long for a key break anything."""
    counted = []
    attempt = world.stores.limits.attempt
    world.stores.limits.attempt = lambda *what: counted.append(what) or attempt(*what)
    with pytest.raises(NotFound) as refused:
        world.stage.payments.chooser.choose(unknown, "anvil", "ETH", ORIGIN)
    assert (refused.value.code, counted) == ("payment_not_found", [])


def test_a_choice_that_has_to_be_made_again_takes_one_place(world):
    """Somebody else changes the payment meanwhile: the place that was taken for the first try is used by the next."""
    payment, taken = ask(world), []
    take, commit = world.stores.limits.take_places, world.stores.payments.commit
    world.stores.limits.take_places = lambda *what, **more: taken.append(more["count"]) or take(*what, **more)
    refusals = [Stale("moved"), Stale("moved")]

    def stale(wanted):
        if refusals:
            raise refusals.pop()
        commit(wanted)

    world.stores.payments.commit = stale
    chooser = world.stage.payments.chooser
    limiter = replace(chooser.limiter, default=replace(chooser.limiter.default, open_payments=5))
    replace(chooser, limiter=limiter).choose(payment.id, "anvil", "ETH", ORIGIN)
    assert taken == [1]


def test_without_a_rate_that_asset_alone_cannot_be_had(world):
    """The stablecoin goes on by the guard's last value."""
    payment = ask(world)
    world.stage.payments.chooser.offers(payment)
    for source in world.rate_sources:
        source.out = "timed out"
    world.clock.at += 200_000
    offers = {each.asset.symbol: each.amount for each in world.stage.payments.chooser.offers(payment)}
    assert offers == {"USDC": 25_000_000, "DAI": 25 * 10**18, "ETH": None}
    with pytest.raises(RateUnavailable):
        choose(world, payment, "ETH")
    choose(world, payment, "USDC")


def test_an_asset_that_nobody_prices_is_refused_where_it_alone_is_asked_for(world):
    for source in world.rate_sources:
        source.values.pop("ETH")
    with pytest.raises(BadRequest) as refused:
        ask(world, chain="anvil")
    assert refused.value.code == "asset_without_rate"


# -- without a choice


def test_without_a_choice_it_expires_by_the_clock(world):
    """With an event, once; the order is free again; one that was chosen for is left to the scanner."""
    payment, chosen = ask(world, order_id="o1"), choose(world, ask(world))
    lapser = world.stage.payments.lapser
    world.clock.at = payment.due.expires_at
    assert lapser.run() == 0
    world.clock.at += 1
    assert [lapser.run(), lapser.run()] == [1, 0]
    after = world.payment(payment.id)
    assert (after.status, after.tier, names(world, payment)[1:]) == (Status.EXPIRED, Tier.CLOSED, ["payment.expired"])
    assert world.payment(chosen.id).status is Status.PENDING
    assert ask(world, order_id="o1").id != payment.id


def test_without_a_choice_it_can_be_cancelled(world):
    payment = ask(world)
    assert world.stage.payments.closer.cancel("m1", payment.id, ORIGIN).view["status"] == "expired"
    with pytest.raises(Conflict):
        choose(world, payment)
    world.clock.at += 10**8
    assert world.stage.payments.lapser.run() == 0


def test_many_that_nobody_chose_for_expire_in_one_run_and_those_that_cannot_hold_nobody_up(world):
    """A page that stays where it is, of payments that are broken or contended, is passed over."""
    payments = [ask(world) for _ in range(2 * AT_A_TIME + 5)]
    real, stuck = world.stores.payments.commit, {each.id for each in payments[:AT_A_TIME]}

    def commit(wanted):
        if wanted.after.id in stuck:
            raise Busy if int(wanted.after.id[-1]) % 2 else ValueError("broken")
        real(wanted)

    world.stores.payments.commit = commit
    world.clock.at = payments[-1].due.expires_at + 1
    assert world.stage.payments.lapser.run() == AT_A_TIME + 5
    assert {each.status for each in map(world.payment, stuck)} == {Status.PENDING}
    world.stores.payments.commit = real
    assert world.stage.payments.lapser.run() == AT_A_TIME


def test_what_a_run_has_no_time_for_is_left_to_the_next(world):
    payments = [ask(world) for _ in range(AT_A_TIME + 5)]
    world.clock.at = payments[-1].due.expires_at + 1
    real = world.stores.payments.commit

    def slow(wanted):
        world.clock.at += 1_000
        real(wanted)

    world.stores.payments.commit = slow
    assert [world.stage.payments.lapser.run() for _ in range(3)] == [AT_A_TIME, 5, 0]
