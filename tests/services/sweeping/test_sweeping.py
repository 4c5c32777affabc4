"""Sweeps that are refused, dear, held, reverting or worthless: each is its own trouble, and none is for ever."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ctrip.chains.evm.gas import MOST_ATTEMPTS, price, raised
from ctrip.chains.evm.terms import nonce_of, terms_of
from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.assets import FeeFloor
from ctrip.domain.chains.evm.transaction import Fees
from ctrip.domain.errors import BroadcastRejected, Busy, Refused, SigningRefused, Stale, Unavailable
from ctrip.domain.payments.payment import Flag, Status, Tier
from ctrip.domain.sweeping.sweep import Kind, Refusal, TransactionState, set_back
from tests.fakes import chain as fake_chain
from tests.fakes.chain import FakeChain
from tests.fakes.store import FakePayments
from tests.support.ledger import entries_of
from tests.support.objects import attempt as some_attempt
from tests.support.objects import transaction as some_transaction
from tests.world import NETWORK, STATION, T0, TREASURY, USDC, World

COIN = 10**18
GWEI = 10**9


def paid(world, amount=COIN, **wanted):
    """Have a payment that is paid, and not swept."""
    payment = world.create(amount, **wanted)
    world.chain.deposit(payment.due.address, amount, payment.due.token_address)
    world.step(4)
    world.jobs.sweeps.clear()
    assert world.payment(payment.id).status is Status.PAID
    return payment


def paid_token(world, amount=5_000):
    return paid(world, amount, asset="USDC")


def on(world, **changes):
    """Change the network of every worker."""
    network = replace(NETWORK, **changes)
    world.sweeper = replace(world.sweeper, network=network)
    follower = replace(world.scanner.follower, network=network)
    world.scanner = replace(world.scanner, follower=follower)
    world.run = world.new_run()
    return network


def hold(world, payment):
    state = world.stores.payments._state
    held = replace(state.payments[payment.id], flags=frozenset({Flag.HELD}), version=state.payments[payment.id].version)
    state.payments[payment.id] = held
    world.run = world.new_run()


def release(world, payment):
    state = world.stores.payments._state
    state.payments[payment.id] = replace(state.payments[payment.id], flags=frozenset())
    world.run = world.new_run()


def ours(world, payment):
    return world.stores.money.transactions_of("anvil", payment.due.address)


def station(world):
    return world.stores.money.transactions_of("anvil", STATION)


def no_block_takes(world, rounds):
    """Let blocks go by that take nothing of ours."""
    for _ in range(rounds):
        stuck, world.chain.pool = world.chain.pool, []
        world.step()
        world.chain.pool = stuck
        world.sweep()


# -- refused is not slow


@pytest.mark.parametrize("names", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("token", [False, True], ids=["coin", "token"])
def test_a_price_that_all_nodes_refuse_is_raised_in_a_handful_of_broadcasts(token, names):
    """A base fee of 0, a suggestion of 0.1 gwei, a minimum of 1 gwei: at once to a named minimum, else step by step."""
    world = World()
    world.chain.base_fee, world.chain.suggested_tip, world.chain.minimum_tip = 0, GWEI // 10, GWEI
    world.chain.names_minimum = names
    payment = paid_token(world) if token else paid(world)
    sent = []
    real = FakeChain.broadcast
    FakeChain.broadcast = lambda self, raw: sent.append(raw) or real(self, raw)
    try:
        world.settle(20 if names else 80)
    finally:
        FakeChain.broadcast = real
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.chain.total(payment.due.token_address, [payment.due.address]) == 0
    assert len(set(sent)) <= (4 if names else 60)
    assert len(sent) <= (10 if names else 160)
    assert world.log.alarms() == []


def test_a_refused_price_gets_one_new_attempt_a_block():
    """Not at once, and not after ten blocks: with the next one."""
    world = World()
    payment = paid(world)
    world.chain.minimum_tip, world.chain.names_minimum = 10**6, False
    for _ in range(4):
        for _ in range(3):
            world.sweeper.sweep("native")
        world.step()
    (transaction,) = ours(world, payment)
    assert [each.head for each in transaction.attempts] == sorted({each.head for each in transaction.attempts})
    assert len(transaction.attempts) == 4
    pairs = pairwise(map(terms_of, transaction.attempts))
    assert all(later.max_fee * 8 >= one.max_fee * 9 for one, later in pairs)


def test_a_minimum_above_the_cap_is_not_followed_and_waits_for_better_days():
    """Words of nodes never lift the cap: nothing more is signed, one alarm; what falls again is swept."""
    world = World()
    on(world, fee_cap=21_000 * 10**6)
    payment = paid(world)
    world.chain.minimum_tip = 10**9
    world.settle(30)
    (transaction,) = ours(world, payment)
    assert len(transaction.attempts) == 1
    assert world.log.alarms() == ["fee_cap_reached"]
    world.chain.minimum_tip = 10**5
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


def test_what_exceeds_the_nodes_own_cap_is_never_raised():
    """A higher price makes it worse: it is said what to do, and the same bytes are offered again."""
    world = World()
    payment = paid(world)
    real = FakeChain.broadcast

    def refuse(self, raw):
        raise BroadcastRejected("tx fee (1.20 ether) exceeds the configured cap (1.00 ether) (-32000)")

    FakeChain.broadcast = refuse
    try:
        world.settle(40)
    finally:
        FakeChain.broadcast = real
    (transaction,) = ours(world, payment)
    assert len(transaction.attempts) == 1
    assert world.log.alarms() == ["fee_above_nodes_cap"]
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED


def test_no_price_is_under_the_chains_floor():
    """A suggestion of 0 is 1 wei at least; where nodes take no less than 25 gwei, nothing is offered under it."""
    assert price(Fees(0, 0), FeeFloor()).tip == 1
    assert price(Fees(100, 0), FeeFloor(25, 30)).max_fee == 137
    assert price(Fees(0, 3), FeeFloor(25, 30)).max_fee == 30
    world = World()
    world.chain.base_fee, world.chain.suggested_tip, world.chain.minimum_tip = 0, 0, 25
    on(world, fee_floor=FeeFloor(25, 25))
    payment = paid_token(world)
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED
    assert "broadcast_rejected" not in [line[1] for line in world.log.lines]


@pytest.mark.parametrize(
    ("fees", "last", "minimum", "expected"),
    [
        (Fees(0, 100), (100, 100), 1_000, (1_000, 1_000)),  # a minimum tip
        (Fees(100, 1), (113, 1), 25, (137, 25)),  # a minimum tip under the base fee: the fee was above it already
        (Fees(100, 1), (50, 1), 100, (114, 2)),  # less than the base fee: the tip has nothing to do with it
        (Fees(0, 8), (8, 8), None, (9, 9)),
        (Fees(0, 80), (8, 8), None, (90, 90)),  # an eighth above the suggestion
        (Fees(0, 8), (8, 8), 5, (9, 9)),  # at least an eighth above the last one
        (Fees(0, 8), (8, 8), 1_001, None),  # above the cap
        (Fees(0, 8), (950, 950), None, None),  # an eighth more would be
        (Fees(0, 8), (800, 800), None, (900, 900)),
        (Fees(0, 999), (800, 800), None, (1_000, 1_000)),  # as much as the cap leaves
    ],
)
def test_what_a_replacement_offers(fees, last, minimum, expected):
    """The network's own words, an eighth more, and the cap of 1,000."""
    attempt = some_attempt(gas=10, max_fee=last[0], priority_fee=last[1])
    transaction = some_transaction(attempts=(attempt,), refusal=Refusal("low", priced=True, minimum=minimum))
    found = raised(transaction, fees, FeeFloor(), 1_000, whole=False)
    assert (found and (found.max_fee, found.tip)) == expected


