"""A payer who chooses between chains of different kinds: each has one address of the payment, and none is forgotten."""

import json
from dataclasses import replace

import pytest

from ctrip.domain.errors import Conflict
from ctrip.domain.payments.payment import Flag, Payment, Status
from ctrip.services.detection.scan_chain import ScanRun
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.payments.open_payment import INDEXES_AT_A_TIME
from tests.fakes.chain import FakeChain
from tests.fakes.clock import T0
from tests.fakes.tron import LAG
from tests.tron_world import TRX, USDT, TronWorld
from tests.world import NETWORK, ORIGIN, USDC

BSC = replace(NETWORK, name="bsc", chain_id=56, title="BNB Smart Chain", tokens=(replace(USDC, chain="bsc"),))


class BothWorld(TronWorld):
    """A stage of Tron and two EVM chains, each scanned."""

    def __init__(self) -> None:
        self.anvil, self.bsc = FakeChain(T0), FakeChain(T0)
        self.others = {"anvil": (NETWORK, self.anvil), "bsc": (BSC, self.bsc)}
        super().__init__()
        self.anvil.mine(5)
        self.bsc.mine(5)
        for chain in (self.anvil, self.bsc):
            chain.mine(seconds=(self.clock.at - chain.head().time) // 1000)
        self.runs = [ScanRun.begin(self.stage.detection.new_scanner(name)) for name in ("anvil", "bsc")]

    def look(self, times: int = 8) -> None:
        """Let 20 seconds pass on every chain, and scan each; so many times."""
        for _ in range(times):
            self.anvil.mine(seconds=20)
            self.bsc.mine(seconds=20)
            self.chain.mine(LAG)
            self.step(seconds=20 - LAG)
            for run in self.runs:
                run.one()

    def asked(self) -> Payment:
        """Ask for a payment in whatever its payer chooses."""
        wanted = CreatePayment(amount_decimal="25", assets=("USDC", "USDT", "anvil:ETH", "tron:TRX"))
        return self.payment(self.creator.create(self.merchant, wanted, "http://x", ORIGIN).view["id"])

    def choose(self, payment: Payment, chain: str, symbol: str) -> Payment:
        """Choose as the payer."""
        return self.stage.payments.chooser.choose(payment.id, chain, symbol, ORIGIN)


@pytest.fixture
def world() -> BothWorld:
    """A stage of both kinds."""
    return BothWorld()


def test_a_payer_who_comes_back_finds_the_address_that_was_there(world: BothWorld) -> None:
    """One address for each kind, whatever way the payer goes; each is known as the payment's, with its key's path."""
    payment = world.asked()
    first = world.choose(payment, "anvil", "USDC")
    there = world.choose(payment, "tron", "USDT")
    again = world.choose(payment, "anvil", "USDC")
    other = world.choose(payment, "bsc", "USDC")
    back = world.choose(payment, "tron", "TRX")
    assert first.due.address == again.due.address == other.due.address
    assert there.due.address == back.due.address != first.due.address
    assert [each.due.derivation_path.split("/")[2] for each in (first, there, again, back)] == [
        *("60'", "195'", "60'", "195'")
    ]
    for each in (first, there):
        assert world.stores.payments.by_address(each.due.address) == payment.id
    assert [world.stores.access.indexes("m1", curve) for curve in ("evm", "tron")] == [INDEXES_AT_A_TIME] * 2


def test_what_was_sent_to_the_first_address_is_found_after_two_more_choices(world: BothWorld) -> None:
    """Whatever was chosen since: it pays for the choice that holds, where it is of that choice, and is never lost."""
    payment = world.asked()
    first = world.choose(payment, "anvil", "USDC")
    world.look(1)
    world.choose(payment, "tron", "USDT")
    world.choose(payment, "anvil", "USDC")
    world.anvil.deposit(first.due.address, 25_000_000, USDC.address)
    world.look()
    after = world.payment(payment.id)
    assert (after.own.credited, after.seen.strays, after.flags) == (25_000_000, (), frozenset())


@pytest.mark.parametrize("last", ["anvil", "bsc"])
def test_money_on_another_kinds_chain_is_reported_with_the_address_where_it_lies(world: BothWorld, last: str) -> None:
    """Held for review, explained by that chain's own transfers, and no other choice is taken then."""
    payment = world.asked()
    world.choose(payment, "anvil", "USDC")
    there = world.choose(payment, "tron", "USDT")
    world.choose(payment, last, "USDC")
    world.chain.deposit(there.due.address, 25_000_000, USDT.address)
    world.chain.deposit(there.due.address, 3 * TRX)
    world.look()
    after = world.payment(payment.id)
    assert (after.status, after.own.credited) == (Status.PENDING, 0)
    found = {each.symbol: each for each in after.seen.strays}
    assert {name: (each.chain, each.amount, each.address) for name, each in found.items()} == {
        "USDT": ("tron", 25_000_000, there.due.address),
        "TRX": ("tron", 3 * TRX, there.due.address),
    }
    assert all(each.tx_hash for each in found.values())
    assert Flag.WRONG_NETWORK in after.flags
    told = [world.stores.events.event("m1", ulid) for ulid in world.stores.payments.events_of(payment.id)]
    reported = [json.loads(each.body)["data"] for each in told if "wrong_network" in each.type]
    assert {each["deposit"]["address"] for each in reported} == {there.due.address}
    with pytest.raises(Conflict, match="Money has come"):
        world.choose(payment, "tron", "USDT")


def test_money_at_the_address_of_the_choice_is_not_looked_for_twice(world: BothWorld) -> None:
    """Tron is chosen, left and chosen again: what is due there is credited, and is no mistake."""
    payment = world.asked()
    for chain, symbol in (("tron", "USDT"), ("anvil", "USDC"), ("tron", "USDT")):
        chosen = world.choose(payment, chain, symbol)
    world.chain.deposit(chosen.due.address, 25_000_000, USDT.address)
    world.look()
    after = world.payment(payment.id)
    assert (after.own.credited, after.seen.strays, after.flags) == (25_000_000, (), frozenset())


def test_ten_choices_of_a_minute_forget_no_address(world: BothWorld) -> None:
    """The list of former choices is cut; that of addresses is not."""
    payment = world.asked()
    first = world.choose(payment, "tron", "TRX")
    for _ in range(3):
        for symbol in ("USDC", "ETH") * 4:
            world.choose(payment, "anvil", symbol)
        world.clock.at += 60_000
        world.look(1)
    assert world.choose(payment, "tron", "TRX").due.address == first.due.address
