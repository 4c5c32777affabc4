"""A nonce that is used without a receipt of ours: unknown until every block has been read, and undone by a receipt."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import BroadcastRejected, Busy, FenceLost, Unavailable
from ctrip.domain.payments.payment import Status
from ctrip.domain.sweeping.sweep import Kind, TransactionState, could_explain
from ctrip.services.sweeping.resume_sweeps import SweepResumer
from tests.fakes.chain import FakeChain
from tests.support.ledger import entries_of
from tests.support.objects import attempt as some_attempt
from tests.support.objects import transaction as some_transaction
from tests.world import STATION, T0, TREASURY, USDC, World

COIN = 10**18


class Late(FakeChain):
    """A node whose index of receipts is behind; where it `hides_bodies`, its blocks do not list our transactions."""

    late = False
    hides_bodies = False
    keeps_bodies = True

    def receipt(self, tx_hash):
        return None if self.late else super().receipt(tx_hash)

    def known(self, tx_hash):
        return any(tx.tx_hash == tx_hash for tx in self.pool) or super().receipt(tx_hash) is not None

    def hashes(self, numbers):
        found = super().hashes(numbers)
        if self.hides_bodies:
            found = {n: frozenset() for n in found}
        return found if self.keeps_bodies else {}


def world_with(chain=None, **wanted):
    """A paid payment, just before its sweep."""
    world = World(chain=chain or Late(T0))
    payment = world.create(**{"amount": COIN} | wanted)
    world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    return world, payment


def swept(world, payment):
    return world.stores.money.transactions_of("anvil", payment.due.address)[0]


def followed(world):
    return world.scanner.follower.follow(world.chain.head(), world.chain.head().number, world.run.fence)


def assert_right(world, *payments):
    """Everything is at the treasury, once, and the ledger says the same as the chain."""
    for payment in payments:
        after = world.payment(payment.id)
        assert (after.status, after.flags, after.own.pending) == (Status.SETTLED, frozenset(), None)
        assert world.chain.total(payment.due.token_address, [payment.due.address]) == 0
    entries = entries_of(world.stores)
    for asset, token in (("native", None), (USDC.id, USDC.address)):
        total = sum(
            e.amount * ((e.debit == "treasury") - (e.credit == "treasury")) for e in entries if e.asset == asset
        )
        assert total == world.chain.total(token, [TREASURY])
    spent = sum(e.amount * ((e.credit == "gas_station") - (e.debit == "gas_station")) for e in entries)
    assert spent == 10**20 - world.chain.total(None, [STATION])


@pytest.mark.parametrize("token", [False, True], ids=["coin", "token"])
def test_a_receipt_that_is_late_makes_nothing_fail(token):
    """State, nonce and blocks are right: for five minutes nobody is told anything, and then all is as it should be."""
    wanted = {"amount": 5_000, "asset": "USDC"} if token else {}
    world, payment = world_with(**wanted)
    world.chain.late = True
    for _ in range(300):
        world.step()
        world.sweep()
        after = world.payment(payment.id)
        assert (after.status, after.flags, after.seen.amount_received) == (Status.PAID, frozenset(), payment.due.amount)
    states = {each.state for each in world.stores.money._state.transactions.values()}
    assert states == {TransactionState.SIGNED}
    assert followed(world).unsure == {payment.id}
    assert set(world.log.alarms()) == {"receipt_missing"}
    events = [c.event.type for c in world.stores.payments.commits if c.event]
    world.chain.late = False
    world.settle(14)
    assert_right(world, payment)
    assert [c.event.type for c in world.stores.payments.commits if c.event] == [*events, "payment.settled"]


def test_blocks_that_no_node_holds_prove_nothing():
    """What was not read is unknown, however long it takes."""
    world, payment = world_with()
    world.chain.late, world.chain.keeps_bodies = True, False
    for _ in range(100):
        world.step()
        world.sweep()
    assert (swept(world, payment).state, world.payment(payment.id).own.pending) == (
        TransactionState.SIGNED,
        swept(world, payment).key,
    )
    assert "slot_taken" not in world.log.alarms()


@pytest.mark.parametrize("token", [False, True], ids=["coin", "token"])
def test_what_was_concluded_from_blocks_that_lie_is_undone_by_the_receipt(token):
    """The address was freed and the alarm was given; then the receipt comes after all."""
    wanted = {"amount": 5_000, "asset": "USDC"} if token else {}
    world, payment = world_with(**wanted)
    world.sweep()
    for _ in range(1 if token else 0):  # the gas has come, the transfer is under way
        world.step()
        world.sweep()
    world.chain.late = world.chain.hides_bodies = True
    for _ in range(60):
        world.step()
        world.sweep()
    assert "slot_taken" in world.log.alarms()
    assert TransactionState.LOST in {each.state for each in world.stores.money.unfinished("anvil")}
    found = followed(world)
    assert (found.unsure, world.payment(payment.id).flags) == ({payment.id}, frozenset())
    world.chain.late = world.chain.hides_bodies = False
    world.settle(40)
    assert_right(world, payment)
    assert {each.state for each in world.stores.money._state.transactions.values()} == {TransactionState.FINAL}


def test_the_search_reads_each_block_once_and_goes_on_where_it_was_left():
    """A bounded number in each pass, whoever makes the pass; nothing is concluded before the end."""
    world, payment = world_with()
    world.sweep()
    world.chain.pool.clear()
    world.step(300)
    for mined in world.chain.chain[-3:]:
        mined.nonces[payment.due.address.lower()] = 1
    asked = []
    hashes = world.chain.hashes
    world.chain.hashes = lambda numbers: asked.append(list(numbers)) or hashes(numbers)
    first = swept(world, payment).attempts[0].head
    world.step()
    world.step(25)
    for _ in range(8):
        assert world.payment(payment.id).own.pending
        world.run = world.new_run()
        world.step()
        if swept(world, payment).state is TransactionState.LOST:
            break
    numbers = [number for each in asked for number in each]
    assert numbers == sorted(set(numbers))
    assert numbers[0] < first
    assert numbers[-1] >= 300
    assert max(map(len, asked)) <= 64
    assert swept(world, payment).state is TransactionState.LOST
    assert world.payment(payment.id).own.pending is None


def test_a_nonce_that_is_free_again_sends_the_same_bytes():
    """A reorganisation took away what had used it."""
    world, payment = world_with()
    world.sweep()
    kept = list(world.chain.pool)
    world.chain.pool.clear()
    world.chain.chain[-1].nonces[payment.due.address.lower()] = 1
    world.chain.mine(3)
    world.clock.at += 3000
    for _ in range(40):
        world.step()
    assert swept(world, payment).state is TransactionState.LOST
    for mined in world.chain.chain:
        mined.nonces.pop(payment.due.address.lower(), None)
    world.step(30)
    world.run.one()
    assert swept(world, payment).state is TransactionState.SIGNED
    assert world.payment(payment.id).own.pending == swept(world, payment).key
    assert [tx.tx_hash for tx in world.chain.pool] == [kept[0].tx_hash]
    world.settle()
    assert_right(world, payment)


def test_one_that_is_watched_for_its_monitoring_time_ends():
    """A day, looked at now and then, and by one pass of each five minutes where nothing else is due."""
    world, payment = world_with()
    world.sweep()
    world.chain.pool.clear()
    world.chain.chain[-1].nonces[payment.due.address.lower()] = 1
    for _ in range(30):
        world.step()
    assert swept(world, payment).state is TransactionState.LOST
    before = swept(world, payment).version
    for _ in range(100):
        world.step()
    assert swept(world, payment).version - before < 12
    world.clock.at += 10**9
    resumer = SweepResumer(world.stores.money, world.stores.access, world.jobs, world.clock, ["anvil"])
    assert resumer.run() == ["anvil"]
    gate = world.stores.access.gates(["anvil"])["anvil"]
    assert gate.hot_until < world.clock.at < gate.warm_until
    world.step()
    assert swept(world, payment).state is TransactionState.FAILED
    assert resumer.run() == []


def test_a_mined_sweep_past_the_head_of_a_look_stays_mined():
    """The look stands on an older block that can be read: nothing is sent again, and nothing is undone."""
    world, payment = world_with()
    world.sweep()
    world.step()
    transaction = swept(world, payment)
    assert transaction.state is TransactionState.MINED
    older = world.chain.chain[transaction.block_number - 1].block
    found = world.scanner.follower.follow(older, older.number, world.run.fence)
    assert swept(world, payment) == transaction
    assert found.moves[payment.id][0].block_number == transaction.block_number


FAULTS = {
    "internal error": Unavailable("eth_sendRawTransaction: internal error (-32603)"),
    "full pool": BroadcastRejected("txpool is at capacity"),
    "throttled": Busy(),
    "a bug": TypeError("a bug"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("step", ["nonce_at", "receipt", "known", "broadcast", "write_transaction", "get", "commit"])
def test_one_transactions_trouble_ends_no_others_following(step, fault):
    """Whatever fails while one is followed: the other is followed to its end, and another buyer's payment is seen."""
    world = World()
    broken, sound = world.create(COIN), world.create(COIN)
    for payment in (broken, sound):
        world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.sweep()
    if step in ("known", "broadcast"):
        world.chain.pool = [tx for tx in world.chain.pool if tx.sender != broken.due.address.lower()]
    stores = world.stores
    victim = {"write_transaction": stores.money, "get": stores.payments, "commit": stores.payments}.get(
        step, world.chain
    )
    ours = swept(world, broken)
    named = {broken.id, broken.due.address, ours.attempts[0].tx_hash, ours.attempts[0].raw}
    real = getattr(type(victim), step)

    def fail(self, *given):
        first = given[0]
        names = {first if isinstance(first, str) else getattr(first, "sender", None)}
        names |= {getattr(getattr(first, "after", None), "id", None)}
        if names & named:
            raise fault
        return real(self, *given)

    late = world.create(COIN)
    kind = type(victim)
    setattr(kind, step, fail)
    try:
        for _ in range(5):
            world.step()
        world.chain.deposit(late.due.address, COIN)
        for _ in range(6):
            world.step()
            assert world.stores.payments._state.payments[broken.id].flags == frozenset()
    finally:
        setattr(kind, step, real)
    assert world.payment(sound.id).status is Status.SETTLED
    assert world.payment(late.id).status is Status.PAID
    world.settle(14)
    assert_right(world, broken, sound, late)


