"""The treasury is checked: what money must not be sent to is refused at start, or before the first sweep."""

import json
from dataclasses import replace

import pytest

from ctrip import config
from ctrip.chains.evm.errors import Unreachable
from ctrip.domain.chains.evm.addresses import checksum
from ctrip.domain.errors import ConfigurationError, Unavailable
from ctrip.domain.payments.payment import Status
from ctrip.networks import check_treasuries, load_networks
from ctrip.services.sweeping.check_treasury import CheckedSweeper
from tests.world import _WALLET, STATION, TREASURY, USDC, World

GOOD = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TOKENS = [
    token.address
    for network in load_networks().values()
    for token in network.tokens
    if token.address and token.address.startswith("0x")
]


EVERY = load_networks()


def started(text: str, contract: str = "") -> config.Settings:
    """Read and check the settings as a process does at its start."""
    found = config.load({"CTRIP_TREASURY": text, "CTRIP_TREASURY_CONTRACT": contract})
    check_treasuries(found.treasuries, found.treasury_contract)
    return found


@pytest.mark.parametrize("text", [GOOD, GOOD.lower(), "0x" + GOOD[2:].upper(), f"  {GOOD} ", ""])
def test_a_treasury_in_any_right_spelling_is_taken_for_every_chain(text):
    found = started(text)
    assert found.treasury_of(EVERY["ethereum"]) == found.treasury_of(EVERY["base"]) == text.strip()


def test_each_chain_may_have_a_treasury_of_its_own_and_others_then_have_none():
    found = started(json.dumps({"ethereum": GOOD, "anvil": OTHER}))
    assert [found.treasury_of(EVERY[name]) for name in ("ethereum", "anvil", "base")] == [GOOD, OTHER, ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no address"),
        (GOOD[:-1], "no address"),
        (GOOD + "0", "no address"),
        (GOOD[2:], "no address"),
        (GOOD.replace("0x", "0X"), "no address"),
        (GOOD[:-1] + "\uff11", "no address"),
        (GOOD.replace("a", "A", 1), "checksum"),
        (GOOD[:5] + "b" + GOOD[6:], "checksum"),
        ("0x" + "0" * 40, "zero address"),
        ('{"ethereum": "nonsense"}', "on ethereum"),
        (json.dumps({"etherum": GOOD}), "there are"),
        (json.dumps({"tron": GOOD}), "hexadecimal digits: give the form that begins with T, on tron"),
        ('{"ethereum": 7}', "must map"),
        ('{"ethereum"', "JSON"),
        (f'{{"base": "{GOOD}", "base": "{OTHER}"}}', "twice"),
    ],
)
def test_a_treasury_that_is_none_is_refused_in_one_line(text, words):
    with pytest.raises(ConfigurationError, match="CTRIP_TREASURY") as refused:
        started(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("spelt", [str, str.lower, checksum])
@pytest.mark.parametrize("address", TOKENS)
def test_no_contract_of_chains_yaml_is_a_treasury(address, spelt):
    """Of any chain, enabled or not, however it is spelt: what is sent to a token's own contract is lost."""
    with pytest.raises(ConfigurationError, match="is the contract of"):
        started(spelt(address))
    with pytest.raises(ConfigurationError, match="is the contract of"):
        started(json.dumps({"sepolia": spelt(address)}))


def test_a_chain_that_there_is_not_cannot_have_a_contract_as_its_treasury():
    assert started(GOOD, "1").treasury_may_be_contract("base")
    assert started(GOOD, "base, ethereum").treasury_may_be_contract("base")
    assert not started(GOOD, "ethereum").treasury_may_be_contract("base")
    assert not started(GOOD, "0").treasury_may_be_contract("base")
    with pytest.raises(ConfigurationError, match="there are"):
        started(GOOD, "etherium")


def checked(world: World, treasury: str = TREASURY, *, may_be_contract: bool = False) -> CheckedSweeper:
    """Put the check before a world's sweeper."""
    return CheckedSweeper(
        network=world.network,
        reader=world.chain,
        signer=world.signer,
        money=world.stores.money,
        log=world.log,
        treasury=treasury,
        may_be_contract=may_be_contract,
        sweeper=lambda to, operator: replace(world.sweeper, treasury=to, operator=operator),
        cannot_collect=lambda _, operator: f"{operator} sends no batches",
        clock=world.clock,
    )


def paid(world: World, token: bool) -> str:
    """Have something to sweep."""
    payment = world.create(10**9, **({"asset": "USDC"} if token else {}))
    world.chain.deposit(payment.due.address, 10**9, USDC.address if token else None)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    return payment.id


@pytest.mark.parametrize("token", [False, True])
def test_a_treasury_with_code_stops_sweeping_and_nothing_else(token):
    """An alarm and a reason; payments go on to paid; with the setting, what waits is swept."""
    world = World()
    first = paid(world, token)
    world.chain.contracts.add(TREASURY)
    sweeper = checked(world)
    for _ in range(2):
        assert sweeper.sweep(world.payment(first).due.asset_key) == 0
    assert world.log.alarms() == ["treasury_refused"] * 2
    tip = world.stores.money.tips(["anvil"])["anvil"]
    assert tip.sweeping_to == TREASURY
    assert "CTRIP_TREASURY_CONTRACT" in tip.sweeping_refused
    assert world.signer.signed == []
    paid(world, token)
    allowed = checked(world, may_be_contract=True)
    assert allowed.sweep(world.payment(first).due.asset_key) == 2
    tip = world.stores.money.tips(["anvil"])["anvil"]
    assert (tip.sweeping_to, tip.sweeping_refused) == (TREASURY, "")


@pytest.mark.parametrize("whose", [STATION, _WALLET.address("evm", "m/44'/60'/0'/0/2")])
def test_a_treasury_that_is_the_gas_stations_or_the_operators_address_is_not_swept_to(whose):
    world = World()
    first = paid(world, token=False)
    assert checked(world, whose.lower(), may_be_contract=True).sweep(world.payment(first).due.asset_key) == 0
    assert "own address" in world.stores.money.tips(["anvil"])["anvil"].sweeping_refused
    assert world.signer.signed == []


def test_a_node_that_does_not_answer_is_no_verdict_on_the_treasury():
    """The job fails and is tried again; a good treasury is asked about once a process."""
    world = World()
    asset = world.payment(paid(world, token=False)).due.asset_key
    sweeper = checked(world)
    world.chain.down = True
    with pytest.raises((Unavailable, Unreachable)):
        sweeper.sweep(asset)
    assert world.stores.money.tips(["anvil"])["anvil"].sweeping_to == ""
    assert world.log.alarms() == []
    world.chain.down = False
    assert sweeper.sweep(asset) == 1
    world.chain.contracts.add(TREASURY)
    sweeper.sweep(asset)
    assert world.log.alarms() == []


def test_without_a_treasury_a_job_ends_without_an_alarm():
    """It is a choice; a job that failed would end among the dead letters."""
    world = World()
    asset = world.payment(paid(world, token=False)).due.asset_key
    assert checked(world, "").sweep(asset) == 0
    assert world.log.alarms() == []
