"""Old money, late receipts, lagging balancers, throttled partitions and spam: each circumstance once, in memory."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.errors import AlreadyExists, Busy, Forbidden, NotHeld, Unavailable
from ctrip.domain.ledger.entries import EntryType
from ctrip.domain.payments.payment import INLINE, INLINE_MOVES, Custody, Flag, Hold, Late, Policy, Status, Tier
from tests.support.ledger import entries_of
from tests.world import ORIGIN, T0, USDC, XPUB2, World

COIN = 10**18


def types(world, payment=None):
    """List the types of the events, of one payment or of all."""
    commits = [c for c in world.stores.payments.commits if c.event]
    return [c.event.type for c in commits if payment is None or c.after.id == payment.id]


def entries(world, payment):
    """List what a payment posted: debit, credit, amount."""
    found = [e for e in entries_of(world.stores, "m1") if e.payment_id == payment.id and e.type is not EntryType.SWEPT]
    return [(e.debit, e.credit, e.amount) for e in found]


def in_step(**merchant):
    """Make a world whose clock is the chain's."""
    world = World(**merchant)
    world.clock.at = world.chain.chain[-1].block.time
    return world


def late_scanner(world, seconds=0):
    """Let another process scan, which has seen nothing yet."""
    world.clock.at += seconds * 1000
    world.scanner = world.new_scanner()
    world.run = world.new_run()


def upcoming(world, index=0):
    """Derive the address that the merchant's next payment gets."""
    from ctrip.domain.chains.kinds import FIRST, address_at

    return address_at(FIRST, world.merchant.xpub, index)


# --- money that lay there before


@pytest.mark.parametrize("custody", [Custody.XPUB, Custody.HOT])
@pytest.mark.parametrize(("amount", "asset"), [(COIN, None), (7_000_000, "USDC")])
def test_money_that_was_there_before_the_payment_pays_nothing(custody, amount, asset):
    """A wallet in use, or counters restored too low: sent eight seconds before, enough for what is due."""
    world = in_step(policy=Policy(custody=custody))
    token = USDC.address if asset else None
    world.chain.deposit(upcoming(world), amount, token)
    world.step(8)
    payment = world.create(amount, **({"asset": asset} if asset else {}))
    for _ in range(6):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.own.credited, after.fulfillable) == (
        Status.PENDING,
        0,
        0,
        False,
    )
    assert (after.seen.baseline, after.review.hold, after.exception) == (amount, Hold.NOT_FRESH, Flag.HELD)
    assert "address_not_fresh" in world.log.alarms()
    apart = [] if custody is Custody.XPUB else [("on_addresses", "unmatched:m1", amount)]
    assert entries(world, payment) == apart


def test_a_payment_held_for_old_money_never_expires_and_is_released_by_new_money():
    """What comes after it was created is the payment's, whatever lay there."""
    world = in_step()
    world.chain.deposit(upcoming(world), COIN)
    world.step(8)
    payment = world.create(COIN, expires_in=60)
    world.step(2)
    for _ in range(10):
        world.step(10)
    assert (world.payment(payment.id).status, world.payment(payment.id).exception) == (Status.PENDING, Flag.HELD)
    other = world.create(COIN)
    for each in (payment, other):
        world.chain.deposit(each.due.address, COIN)
    world.step(1)
    world.settle(14)
    assert world.payment(other.id).status is Status.SETTLED