def test_a_failure_is_handed_on_and_its_payment_is_unsure():
    """The scanner notes the first failure and decides that payment another time; only a lost fence ends the pass."""
    world, payment = world_with()
    world.sweep()
    world.chain.pool.clear()
    busy = Busy()

    def refuse(raw):
        raise busy

    world.chain.__class__.broadcast, real = lambda self, raw: refuse(raw), world.chain.__class__.broadcast
    try:
        found = followed(world)
    finally:
        del world.chain.__class__.broadcast
    assert real
    assert (found.failure, found.unsure) == (busy, {payment.id})
    world.step()
    world.sweep()
    world.step()
    world.stores.money.take("anvil")
    world.chain.mine(5)
    with pytest.raises(FenceLost):
        followed(world)


def test_an_orphan_and_a_transaction_that_cannot_be_read_are_alarmed_and_left():
    """The payment is gone from the store, or the outgoing transaction's document is garbage: nobody else is touched."""
    world, payment = world_with()
    other = world.create(COIN)
    world.chain.deposit(other.due.address, COIN)
    world.step(4)
    world.sweep()
    state = world.stores.payments._state
    gone = swept(world, payment)
    key = next(key for key, each in state.transactions.items() if each.key == gone.key)
    state.transactions[key] = replace(gone, members=(replace(gone.members[0], payment_id="gone"),))
    unreadable = replace(some_transaction(), state=TransactionState.UNREADABLE, sender=other.due.address, slot="7")
    state.transactions["broken"] = unreadable
    for _ in range(5):
        world.step()
    assert world.payment(other.id).status is Status.SETTLED
    assert {"own_transaction_not_followed", "own_transaction_unreadable"} <= set(world.log.alarms())
    assert followed(world).unsure == {"gone", other.id}


