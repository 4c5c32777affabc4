"""Ledger and chain compared through whole lives of payments, and what a person sees and records."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.errors import Conflict, NotFound, Unavailable
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.ledger.entries import CAPITAL, GAS_STATION, TREASURY
from ctrip.domain.payments.payment import Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.services.ledger import reconcile
from tests.support.ledger import entries_of
from tests.world import NETWORK, ORIGIN, STATION, USDC, World
from tests.world import TREASURY as TREASURY_ADDRESS

COIN = 10**18
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def world() -> World:
    """A world whose provisioning has noted the operator's own addresses."""
    world = World()
    world.stage.ledger.noter.run()
    return world


def look(world, times=1):
    """Reconcile, a minute and a block apart."""
    for _ in range(times):
        world.clock.at += MINUTE
        world.chain.mine()
        looked = world.stage.ledger.reconciler.run()
    return looked


def state(world):
    return world.stores.reconciliations.reconciliations(["anvil"])["anvil"]


def alarms(world):
    return [facts for _, name, facts in world.log.lines if name == "books_differ"]


def opened(world):
    """Have the books opened on a stage that has a payment."""
    payment = world.create(COIN)
    look(world, 2)
    assert {place for place, _ in state(world).opened} == {TREASURY, GAS_STATION}
    return payment


def test_a_stage_on_which_nothing_moved_asks_no_node(world: World) -> None:
    """Not before the first payment, nor while nothing is due: neither chain, nor ledger, nor signer."""
    before = world.chain.requests
    assert look(world) == []
    opened(world)
    world.clock.at += 2 * DAY
    assert look(world) == ["anvil"]
    before = world.chain.requests
    assert look(world, 60) == []
    assert world.chain.requests == before
    world.clock.at += DAY
    assert look(world) == ["anvil"]


def test_a_chain_that_waits_for_what_comes_late_is_looked_at_now_and_then(world: World) -> None:
    """Each five minutes, while its payments are expired and monitored."""
    opened(world)
    world.clock.at += 3_600_000
    assert [look(world) for _ in range(6)] == [["anvil"], [], [], [], [], ["anvil"]]


def test_what_lay_at_the_operators_places_before_is_its_capital(world: World) -> None:
    """The gas station's coin, posted once."""
    opened(world)
    look(world, 3)
    (entry,) = [each for each in entries_of(world.stores) if each.type == "capital"]
    assert (entry.debit, entry.credit, entry.amount) == (GAS_STATION, CAPITAL, 10**20)
    assert alarms(world) == []


def test_what_lay_there_before_is_shown_to_nobody_as_a_difference(world: World) -> None:
    """Between the first look and the second, which opens the books, nobody has to record anything."""
    world.create(COIN)
    look(world)
    assert [each.account for each in state(world).differences] == [GAS_STATION]
    explainer = world.stage.ledger.explainer
    assert explainer.explain(state(world)) == []
    with pytest.raises(NotFound):
        explainer.post("anvil", GAS_STATION, "native", 10**20, "mine", ORIGIN)


def test_books_and_chain_agree_through_whole_lives(world: World) -> None:
    """Coin and token, with a look after every step: nothing is ever alarmed, and in the end nothing is unexplained."""
    opened(world)
    coin, token = world.create(2 * COIN), world.create(5_000, asset="USDC")
    for payment in (coin, token):
        world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
    for _ in range(12):
        world.step()
        world.sweep()
        look(world)
        assert alarms(world) == []
    assert {world.payment(each.id).status for each in (coin, token)} == {Status.SETTLED}
    assert state(world).differences == ()
    assert imbalance(added(Counter(), entries_of(world.stores))) == {}
    assert world.chain.balance(BalanceQuery(TREASURY_ADDRESS, USDC.address)) == 5_000


@pytest.mark.parametrize("place", [STATION, TREASURY_ADDRESS])
def test_money_that_comes_or_goes_without_us_is_alarmed_and_never_posted(world: World, place: str) -> None:
    """A top-up, and what somebody drew: each with its amount."""
    opened(world)
    before = len(entries_of(world.stores))
    world.chain.deposit(place, 7)
    look(world, 2)
    (told,) = alarms(world)
    assert (told["amount"], told["asset"], told["chain"]) == ("7", "native", "anvil")
    world.chain.burn(place, 7)
    look(world, 2)
    assert state(world).differences == ()
    if place == STATION:
        world.chain.burn(place, 3)
        look(world, 2)
        assert alarms(world)[-1]["amount"] == "-3"
    assert len(entries_of(world.stores)) == before


def test_tokens_that_somebody_sends_to_the_gas_station_alarm_nobody(world: World) -> None:
    """It pays in coin, and the books know no token there; at the treasury a token is compared like the coin."""
    opened(world)
    world.chain.deposit(STATION, 7, USDC.address)
    look(world, 3)
    assert alarms(world) == []
    world.chain.deposit(TREASURY_ADDRESS, 7, USDC.address)
    look(world, 3)
    assert [(each["asset"], each["amount"]) for each in alarms(world)] == [(USDC.id, "7")]


def test_money_that_left_a_deposit_address_without_us_is_alarmed(world: World) -> None:
    """By reconciliation too, which asks the books and not the scanner."""
    opened(world)
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    world.chain.burn(payment.due.address, 5)
    look(world, 2)
    (told,) = alarms(world)
    assert (told["payment"], told["amount"]) == (payment.id, "-5")


def test_what_a_payment_has_seen_and_not_posted_is_no_difference(world: World) -> None:
    """However long it is short, or waits for somebody's decision."""
    opened(world)
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN // 2)
    world.step(4)
    assert world.payment(payment.id).own.credited == 0
    look(world, 2)
    assert state(world).differences == ()