def test_a_transaction_stays_small_however_long_it_is_refused():
    """From 1 wei to the cap of a whole coin, in attempts that double: all of them fit into one item."""
    transaction = some_transaction(attempts=(some_attempt(),), refusal=Refusal("low", priced=True))
    while (found := raised(transaction, Fees(0, 0), FeeFloor(), 10**18 // 21_000, whole=True)) is not None:
        attempt = some_attempt(max_fee=found.max_fee, priority_fee=found.tip)
        transaction = replace(transaction, attempts=(*transaction.attempts, attempt))
    assert transaction.attempts[-1].cost > 10**18 * 8 // 9
    assert len(transaction.attempts) <= MOST_ATTEMPTS


def test_patience_is_time_and_blocks():
    """Ten blocks in two seconds are no reason to pay more, and neither is an hour without a block."""
    world = World()
    on(world, block_seconds=0.25)
    payment = paid(world)
    world.sweep()
    world.sweeper.sweep("native")
    world.chain.base_fee = 1000
    world.clock.at += 2_500
    world.chain.mine(10, seconds=0)
    world.sweeper.sweep("native")
    assert len(ours(world, payment)[0].attempts) == 1
    world.clock.at += 3_600_000
    world.sweeper.sweep("native")
    assert len(ours(world, payment)[0].attempts) == 2
    world.clock.at += 3_600_000
    world.sweeper.sweep("native")
    assert len(ours(world, payment)[0].attempts) == 2


# -- held, and the gas station


@pytest.mark.parametrize("became", ["held", "closed", "gone"])
def test_the_gas_stations_transaction_is_hurried_whatever_became_of_the_payment(became):
    """Every later one waits behind it: another buyer's token is swept."""
    world = World()
    first = paid_token(world)
    world.sweeper.sweep(USDC.id)
    state = world.stores.payments._state
    if became == "held":
        hold(world, first)
    elif became == "closed":
        state.payments[first.id] = replace(state.payments[first.id], status=Status.FAILED, tier=Tier.CLOSED)
    else:
        state.transactions = {
            key: replace(each, members=(replace(each.members[0], payment_id="gone"),))
            for key, each in state.transactions.items()
        }
    world.chain.base_fee = 1000
    second = paid_token(world)
    for _ in range(60):
        world.step()
        world.sweep()
    assert world.payment(second.id).status is Status.SETTLED
    assert len(station(world)[0].attempts) > 1
    assert ours(world, first) == []


def test_a_held_payments_sweep_is_cancelled_and_never_hurried():
    """A transaction that moves nothing uses its nonce; what it cost is in the books, and no sweep is shown."""
    world = World()
    payment = paid_token(world)
    world.sweeper.sweep(USDC.id)
    world.step()
    world.sweeper.sweep(USDC.id)
    no_block_takes(world, 1)
    (transaction,) = ours(world, payment)
    assert transaction.waiting
    hold(world, payment)
    no_block_takes(world, 3)
    (transaction,) = ours(world, payment)
    assert [each.cancels for each in transaction.attempts] == [False, True]
    assert (world.signer.signed[-1].value, world.signer.signed[-1].data) == (0, "0x")
    assert world.signer.signed[-1].to == payment.due.address
    for _ in range(6):
        world.step()
        world.sweep()
    after = world.payment(payment.id)
    assert ours(world, payment)[0].state is TransactionState.CANCELLED
    assert (after.status, after.own.sweeps, after.own.pending, after.unswept) == (Status.PAID, (), None, 5_000)
    assert world.chain.total(USDC.address, [payment.due.address]) == 5_000
    release(world, payment)
    world.settle(14)
    assert (world.payment(payment.id).status, world.log.alarms()) == (Status.SETTLED, [])
    entries = entries_of(world.stores)
    gas = sum(each.amount for each in entries if each.debit == "gas_expense")
    assert gas == sum(each.fee for each in (*ours(world, payment), *station(world)))


def test_a_sweep_that_was_mined_before_its_cancellation_counts_as_what_it_is():
    """Both were out; the chain chose the sweep."""
    world = World()
    payment = paid(world)
    world.sweeper.sweep("native")
    sweep = world.chain.pool[0]
    hold(world, payment)
    world.sweeper.sweep("native")
    assert len(ours(world, payment)[0].attempts) == 2
    world.chain.pool = [sweep]
    for _ in range(5):
        world.step()
    (transaction,) = ours(world, payment)
    assert (transaction.state, transaction.tx_hash, transaction.amount) == (
        TransactionState.FINAL,
        sweep.tx_hash,
        sweep.amount,
    )
    assert world.chain.total(None, [TREASURY]) == sweep.amount


def test_only_the_lowest_nonce_of_a_sender_is_hurried():
    """Those behind it wait for it, whatever they offer."""
    world = World()
    payments = [paid_token(world) for _ in range(3)]
    world.sweeper.sweep(USDC.id)
    assert [nonce_of(each) for each in station(world)] == [0, 1, 2]
    world.chain.base_fee = 1000
    for _ in range(12):
        world.chain.mine()
        world.clock.at += 1000
    world.sweeper.sweep(USDC.id)
    assert [len(each.attempts) for each in station(world)] == [2, 1, 1]
    world.settle(60)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}


@pytest.mark.parametrize("nonce", [0, 2], ids=["behind", "used"])
def test_a_nonce_that_the_chain_does_not_wait_for_is_neither_hurried_nor_cancelled(nonce, monkeypatch):
    """It waits for an earlier one, or it was mined and its receipt is late: more money comes too late."""
    world = World()
    payment = paid(world)
    world.settle()
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.sweeper.sweep("native")
    world.chain.base_fee = 1000
    world.chain.mine(20)
    world.clock.at += 20_000
    monkeypatch.setattr(FakeChain, "nonce_at", lambda *_: nonce)
    world.sweeper.sweep("native")
    hold(world, payment)
    world.sweeper.sweep("native")
    assert [len(each.attempts) for each in ours(world, payment)] == [1, 1]


def test_gas_that_was_given_before_gas_rose_is_topped_up():
    """The transfer has become too dear for what its address was given: the station gives more, once."""
    world = World()
    payment = paid_token(world)
    world.sweeper.sweep(USDC.id)
    world.step()
    world.chain.minimum_tip = 1_000
    world.sweeper.sweep(USDC.id)
    world.settle(30)
    assert world.payment(payment.id).status is Status.SETTLED
    assert len(station(world)) == 2
    assert len(ours(world, payment)) == 1


# -- caps


def test_gas_that_costs_more_than_the_cap_is_given_up_to_the_cap():
    """Twice the transfer is the wish, once is what is needed; where even that is more, it waits with an alarm."""
    world = World()
    payment = paid_token(world)
    cost = 60_000 * 8
    on(world, gas_funding_cap=cost - 1)
    world.sweeper.sweep(USDC.id)
    assert (world.signer.signed, world.log.alarms()) == ([], ["gas_funding_cap_reached"])
    on(world, gas_funding_cap=cost + 1)
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED
    assert station(world)[0].amount == cost + 1


def test_a_transaction_above_the_fee_cap_is_never_asked_for():
    """The sweeper knows the cap as the signer does: it waits for a lower price."""
    world = World()
    payments = [paid(world), paid_token(world)]
    on(world, fee_cap=21_000 * 8 - 1)
    world.settle(3)
    assert (world.signer.signed, set(world.log.alarms())) == ([], {"fee_cap_reached"})
    on(world, fee_cap=60_000 * 8)
    world.settle(14)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}


