"""Custody `direct`: deposits go to the merchant's own treasury, by the signer's word, and are owed no more then."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from ctrip.domain.chains.evm.sweep_call import SweepCall, sweep_data
from ctrip.domain.chains.evm.sweep_contracts import sweep_pair
from ctrip.domain.chains.evm.transaction import Authorization, Transaction, transfer_data
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Conflict, InvalidField, SigningRefused
from ctrip.domain.ledger.balances import added, imbalance
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Custody, Flag, Late, Policy, Status, Tier
from ctrip.domain.sweeping.policy import SweptDay, day_of, parse_policies, policy_of
from ctrip.domain.sweeping.standing import Why
from ctrip.services.payments.create_payment import CreatePayment
from tests.fakes.chain import FakeSigner
from tests.services.sweeping.test_batches import OPERATOR
from tests.support.ledger import entries_of, owed_to
from tests.world import _WALLET, ORIGIN, SETTINGS, TREASURY, USDC, XPUB, XPUB2, World, put_merchant, signed

OWN = FIRST.shown("0x" + "5e" * 20)
OTHER = FIRST.shown("0x" + "6f" * 20)
DIRECT = Policy(custody=Custody.DIRECT)
COIN = 10**18
THIEF = FIRST.shown("0x" + "7e" * 20)


class Guarded(FakeSigner):
    """Has the signer's own guard look at everything that the fake chain is to get."""

    world: World

    def sign(self, chain, path, sender, transaction, *, recipient_path=None, payouts=()):
        guard = self.world.stage.sweeping.signer
        guard.sign(chain, path, sender, transaction, recipient_path=recipient_path, payouts=payouts)
        return super().sign(chain, path, sender, transaction, recipient_path=recipient_path, payouts=payouts)


def direct_world(address=OWN, *, policy=DIRECT, treasury=TREASURY, **own):
    """Make a world whose merchant has a treasury of its own, if `address` is one, which the signer has taken over."""
    signer = Guarded({0: _WALLET.account_xpub("evm", 0), 1: XPUB})
    world = World(signer=signer, own=replace(SETTINGS, treasury=treasury, **own), policy=policy)
    signer.world = world
    if address:
        goes_to(world, address)
    return world


def goes_to(world, address, merchant_id="m1"):
    """Have the operator set a merchant's treasury, and the signer take it over."""
    world.stage.settlement.addresses.set_treasury(merchant_id, "anvil", address, ORIGIN)
    world.stage.payouts.guard.vouch(merchant_id, "anvil")


def arrives(world, amount=COIN, *, token=False, due=0, merchant=None):
    """Have money come for a payment of a merchant."""
    asked = CreatePayment(chain="anvil", amount=due or amount, asset="USDC" if token else "ETH")
    made = world.creator.create(merchant or world.merchant, asked, "http://x", ORIGIN).view
    payment = world.payment(made["id"])
    world.chain.deposit(payment.due.address, amount, payment.due.token_address)
    return payment


def nothing_owed(world, *merchants):
    """Check that the books are even, and have nothing of a merchant's left."""
    entries = entries_of(world.stores, *(merchants or ("m1",)), "operator")
    assert imbalance(added(Counter(), entries)) == {}
    of_merchants = [each for each in entries if each.owner != "operator"]
    for account in ("available", "held", "unmatched", "payable"):
        assert owed_to(of_merchants, account) == 0, account


@pytest.mark.parametrize("token", [False, True])
def test_a_deposit_reaches_the_merchants_own_treasury_and_is_owed_no_more(token):
    """The coin less what its own transfer cost, a token to the last unit; the operator's treasury sees nothing."""
    world = direct_world()
    payment = arrives(world, token=token)
    world.step(4)
    assert (world.payment(payment.id).status, owed_to(entries_of(world.stores), "available")) == (Status.PAID, COIN)
    world.settle(25)
    done = world.payment(payment.id)
    assert (done.status, done.tier) == (Status.SETTLED, Tier.MONITORED)
    asset = USDC.address if token else None
    assert world.chain.total(asset, [payment.due.address]) == 0
    gas = 0 if token else sum(each.amount for each in entries_of(world.stores, "m1") if each.type == "gas")
    assert world.chain.total(asset, [OWN]) == COIN - gas
    assert world.chain.total(asset, [TREASURY]) == 0
    nothing_owed(world)
    of_asset = [each for each in entries_of(world.stores) if each.asset == payment.due.asset_key]
    assert (owed_to(of_asset, "on_addresses"), owed_to(of_asset, "gas_expense")) == (0, 0)
    settled = [each for each in entries_of(world.stores, "m1") if each.type == "settled"]
    assert [(each.amount, each.tx_hash, each.payment_id) for each in settled] == [
        (COIN - gas, done.own.sweeps[0].tx_hash, payment.id)
    ]
    assert world.log.alarms() == []


