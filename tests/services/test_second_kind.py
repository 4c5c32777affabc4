"""A second chain kind, added by a line in each table of kinds: a whole life on it, and no word about it elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ctrip import networks
from ctrip.aws.signer import answer_call
from ctrip.bootstrap.kinds import KIND_ADAPTERS, KindAdapters
from ctrip.domain.chains import kinds
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import address_at, address_path
from ctrip.domain.errors import BadRequest, ConfigurationError, Conflict, SigningRefused
from ctrip.domain.ledger.entries import ON_ADDRESSES
from ctrip.domain.ledger.entries import TREASURY as TREASURY_ACCOUNT
from ctrip.domain.payments.payment import Custody, Policy, Status
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, TransactionState
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.signer import wallet
from tests.fakes.clock import T0
from tests.fakes.toy import COIN_FEE, TOKEN_FEE, ToyChain, ToyRules, ToyTransfers, address, sign
from tests.support.ledger import entries_of
from tests.world import ORIGIN, SETTINGS, World

RULES = ToyRules()
TREASURY = address("treasury")
GOLD = Asset("toynet", "GOLD", 6, RULES.token_id(7, address("gold")), address("gold"))
NETWORK = Network(
    name="toynet",
    title="Toy",
    kind="toy",
    chain_id=7,
    confirmations=3,
    finality="depth",
    block_seconds=1.0,
    poll_seconds=1.0,
    head_age_alarm=30,
    explorer="",
    testnet=True,
    rpc=(),
    coin=Asset("toynet", "TOY", 6),
    tokens=(GOLD,),
)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All that a kind is added by."""
    monkeypatch.setitem(kinds.KINDS, "toy", RULES)
    toy = KindAdapters(lambda *_: ToyChain(T0, "toynet"), ToyTransfers, _no_feeds)
    monkeypatch.setitem(KIND_ADAPTERS, "toy", toy)
    monkeypatch.setitem(wallet.SIGN, "toy", sign)
    yield
    kinds.receiving.cache_clear()


def _no_feeds(*_: Any) -> Any:
    """No source of rates writes to this kind of chain."""
    raise AssertionError("nobody asks for rates here")


class ToyWorld(World):
    """One merchant on the toy chain, its account given and signed for by the real signer, with real checks."""

    network = NETWORK
    own = replace(SETTINGS, treasury=TREASURY)

    def __init__(self, **merchant: Any) -> None:
        super().__init__(chain=ToyChain(T0, "toynet"), **merchant)
        self.signer: Any = self.stage.sweeping.signer
        self.sweeper = self.stage.sweeping.new_sweeper("toynet")
        self.station = address_at(RULES, self.signer.account_xpub("toy", 0), 1)
        self.chain.deposit(self.station, 10**9)
        self.chain.mine(5)
        self.clock.at = self.chain.head().time

    def provision(self) -> None:
        """Have the merchant given its account on the chains of this stage."""
        self.stage.merchants.provisioner.provision("m1")
        self.stage.merchants.discoverer().discover("m1")
        found = self.stores.access.merchant("m1")
        assert found is not None
        self.merchant = found

    def held(self, owner: str, token: str | None = None) -> int:
        """Return what an address holds at the head."""
        return int(self.chain.chain[-1].balances.get((owner, token), 0))

    def sent(self, owner: str) -> list[OutgoingTransaction]:
        """Return the own transactions of a sender."""
        return self.stores.money.transactions_of("toynet", owner)

    def paid(self, amount: int = 10_000, **wanted: Any) -> Any:
        """Make a payment that is paid, and not swept yet."""
        payment = self.create(amount, **wanted)
        self.chain.deposit(payment.due.address, amount, payment.due.token_address)
        self.step(5)
        assert self.payment(payment.id).status is Status.PAID
        return payment


@pytest.fixture
def world() -> ToyWorld:
    """A stage of the toy chain alone."""
    made = ToyWorld()
    made.provision()
    return made


def moved(world: ToyWorld, debit: str, credit: str, asset: str) -> int:
    """Sum what the ledger moved from one account to another."""
    entries = entries_of(world.stores)
    return sum(each.amount for each in entries if (each.debit, each.credit, each.asset) == (debit, credit, asset))


def test_an_address_is_the_merchants_own_on_the_path_of_the_kind(world: ToyWorld) -> None:
    """Of another account than its EVM addresses are, derived again from the key that the signer signed."""
    first, second = world.create(), world.create()
    for index, payment in enumerate((first, second)):
        path = address_path(RULES, 1, index)
        assert (payment.due.derivation_path, path) == (path, f"m/44'/1'/1'/0/{index}")
        assert payment.due.address == world.stage.adapters.wallet().address("toy", path)
        assert payment.due.payment_uri is None
    assert world.reader.one(None, first.id)["address"] == first.due.address


