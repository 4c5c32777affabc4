"""The function dies between any two effects: the next run, on what is stored, ends where no death would have."""

import json
from collections import Counter
from typing import Any

import pytest

from ctrip.domain.ledger.entries import ON_ADDRESSES
from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from ctrip.ports.idempotency import Idempotency
from ctrip.services.detection.scan_chain import ScanRun
from ctrip.services.payments.create_payment import ROUTE, CreatePayment
from tests.detection.dying import Mortal, make_mortal
from tests.detection.node_world import COIN, LIFE, TOKEN, NodeWorld
from tests.evm_support import Anvil
from tests.support.ledger import entries_of
from tests.world import ORIGIN, TREASURY, World

ASSETS: dict[str, dict[str, Any]] = {"coin": {"amount": COIN}, "token": {"amount": TOKEN, "asset": "USDC"}}
ROUNDS = 60


class Life:
    """One payment from its creation to its settlement, and the processes that are started for it."""

    def __init__(self, world: World, asset: str, last: int | None = None) -> None:
        self.world, self.asset, self.mortal = world, asset, Mortal(last)
        make_mortal(world, self.mortal)
        self.deaths = list[str]()
        self.run: ScanRun | None = None
        self.paying = False

    def live(self) -> Payment:
        """Go through with it: each worker is started again where it died, on what is stored."""
        payment = self._until_it_works(self._create)
        self._outside(payment)
        for _ in range(ROUNDS):
            self.world.clock.at += 1000
            self._mine()
            self._work(self._scan)
            self._work(self._sweep)
            self._work(self._deliver)
            if self.world.payment(payment.id).tier is Tier.MONITORED and not self.world.jobs.deliveries:
                break
        # The nets: what was committed and never told is repeated, and deliveries go out.
        self.world.clock.at += 60_000
        for _ in range(4):
            self._work(self.world.relay.run)
            self._work(self._deliver)
        return self.world.payment(payment.id)

    def _until_it_works(self, work: Any) -> Any:
        while True:
            try:
                return work()
            except SystemExit as death:
                self.deaths.append(str(death))

    def _work(self, work: Any) -> None:
        try:
            work()
        except SystemExit as death:
            self.deaths.append(str(death))
            self.run = None

    def _create(self) -> Payment:
        """Ask as a merchant does: with an idempotency key, again with the same one where no answer came."""
        key = Idempotency("m1", ROUTE, "one", "body")
        wanted = CreatePayment(chain="anvil", webhook_url="https://shop.example/hooks", **ASSETS[self.asset])
        made = self.world.creator.create(self.world.merchant, wanted, "http://x", ORIGIN, key)
        return self.world.payment(made.view["id"])

    def _scan(self) -> None:
        if self.run is None:
            self.world.scanner = self.world.new_scanner()
            self.run = ScanRun.begin(self.world.scanner)
        assert self.world.scanner.attempt(self.run)

    def _sweep(self) -> None:
        """Do the queued jobs: one is struck off the queue when it is done, not before."""
        for job in sorted(set(self.world.jobs.sweeps)):
            self.world.sweeper.sweep(job.asset)
            self.world.jobs.sweeps = [each for each in self.world.jobs.sweeps if each != job]

    def _deliver(self) -> None:
        while self.world.jobs.deliveries:
            self.world.deliverer.deliver(self.world.jobs.deliveries[0])
            self.world.jobs.deliveries.pop(0)

    def _outside(self, payment: Payment) -> None:
        if isinstance(self.world, NodeWorld):
            self.world.pay(payment)
        else:
            self.world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)

    def _mine(self) -> None:
        if isinstance(self.world, NodeWorld):
            self.world.mine()
        else:
            self.world.chain.mine()


def total(world: World, address: str, token: str | None) -> int:
    """Say what an address holds, whichever the chain."""
    return world.held(address, token) if isinstance(world, NodeWorld) else world.chain.total(token, [address])


def assert_converged(world: World, payment: Payment) -> None:
    """One payment, one transfer to the treasury, right books, every event told, with one id and one payload."""
    assert (payment.status, payment.flags, payment.own.pending) == (Status.SETTLED, frozenset(), None)
    assert len(world.stores.payments._state.payments) == 1
    _check_money(world, payment)
    _check_events(world)
    assert world.log.alarms() == []


def _check_money(world: World, payment: Payment) -> None:
    transactions = list(world.stores.money._state.transactions.values())
    sweeps = [each for each in transactions if each.kind is Kind.SWEEP]
    assert [each.state for each in sweeps] == [TransactionState.FINAL]
    assert all(each.state is TransactionState.FINAL for each in transactions)
    fee = 0 if payment.due.token_address else sweeps[0].fee
    assert total(world, TREASURY, payment.due.token_address) == payment.due.amount - fee == sweeps[0].amount
    assert total(world, payment.due.address, payment.due.token_address) == 0
    entries = entries_of(world.stores)
    books: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        books[entry.debit, entry.asset] += entry.amount
        books[entry.credit, entry.asset] -= entry.amount
    assert books["available:m1", payment.due.asset_key] == -payment.due.amount
    assert books["treasury", payment.due.asset_key] == sweeps[0].amount
    assert books[ON_ADDRESSES, payment.due.asset_key] == 0
    assert books[ON_ADDRESSES, "native"] == total(world, payment.due.address, None)


def _check_events(world: World) -> None:
    committed = {each.event.id: each.event for each in world.stores.payments.commits if each.event}
    assert [event.type for event in committed.values()] == LIFE
    told: dict[str, set[bytes]] = {}
    for _, headers, body in world.receivers.got:
        told.setdefault(headers["webhook-id"], set()).add(body)
    assert told == {event_id: {event.body.encode()} for event_id, event in committed.items()}
    assert [json.loads(event.body)["data"]["sequence"] for event in committed.values()] == sorted(
        {json.loads(event.body)["data"]["sequence"] for event in committed.values()}
    )
    assert world.stores.events.unacknowledged(world.clock.at) == []


def effects(asset: str) -> list[str]:
    """List the effects of a life in which nobody dies."""
    life = Life(World(), asset)
    assert_converged(life.world, life.live())
    return life.mortal.names


@pytest.mark.parametrize("asset", ASSETS)
def test_death_before_any_effect_ends_in_one_transfer_and_every_event_told_once(asset: str) -> None:
    """Every place there is, one life for each: creation, scan, sweep, broadcast, webhook."""
    every = effects(asset)
    assert {"payments.commit", "chain.broadcast", "signer.sign", "jobs.deliver", "receivers.post"} <= set(every)
    for last in range(len(every)):
        life = Life(World(), asset, last)
        payment = life.live()
        assert life.deaths == [every[last]], f"effect {last} is another one"
        try:
            assert_converged(life.world, payment)
        except AssertionError as wrong:
            raise AssertionError(f"after death before effect {last} of {len(every)}, {every[last]}: {wrong}") from wrong


@pytest.mark.parametrize("asset", ASSETS)
@pytest.mark.parametrize(
    "effect", ["payments.commit", "money.write_transaction", "chain.broadcast", "signer.sign", "jobs.deliver"]
)
def test_death_at_a_real_node_ends_the_same(anvil: Anvil, asset: str, effect: str) -> None:
    """The effects that matter most, each in the middle of its appearances, with real transactions and a real pool."""
    every = effects(asset)
    places = [number for number, name in enumerate(every) if name == effect]
    world = NodeWorld(anvil)
    life = Life(world, asset, places[len(places) // 2])
    payment = life.live()
    assert len(life.deaths) == 1
    assert_converged(world, payment)