def test_new_money_beside_old_money_is_credited_alone_and_all_of_it_is_swept():
    """The address holds twice the amount: once before, once after."""
    world = in_step()
    world.chain.deposit(upcoming(world), COIN // 2)
    world.step(8)
    payment = world.create(COIN)
    world.step()
    world.chain.deposit(payment.due.address, COIN)
    world.settle(20)
    after = world.payment(payment.id)
    assert (after.status, after.own.credited, after.seen.amount_received, after.seen.baseline) == (
        Status.SETTLED,
        COIN,
        COIN,
        COIN // 2,
    )
    assert entries(world, payment) == [
        ("on_addresses", "unmatched:m1", COIN // 2),
        ("on_addresses", "available:m1", COIN),
    ]
    assert world.chain.total(None, [payment.due.address]) == 0


def test_a_payment_whose_address_is_empty_at_the_first_look_costs_nothing_more():
    """No older state is read for it, nothing is written: that it was looked at follows from the last pass."""
    world = in_step()
    payment = world.create(COIN)
    world.step(1)
    commits, asked = len(world.stores.payments.commits), []
    balances = world.chain.balances
    world.chain.__class__.balances, kept = (
        lambda self, at, wanted: asked.append((at.number, len(self.chain) - 1)) or balances(at, wanted),
        world.chain.__class__.balances,
    )
    try:
        for _ in range(80):
            world.step()
        late_scanner(world)
        world.chain.deposit(payment.due.address, COIN)
        world.step(3)
    finally:
        world.chain.__class__.balances = kept
    assert commits + 3 == len(world.stores.payments.commits)
    assert all(number >= head - 2 for number, head in asked), "an older state was read"
    assert world.payment(payment.id).seen.baseline == 0


def test_old_money_of_a_token_that_was_set_aside_counts_no_more_later():
    """Nothing was decided about it meanwhile, so its first look is still to come, in another scanner too."""
    world = in_step()
    world.chain.deposit(upcoming(world), 5_000, USDC.address)
    world.step(8)
    payment = world.create(5_000, asset="USDC")
    world.chain.token_decimals = 18
    late_scanner(world)
    for _ in range(3):
        world.step(40)
    world.chain.token_decimals = 6
    late_scanner(world)
    world.step(5)
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.seen.baseline) == (Status.PENDING, 0, 5_000)


class Forgetful:
    """A node that has the state of its newest blocks alone."""

    def __init__(self, real, blocks):
        self._real, self._blocks = real, blocks

    def __getattr__(self, name):
        return getattr(self._real, name)

    def balances(self, at: Block, wanted: list[BalanceQuery]) -> list[int | None]:
        if self._real.chain[-1].block.number - at.number >= self._blocks:
            raise NotHeld("missing trie node")
        return self._real.balances(at, wanted)


@pytest.mark.parametrize("explained", [True, False])
def test_where_the_state_of_that_time_is_gone_transfers_since_then_count_and_the_rest_is_held(explained):
    """A scanner that comes 200 blocks late on a node that keeps 128: explained money is paid, other money waits."""
    world = in_step()
    world.run.one()
    payment = world.create(COIN, expires_in=3_600)
    world.chain.mine(5)
    tx = world.chain.deposit(payment.due.address, COIN, explained=explained)
    world.chain.mine(200)
    world.chain = Forgetful(world.chain, 128)
    late_scanner(world, 205)
    world.run.one()
    world.chain.mine(4)
    world.clock.at += 4_000
    world.run.one()
    world.run.one()
    after = world.payment(payment.id)
    if explained:
        assert (after.status, after.seen.baseline, after.seen.transfers[0].tx_hash) == (Status.PAID, 0, tx)
        return
    assert (after.status, after.exception, after.review.hold) == (Status.PENDING, Flag.HELD, Hold.BASELINE_UNKNOWN)
    # A node that explains answers after all: what was concluded is undone by itself.
    mined = world.chain.chain
    for place, block in enumerate(mined):
        mined[place] = replace(block, txs=tuple(replace(each, explained=True) for each in block.txs))
    world.clock.at += 61_000
    world.chain.mine(61)
    for _ in range(3):
        world.run.one()
    after = world.payment(payment.id)
    assert (after.status, after.seen.baseline, after.own.credited, after.flags) == (Status.PAID, 0, COIN, frozenset())
    assert sum(amount for _, credit, amount in entries(world, payment) if credit == "unmatched:m1") == COIN
    assert sum(amount for debit, _, amount in entries(world, payment) if debit == "unmatched:m1") == COIN


@settings(max_examples=60, deadline=None, derandomize=True)
@given(skew=st.integers(-600, 600), pause=st.integers(1, 30), late=st.integers(0, 20), before=st.booleans())
def test_a_clock_that_differs_from_the_chains_swallows_no_payment(skew, pause, late, before):
    """Ten minutes ahead or behind: what comes after the payment counts in full, however late the first look is."""
    world = in_step()
    world.clock.at += skew * 1000
    world.run.one()
    if before:
        world.chain.deposit(upcoming(world), 77)
        world.chain.mine(20)
        world.clock.at += 20_000
    payment = world.create(COIN)
    world.chain.mine(pause)
    world.chain.deposit(payment.due.address, COIN)
    world.chain.mine(1 + late)
    world.clock.at += (pause + 1 + late) * 1000
    late_scanner(world)
    for _ in range(4):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.own.credited, after.seen.baseline) == (Status.PAID, COIN, 77 if before else 0)


