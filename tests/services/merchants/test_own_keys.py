"""A merchant that brings an extended key for each kind of chain: each is its own account, signed for and discovered."""

from dataclasses import replace

import pytest
from bip_utils import Bip32Slip10Secp256k1, TrxAddrEncoder

from ctrip.domain.errors import BadRequest, Conflict, InvalidField, NotFound, SigningRefused
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.domain.payments.payment import Custody, Policy, Status
from ctrip.services.payments.create_payment import CreatePayment
from tests.fakes.chain import FakeChain
from tests.fakes.clock import T0
from tests.fakes.tron import LAG
from tests.tron_world import TRX, TronWorld
from tests.world import _WALLET, AUTHORITY, NETWORK, ORIGIN

EVM_KEY, TRON_KEY = _WALLET.account_xpub("evm", 7), _WALLET.account_xpub("tron", 7)
OTHER_KEY = _WALLET.account_xpub("tron", 8)


class OwnWorld(TronWorld):
    """A merchant under its own key on EVM chains, and a stage with Tron."""

    def __init__(self) -> None:
        self.anvil = FakeChain(T0)
        self.others = {"anvil": (NETWORK, self.anvil)}
        super().__init__(xpub=EVM_KEY, account=0, policy=Policy(custody=Custody.XPUB))

    def bring(self, xpub: str = TRON_KEY, chain: str = "tron"):
        """Bring a key."""
        return self.stage.merchants.manager.add_key("m1", chain, xpub, ORIGIN)

    def provide(self) -> None:
        """Have it signed for and discovered, as the schedule does."""
        self.anvil.mine(seconds=max((self.clock.at - self.anvil.head().time) // 1000, 1))
        self.stage.merchants.waiting().run()
        self.merchant = self.stores.access.merchant("m1")

    def on(self, chain: str, **wanted: object):
        """Make a payment on a chain."""
        asked = CreatePayment(chain=chain, **{"amount": 10 * TRX} | wanted)
        return self.payment(self.creator.create(self.merchant, asked, "http://x", ORIGIN).view["id"])


@pytest.fixture
def world() -> OwnWorld:
    made = OwnWorld()
    made.provide()
    return made


def test_a_payment_on_tron_comes_from_the_key_that_was_brought_for_it(world):
    """As the wallet derives it, which bip-utils does too; on EVM chains from the other key, at another address."""
    world.bring()
    world.provide()
    assert world.merchant.more_keys[0].discovered
    assert verify_extended_key(world.merchant, AUTHORITY.verifying_key, "tron")
    here, there = world.on("tron"), world.on("anvil", amount=1)
    branch = Bip32Slip10Secp256k1.FromExtendedKey(TRON_KEY).ChildKey(0)
    index = int(here.due.derivation_path.removeprefix("M/0/"))
    public = branch.ChildKey(index).PublicKey()
    assert here.due.address == TrxAddrEncoder.EncodeKey(public.KeyObject())
    assert there.due.address.startswith("0x")
    world.chain.deposit(here.due.address, 10 * TRX)
    world.step(LAG + 1)
    assert world.payment(here.id).status is Status.SETTLED  # under its own key nothing is swept


def test_without_a_key_for_the_kind_there_is_no_address(world):
    with pytest.raises(Conflict) as refused:
        world.on("tron")
    assert refused.value.code == "merchant_without_key"


def test_the_addresses_that_its_wallet_has_used_are_not_given_out(world):
    """Index 0 is the wallet's main account: what lies there is no payment's."""
    used = Bip32Slip10Secp256k1.FromExtendedKey(TRON_KEY).ChildKey(0).ChildKey(0).PublicKey()
    world.chain.deposit(TrxAddrEncoder.EncodeKey(used.KeyObject()), 5 * TRX)
    world.chain.mine(2 * LAG)
    world.clock.at = world.chain.chain[-1].block.time
    world.bring()
    world.provide()
    assert world.merchant.key_on("tron").first_index == 1
    assert world.on("tron").due.derivation_path == "M/0/1"


def test_other_chains_go_on_while_a_key_waits(world):
    """Also where Tron cannot be asked at all: an unknown chain is no reason to take no money on another one."""
    world.bring()
    world.merchant = world.stores.access.merchant("m1")
    assert world.on("anvil", amount=1).due.address
    with pytest.raises(Conflict) as refused:
        world.on("tron")
    assert refused.value.code == "merchant_provisioning"


@pytest.mark.parametrize(
    ("xpub", "code", "told"),
    [
        (EVM_KEY, "invalid_xpub", "m/44'/195'/n'"),
        ("TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6", "invalid_xpub", "xpub"),
        ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "invalid_xpub", "is an address"),
        (Bip32Slip10Secp256k1.FromExtendedKey(TRON_KEY).ChildKey(0).PublicKey().ToExtended(), "invalid_xpub", "below"),
        ("", "invalid_xpub", "is empty"),
    ],
)
def test_what_is_no_key_of_an_account_is_refused_and_names_the_field(world, xpub, code, told):
    with pytest.raises(InvalidField, match=told) as refused:
        world.bring(xpub)
    assert [(each.field, each.code) for each in refused.value.errors] == [("xpub", code)]
    assert world.stores.access.merchant("m1").more_keys == ()


def test_a_key_stays_and_the_same_again_changes_nothing(world):
    first = world.bring()
    assert world.bring() == first
    with pytest.raises(Conflict) as refused:
        world.bring(OTHER_KEY)
    assert refused.value.code == "merchant_has_key"
    with pytest.raises(Conflict):
        world.bring(OTHER_KEY, "anvil")
    with pytest.raises(BadRequest, match="Unsupported chain"):
        world.bring(chain="nile")
    with pytest.raises(NotFound):
        world.stage.merchants.manager.add_key("nobody", "tron", TRON_KEY, ORIGIN)


def test_a_key_belongs_to_one_merchant(world):
    world.bring()
    manager = world.stage.merchants.manager
    other = replace(world.merchant, id="m2", xpub=_WALLET.account_xpub("evm", 9), more_keys=(), version=1)
    world.stores.access._merchants["m2"] = other
    with pytest.raises(InvalidField) as refused:
        manager.add_key("m2", "tron", TRON_KEY, ORIGIN)
    assert refused.value.errors[0].code == "xpub_in_use"


def test_whoever_has_no_key_of_its_own_brings_none():
    world = TronWorld()
    with pytest.raises(Conflict) as refused:
        world.stage.merchants.manager.add_key("m1", "tron", TRON_KEY, ORIGIN)
    assert refused.value.code == "custody_not_xpub"


def test_a_key_is_signed_for_once(world):
    """Swapped in the row, with its signature taken away, it gets no second one."""
    world.bring()
    world.provide()
    held = world.stores.access.merchant("m1")
    (key,) = held.more_keys
    world.stores.access._merchants["m1"] = held.with_key(replace(key, xpub=OTHER_KEY, signature=""))
    with pytest.raises(SigningRefused, match="signed before"):
        world.stage.merchants.provisioner.provision("m1")


def test_discovering_anew_looks_on_every_kind(world):
    """After a restore each counter may be too low."""
    world.bring()
    world.provide()
    world.stage.merchants.manager.rediscover("m1", ORIGIN)
    assert [key.discovered for key in world.stores.access.merchant("m1").keys] == [False, False]