def test_an_empty_gas_station_signs_nothing_and_alarms():
    """A nonce for what nobody mines would hold up all that comes later."""
    world = World()
    paid_token(world)
    world.chain.burn(STATION, 10**20)
    world.chain.mine()
    world.sweeper.sweep(USDC.id)
    assert (world.signer.signed, world.log.alarms()) == ([], ["gas_station_low"])


# -- gas of a plain transfer


def test_a_coin_costs_exactly_21000_gas_unless_the_chain_or_a_contract_asks_for_more():
    """A node of Hardhat estimates 21,001, which leaves dust; a contract's code and Arbitrum's layer are estimated."""
    for code, layered, expected in ((False, False, 21_000), (True, False, 30_000), (False, True, 36_000)):
        world = World()
        payment = paid(world)
        on(world, gas_estimated=layered)
        world.chain.contracts = {TREASURY} if code else set()
        FakeChain.estimate_gas, real = lambda *_: 30_000, FakeChain.estimate_gas
        try:
            world.sweeper.sweep("native")
        finally:
            FakeChain.estimate_gas = real
        assert terms_of(ours(world, payment)[0].attempts[0]).gas == expected


# -- reverts, and everything else that goes wrong with one


def test_an_address_whose_transfer_always_reverts_fails_nobodys_job():
    """One alarm, longer and longer pauses that outlive the process, and the others are swept."""
    world = World()
    bad, good = paid_token(world), paid_token(world)
    real, asked = FakeChain.estimate_gas, []

    def estimate(self, sender, to, value, data):
        if sender == bad.due.address:
            asked.append(world.clock.at)
            raise Refused("execution reverted: blacklisted")
        return real(self, sender, to, value, data)

    FakeChain.estimate_gas = estimate
    try:
        for _ in range(400):
            world.step()
            world.sweep()
    finally:
        FakeChain.estimate_gas = real
    assert world.payment(good.id).status is Status.SETTLED
    assert world.log.alarms() == ["sweep_reverts"]
    pauses = [later - one for one, later in pairwise(asked)]
    assert len(asked) == 3
    assert pauses[1] >= 3 * pauses[0] >= 180_000
    world.clock.at += 86_400_000
    world.settle(14)
    assert world.payment(bad.id).status is Status.SETTLED