# --- nodes that lag behind one address


class Balancer:
    """An address behind which requests go to a fresh node and to one that is `behind` blocks behind, in turn."""

    def __init__(self, real, behind):
        self._real, self._behind, self._turn = real, behind, itertools.count()

    def __getattr__(self, name):
        return getattr(self._real, name)

    def _newest(self):
        return len(self._real.chain) - 1 - (self._behind if next(self._turn) % 2 else 0)

    def head(self):
        return self._real.chain[self._newest()].block

    def balances(self, at, wanted):
        if at.number > self._newest():
            raise NotHeld(f"no endpoint holds block {at.hash}")
        return self._real.balances(at, wanted)

    def blocks(self, numbers):
        newest = self._newest()
        return {n: block for n, block in self._real.blocks(numbers).items() if n <= newest}


@pytest.mark.parametrize("behind", [1, 2, 3])
def test_a_payment_behind_an_alternating_balancer_is_paid_once(behind):
    """The head from one, the state from the other: the look stands on an older block, and nothing is taken back."""
    world = in_step()
    world.chain = Balancer(world.chain, behind)
    late_scanner(world)
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    numbers = []
    for _ in range(14):
        world.chain.mine()
        world.clock.at += 1000
        world.scanner.attempt(world.run)
        numbers.append(world.stores.money.tips(["anvil"])["anvil"].number)
    assert world.payment(payment.id).status is Status.PAID
    assert types(world, payment) == [f"payment.{name}" for name in ("created", "detected", "confirmed", "paid")]
    assert numbers == sorted(numbers), "the stored tip went back"


# --- one that troubles all


def parts_of_a_pass(world):
    """Name every call that a pass makes for one payment: store, chain, looker, follower."""
    return {
        "commit": (world.stores.payments, "commit"),
        "add_transfers": (world.stores.payments, "add_transfers"),
        "by_order": (world.stores.payments, "by_order"),
        "look": (type(world.scanner.looker), "_look"),
        "baseline": (type(world.scanner.looker.past), "baseline"),
        "on_time": (type(world.scanner.looker), "_on_time"),
        "attach": (type(world.scanner.looker), "_attach"),
        "question": (type(world.scanner.looker), "_question"),
    }