@pytest.mark.parametrize("refused", [False, True])
def test_without_a_treasury_of_the_operators_its_merchants_money_still_goes_to_their_own(refused):
    """There is none, or it is refused; what would go there waits."""
    world = direct_world(treasury=TREASURY if refused else "")
    if refused:
        world.chain.contracts.add(TREASURY)
    other = signed(Merchant(id="m2", name="Hot", account=2, xpub=XPUB2, webhook_secrets=()))
    put_merchant(world.stores.access, other)
    own, hot = arrives(world), arrives(world, merchant=other)
    world.sweeper = world.stage.sweeping.sweeper("anvil")
    world.settle(25)
    assert world.payment(own.id).status is Status.SETTLED
    assert (world.payment(hot.id).status, world.payment(hot.id).own.pending) == (Status.PAID, None)
    assert world.chain.total(None, [OWN]) > 0
    assert world.chain.total(None, [TREASURY]) == 0


def test_each_merchants_money_goes_where_it_belongs_beside_batches():
    """Two treasuries of merchants and the operator's; a batch pays the operator's alone."""
    world = direct_world()
    hot = signed(Merchant(id="m2", name="Hot", account=2, xpub=XPUB2, webhook_secrets=()))
    third = replace(hot, id="m3", account=3, xpub=_WALLET.account_xpub("evm", 3), policy=DIRECT)
    for each in (hot, signed(third)):
        put_merchant(world.stores.access, each)
    goes_to(world, OTHER, "m3")
    world.chain.deploy(TREASURY, OPERATOR)
    world.chain.deposit(OPERATOR, 10**20)
    world.sweeper = world.stage.sweeping.new_sweeper("anvil", OPERATOR)
    amounts = {OWN: 10**9, TREASURY: 2 * 10**9, OTHER: 3 * 10**9}
    for to, merchant in ((OWN, None), (TREASURY, hot), (OTHER, signed(third))):
        arrives(world, amounts[to], token=True, merchant=merchant)
    world.settle(30)
    assert {to: world.chain.total(USDC.address, [to]) for to in amounts} == amounts
    entries = entries_of(world.stores, "m1", "m2", "m3", "operator")
    assert imbalance(added(Counter(), entries)) == {}
    by_owner = {name: owed_to([e for e in entries if e.owner == name], "available") for name in ("m1", "m2", "m3")}
    assert by_owner == {"m1": 0, "m2": 2 * 10**9, "m3": 0}
    [batch] = world.stores.money.transactions_of("anvil", OPERATOR)
    assert {each.merchant_id for each in batch.members} == {"m2"}


def test_held_money_is_never_swept():
    """Nor is what came beside it, until a person accepts it."""
    world = direct_world(policy=replace(DIRECT, late=Late.REVIEW))
    asked = CreatePayment(chain="anvil", amount=COIN, asset="ETH", expires_in=60)
    payment = world.payment(world.creator.create(world.merchant, asked, "http://x", ORIGIN).view["id"])
    world.closer.cancel("m1", payment.id, ORIGIN)
    world.chain.deposit(payment.due.address, COIN)
    world.settle(25)
    assert Flag.HELD in world.payment(payment.id).flags
    assert world.chain.total(None, [payment.due.address]) == COIN
    world.closer.accept("m1", payment.id, ORIGIN)
    world.settle(25)
    assert world.payment(payment.id).status is Status.SETTLED
    nothing_owed(world)


