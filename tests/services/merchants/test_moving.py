"""A wallet is rotated: merchants get accounts of the newer mnemonic, and what their old addresses hold stays theirs."""

from dataclasses import replace

import pytest
from eth_account import Account

from ctrip.bootstrap.composition import Stage
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Conflict, SigningRefused
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.rotation import SLACK
from ctrip.domain.merchants.vouching import verify_key
from ctrip.domain.payments.payment import Custody, Policy, Status
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.sweeping.account_holders import AccountHolders
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from ctrip.signer.authority import KeyAuthority
from ctrip.signer.generations import Generation
from ctrip.signer.wallet import RotatedWallet
from tests.fakes.chain import FakeSigner
from tests.world import (
    _MNEMONIC,
    _WALLET,
    AUTHORITY,
    NETWORK,
    ORIGIN,
    SETTINGS,
    XPUB2,
    FakeAdapters,
    World,
    put_merchant,
    signed,
)

SWEEP = Transaction(chain_id=1, nonce=0, to="", value=5, gas=21_000, max_fee=100, priority_fee=100)
NEWER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
AUTHORITIES = KeyAuthority(NEWER, [_MNEMONIC])
BOTH, NEW_ALONE = AUTHORITIES.every_key, AUTHORITIES.verifying_key
OWN = FIRST.shown("0x" + "5e" * 20)


class Rotated(FakeAdapters):
    """The parts of a stage whose wallet was rotated: accounts from `first` on are the newer mnemonic's."""

    def __init__(self, world: World, first: int, verifying_key: str) -> None:
        super().__init__(world, replace(SETTINGS, verifying_key=verifying_key))
        self._wallet = RotatedWallet((Generation(NEWER, first), Generation(_MNEMONIC)))

    def wallet(self) -> RotatedWallet:
        """Both mnemonics'."""
        return self._wallet

    def authority(self) -> KeyAuthority:
        """The newer one's, which knows what the former one signed."""
        return AUTHORITIES


class Late(FakeAdapters):
    """The parts of a process that has read the wallet before it was rotated."""

    def wallet_is_newest(self) -> bool:
        """Somebody has rotated it since."""
        return False


def rotated(world: World, verifying_key: str = BOTH) -> World:
    """Give a world the stage that it has after a rotation; return it."""
    first = world.stores.access.next_account()
    while first < 10:  # merchants of these tests have accounts below
        first = world.stores.access.next_account()
    world.stage = Stage(Rotated(world, first, verifying_key))
    xpub = world.stage.adapters.wallet().account_xpub
    world.signer = FakeSigner({0: _WALLET.account_xpub("evm", 0)} | {n: xpub("evm", n) for n in (1, first + 1)})
    world.creator, world.reader = world.stage.payments.creator, world.stage.payments.reader
    world.sweeper = world.stage.sweeping.new_sweeper(world.network.name)
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    return world


def moved(world: World, merchant_id: str = "m1") -> Merchant:
    """Have a merchant moved, as the operator's command and the signer do; return it."""
    assert world.stage.merchants.mover.move(merchant_id, NEW_ALONE, ORIGIN)
    world.stage.merchants.provisioner.provision(merchant_id)
    world.stage.merchants.waiting().run()
    return world.stores.access.merchant(merchant_id)


def create(world: World, amount: int = 1000):
    """Create a payment for the merchant as it is now."""
    merchant = world.stores.access.merchant("m1")
    made = world.creator.create(merchant, CreatePayment(chain="anvil", amount=amount), "http://x", ORIGIN)
    return world.payment(made.view["id"])


def test_new_addresses_come_from_the_newer_mnemonic_and_old_payments_go_on():
    """Both are credited where the newer mnemonic's key alone is trusted; each is derived again where it is from."""
    world = World()
    before = create(world)
    rotated(world)
    merchant = moved(world)
    wallet = world.stage.adapters.wallet()
    assert not merchant.provisioning
    assert (merchant.account > 10, merchant.key_version, merchant.rotation) == (True, 2, None)
    assert all(verify_key(merchant, key, NEW_ALONE) for key in (*merchant.keys, *merchant.former_keys))
    rotated_stage = Stage(Rotated(world, 11, NEW_ALONE))
    after = create(world)
    assert after.due.derivation_path.startswith(f"m/44'/60'/{merchant.account}'/0/")
    assert after.due.address == wallet.address("evm", after.due.derivation_path)
    assert before.due.address == wallet.address("evm", before.due.derivation_path)
    assert not rotated_stage.settings.verifying_key.count(",")
    for payment in (before, after):
        world.chain.deposit(payment.due.address, 1000)
    world.stage.adapters.own = replace(world.stage.adapters.own, verifying_key=NEW_ALONE)
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    world.step(4)
    assert {world.payment(each.id).status for each in (before, after)} == {Status.PAID}
    assert "extended_key_mismatch" not in world.log.alarms()


def test_each_address_is_signed_for_by_the_mnemonic_that_it_is_of():
    """The guard knows the holder of the former account as of the new one, and no other account."""
    world = World()
    rotated(world)
    merchant = moved(world)
    wallet = world.stage.adapters.wallet()
    holders = AccountHolders(world.stores.access, lambda: wallet, lambda: AUTHORITIES.every_key)
    for account in (1, merchant.account):
        assert holders.holder(account).merchant_id == "m1"
        path, treasury = f"m/44'/60'/{account}'/0/4", world.stage.settings.treasury
        signer = GuardedSigner(lambda: wallet, {"anvil": treasury}, {"anvil": NETWORK}, lambda: True)
        sweep = replace(SWEEP, chain_id=NETWORK.chain_id, to=treasury)
        sent = signer.sign("anvil", path, wallet.address("evm", path), sweep)
        assert Account.recover_transaction(sent.raw) == wallet.address("evm", path)
    with pytest.raises(SigningRefused):
        holders.holder(merchant.account + 1)