def test_a_coin_comes_is_credited_swept_and_settled(world: ToyWorld) -> None:
    """The whole of it less the flat fee, through the guarded signer, in slots that are no nonces."""
    payment = world.create(10_000)
    world.chain.deposit(payment.due.address, 10_000)
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    world.step(3)
    assert world.payment(payment.id).status is Status.PAID
    world.settle()
    after = world.payment(payment.id)
    assert (after.status, after.flags, after.own.pending) == (Status.SETTLED, frozenset(), None)
    assert (world.held(TREASURY), world.held(payment.due.address)) == (10_000 - COIN_FEE, 0)
    assert [(each.slot, each.state) for each in world.sent(payment.due.address)] == [("000000", TransactionState.FINAL)]
    assert moved(world, TREASURY_ACCOUNT, ON_ADDRESSES, "native") == 10_000 - COIN_FEE
    assert world.log.alarms() == []


def test_a_token_is_swept_with_coin_that_the_gas_station_gave(world: ToyWorld) -> None:
    """The gift is an own transaction too, from the gas station's address of the kind."""
    payment = world.paid(asset="GOLD")
    world.settle(16)
    assert world.payment(payment.id).status is Status.SETTLED
    assert (world.held(TREASURY, GOLD.address), world.held(payment.due.address, GOLD.address)) == (10_000, 0)
    (gift,) = world.sent(world.station)
    assert (gift.kind, gift.amount, gift.state) == (Kind.FUND, TOKEN_FEE, TransactionState.FINAL)
    assert world.log.alarms() == []


def test_gifts_to_many_addresses_do_not_wait_for_each_other(world: ToyWorld) -> None:
    """Each is a slot of the station, and all of them are mined in one block."""
    payments = [world.paid(asset="GOLD") for _ in range(4)]
    world.settle(20)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
    assert [each.slot for each in world.sent(world.station)] == [f"{number:06d}" for number in range(4)]
    assert world.held(TREASURY, GOLD.address) == 40_000


def test_a_sweep_that_expired_unmined_is_made_anew_in_the_next_slot(world: ToyWorld) -> None:
    """It is over only once a final block's time is past its expiry; until then the same bytes are offered again."""
    payment = world.paid()
    world.chain.deaf = True
    world.sweep()
    for _ in range(30):
        world.step()
        (first,) = world.sent(payment.due.address)
        assert (first.state, world.payment(payment.id).own.pending) == (TransactionState.SIGNED, first.key)
        world.sweep()
    world.step(35)
    assert world.sent(payment.due.address)[0].state is TransactionState.EXPIRED
    assert world.payment(payment.id).own.pending is None
    world.chain.deaf = False
    world.settle()
    states = [(each.slot, each.state) for each in world.sent(payment.due.address)]
    assert states == [("000000", TransactionState.EXPIRED), ("000001", TransactionState.FINAL)]
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.held(TREASURY) == 10_000 - COIN_FEE


def test_a_sweep_that_a_reorganisation_took_out_is_sent_again_or_made_anew(world: ToyWorld) -> None:
    """The same bytes while they are good; a new transaction once they are not. The money moves once."""
    for late in (False, True):
        payment, before = world.paid(), world.held(TREASURY)
        world.sweep()
        world.step()
        assert world.sent(payment.due.address)[0].state is TransactionState.MINED
        world.chain.reorg(1)
        world.clock.at = world.chain.head().time
        world.run.one()
        assert world.sent(payment.due.address)[0].state is TransactionState.SIGNED
        if late:
            world.chain.pool.clear()
            world.step(2, seconds=40)
        world.settle()
        assert world.payment(payment.id).status is Status.SETTLED
        assert len(world.sent(payment.due.address)) == 1 + late
        assert world.held(TREASURY) - before == 10_000 - COIN_FEE