@pytest.mark.parametrize("error", [Busy, Unavailable("x"), RuntimeError("a bug"), KeyError("b")])
@pytest.mark.parametrize("part", list(parts_of_a_pass(World())))
def test_whatever_breaks_for_one_payment_the_others_are_paid(part, error, monkeypatch):
    """Thrown at each step in turn: another buyer is paid, and so is the first one once it is over."""
    world = in_step()
    broken = world.create(COIN, order_id="A")
    world.step()
    owner, name = parts_of_a_pass(world)[part]
    real = getattr(owner, name)

    def concerns(arguments):
        return any(
            broken.id in (a, getattr(a, "id", None), getattr(getattr(a, "after", None), "id", None))
            or getattr(getattr(a, "payment", None), "id", None) == broken.id
            or a == "m1"
            for a in arguments
        )

    def faulty(*arguments):
        if concerns(arguments):
            raise error
        return real(*arguments)

    monkeypatch.setattr(owner, name, faulty)
    sound = world.create(COIN)
    for each in (broken, sound):
        world.chain.deposit(each.due.address, COIN)
    for _ in range(6):
        world.chain.mine()
        world.clock.at += 1000
        assert world.scanner.attempt(world.run)
    assert world.payment(sound.id).status is Status.PAID
    monkeypatch.undo()
    for _ in range(5):
        world.step()
    assert world.payment(broken.id).status is Status.PAID


@pytest.mark.parametrize(
    "part", ["follow", "beside", "next_slice", "_enqueue_sweeps", "_stay_hot", "count", "_explain_again"]
)
def test_whatever_part_of_a_pass_breaks_everybody_is_paid(part, monkeypatch):
    """Following, strays, the slow tiers, sweeps, the gate, counts and explanations fail apart from looking."""
    world = in_step()
    payment = world.create(COIN)
    world.step()
    owners = {
        "follow": type(world.scanner.follower),
        "beside": type(world.scanner.strays),
        "next_slice": type(world.run.watch),
        "count": type(world.scanner.counter),
        "_explain_again": type(world.run.decider),
    }

    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(owners.get(part, type(world.run)), part, broken)
    world.chain.deposit(payment.due.address, COIN)
    for _ in range(5):
        world.step()
    assert world.payment(payment.id).status is Status.PAID
    if part != "follow" or world.run.own.following:
        assert world.run.troubles.found or part == "_explain_again"


def test_a_payment_whose_commits_are_always_throttled_starves_nobody():
    """In this scanner and in the next, wherever it stands in the order."""
    world = in_step()
    payments = [world.create(COIN) for _ in range(3)]
    world.step()
    commit = world.stores.payments.commit

    def throttled(change):
        if change.after.id == payments[0].id:
            raise Busy
        commit(change)

    world.stores.payments.commit = throttled
    for each in payments:
        world.chain.deposit(each.due.address, COIN)
    for _ in range(3):
        late_scanner(world)
        world.step(2)
    assert [world.payment(each.id).status for each in payments] == [Status.PENDING, Status.PAID, Status.PAID]
    world.stores.payments.commit = commit
    world.step(1)
    world.step(3)
    assert world.payment(payments[0].id).status is Status.PAID


# --- orders


def order_taken_in_between(world):
    """Let a second payment take the order of an expired one, whose late money is seen at the same moment."""
    first = world.create(COIN, order_id="A", expires_in=60)
    world.step(70)
    assert world.payment(first.id).status is Status.EXPIRED
    world.chain.deposit(first.due.address, COIN)
    world.chain.mine()
    world.clock.at += 1000
    return first


def test_an_expired_payment_that_revives_while_its_order_is_taken_is_held():
    """The scanner has found it unsuperseded; the order is gone when it commits."""
    world = in_step()
    first = order_taken_in_between(world)
    commit, second = world.stores.payments.commit, []

    def after_the_other(change):
        if change.after.id == first.id and change.holds_order and not second:
            world.stores.payments.commit = commit
            second.append(world.create(COIN, order_id="A"))
        commit(change)

    world.stores.payments.commit = after_the_other
    world.run.one()
    world.step(3)
    assert second
    held = world.payment(first.id)
    assert (held.status, held.review.hold) == (Status.EXPIRED, Hold.ORDER_TAKEN)
    world.chain.deposit(second[0].due.address, COIN)
    world.step(4)
    assert world.payment(second[0].id).fulfillable