def test_the_daily_round_looks_at_addresses_of_both():
    """Around the moving at both of each index: somebody may give out the former one's for a while."""
    world = World()
    old = create(world)
    world.stage.payments.closer.cancel("m1", old.id, ORIGIN)
    rotated(world)
    merchant = moved(world)
    assert merchant.former_keys[0].until_index > SLACK
    new = create(world)
    world.stage.payments.closer.cancel("m1", new.id, ORIGIN)
    finder = world.scanner.strays
    [former, _] = merchant.all_keys_on("evm")
    given = range(world.stores.access.indexes("m1", "evm"))
    found = finder._addresses(merchant, given)
    assert {old.due.address, new.due.address} < set(found)
    assert (former.account, len(found)) == (1, 2 * len(given))
    assert finder._addresses(merchant, given) == found


def test_moving_is_asked_for_once_and_ends():
    """A second command takes no account; once the signer is done there is nothing to do."""
    world = rotated(World())
    mover, access = world.stage.merchants.mover, world.stores.access
    assert mover.move("m1", NEW_ALONE, ORIGIN)
    wanted = access.merchant("m1").rotation
    assert mover.move("m1", NEW_ALONE, ORIGIN)
    assert access.merchant("m1").rotation == wanted
    with pytest.raises(Conflict):
        create(world)  # it has no account for the moment
    provisioner = world.stage.merchants.provisioner
    provisioner.provision("m1")
    provisioner.provision("m1")
    assert access.merchant("m1").account == wanted.account
    assert not mover.move("m1", NEW_ALONE, ORIGIN)
    assert len(access.merchant("m1").former_keys) == 1


def test_a_signer_that_holds_the_wallet_before_the_rotation_gives_out_no_account():
    """Its accounts from there on are the newer mnemonic's: what it derived could never be swept."""
    world = rotated(World())
    access = world.stores.access
    put_merchant(access, Merchant(id="m2", name="s", account=access.next_account(), xpub="", webhook_secrets=()))
    assert world.stage.merchants.mover.move("m1", NEW_ALONE, ORIGIN)
    late = Stage(Late(world, SETTINGS))
    for each in ("m1", "m2"):
        with pytest.raises(SigningRefused):
            late.merchants.provisioner.provision(each)
    assert (access.merchant("m1").key_version, access.merchant("m2").key_signature) == (1, "")


def test_a_merchants_own_key_is_only_signed_anew():
    """It has no account here to be moved from."""
    world = World()
    own = Policy(custody=Custody.XPUB)
    put_merchant(
        world.stores.access, signed(Merchant(id="m2", name="s", account=0, xpub=XPUB2, webhook_secrets=(), policy=own))
    )
    rotated(world)
    merchant = moved(world, "m2")
    assert (merchant.xpub, merchant.account, merchant.former_keys, merchant.key_version) == (XPUB2, 0, (), 2)
    assert verify_key(merchant, merchant.keys[0], NEW_ALONE)


@pytest.mark.parametrize("swap", [{"xpub": XPUB2}, {"account": 7}, {"key_signature": "00"}])
def test_a_row_that_somebody_changed_is_not_signed_anew(swap):
    """Neither another key, nor another account's, nor one that no mnemonic of ours has signed."""
    world = rotated(World())
    assert world.stage.merchants.mover.move("m1", NEW_ALONE, ORIGIN)
    access = world.stores.access
    access._merchants["m1"] = replace(access.merchant("m1"), **swap)
    with pytest.raises(SigningRefused):
        world.stage.merchants.provisioner.provision("m1")
    assert access.merchant("m1").key_version == 1


@pytest.mark.parametrize("own", [False, True])
def test_a_former_account_that_somebody_wrote_beside_a_merchants_own_is_not_signed_for(own):
    """It is another merchant's: signed for, what comes to that one's addresses would be credited to this one."""
    world = World()
    custody = Policy(custody=Custody.XPUB if own else Custody.HOT)
    xpub, account = (XPUB2, 0) if own else (_WALLET.account_xpub("evm", 2), 2)
    row = Merchant(id="m2", name="s", account=account, xpub=xpub, webhook_secrets=(), policy=custody)
    put_merchant(world.stores.access, signed(row))
    rotated(world)
    assert world.stage.merchants.mover.move("m2", NEW_ALONE, ORIGIN)
    access = world.stores.access
    theirs = replace(access.merchant("m1").keys[0], account=1, until_index=SLACK)
    access._merchants["m2"] = replace(access.merchant("m2"), former_keys=(theirs,))
    with pytest.raises(SigningRefused):
        world.stage.merchants.provisioner.provision("m2")
    assert access.merchant("m2").key_version == 1


def test_settlement_addresses_are_taken_over_anew():
    """By the signer, from what its former key had signed; until then it pays nothing there."""
    world = World(own=replace(SETTINGS, verifying_key=AUTHORITY.verifying_key))
    world.stage.settlement.addresses.set("m1", "anvil", OWN, ORIGIN)
    guard = world.stage.payouts.guard
    first = guard.vouch("m1", "anvil")
    asked = world.stores.payouts.settlement_address("m1", "anvil")
    world.stores.payouts.keep_settlement_address(asked, replace(asked, signature=first, version=2))
    rotated(world)
    guard = world.stage.payouts.guard
    with pytest.raises(SigningRefused):
        guard.vouched("m1", "anvil")
    assert world.stage.merchants.mover.move("m1", NEW_ALONE, ORIGIN)
    assert [each.chain for each in world.stores.payouts.unvouched()] == ["anvil"]
    assert guard.vouch("m1", "anvil") != first
    assert guard.vouched("m1", "anvil") == OWN