def test_a_hash_that_a_node_returned_is_no_proof_that_it_holds_the_transaction():
    """It answered with the hash and dropped the bytes: the next pass sends the same ones again."""
    world, payment = world_with()
    world.sweep()
    for _ in range(3):
        world.chain.pool.clear()
        world.run.one()
    assert [tx.sender for tx in world.chain.pool] == [payment.due.address.lower()]
    world.settle()
    assert_right(world, payment)
    assert len(world.signer.signed) == 1


def test_the_gas_stations_books_and_its_transaction_change_together():
    """A death between the two, and a reorganisation: the gas is posted once."""
    world, payment = world_with(amount=5_000, asset="USDC")
    world.sweep()
    settle = world.stores.money.settle

    def die(*given):
        settle(*given)
        raise SystemExit

    world.stores.money.settle = die
    world.step()
    world.sweep()
    world.step()
    with pytest.raises(SystemExit):
        world.step(3)
    world.stores.money.settle = settle
    world.chain.reorg(2)
    world.run = world.new_run()
    world.settle(14)
    assert_right(world, payment)


def attempt(**given):
    """Make one: 21,000 gas at 10, moving 1,000 of the coin and 50 of a token."""
    return some_attempt(**{"max_fee": 10, "priority_fee": 10, "value": 1_000, "amount": 50, "beside": 3} | given)


@pytest.mark.parametrize(
    ("given", "token", "amount", "explained"),
    [
        ({}, None, 1_000 + 210_000 + 6, True),
        ({}, None, 1_000 + 210_000 + 7, False),
        ({}, None, 0, False),
        ({}, USDC.address, 50, False),  # a sweep of the coin takes no token
        ({"token": USDC.address}, USDC.address.upper().replace("0X", "0x"), 50, True),
        ({"token": USDC.address}, USDC.address, 51, False),
        ({"token": USDC.address}, TREASURY, 1, False),
        ({"state": TransactionState.LOST}, None, 1, True),
        ({"state": TransactionState.MINED}, None, 1, False),
        ({"state": TransactionState.FINAL}, None, 1, False),
        ({"state": TransactionState.FAILED}, None, 1, False),
        ({"kind": Kind.FUND}, None, 1, False),
    ],
)
def test_what_an_unresolved_transaction_can_explain(given, token, amount, explained):
    """Its value and all that it may cost, of the coin; its amount, of its token; nothing once its fate is known."""
    made = some_transaction(attempts=(attempt(),), **given)
    assert could_explain(made, made.members[0], token, amount) is explained


def test_the_dearest_of_all_attempts_counts():
    """Any of them may be the one that was mined."""
    both = some_transaction(attempts=(attempt(value=5_000), attempt(value=1, max_fee=11)))
    assert could_explain(both, both.members[0], None, 5_000 + 210_000 + 6)
    assert could_explain(both, both.members[0], None, 1 + 231_000)