def test_what_a_payment_received_that_came_to_nothing_goes_there_too():
    """The merchant refunds it from there."""
    world = direct_world(policy=replace(DIRECT, monitoring_seconds=60))
    payment = arrives(world, COIN // 2, due=COIN)
    world.step(4)
    world.clock.at += 2_000_000
    world.chain.mine(3, seconds=700)
    world.settle(25)
    done = world.payment(payment.id)
    assert (done.status, done.own.unmatched) == (Status.EXPIRED, COIN // 2)
    assert world.chain.total(None, [payment.due.address]) == 0
    nothing_owed(world)


def test_what_lay_there_before_leaves_with_it_and_is_unmatched_no_more():
    """Money of before the payment is taken out of the account that it was kept apart in."""
    world = direct_world()
    asked = CreatePayment(chain="anvil", amount=COIN, asset="ETH")
    at = _WALLET.address("evm", "m/44'/60'/1'/0/0")
    world.chain.deposit(at, 10**15)
    world.chain.mine(10)
    world.clock.at += 10_000
    payment = world.payment(world.creator.create(world.merchant, asked, "http://x", ORIGIN).view["id"])
    assert payment.due.address == at
    world.chain.deposit(at, COIN)
    world.step(4)
    assert owed_to(entries_of(world.stores), "unmatched") == 10**15
    world.settle(25)
    assert world.payment(payment.id).status is Status.SETTLED
    nothing_owed(world)


@pytest.mark.parametrize("token", [False, True])
def test_a_sweep_that_a_deep_reorganisation_removes_is_owed_again(token):
    """The posting is taken back with it, and made once more."""
    world = direct_world()
    arrives(world, token=token)
    world.settle(25)
    nothing_owed(world)
    world.chain.reorg(22, later=True)
    world.stores.access.pause("anvil", paused=False)
    for _ in range(3):
        world.run = world.new_run()
        world.settle(10)
        world.stores.access.pause("anvil", paused=False)
    nothing_owed(world)
    entries = entries_of(world.stores, "m1")
    there = world.chain.total(USDC.address if token else None, [OWN])
    posted = sum(each.amount for each in entries if each.type == "settled")
    back = sum(each.amount for each in entries if each.type == "reversal" and "moved" in each.id)
    assert posted - back == there > 0
    assert back > 0


# -- where it may go


def test_a_payment_that_could_be_swept_nowhere_is_not_made():
    """409 with what to do, and no address is given out; with a treasury it is."""
    world = direct_world(address=None)
    with pytest.raises(Conflict, match="no treasury on anvil") as caught:
        world.create()
    assert caught.value.code == "treasury_missing"
    goes_to(world, OWN)
    assert world.create().due.derivation_path == "m/44'/60'/1'/0/0"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (TREASURY, "own_address"),
        (_WALLET.address("evm", "m/44'/60'/1'/0/9"), "own_address"),
        (USDC.address, "contract_address"),
        ("0x" + "00" * 20, "invalid_address"),
        ("nonsense", "invalid_address"),
        (OWN[:-1] + ("E" if OWN[-1] == "e" else "e"), "invalid_address"),
    ],
)
def test_money_is_not_sent_where_it_would_be_lost_or_come_back(address, code):
    world = direct_world(address=None)
    with pytest.raises(InvalidField) as caught:
        goes_to(world, address)
    assert caught.value.errors[0].code == code


def test_a_merchant_whose_money_goes_to_the_operator_has_no_treasury():
    world = direct_world(address=None, policy=Policy())
    with pytest.raises(Conflict, match="custody"):
        goes_to(world, OWN)


def test_another_treasury_counts_after_the_delay_and_the_merchant_is_told_at_once():
    """Until then deposits go to the one before; by the signer's clock."""
    world = direct_world(address_delay_seconds=3600)
    world.stores.payouts.commits.clear()
    goes_to(world, OTHER)
    arrives(world)
    world.settle(25)
    assert (world.chain.total(None, [OWN]) > 0, world.chain.total(None, [OTHER])) == (True, 0)
    world.clock.at += 3_600_000
    world.chain.mine(1, seconds=3600)
    arrives(world)
    world.settle(25)
    assert world.chain.total(None, [OTHER]) > 0
    page = world.stage.settlement.addresses.show_treasury("m1", "anvil")
    assert (page["address"], page["next_address"]) == (OTHER, None)