def test_a_sweep_that_was_mined_and_failed_is_tried_later_and_later(monkeypatch):
    """It is alarmed as a failed transaction each time, as a reverting address once."""
    world = World()
    payment = paid_token(world)
    real = fake_chain._apply

    def revert(tx, balances, nonces, base_fee):
        if not tx.token:
            return real(tx, balances, nonces, base_fee)
        balances[tx.sender, None] -= tx.gas * tx.price
        nonces[tx.sender] = tx.nonce + 1
        return False

    monkeypatch.setattr(fake_chain, "_apply", revert)
    for _ in range(200):
        world.step()
        world.sweep()
    assert world.log.alarms().count("sweep_reverts") == 1
    assert 1 <= len([each for each in ours(world, payment) if each.state is TransactionState.FAILED]) <= 3


def test_pauses_grow_up_to_a_day_and_old_ones_are_forgotten():
    """Four times as long after each failure."""
    found, now = None, T0
    pauses = []
    for _ in range(8):
        found = set_back(found, "x" * 900, now)
        pauses.append(found.until - now)
        now = found.until
    assert pauses[:4] == [60_000, 240_000, 960_000, 3_840_000]
    assert (pauses[-1], len(found.reason)) == (86_400_000, 200)
    assert set_back(found, "x", found.until + 86_400_001).failures == 1