def test_an_order_is_not_taken_from_a_payment_that_has_just_come_back_to_life():
    """The creation has found it dead; it lives when that commits."""
    world = in_step()
    first = order_taken_in_between(world)
    world.run.one()
    assert world.payment(first.id).status is Status.DETECTED
    with pytest.raises(Exception, match="order_id is in use"):
        world.create(COIN, order_id="A")


def test_an_accepted_payment_whose_order_another_has_is_credited_and_not_to_be_fulfilled():
    """Until the other one is dead."""
    world = in_step()
    first = world.create(COIN, order_id="A", expires_in=60)
    world.step(70)
    second = world.create(COIN, order_id="A", expires_in=60)
    world.chain.deposit(first.due.address, COIN)
    world.step(2)
    world.closer.accept("m1", first.id, ORIGIN)
    world.step(4)
    after = world.payment(first.id)
    assert (after.status, after.own.credited, after.fulfillable) == (Status.PAID, COIN, False)
    assert world.reader.one("m1", first.id)["fulfillable"] is False
    world.step(70)
    assert world.payment(second.id).status is Status.EXPIRED
    assert world.reader.one("m1", first.id)["fulfillable"] is True


# --- the ledger


def test_a_merchant_that_pays_itself_in_a_circle_is_owed_nothing():
    """Money under its own key was never ours to owe."""
    world = in_step(policy=Policy(custody=Custody.XPUB))
    for _ in range(5):
        payment = world.create(COIN)
        world.step()
        world.chain.deposit(payment.due.address, COIN)
        world.step(4)
        assert world.payment(payment.id).status is Status.SETTLED
        assert entries(world, payment) == [("own_wallet:m1", "delivered:m1", COIN)]
        world.chain.burn(payment.due.address, COIN)
        world.step()
    owed = [e for e in entries_of(world.stores, "m1") if "available" in e.debit + e.credit]
    assert owed == []


@pytest.mark.parametrize("share", [1, 2, 10])
def test_what_leaves_after_it_was_credited_is_our_loss_and_the_operators_to_release(share):
    """A burnt balance: the credit stays, the loss is posted, and is taken back when the money returns."""
    world = in_step()
    payment = world.create(COIN)
    world.step()
    world.chain.deposit(payment.due.address, COIN)
    world.step(3)
    assert world.payment(payment.id).status is Status.PAID
    gone = COIN // share
    world.chain.burn(payment.due.address, gone)
    world.step()
    waits = ("available:m1", "held:m1", COIN)
    assert entries(world, payment)[1:] == [waits, ("losses", "on_addresses", gone)]
    with pytest.raises(Forbidden) as refused:
        world.closer.accept("m1", payment.id, ORIGIN)
    assert refused.value.code == "operator_required"
    world.chain.deposit(payment.due.address, gone)
    world.step(4)
    assert entries(world, payment)[2:] == [("losses", "on_addresses", gone), ("on_addresses", "losses", gone)]
    assert world.payment(payment.id).own.lost == 0
    world.closer.accept(None, payment.id, ORIGIN)
    late_scanner(world)
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


# --- transfers and explanations


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_each_of_thirty_transfers_of_one_block_has_its_row_and_so_have_later_ones(asset):
    """The newest are shown inline, and no row sums several."""
    world = in_step()
    payment = world.create(1000, **({"asset": asset} if asset else {}))
    world.step()
    sent = [world.chain.deposit(payment.due.address, 20, payment.due.token_address) for _ in range(30)]
    world.step()
    sent += [world.chain.deposit(payment.due.address, 20, payment.due.token_address) for _ in range(30)]
    world.step(5)
    seen, cursor = [], None
    while True:
        page = world.reader.transfers("m1", payment.id, cursor, 7)
        seen += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(each["tx_hash"] for each in seen) == sorted(sent)
    assert {each["amount"] for each in seen} == {20}
    after = world.payment(payment.id)
    assert (after.seen.explained, len(after.seen.transfers)) == (1200, INLINE)
    assert all(transfer.tx_hash for transfer in after.seen.transfers)