def test_a_sweep_under_way_to_a_treasury_that_has_changed_is_cancelled_and_sent_to_the_new_one():
    """No block took it in time; its slot is used for nothing."""
    world = direct_world(address_delay_seconds=60)
    payment = arrives(world)
    world.step(4)
    world.sweep()
    world.chain.base_fee *= 40
    goes_to(world, OTHER)
    world.clock.at += 60_000
    for _ in range(30):
        world.step(seconds=10)
        world.sweeper.sweep("native")
    world.chain.base_fee = 7
    world.settle(20)
    sent = world.stores.money.transactions_of("anvil", payment.due.address)
    assert sorted(each.state for each in sent) == ["cancelled", "final"]
    assert world.payment(payment.id).status is Status.SETTLED
    assert (world.chain.total(None, [OWN]), world.chain.total(None, [OTHER]) > 0) == (0, True)


PLAIN = Transaction(chain_id=31337, nonce=0, to=OWN, value=5, gas=21_000, max_fee=100, priority_fee=100)
DEPOSIT = "m/44'/60'/1'/0/7"


def refusal(world, to, *, path=DEPOSIT, token=False):
    """Ask the signer for a sweep; return why it refuses, empty where it signs."""
    act = replace(PLAIN, to=USDC.address, value=0, data=transfer_data(to, 9)) if token else replace(PLAIN, to=to)
    try:
        world.stage.sweeping.signer.sign("anvil", path, _WALLET.address("evm", path), act)
    except SigningRefused as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize("token", [False, True])
def test_the_signer_sends_a_direct_deposit_to_that_merchants_treasury_alone(token):
    """Not to the operator's, another merchant's, or anybody's; and nobody else's deposits go there."""
    world = direct_world()
    third = signed(
        Merchant(id="m3", name="C", account=3, xpub=_WALLET.account_xpub("evm", 3), webhook_secrets=(), policy=DIRECT)
    )
    hot = signed(Merchant(id="m2", name="B", account=2, xpub=XPUB2, webhook_secrets=()))
    for each in (hot, third):
        put_merchant(world.stores.access, each)
    goes_to(world, OTHER, "m3")
    assert refusal(world, OWN, token=token) == ""
    assert refusal(world, OTHER, path="m/44'/60'/3'/0/0", token=token) == ""
    assert refusal(world, TREASURY, path="m/44'/60'/2'/0/0", token=token) == ""
    for to, path in (
        *((to, DEPOSIT) for to in (TREASURY, OTHER, THIEF)),
        *((to, "m/44'/60'/2'/0/0") for to in (OWN, OTHER, THIEF)),
    ):
        assert "treasury only" in refusal(world, to, path=path, token=token), (to, path)


def test_an_account_that_no_merchant_has_is_not_swept():
    assert "no merchant's" in refusal(direct_world(), TREASURY, path="m/44'/60'/9'/0/0")


