"""What the scanner sees beside the due money, and whom it believes."""

from dataclasses import replace

from ctrip.domain.chains.chain import Block
from ctrip.domain.errors import WrongChain
from ctrip.domain.payments.payment import Flag, Status
from tests.support.ledger import entries_of
from tests.world import NETWORK, USDC, XPUB2, World, put_merchant


def types(world):
    return [c.event.type for c in world.stores.payments.commits if c.event]


def test_the_wrong_asset_is_recorded_and_reported_and_neither_credited_nor_swept():
    """A token at a coin payment's address: one event a change, the payment goes on as it was."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 777, USDC.address)
    world.step(4)
    after = world.payment(payment.id)
    assert (after.status, after.exception, after.seen.amount_received) == (Status.PENDING, Flag.WRONG_ASSET, 0)
    assert [(s.symbol, s.amount) for s in after.seen.strays] == [("USDC", 777)]
    world.chain.deposit(payment.due.address, 1, USDC.address)
    world.step(4)
    world.step(4)
    assert types(world) == ["payment.created", "deposit.wrong_asset", "deposit.wrong_asset"]
    posted = [(e.asset, e.debit, e.credit, e.amount) for e in entries_of(world.stores)]
    assert posted == [(USDC.id, "on_addresses", "unmatched:m1", amount) for amount in (777, 1)]
    assert world.chain.total(USDC.address, [payment.due.address]) == 778


def test_the_event_tells_which_asset_and_how_much():
    """So that a merchant can give it back."""
    import json

    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 12_500_000, USDC.address)
    world.step(4)
    event = world.stores.payments.commits[-1].event
    told = json.loads(event.body)["data"]["deposit"]
    assert (told["symbol"], told["amount_str"], told["amount_decimal"], told["chain"]) == (
        "USDC",
        "12500000",
        "12.5",
        "anvil",
    )


def test_gas_that_we_sent_is_not_a_wrong_asset():
    """The gas station's coin at a token payment's address is our own move, before the sweep and after it."""
    world = World()
    payment = world.create(5_000, asset="USDC")
    world.chain.deposit(payment.due.address, 5_000, USDC.address)
    world.settle(25)
    after = world.payment(payment.id)
    assert (after.status, after.flags, after.seen.strays) == (Status.SETTLED, frozenset(), ())
    assert world.chain.total(None, [payment.due.address]) > 0


def daily(world):
    """Make the daily round due, and let it end."""
    gate = world.stores.access.gates(["anvil"])["anvil"]
    world.clock.at = max(world.clock.at, gate.daily_at)
    for _ in range(8):
        world.run.gate_read = 0
        if not world.run.due() or not world.run.daily_at <= world.clock.at:
            break
        world.step()


def test_money_for_a_closed_payment_is_found_by_the_daily_round():
    """Deposits to historical addresses become `deposit.unmatched`."""
    world = World()
    payment = world.create(expires_in=60)
    world.step(70)
    world.step(90_000)
    assert world.payment(payment.id).tier.value == "closed"
    world.chain.deposit(payment.due.address, 1234)
    world.step(5)
    assert types(world)[-1] == "payment.expired"
    daily(world)
    assert types(world)[-1] == "deposit.unmatched"
    assert world.payment(payment.id).seen.strays[0].amount == 1234
    daily(world)
    assert types(world).count("deposit.unmatched") == 1


def test_money_on_another_chain_is_found_by_that_chains_daily_round():
    """The same address exists on every EVM chain: `deposit.wrong_network`."""
    world = World()
    payment = world.create(1000)
    state = world.stores.payments._state
    state.payments[payment.id] = payment.changed(chain="ethereum")
    world.chain.deposit(payment.due.address, 1000)
    world.step(4)
    daily(world)
    after = world.payment(payment.id)
    assert (after.exception, after.seen.strays[0].chain, types(world)[-1]) == (
        Flag.WRONG_NETWORK,
        "anvil",
        "deposit.wrong_network",
    )


def test_the_daily_round_goes_on_where_it_stopped(monkeypatch):
    """In chunks, over every merchant; another scanner takes the next chunk."""
    monkeypatch.setattr("ctrip.services.detection.find_deposits.CHUNK", 3)
    world = World()
    other = replace(world.merchant, id="m2", account=2, xpub=XPUB2)
    put_merchant(world.stores.access, other)
    payments = [world.create() for _ in range(8)]
    world.step()
    looked = []
    balances = world.chain.balances
    watched = {p.due.address for p in payments}
    monkeypatch.setattr(
        type(world.chain),
        "balances",
        lambda self, at, wanted: looked.append([h.address for h in wanted]) or balances(at, wanted),
    )
    world.stores.access.advance_round(world.stores.access.round("anvil"), next_daily_at=world.clock.at)
    for _ in range(5):
        at = world.chain.chain[-1].block
        world.scanner.strays.daily(at, world.run.fence)
    rounds = [chunk for chunk in looked if set(chunk) <= watched]
    assert [len(set(chunk)) for chunk in rounds] == [3, 3, 2]
    assert world.stores.access.gates(["anvil"])["anvil"].daily_at > world.clock.at


def test_a_token_whose_decimals_differ_is_set_aside_and_stops_nobody_else():
    """The configuration is compared with the contract: nothing is decided about that token, the coin is paid."""
    world = World()
    coin, token = world.create(), world.create(5_000, asset="USDC")
    world.chain.token_decimals = 18
    world.chain.deposit(coin.due.address, 1000)
    world.chain.deposit(token.due.address, 5_000, USDC.address)
    world.step(5)
    assert world.log.alarms() == ["wrong_decimals"]
    assert (world.payment(coin.id).status, world.payment(token.id).status) == (Status.PAID, Status.PENDING)


def test_a_token_that_tells_no_decimals_stops_nobody_and_is_asked_again():
    """A paused contract: its balances are answered all the same, and its payments go on."""
    world = World()
    coin, token = world.create(), world.create(5_000, asset="USDC")
    world.chain.token_decimals = None
    world.chain.deposit(coin.due.address, 1000)
    world.chain.deposit(token.due.address, 5_000, USDC.address)
    world.step(5)
    assert (world.payment(coin.id).status, world.payment(token.id).status) == (Status.PAID, Status.PAID)
    world.chain.token_decimals = 6
    world.step(8)
    assert world.log.alarms() == []


def test_a_node_of_another_network_stops_the_chain_with_an_alarm(monkeypatch):
    """And no other chain."""
    world = World()
    world.create()

    def refuse(self):
        raise WrongChain("chain 5")

    monkeypatch.setattr(type(world.chain), "chain_id", refuse)
    assert world.scanner.run(world.clock.at + 5_000) == 1
    assert world.log.alarms() == ["wrong_chain"]


def test_a_node_that_lags_is_waited_for_and_takes_nothing_back():
    """An older head of the same chain is not a reorganisation."""
    world = World()
    payment = world.create()
    world.step()
    world.chain.deposit(payment.due.address, 1000)
    world.step()
    newest = world.chain.chain.pop()
    for _ in range(5):
        world.run.one()
    assert world.payment(payment.id).status is Status.DETECTED
    world.chain.chain.append(newest)
    world.step(3)
    assert (world.payment(payment.id).status, types(world).count("payment.reorged")) == (Status.PAID, 0)


def test_a_chain_that_was_rolled_back_is_believed_at_the_second_look():
    """A sequencer that rolled back shows another hash below the newest head."""
    world = World()
    payment = world.create()
    world.step(3)
    world.chain.deposit(payment.due.address, 1000)
    world.step()
    world.step()
    last = world.chain.chain.pop()
    gone = world.chain.chain.pop()
    again = world.chain.chain.pop()
    block = Block(again.block.number, "0xrolled", again.block.parent, again.block.time)
    world.chain.chain.append(replace(again, block=block, txs=()))
    assert last.block.number == gone.block.number + 1
    world.run.one()
    assert world.payment(payment.id).status is Status.DETECTED
    world.run.one()
    assert (world.payment(payment.id).status, types(world)[-1]) == (Status.PENDING, "payment.reorged")


def test_an_old_head_raises_an_alarm_once():
    """Somebody must look at the node."""
    world = World()
    world.create()
    world.clock.at += 120_000
    world.run.one()
    world.run.one()
    assert world.log.alarms() == ["stale_head"]


def test_a_large_amount_waits_for_a_second_provider_that_agrees():
    """None, then another amount, then the same: only the last confirms."""
    world = World()
    world.agree_above = {"ETH": 1000}
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    small, large = world.create(999), world.create(1000)
    for payment in (small, large):
        world.chain.deposit(payment.due.address, payment.due.amount)
    world.step(5)
    assert (world.payment(small.id).status, world.payment(large.id).status) == (Status.PAID, Status.DETECTED)
    world.chain.second = lambda at, holding: 999
    world.step()
    assert (world.payment(large.id).status, world.log.alarms()) == (Status.DETECTED, ["providers_disagree"])
    world.chain.second = lambda at, holding: 1000
    world.step()
    assert world.payment(large.id).status is Status.PAID


def test_finality_by_tag_waits_for_the_tag(monkeypatch):
    """On a rollup depth alone means nothing: `safe` does."""
    safe = replace(NETWORK, finality="safe")
    monkeypatch.setattr("tests.world.NETWORK", safe)
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.step(10)
    assert world.payment(payment.id).status is Status.DETECTED
    world.chain.final_after = 6
    world.step(5)
    assert world.payment(payment.id).status is Status.DETECTED
    world.step()
    assert world.payment(payment.id).status is Status.PAID


def test_a_sweep_that_is_mined_and_long_not_final_holds_nothing(monkeypatch):
    """Its note stands beside the payment, and is taken out of the balance pass by pass, whoever scans."""
    monkeypatch.setattr("tests.world.NETWORK", replace(NETWORK, finality="finalized"))
    world = World()
    world.chain.final_after = 0
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    world.chain.final_after = 60
    world.sweep()
    version = world.payment(payment.id).version
    for number in range(55):
        if number % 20 == 0:
            world.run = world.new_run()
        world.step()
        found = world.payment(payment.id)
        assert (found.status, found.exception, found.version) == (Status.PAID, None, version)
    assert [(sweep["status"], sweep["amount"] > 0) for sweep in world.sweeps(payment.id)] == [("mined", True)]
    world.step(6)
    assert (world.payment(payment.id).status, world.log.alarms()) == (Status.SETTLED, [])
    assert [sweep["status"] for sweep in world.sweeps(payment.id)] == ["final"]


def test_more_money_on_an_address_whose_sweep_is_not_final_is_credited_and_swept_too(monkeypatch):
    """What the sweep took counts as received, and what came after it does as well, once."""
    monkeypatch.setattr("tests.world.NETWORK", replace(NETWORK, finality="finalized"))
    world = World()
    world.chain.final_after = 0
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    world.chain.final_after = 8
    world.sweep()
    world.step(2)
    assert [sweep["status"] for sweep in world.sweeps(payment.id)] == ["mined"]
    world.chain.deposit(payment.due.address, 10**17)
    world.settle(40)
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.own.credited) == (Status.SETTLED, 11 * 10**17, 11 * 10**17)
    assert [sweep.status for sweep in after.own.sweeps] == ["final", "final"]
    assert world.chain.total(None, [payment.due.address]) == 0
    assert world.log.alarms() == []