BUG = TypeError("a bug")
STEPS = {
    "balance": (FakeChain, "balances", lambda given, bad: bad in {each.address for each in given[1]}),
    "fees": (FakeChain, "fees", lambda given, bad: True),
    "estimate": (FakeChain, "estimate_gas", lambda given, bad: bad in given[:2]),
    "nonce": (FakeChain, "nonce_at", lambda given, bad: bad in given),
    "code": (FakeChain, "has_code", lambda given, bad: True),
    "layer": (FakeChain, "layer_fee", lambda given, bad: True),
    "reserve": (FakePayments, "reserve", lambda given, bad: given[0].due.address == bad),
}


@pytest.mark.parametrize(
    "exc", [BUG, Unavailable("no node"), Busy(), SigningRefused("no"), Stale("moved"), Refused("?")]
)
@pytest.mark.parametrize("step", [*STEPS, "sign", "broadcast", "last_transaction", "decode", "hurry"])
@pytest.mark.parametrize("token", [False, True], ids=["coin", "token"])
def test_whatever_is_thrown_at_one_payment_another_is_swept(token, step, exc, monkeypatch):
    """At every step, an arbitrary exception; only what a retry may mend fails the job, at its end."""
    world = World()
    bad, good = (paid_token(world, 6_000), paid_token(world)) if token else (paid(world, 2 * COIN), paid(world))
    thrown = []
    if step == "decode":
        state = world.stores.payments._state
        state.payments[bad.id] = state.payments[bad.id].changed(derivation_path=None, address="nonsense")
    if step == "hurry":
        world.sweeper.sweep(good.due.asset_key)
        world.clock.at += 60_000
        world.chain.mine(5)
        monkeypatch.setattr(type(world.stores.money), "unfinished", _unfinished_that_breaks(world))
    for _ in range(18):
        world.step()
        world.jobs.sweeps.clear()
        with monkeypatch.context() as patch:
            _break(patch, world, step, bad, exc, thrown)
            try:
                world.sweeper.sweep(good.due.asset_key)
            except (Unavailable, Busy):
                assert isinstance(exc, Unavailable | Busy)
    assert world.payment(good.id).status is Status.SETTLED
    assert thrown or step in ("decode", "hurry", "estimate", "code")