@pytest.mark.parametrize(
    "changes",
    [{"policy": Policy()}, {"key_signature": "00" * 64}, {"xpub": XPUB2}, {"account": 4}, {"id": "m9"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_merchants_row_that_was_changed_in_the_table_sends_nothing_anywhere(changes):
    """Custody, key and account are what the signer has signed."""
    world = direct_world()
    world.stores.access._merchants["m1"] = replace(world.merchant, **changes)
    for to in (OWN, TREASURY):
        assert refusal(world, to)


def test_another_merchants_row_that_was_copied_over_this_ones_sends_nothing_anywhere():
    """It is signed, but for a key that is not this account's."""
    world = direct_world()
    hot = signed(Merchant(id="m2", name="Hot", account=2, xpub=XPUB2, webhook_secrets=()))
    put_merchant(world.stores.access, hot)
    world.stores.access._merchants["m1"] = replace(hot, account=1)
    for to in (OWN, TREASURY):
        assert "vouches for" in refusal(world, to)


def test_a_treasury_that_was_changed_in_the_table_is_not_sent_to():
    """Neither the row of who asked, nor the signer's own, which carries its signature."""
    world = direct_world()
    book, asked = world.stores.signer_book, world.stores.payouts._state.settlement_addresses
    asked["m1", "anvil"] = replace(asked["m1", "anvil"], address=THIEF)
    assert refusal(world, THIEF)
    assert refusal(world, OWN) == ""
    before = book.vouched("m1", "anvil")
    book.keep_vouched(before, replace(before, address=THIEF, version=before.version + 1))
    for to in (THIEF, OWN, TREASURY):
        assert "taken over" in refusal(world, to)


def test_without_a_treasury_that_it_has_taken_over_the_signer_sends_nothing():
    world = direct_world(address=None)
    world.stage.settlement.addresses.set_treasury("m1", "anvil", OWN, ORIGIN)
    assert "taken over" in refusal(world, OWN)
    assert refusal(world, TREASURY)


def test_a_treasury_among_our_own_addresses_is_not_sent_to():
    """Which the API cannot know: the gas station's, say."""
    station = _WALLET.address("evm", "m/44'/60'/0'/0/1")
    world = direct_world(address=None)
    goes_to(world, station)
    assert "own address" in refusal(world, station)


def test_a_batch_takes_nothing_of_a_direct_merchants():
    """It pays the operator's treasury: such an address delegates to nobody."""
    world, path = direct_world(), "m/44'/60'/0'/0/2"
    operator, at = _WALLET.address("evm", path), _WALLET.address("evm", DEPOSIT)
    pair = sweep_pair(TREASURY, operator)
    batch = replace(
        PLAIN,
        to=pair.batcher.address,
        value=0,
        gas=300_000,
        data=sweep_data(SweepCall(USDC.address, (at,), 60_000)),
        authorizations=(Authorization(path=DEPOSIT, address=at, delegate=pair.delegate.address, nonce=0),),
    )
    with pytest.raises(SigningRefused, match="swept alone"):
        world.stage.sweeping.signer.sign("anvil", path, operator, batch)


def test_a_payment_whose_custody_was_changed_in_the_table_stays_where_it_is():
    """The sweeper is misled, the signer is not."""
    world = direct_world()
    payment = arrives(world)
    world.step(4)
    held = world.stores.payments._state.payments
    held[payment.id] = replace(held[payment.id], policy=Policy())
    world.settle(10)
    assert world.chain.total(None, [payment.due.address]) == COIN
    assert "sweep_failed" in world.log.alarms()


def test_a_failed_transfer_of_the_coin_costs_the_merchant_what_it_cost():
    """A treasury that takes no coin, say: nothing arrives, the gas is gone, and the books say so."""
    world = direct_world()
    payment = arrives(world)
    world.step(4)
    world.chain.reverting.add(payment.due.address.lower())
    world.settle(6)
    left = world.chain.total(None, [payment.due.address])
    assert (world.payment(payment.id).status, 0 < left < COIN) == (Status.PAID, True)
    assert owed_to(entries_of(world.stores), "available") == left
    assert imbalance(added(Counter(), entries_of(world.stores))) == {}


def with_own_rules(**rules):
    """Make a world whose merchant of custody direct has rules of its own, beside those of the asset."""
    own = {"anvil": {"ETH": {"per_day": str(COIN)}, "m1/ETH": rules}}
    return direct_world(sweeps=parse_policies(json.dumps(own)))


def test_a_direct_merchants_own_cap_of_a_day_is_counted_by_itself():
    """Neither what others have swept, nor the asset's own cap, takes room in it; tomorrow begins anew."""
    world = with_own_rules(per_day=str(3 * COIN))
    used_up = SweptDay(chain="anvil", asset="native", day=day_of(world.clock.now()), amount=COIN, version=1)
    world.stores.money._state.swept_days["anvil", "native", used_up.day] = used_up
    payments = [arrives(world, amount) for amount in (2 * COIN, COIN, COIN + 1)]
    world.step(4)
    world.settle(25)
    assert [world.payment(each.id).status for each in payments] == [Status.SETTLED, Status.PAID, Status.SETTLED]
    held = world.stores.money.swept_day("anvil", "m1/native", used_up.day)
    assert 2 * COIN < held.amount <= 3 * COIN
    assert world.stores.money.swept_day("anvil", "native", used_up.day) == used_up
    shown = world.stage.sweeping.reader.of(world.payment(payments[1].id))
    assert shown.why is Why.DAILY_CAP


def test_a_direct_merchants_own_threshold_holds_for_it_alone():
    """A sweep above it waits for a person; a hot merchant's rules are the asset's, whatever stands beside."""
    world = with_own_rules(approval_above="1000")
    payment = arrives(world)
    world.step(4)
    world.settle(12)
    assert world.payment(payment.id).status is Status.PAID
    assert set(world.log.alarms()) == {"sweep_waits_for_approval"}
    hot = replace(payment, policy=Policy())
    assert policy_of(world.stage.adapters.settings.sweeps["anvil"], hot).per_day == COIN