def test_the_signer_compares_on_this_kind_as_on_any_other(world: ToyWorld) -> None:
    """Another destination, another sender, another chain's transaction: nothing is signed, also over the wire."""
    payment = world.paid()
    world.sweep()
    (transaction,) = world.sent(payment.due.address)
    good = RULES.read_transaction(next(iter(world.chain.pool.values())).fields())
    signer, path = world.stage.sweeping.signer, payment.due.derivation_path
    assert signer.sign("toynet", path, transaction.sender, good).tx_hash == transaction.attempts[0].tx_hash
    for change in ({"to": address("thief")}, {"sender": address("thief")}, {"network": "other"}, {"fee": 10**18}):
        wrong = replace(good, **change)
        with pytest.raises(SigningRefused):
            signer.sign("toynet", path, transaction.sender, wrong)
        request = {"op": "sign", "chain": "toynet", "kind": "toy", "path": path, "sender": transaction.sender}
        answer = answer_call(
            request | {"recipient_path": None, "transaction": wrong.fields()},
            signer,
            world.stage.merchants.provisioner,
        )
        assert set(answer) == {"refused"}


def test_a_merchant_without_an_account_on_this_kind_gets_no_address(world: ToyWorld) -> None:
    """Ours waits for the signer; one that brought the key of another kind's account has none here."""
    own_keys = {"policy": Policy(custody=Custody.XPUB)}
    for merchant, code in (({}, "merchant_provisioning"), (own_keys, "merchant_without_key")):
        with pytest.raises(Conflict) as refused:
            ToyWorld(**merchant).create()
        assert refused.value.code == code


def test_a_merchant_that_was_ready_before_the_kind_was_enabled_is_given_its_account() -> None:
    """By the schedule that provisions; a second run finds nothing to do."""
    world = ToyWorld()
    assert not world.merchant.provisioning
    assert world.stage.merchants.waiting().run() == ["m1"]
    found = world.stores.access.merchant("m1")
    assert found is not None
    world.merchant = found
    assert [key.curve for key in found.keys] == ["evm", "toy"]
    assert world.stage.merchants.waiting().run() == []
    assert world.create().due.derivation_path == "m/44'/1'/1'/0/0"


def test_an_account_key_that_the_signer_did_not_sign_gives_out_no_address(world: ToyWorld) -> None:
    """Swapped in the store for a stranger's, the key is refused, and money that came is not credited."""
    payment = world.create(10_000)
    (key,) = world.merchant.more_keys
    stranger = replace(key, xpub=world.signer.account_xpub("toy", 9))
    world.stores.access._merchants["m1"] = swapped = world.merchant.with_key(stranger)
    world.merchant = swapped
    with pytest.raises(Conflict, match="vouches"):
        world.create()
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    world.chain.deposit(payment.due.address, 10_000)
    world.step(5)
    assert world.payment(payment.id).own.credited == 0
    assert "extended_key_mismatch" in world.log.alarms()


def test_money_beside_what_is_due_is_found_at_the_addresses_of_the_kind(world: ToyWorld) -> None:
    """Another asset at a payment's address is reported, in the kind's own words of an address."""
    payment = world.create(10_000)
    world.chain.deposit(payment.due.address, 77, GOLD.address)
    world.step(2)
    world.step(5)
    (stray,) = world.payment(payment.id).seen.strays
    assert (stray.amount, stray.token) == (77, GOLD.address)


def test_chains_yaml_names_networks_of_the_kind() -> None:
    """Its tokens by its own addresses; another kind's are refused."""
    text = """
toynet:
  {kind: toy, title: Toy, chain_id: 7, confirmations: 3, finality: depth, block_seconds: 1, head_age_alarm: 30,
   explorer: "https://x.example", rpc: [], coin: {symbol: TOY, decimals: 6},
   tokens: [{symbol: GOLD, decimals: 6, address: ADDRESS}]}
"""
    read = networks.parse(text.replace("ADDRESS", address("gold")))
    assert read["toynet"].tokens[0].id == GOLD.id
    with pytest.raises(ConfigurationError, match="address"):
        networks.parse(text.replace("ADDRESS", '"0x00000000000000000000000000000000000000cc"'))


def test_a_treasury_of_one_kind_is_none_of_another() -> None:
    """One address for all chains is for all chains of its kind."""
    evm = World().network
    assert (SETTINGS.treasury_of(evm) != "", SETTINGS.treasury_of(NETWORK)) == (True, "")
    assert (ToyWorld.own.treasury_of(NETWORK), ToyWorld.own.treasury_of(evm)) == (TREASURY, "")


def test_an_unknown_chain_is_refused_as_everywhere(world: ToyWorld) -> None:
    """The EVM world's chain is not enabled here."""
    wanted = CreatePayment(chain="anvil", amount=1)
    with pytest.raises(BadRequest, match="Unsupported chain: anvil"):
        world.creator.create(world.merchant, wanted, "http://x", ORIGIN)