@pytest.mark.parametrize("late", [5, 60, 900])
def test_a_scanner_that_comes_late_explains_what_was_mined_before_its_first_head(late):
    """An explanation goes back to the block at the payment's creation."""
    world = in_step()
    payments = [world.create(COIN), world.create(5_000, asset="USDC")]
    world.chain.mine(2)
    sent = [world.chain.deposit(each.due.address, each.due.amount, each.due.token_address) for each in payments]
    world.chain.mine(late)
    late_scanner(world, late + 2)
    world.step(4)
    assert [world.payment(each.id).seen.transfers[0].tx_hash for each in payments] == sent


def test_a_hash_that_was_not_found_at_first_is_found_later_and_told():
    """Two refused questions and an empty answer: the payment goes on without, and gets it when a node answers."""
    world = in_step()
    payment = world.create(COIN)
    world.step()
    transfers, refusals = world.chain.transfers, [Unavailable("429"), Unavailable("429"), None]
    asked = []

    def throttled(wanted, last, *, turn=0):
        asked.append((world.clock.at, turn))
        if refusals:
            if (refusal := refusals.pop(0)) is not None:
                raise refusal
            return [[] for _ in wanted]
        return transfers(wanted, last, turn=turn)

    world.chain.__class__.transfers, kept = (
        lambda self, wanted, last, *, turn=0: throttled(wanted, last, turn=turn),
        world.chain.__class__.transfers,
    )
    transfers = lambda wanted, last, *, turn=0: kept(world.chain, wanted, last, turn=turn)  # noqa: E731
    try:
        tx = world.chain.deposit(payment.due.address, COIN)
        for _ in range(120):
            world.step()
            world.sweep()
    finally:
        world.chain.__class__.transfers = kept
    after = world.payment(payment.id)
    assert (after.status, [t.tx_hash for t in after.seen.transfers]) == (Status.SETTLED, [tx])
    assert types(world, payment).count("payment.explained") == 1
    assert [turn for _, turn in asked] == list(range(len(asked))), "another endpoint is asked each time"
    pauses = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(asked)]
    assert min(pauses) >= 2_000


def test_what_brought_a_stray_is_told_with_it_or_later(monkeypatch):
    """A wrong asset whose transaction no node tells of at first: its hash comes with an event of its own."""
    world = in_step()
    payment = world.create(COIN)
    other = world.create(COIN)
    world.step()
    tx = world.chain.deposit(payment.due.address, 777, USDC.address)
    world.step(4)
    assert world.payment(payment.id).seen.strays[0].tx_hash == tx
    assert types(world, payment)[1:] == ["deposit.wrong_asset"]
    with monkeypatch.context() as silent:
        silent.setattr(type(world.chain), "transfers", lambda self, wanted, last, *, turn=0: [[] for _ in wanted])
        tx = world.chain.deposit(other.due.address, 777, USDC.address)
        world.step(4)
    assert world.payment(other.id).seen.strays[0].tx_hash is None
    world.step(70)
    assert world.payment(other.id).seen.strays[0].tx_hash == tx
    assert types(world, other)[1:] == ["deposit.wrong_asset", "payment.explained"]


def test_detection_does_not_wait_for_nodes_that_fail_to_explain(monkeypatch):
    """Once one has failed, payments are decided first for a while."""
    world = in_step()
    world.create(COIN)
    world.step()
    calls = []
    monkeypatch.setattr(
        type(world.chain),
        "transfers",
        lambda self, wanted, last, *, turn=0: calls.append(last) or (_ for _ in ()).throw(Unavailable("late")),
    )
    payments = [world.create(COIN) for _ in range(5)]
    for each in payments:
        world.chain.deposit(each.due.address, COIN)
        world.step()
    assert all(world.payment(each.id).status is not Status.PENDING for each in payments)
    assert len(calls) == 1


# --- outages


