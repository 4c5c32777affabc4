"""Addresses that somebody writes for Tron: what would lose money is refused, and the field is named."""

import pytest

from ctrip.domain.chains.kinds import KINDS, address_at, shown
from ctrip.domain.chains.tron.addresses import encoded, to_hex
from ctrip.domain.errors import ConfigurationError, InvalidField, NotFound
from ctrip.domain.payments.payment import Custody, Policy
from ctrip.networks import check_treasuries, load_networks
from ctrip.services.settlement.ask_payout import AskRefund
from tests.tron_world import NETWORK, RULES, TREASURY, TRX, USDT, TronWorld
from tests.world import _WALLET, ORIGIN

GOOD = "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6"
EVM = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
MAIN = load_networks(["tron"])["tron"]

WRONG = [
    (GOOD[:-1] + "7", "checksum"),
    (GOOD.lower(), "no address of Tron"),
    (GOOD.swapcase(), "no address of Tron"),
    (to_hex(GOOD), "hexadecimal"),
    ("0x" + to_hex(GOOD), "hexadecimal"),
    ("0x" + to_hex(GOOD)[2:], "hexadecimal"),
    (EVM, "hexadecimal"),
    (encoded(bytes(20)), "zero address"),
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "no address of Tron"),
    (GOOD + " ", "no address of Tron"),
    ("Т" + GOOD[1:], "no address of Tron"),  # a Cyrillic letter that looks the same  # noqa: RUF001
    ("", "no address of Tron"),
]


def refused(action) -> InvalidField:
    with pytest.raises(InvalidField) as caught:
        action()
    (error,) = caught.value.errors
    assert error.field == "address"
    return error


@pytest.mark.parametrize(("address", "told"), WRONG)
def test_an_address_that_is_none_of_tron_is_refused_wherever_money_would_go(address, told):
    """For settlements, refunds and merchants' own treasuries; what is wrong is said, and nothing is repeated of it."""
    world = TronWorld()
    payment = world.paid(30 * TRX)
    direct = TronWorld(policy=Policy(custody=Custody.DIRECT))
    for action in (
        lambda: world.stage.settlement.addresses.set("m1", "tron", address, ORIGIN),
        lambda: world.stage.settlement.asker.refund(
            world.merchant, payment.id, AskRefund(address=address, amount=1), ORIGIN
        ),
        lambda: direct.stage.settlement.addresses.set_treasury("m1", "tron", address, ORIGIN),
    ):
        error = refused(action)
        assert (error.code, told in error.detail) == ("invalid_address", True), error
    with pytest.raises(NotFound):
        world.stage.settlement.addresses.show("m1", "tron")


def test_an_address_where_money_is_lost_or_comes_back_is_refused():
    """The token's contract, one that is not offered too, the treasury, and a deposit address."""
    world = TronWorld()
    payment = world.create(30 * TRX)
    for address, code in (
        (USDT.address, "contract_address"),
        (TREASURY, "own_address"),
        (payment.due.address, "own_address"),
    ):
        assert refused(lambda: world.stage.settlement.addresses.set("m1", "tron", address, ORIGIN)).code == code  # noqa: B023
    direct = TronWorld(policy=Policy(custody=Custody.DIRECT))
    later = address_at(RULES, direct.merchant.key_on("tron").xpub, 9)
    for address in (later, TREASURY):
        action = lambda: direct.stage.settlement.addresses.set_treasury("m1", "tron", address, ORIGIN)  # noqa: B023, E731
        assert refused(action).code == "own_address"


def test_an_address_of_tron_is_none_of_an_evm_chain():
    """The words are of the chain that was meant."""
    assert "0x and 40 hexadecimal digits" in (KINDS["evm"].wrong_address(GOOD) or "")


@pytest.mark.parametrize(("address", "told"), WRONG)
def test_a_treasury_that_is_none_is_refused_when_the_stage_starts(address, told):
    """By chain, so that an address of another kind is one that is wrong; the setting and the chain are named."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        check_treasuries({"tron": address})
    assert "CTRIP_TREASURY" in str(caught.value)
    assert str(caught.value).endswith("on tron")


def test_an_address_of_tron_is_no_treasury_of_an_evm_chain():
    """Nor is one that is written in capitals and small letters of another size."""
    for address in (GOOD, GOOD.lower(), to_hex(GOOD)):
        with pytest.raises(ConfigurationError, match="0x and 40 hexadecimal digits, on ethereum"):
            check_treasuries({"ethereum": address})


@pytest.mark.parametrize("token", [each.address for each in MAIN.tokens])
def test_a_tokens_contract_is_no_treasury(token):
    with pytest.raises(ConfigurationError, match="contract of US"):
        check_treasuries({"tron": token})


def test_what_a_treasury_may_be():
    """For all chains of its kind, or by chain."""
    check_treasuries({"": GOOD})
    check_treasuries({"tron": GOOD, "ethereum": EVM})


def test_an_address_is_compared_letter_by_letter():
    """Base58 tells small letters from capitals: folded, another's address would be taken for this one."""
    rules = KINDS["tron"]
    assert (rules.folded(GOOD), rules.shown(GOOD), shown(GOOD)) == (GOOD, GOOD, GOOD)
    assert rules.folded(GOOD) != rules.folded(GOOD.swapcase())
    assert NETWORK.kind == "tron"
    assert _WALLET.address("tron", "m/44'/195'/0'/0/0") == GOOD