def _unfinished_that_breaks(world):
    real = type(world.stores.money).unfinished

    def unfinished(self, chain):
        broken = some_transaction(sender="0x" + "99" * 20, attempts=(), asset=USDC.id)
        return [broken, replace(broken, sender="0x" + "98" * 20, asset="native", kind=Kind.FUND), *real(self, chain)]

    return unfinished


def _break(monkeypatch, world, step, bad, exc, thrown):
    def failing(real, hits):
        def fail(self, *given, **named):
            # Where no payment can be told apart, the first calls fail; the station's nonces are everybody's, too.
            if hits(given, bad.due.address) and (step not in ("fees", "code", "layer", "broadcast") or len(thrown) < 2):
                thrown.append(step)
                raise exc
            return real(self, *given, **named)

        return fail

    if step in STEPS:
        owner, name, hits = STEPS[step]
    elif step == "sign":
        owner, name, hits = type(world.signer), "sign", lambda given, bad: bad in (given[2], given[3].to)
    elif step == "broadcast":
        owner, name = FakeChain, "broadcast"
        hits = lambda given, bad: bad.lower() in bytes.fromhex(given[0][2:]).decode()  # noqa: E731
    elif step == "last_transaction":
        owner, name, hits = type(world.stores.money), "last_transaction", lambda given, bad: given[1] == bad
    else:
        return
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), hits))


def test_a_setback_that_cannot_be_read_or_stored_stops_nobody():
    """It is only tried again too soon."""
    world = World()
    bad, good = paid(world, 2 * COIN), paid(world)
    sign = world.signer.sign

    def refuse(chain, path, sender, transaction, **named) -> Signed:
        if sender == bad.due.address:
            raise SigningRefused("no")
        return sign(chain, path, sender, transaction, **named)

    def broken(*_):
        raise ValueError("garbage")

    world.signer.sign = refuse
    world.stores.money.setbacks = world.stores.money.set_back = broken
    world.settle(6)
    assert world.payment(good.id).status is Status.SETTLED
    world.stores.money.setbacks = lambda chain: (_ for _ in ()).throw(Busy())
    with pytest.raises(Busy):
        world.sweeper.sweep("native")


# -- what is read where


def test_balances_and_nonces_are_read_at_the_head_and_unknown_is_not_zero():
    """A balancer's other half tells an older balance and nonce: what is asked names the block."""
    world = World()
    payment = paid_token(world)
    for name in ("balance", "nonce"):
        setattr(FakeChain, f"_{name}", getattr(FakeChain, name))
        setattr(FakeChain, name, lambda *_: 0)
    try:
        world.chain.unknown.add(payment.due.address)
        world.sweeper.sweep(USDC.id)
        assert world.signer.signed == []
        world.chain.unknown.clear()
        world.settle(14)
    finally:
        for name in ("balance", "nonce"):
            setattr(FakeChain, name, getattr(FakeChain, f"_{name}"))
            delattr(FakeChain, f"_{name}")
    assert world.payment(payment.id).status is Status.SETTLED


def test_a_node_that_does_not_show_our_last_transaction_is_waited_for(monkeypatch):
    """Its nonce would be used twice, and its balance is older than our books."""
    world = World()
    payment = paid(world)
    world.settle()
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    real = FakeChain.nonce_at
    monkeypatch.setattr(FakeChain, "nonce_at", lambda *_: 0)
    with pytest.raises(Unavailable):
        world.sweeper.sweep("native")
    monkeypatch.setattr(FakeChain, "nonce_at", lambda *_: None)
    with pytest.raises(Unavailable):
        world.sweeper.sweep("native")
    monkeypatch.setattr(FakeChain, "nonce_at", real)
    world.settle()
    assert [nonce_of(each) for each in ours(world, payment)] == [0, 1]


# -- what is worth it


def valued(world, **changes):
    """Give the token a floor or a value."""
    return on(world, tokens=(replace(USDC, **changes),))