@pytest.mark.parametrize("asset", [None, "USDC"])
@pytest.mark.parametrize("explained", [True, False])
def test_after_a_long_outage_who_paid_in_time_is_paid(asset, explained):
    """Longer than the state that nodes keep, past the deadline: what is explained tells when it came, else it waits."""
    world = in_step()
    payment = world.create(COIN, expires_in=60, **({"asset": asset} if asset else {}))
    world.step(2)
    world.chain.deposit(payment.due.address, COIN, payment.due.token_address, explained=explained)
    world.chain.mine(600)
    world.chain = Forgetful(world.chain, 128)
    late_scanner(world, 600)
    for _ in range(5):
        world.step()
    after = world.payment(payment.id)
    if explained:
        assert (after.status, after.flags) == (Status.PAID, frozenset())
    else:
        assert after.exception is Flag.HELD
        assert after.review.hold in (Hold.DEADLINE_UNKNOWN, Hold.BASELINE_UNKNOWN)


def test_a_late_payment_under_review_costs_no_headers_in_every_pass():
    """The block of its deadline is found once."""
    world = in_step(policy=Policy(late=Late.REVIEW))
    payments = [world.create(COIN, expires_in=60) for _ in range(10)]
    world.step(70)
    for each in payments:
        world.chain.deposit(each.due.address, COIN)
    world.step(5)
    world.step()
    before = world.chain.requests
    for _ in range(5):
        world.step()
    quiet = (world.chain.requests - before) / 5
    assert quiet <= 8, f"{quiet} requests a pass"


# --- spam


def test_a_base_unit_in_every_block_neither_stalls_an_accepted_payment_nor_floods_its_merchant():
    """`accept` compares with what was there when it was asked; events about amounts keep a pace."""
    world = in_step(policy=Policy(late=Late.REVIEW))
    payment = world.create(COIN, expires_in=60)
    world.step(70)
    world.chain.deposit(payment.due.address, COIN)
    world.step()
    told = len(types(world))
    world.closer.accept("m1", payment.id, ORIGIN)
    for _ in range(60):
        world.chain.deposit(payment.due.address, 1)
        world.step()
    after = world.payment(payment.id)
    assert after.status in (Status.PAID, Status.SETTLED)
    assert after.own.credited >= COIN
    assert len(types(world)) - told <= 3 + 60 // 3 + 1
    world.step(4)
    world.step(4)
    assert world.payment(payment.id).own.credited == COIN + 60
    assert len(after.seen.observations) <= 20


