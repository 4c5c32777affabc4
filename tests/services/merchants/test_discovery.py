"""No address that was used before is given out: accounts are discovered before a merchant's first payment."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.domain.chains.assets import Asset
from ctrip.domain.errors import Conflict, Unavailable
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Custody, Policy, Status
from ctrip.services.merchants.discover_account import GAP, AccountDiscoverer
from ctrip.services.merchants.manage_merchants import change_merchant
from ctrip.services.merchants.provision_merchant import WaitingProvisioner
from tests.fakes.chain import FakeChain, Tx
from tests.services.merchants.test_extended_keys import provisioner, stored
from tests.world import _WALLET, NETWORK, ORIGIN, T0, USDC, XPUB2, World

OWN = {"xpub": XPUB2, "policy": Policy(custody=Custody.XPUB), "account": 0}
OLD = Asset("anvil", "OLD", 18, "7a0e3bd2-94a5-5c1c-9f7e-000000000002", "0x" + "dd" * 20, enabled=False)
BSC = replace(NETWORK, name="bsc", chain_id=56)


def address(index: int, account: int = 2) -> str:
    return _WALLET.address("evm", f"m/44'/60'/{account}'/0/{index}")


class Stage:
    """A world with a second chain, and what makes waiting merchants ready."""

    def __init__(self) -> None:
        self.world = World()
        self.world.creator = replace(self.world.creator, networks={"anvil": NETWORK, "bsc": BSC})
        self.chains = {"anvil": self.world.chain, "bsc": FakeChain(T0)}
        self.networks = {"anvil": replace(NETWORK, tokens=(USDC, OLD)), "bsc": BSC}
        for chain in self.chains.values():
            chain.mine(3)

    def run(self) -> list[str]:
        """Do what the function `provision` does in one run."""
        world = self.world
        discoverer = AccountDiscoverer(
            networks=self.networks, open_chain=self.chains.__getitem__, access=world.stores.access, clock=world.clock
        )
        return WaitingProvisioner(world.stores.access, provisioner(world), discoverer, world.log).run()

    def merchant(self, merchant_id: str = "m2") -> Merchant:
        held = self.world.stores.access.merchant(merchant_id)
        assert held
        return held

    def first(self) -> str:
        """Create a payment and name the end of its path."""
        self.world.merchant = self.merchant()
        payment = self.world.create()
        return payment.due.derivation_path.rsplit("/", 1)[1]


def spent(chain: FakeChain, index: int) -> None:
    """Have an address send something, and hold nothing any more."""
    chain.deposit(address(index), 21_000)
    chain.mine()
    sender = address(index).lower()
    chain.pool.append(Tx(f"0x{index:064x}", sender, "0x" + "77" * 20, None, 0, nonce=0, gas=21_000, price=1))
    chain.base_fee = 0
    chain.mine()


@pytest.mark.parametrize(
    ("used", "first"),
    [
        ([], "0"),
        ([("anvil", "coin", 0)], "1"),
        ([("anvil", "token", 4)], "5"),
        ([("anvil", "disabled", 2)], "3"),
        ([("bsc", "coin", 1), ("anvil", "token", 0)], "2"),
        ([("anvil", "nonce", 3)], "4"),
        ([("anvil", "coin", 19)], "20"),
        ([("anvil", "coin", 15), ("bsc", "coin", 30), ("bsc", "token", 49)], "50"),
        ([("anvil", "coin", 0), ("anvil", "coin", 21)], "1"),  # BIP-44: twenty unused ones end an account
        ([("anvil", "coin", 1), ("anvil", "coin", 21)], "22"),
    ],
)
def test_payments_begin_behind_the_last_address_that_was_used(used, first):
    """By a coin, a token, offered or not, or a transaction, on any enabled chain; twenty unused ones end the search."""
    stage = Stage()
    stored(stage.world, **OWN)
    for chain, what, index in used:
        if what == "nonce":
            spent(stage.chains[chain], index)
        else:
            token = {"coin": None, "token": USDC.address, "disabled": OLD.address}[what]
            stage.chains[chain].deposit(address(index), 1, token)
            stage.chains[chain].mine()
    assert stage.run() == ["m2"]
    assert stage.first() == first
    assert stage.merchant().first_index == int(first)
    assert stage.run() == []


def test_an_account_of_ours_is_discovered_too():
    """As after a restore with counters that are too low: the counter is only raised."""
    stage = Stage()
    stored(stage.world, xpub="")
    stage.chains["anvil"].deposit(address(8), 5)
    stage.chains["anvil"].mine()
    stage.world.stores.access.raise_index("m2", "evm", 3)
    stage.run()
    assert (stage.first(), stage.merchant().first_index) == ("9", 0)
    change_merchant(stage.world.stores.access, "m2", lambda held: (replace(held, discovered=False), "test"), ORIGIN, T0)
    with pytest.raises(Conflict, match="provisioned"):
        stage.first()
    stage.world.stores.access.raise_index("m2", "evm", 30)
    stage.run()
    stage.world.creator.opener._indexes.clear()
    assert stage.first() == "30"


@pytest.mark.parametrize("trouble", ["down", "unknown", "stale"])
def test_a_chain_that_cannot_be_asked_leaves_a_merchant_waiting(trouble):
    """Unknown is not unused; the reason is in the log, what was found stays, and the next run goes on."""
    stage = Stage()
    stored(stage.world, **OWN)
    chain = stage.chains["bsc"]
    if trouble == "down":
        chain.down = True
    elif trouble == "unknown":
        chain.unknown.add(address(13))
    else:
        stage.world.clock.at += 60_000
        stage.chains["anvil"].mine(1, seconds=60)
    assert stage.run() == []
    assert stage.merchant().provisioning
    assert [message for _, message, _ in stage.world.log.lines] == ["discovery_waits"]
    assert "bsc" in str(stage.world.log.lines) or trouble == "down"
    with pytest.raises(Conflict, match="provisioned"):
        stage.first()
    chain.down = False
    chain.unknown.clear()
    chain.mine(1, seconds=60 if trouble == "stale" else 1)
    assert stage.run() == ["m2"]
    assert stage.first() == "0"


def test_a_token_that_answers_nothing_is_unknown_too(monkeypatch):
    """A contract that is paused, say."""
    stage = Stage()
    stored(stage.world, **OWN)
    monkeypatch.setattr(FakeChain, "balances", lambda self, at, wanted: [None if each.token else 0 for each in wanted])
    assert stage.run() == []


def test_no_merchant_waits_for_another_and_a_silent_chain_is_waited_for_once():
    """One cannot be signed for, many wait; those behind them are ready in the same run."""
    stage = Stage()
    for number in range(100, 130):
        stored(stage.world, id=f"a{number}", account=number, xpub="", key_version=2)
    stored(stage.world, id="z1", account=5, xpub="")
    assert stage.run() == ["z1"]
    stored(stage.world, id="z2", account=6, xpub="")
    stored(stage.world, id="z3", account=7, xpub="")
    stage.chains["anvil"].down = True
    before = stage.chains["anvil"].requests
    assert stage.run() == []
    assert stage.chains["anvil"].requests == before + 1


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 60), max_size=6), st.booleans())
def test_whatever_was_used_within_the_gap_is_never_given_out(used, token):
    """Property: the first index is the last used one that twenty unused ones do not hide, plus one."""
    stage = Stage()
    stored(stage.world, **OWN)
    for index in used:
        stage.chains["bsc" if token else "anvil"].deposit(address(index), 1, USDC.address if token else None)
    for chain in stage.chains.values():
        chain.mine()
    stage.run()
    expected = 0
    while hidden := [index for index in used if expected <= index < expected + GAP]:
        expected = max(hidden) + 1
    assert stage.first() == str(expected)


def test_a_payment_of_a_wallet_in_use_is_pending_until_it_is_paid():
    """The circumstance itself: 1 ETH at index 0, seconds before the first payment existed."""
    stage = Stage()
    stored(stage.world, **OWN)
    stage.chains["anvil"].deposit(address(0), 10**18)
    stage.chains["anvil"].mine()
    stage.run()
    stage.world.merchant = stage.merchant()
    payment = stage.world.create(10**15)
    stage.world.step(4)
    assert stage.world.payment(payment.id).status is Status.PENDING


def test_looking_at_an_address_asks_nothing_more_of_a_chain_that_was_silent():
    stage = Stage()
    discoverer = AccountDiscoverer(
        networks=stage.networks,
        open_chain=stage.chains.__getitem__,
        access=stage.world.stores.access,
        clock=stage.world.clock,
    )
    [seen] = discoverer.look("anvil", [address(0)])
    assert (seen.used, dict(seen.balances), seen.sent) == (False, {"ETH": 0, "USDC": 0, "OLD": 0}, 0)
    stage.chains["bsc"].down = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            discoverer.look("bsc", [address(0)])
    assert stage.chains["bsc"].requests == 1