def test_dust_on_a_settled_payment_is_parked_and_not_swept():
    """A stranger's base unit costs him gas, and us nothing: no transaction, no move; real money brings it back."""
    world = World()
    valued(world, sweep_floor=100)
    payment = paid_token(world)
    world.settle(14)
    before = len(world.signer.signed)
    world.chain.deposit(payment.due.address, 99, USDC.address)
    world.settle(20)
    after = world.payment(payment.id)
    assert (after.status, after.tier, len(world.signer.signed)) == (Status.SETTLED, Tier.PARKED, before)
    world.chain.deposit(payment.due.address, 1, USDC.address)
    world.settle(20)
    after = world.payment(payment.id)
    assert (after.tier, world.chain.total(USDC.address, [payment.due.address])) == (Tier.MONITORED, 0)


def test_dust_that_comes_during_the_sweep_does_not_keep_a_payment_from_settling():
    """A floor holds for what is left, too."""
    world = World()
    valued(world, sweep_floor=100)
    payment = paid_token(world)
    for _ in range(12):
        world.chain.deposit(payment.due.address, 3, USDC.address)
        world.step()
        world.sweep()
    assert world.payment(payment.id).times.settled_at is not None
    assert len(ours(world, payment)) == 1


def test_a_first_sweep_has_no_floor():
    """What was due and paid is moved, however small."""
    world = World()
    valued(world, sweep_floor=10_000)
    payment = paid_token(world)
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


def test_what_is_worth_less_than_twice_its_gas_is_parked_until_gas_is_cheaper():
    """By the least value of the token in the coin; the parked are judged again, those first that waited the longest."""
    world = World()
    valued(world, coin_value=10**6 * 10**3)
    payment = paid_token(world, 1_500)  # worth 1.5 million base units of the coin; its gas costs 648,000
    world.chain.base_fee = 20
    world.sweeper.sweep(USDC.id)
    parked = world.payment(payment.id)
    assert (parked.tier, parked.version, world.signer.signed) == (Tier.PARKED, world.payment(payment.id).version, [])
    world.clock.at += 5_000
    world.sweeper.sweep(USDC.id)
    assert world.payment(payment.id).tier is Tier.PARKED
    assert world.payment(payment.id).times.raised_at == world.clock.at
    world.chain.base_fee = 1
    world.sweeper.sweep(USDC.id)
    assert world.payment(payment.id).own.pending
    world.run = world.new_run()
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


def test_a_coin_that_does_not_pay_for_its_gas_is_parked():
    """Less than twice 21,000 gas."""
    world = World()
    small, enough = paid(world, 2 * 21_000 * 8 - 1), paid(world, 2 * 21_000 * 8)
    world.sweeper.sweep("native")
    assert (world.payment(small.id).tier, ours(world, small)) == (Tier.PARKED, [])
    assert ours(world, enough)


def test_a_slice_of_the_parked_is_judged_in_each_job():
    """However many there are: twenty, the longest ago first."""
    world = World()
    state = world.stores.payments._state
    payments = [world.create(COIN) for _ in range(50)]
    for place, payment in enumerate(payments):
        state.payments[payment.id] = state.payments[payment.id].changed(tier=Tier.PARKED, raised_at=place + 1)
    world.sweeper.sweep("native")
    raised_now = [each for each in payments if world.payment(each.id).times.raised_at == world.clock.at]
    assert raised_now == payments[:20]


def test_a_job_ends_in_time_and_the_next_one_goes_on(monkeypatch):
    """Nodes that take 15 seconds an answer: what is left is not lost, and the job does not die of it."""
    world = World()
    payments = [paid(world, COIN + place) for place in range(5)]
    real = FakeChain.nonce_at

    def slow(self, address, at):
        world.clock.at += 15_000
        return real(self, address, at)

    with monkeypatch.context() as patch:
        patch.setattr(FakeChain, "nonce_at", slow)
        assert world.sweeper.sweep("native") == 3
    world.chain.mine(1, seconds=45)
    world.settle(14)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}


def test_the_most_valuable_are_swept_first_and_not_all_at_once(monkeypatch):
    """A hundred in one job."""
    monkeypatch.setattr("ctrip.services.sweeping.sweep_deposits.MOST_PAYMENTS", 3)
    world = World()
    payments = [world.create((place + 1) * COIN) for place in (1, 4, 0, 3, 2)]
    for payment in payments:
        world.chain.deposit(payment.due.address, payment.due.amount)
    world.step(4)
    assert world.sweeper.sweep("native") == 3
    assert [each.value // COIN for each in world.signer.signed] == [4, 3, 2]
    world.settle(20)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