def test_dust_on_one_payment_grows_no_item_and_stops_nobody():
    """Hundreds of own transactions of one address: what the payment itself carries stays small, the sum is right."""
    world = in_step()
    payment = world.create(COIN)
    world.step()
    world.chain.deposit(payment.due.address, COIN)
    for _ in range(60):
        world.settle(4)
        world.chain.deposit(payment.due.address, COIN // 100)
    world.settle(20)
    after = world.payment(payment.id)
    assert (len(after.own.moves) <= INLINE_MOVES, len(after.own.sweeps) <= INLINE) == (True, True)
    assert after.own.credited == COIN + 60 * (COIN // 100) == after.seen.amount_received
    assert (after.status, after.unswept, world.chain.total(None, [payment.due.address])) == (Status.SETTLED, 0, 0)
    assert world.log.alarms() == []


# --- swapped keys


@pytest.mark.parametrize("swap", ["the merchant's key", "another merchant's row", "the payment's address"])
def test_money_on_an_address_that_the_signer_does_not_vouch_for_is_not_credited(swap):
    """Whoever writes the merchant's row, or the payment's, gets nothing credited; an alarm tells."""
    world = in_step()
    payment, other = world.create(COIN), world.create(COIN)
    world.step()
    merchants, state = world.stores.access._merchants, world.stores.payments._state
    good, stored = merchants["m1"], state.payments[payment.id]
    if swap == "the payment's address":
        thief = "0x00000000000000000000000000000000000000EE"
        state.payments[payment.id] = stored.changed(address=thief)
        late_scanner(world)
    else:
        merchants["m1"] = replace(good, xpub=XPUB2) if swap == "the merchant's key" else replace(good, id="m2")
        world.clock.at += 31_000
        world.chain.mine(31)
    world.chain.deposit(state.payments[payment.id].due.address, COIN)
    world.step(5)
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    assert (entries(world, payment), world.log.alarms()) == ([], ["extended_key_mismatch"])
    merchants["m1"], state.payments[payment.id] = good, world.payment(payment.id).changed(address=stored.due.address)
    late_scanner(world, 31)
    world.chain.mine(31)
    world.chain.deposit(other.due.address, COIN)
    world.step(5)
    assert world.payment(other.id).status is Status.PAID


# --- what is watched


def test_the_slow_tiers_are_seen_a_slice_a_pass_and_an_accepted_payment_waits_for_none(monkeypatch):
    """However many are monitored: a pass reads a slice of them, the next one goes on."""
    monkeypatch.setattr("ctrip.services.detection.watch_list.SLICE", 5)
    world = in_step(policy=Policy(late=Late.REVIEW))
    payments = [world.create(COIN, expires_in=60) for _ in range(23)]
    world.step(70)
    assert {world.payment(each.id).tier for each in payments} == {Tier.MONITORED}
    for each in payments:
        world.chain.deposit(each.due.address, COIN)
    seen = []
    slices = world.stores.payments.slice
    world.stores.payments.slice = lambda *a, **k: seen.append(slices(*a, **k)[0]) or slices(*a, **k)
    world.step()
    assert max(map(len, seen)) <= 5
    for _ in range(6):
        world.step()
    received = [world.payment(each.id).seen.amount_received for each in payments]
    assert received == [COIN] * 23
    world.closer.accept("m1", payments[-1].id, ORIGIN)
    world.step(3)
    assert world.payment(payments[-1].id).status is Status.PAID


def test_the_round_over_the_slow_tiers_goes_on_in_the_next_scanner(monkeypatch):
    """Its position is stored with the tip."""
    monkeypatch.setattr("ctrip.services.detection.watch_list.SLICE", 2)
    world = in_step(policy=Policy(late=Late.REVIEW))
    payments = [world.create(COIN, expires_in=60) for _ in range(7)]
    world.step(70)
    for each in payments:
        world.chain.deposit(each.due.address, COIN)
    world.step()
    for _ in range(5):
        late_scanner(world)
        world.step()
    assert all(world.payment(each.id).seen.amount_received for each in payments)


def test_a_merchant_that_keeps_fifty_times_its_open_payments_watched_may_open_no_more():
    """A cap of its own, counted by a whole round over the slow tiers."""
    world = in_step()
    limits = world.stores.limits
    limits.count_watched("anvil", {"m1": 500})
    assert limits.take_places("m1", "anvil", count=1, most=10, now=T0)
    limits.count_watched("anvil", {"m1": 501})
    assert not limits.take_places("m1", "anvil", count=1, most=10, now=T0)


def test_nothing_of_an_unpaid_payment_is_read(monkeypatch):
    """The index's row is enough, pass after pass."""
    world = in_step()
    for _ in range(20):
        world.create(COIN)
    reads = []
    real = type(world.stores.payments).read
    monkeypatch.setattr(type(world.stores.payments), "read", lambda self, ids: reads.extend(ids) or real(self, ids))
    world.run = world.new_run()
    for _ in range(10):
        world.step()
    assert reads == []


def test_losing_the_race_for_an_address_is_not_taken_for_an_order():
    """The clause that failed is the one that is named."""
    world = in_step()
    made = world.create(COIN)
    commit = world.recorder("api").created(replace(made, id="x"), "payment.created", ORIGIN, None)
    with pytest.raises(AlreadyExists, match="address"):
        world.stores.payments.commit(commit)