def test_old_addresses_have_their_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice in each look, until all have been compared."""
    monkeypatch.setattr(reconcile, "SLICE", 1)
    opened(world)
    payments = [world.create(1_000 + n) for n in range(4)]
    for payment, tier in zip(payments, [Tier.PARKED, Tier.MONITORED] * 2, strict=True):
        held = world.stores.payments._state.payments
        held[payment.id] = held[payment.id].changed(tier=tier)
        world.chain.deposit(payment.due.address, 9)
    look(world, 2)
    assert len(state(world).differences) < len(payments)
    look(world, 4)
    assert {each.payment_id for each in state(world).differences} == {each.id for each in payments}


def test_a_balance_that_is_unknown_is_no_difference(world: World) -> None:
    """Nor is a node that answers nothing; what was known before stays."""
    opened(world)
    world.chain.unknown.add(TREASURY_ADDRESS)
    look(world, 2)
    assert state(world).unknown == 2
    world.chain.down = True
    assert look(world, 2) == []
    assert alarms(world) == []


def test_a_transaction_that_cannot_be_read_may_have_moved_anything(world: World) -> None:
    opened(world)
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.sweep()
    (key,) = world.stores.money._state.transactions
    held = world.stores.money._state.transactions
    held[key] = replace(held[key], state=TransactionState.UNREADABLE)
    world.chain.deposit(STATION, 7)
    look(world, 3)
    assert alarms(world) == []


def test_a_difference_and_its_end_stand_in_the_audit_chain(world: World) -> None:
    """Once each, however long it lasts; the chain is whole, and the hour's checkpoint covers it."""
    opened(world)
    world.chain.deposit(STATION, 7)
    look(world, 6)
    world.chain.burn(STATION, 7)
    look(world, 3)
    chain = world.stage.audit.reader.whole("chain", "anvil")
    told = [json.loads(each.body) for each in chain]
    place = "gas_station native"
    assert [(each["action"], each["before"], each["after"]) for each in told] == [
        ("reconciliation.differs", {place: "0"}, {place: "7"}),
        ("reconciliation.agrees", {place: "7"}, {place: "0"}),
    ]
    assert {each["actor"] for each in told} == {"reconcile"}
    world.clock.at += 2 * 3_600_000
    hour = world.stage.audit.checkpointer.run()[-1].hour
    verdict = world.stage.audit.verifier.verify("reconciliation:anvil", chain, hour)
    assert (verdict.problem, verdict.records, verdict.covered) == (None, 2, 1)
    assert world.stage.audit.verifier.verify("reconciliation:anvil", chain[:1], hour).problem
    with pytest.raises(NotFound):
        world.stage.audit.reader.whole("chain", "etherum")


def test_a_person_records_a_difference_as_capital(world: World) -> None:
    """Exactly the amount that was shown, once; who it was and why stands in the audit trail."""
    opened(world)
    world.chain.deposit(STATION, 7)
    look(world, 2)
    explainer = world.stage.ledger.explainer
    (page,) = explainer.explain(state(world))
    assert (page.amount, page.symbol, page.recordable) == ("+0.000000000000000007", "ETH", True)
    assert "tops it up" in page.means
    assert [each.type for each in page.entries] == ["capital"]
    with pytest.raises(Conflict):
        explainer.post("anvil", GAS_STATION, "native", 8, "mine", ORIGIN)
    entry = explainer.post("anvil", GAS_STATION, "native", 7, "topped up", ORIGIN)
    with pytest.raises(NotFound):
        explainer.post("anvil", GAS_STATION, "native", 7, "twice", ORIGIN)
    assert (entry.debit, entry.credit, entry.amount) == (GAS_STATION, CAPITAL, 7)
    look(world, 2)
    assert state(world).differences == ()
    found, told = world.stores.access.audit("reconciliation:anvil", 0, 10)
    assert '"action":"reconciliation.differs"' in found.body
    assert ORIGIN.actor in told.body
    assert '"reason":"topped up"' in told.body


def test_what_is_missing_at_an_address_cannot_be_recorded_as_capital(world: World) -> None:
    """That is the payment's own affair; and so is a chain that is none of the stage's."""
    opened(world)
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.chain.burn(payment.due.address, 5)
    look(world, 2)
    explainer = world.stage.ledger.explainer
    (page,) = explainer.explain(state(world))
    assert not page.recordable
    assert "leaked key" in page.means
    with pytest.raises(NotFound):
        explainer.post("anvil", "on_addresses", "native", -5, "no", ORIGIN)
    with pytest.raises(NotFound):
        explainer.looks("other")


def test_a_second_look_that_was_slower_changes_nothing(world: World) -> None:
    """Two functions at the same time: one of them is late, and no failure."""
    opened(world)
    reconciler, before = world.stage.ledger.reconciler, state(world)
    reconciler.look("anvil", before)
    assert not reconciler._looked("anvil", before)
    assert NETWORK.name in look(world)


def test_the_operators_addresses_are_asked_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By who may call the signer; reconciliation reads them, and without them compares the treasury alone."""
    assert world.stores.reconciliations.operators_addresses("evm")[0] == STATION
    calls: list[str] = []

    def asked(kind: str, _: int) -> str:
        calls.append(kind)
        raise Unavailable("there is no wallet yet")

    monkeypatch.setattr(world.signer, "operators_address", asked)
    world.stage.ledger.noter.run()
    assert calls == []
    world.stores.reconciliations._addresses.clear()
    world.stage.ledger.noter.run()
    world.create(COIN)
    look(world, 2)
    assert calls == ["evm"]
    assert {place for place, _ in state(world).opened} == {TREASURY}
