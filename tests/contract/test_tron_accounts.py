"""What Tron's full nodes say of accounts, prices, energy and stake."""

from typing import Any

import pytest

from ctrip.domain.chains.tron.account import Account, Prices, Stake
from ctrip.domain.chains.tron.addresses import from_hex, to_hex
from ctrip.domain.errors import ChainError, Refused, Reverts, Unavailable
from tests.tron_support import USDT, TronNode, address, chain_at, constant, recorded, timed_out

OWN, FOREIGN = address(1), address(2)


def serve(node: TronNode, account: Any, resources: Any | None = None) -> None:
    """Let the full side show an account."""
    node.rules["wallet/getaccount"] = lambda _: account
    node.rules["wallet/getaccountresource"] = lambda _: resources or {}


def keys(*holders: str, threshold: int = 1, weight: int = 1) -> dict[str, Any]:
    """Write a permission."""
    listed = [{"address": to_hex(each), "weight": weight} for each in holders]
    return {"permission_name": "x", "threshold": threshold, "keys": listed}


def test_an_unknown_account_is_not_activated(tron: TronNode) -> None:
    """It holds nothing, and nobody else may sign for it."""
    serve(tron, recorded("getaccount_unknown"))
    assert chain_at(tron).account(OWN) == Account(address=OWN)


def test_a_recorded_account_is_read(tron: TronNode) -> None:
    """Its balance, and the greater of the two rests of bandwidth: a transaction takes one of them."""
    serve(tron, recorded("getaccount_solidity"), recorded("getaccountresource_staked"))
    own = from_hex("4105af5fa670e0f7f3b4e9d264c0474b8885455f81")
    assert chain_at(tron).account(own) == Account(
        address=own,
        activated=True,
        balance=277_038_226,
        bandwidth=43_200_000_000 - 2_123,
        energy=180_000_000_000,
    )


@pytest.mark.parametrize(
    ("resources", "bandwidth", "energy"),
    [
        ({"freeNetLimit": 600}, 600, 0),
        ({"freeNetLimit": 600, "freeNetUsed": 506}, 94, 0),
        ({"freeNetLimit": 600, "freeNetUsed": 600, "NetLimit": 300, "NetUsed": 20}, 280, 0),
        ({"freeNetLimit": 600, "freeNetUsed": 300, "NetLimit": 300}, 300, 0),
        ({"EnergyLimit": 5, "EnergyUsed": 9}, 0, 0),
        ({"EnergyLimit": 9, "EnergyUsed": 5}, 0, 4),
    ],
)
def test_rests_are_never_added_and_never_below_zero(
    tron: TronNode, resources: dict[str, int], bandwidth: int, energy: int
) -> None:
    """What is left out is zero."""
    serve(tron, {"address": to_hex(OWN)}, resources)
    found = chain_at(tron).account(OWN)
    assert (found.activated, found.balance, found.bandwidth, found.energy) == (True, 0, bandwidth, energy)


@pytest.mark.parametrize(
    ("permissions", "foreign"),
    [
        ({}, False),
        ({"owner_permission": keys(OWN), "active_permission": [keys(OWN)]}, False),
        ({"owner_permission": keys(FOREIGN)}, True),
        ({"owner_permission": keys(OWN, FOREIGN)}, True),
        ({"owner_permission": keys(OWN), "active_permission": [keys(OWN), keys(FOREIGN)]}, True),
        ({"owner_permission": keys(OWN, threshold=2)}, True),
        ({"owner_permission": keys(OWN, threshold=2, weight=2)}, False),
        ({"owner_permission": keys()}, True),
        ({"owner_permission": {}}, True),
    ],
)
def test_an_account_whose_permission_is_not_its_own_key_is_foreign(
    tron: TronNode, permissions: dict[str, Any], foreign: bool
) -> None:
    """Somebody else's key, a second one, or a threshold that its own does not reach."""
    serve(tron, {"address": to_hex(OWN), **permissions})
    assert chain_at(tron).account(OWN).foreign is foreign


@pytest.mark.parametrize(
    "account",
    [
        {"address": to_hex(FOREIGN)},
        {"balance": 5},
        {"address": to_hex(OWN), "balance": -1},
        {"address": to_hex(OWN), "balance": "5"},
        {"address": to_hex(OWN), "balance": True},
        {"address": to_hex(OWN), "owner_permission": []},
        {"address": to_hex(OWN), "active_permission": {}},
    ],
)
def test_an_account_that_is_malformed_or_anothers_is_none(tron: TronNode, account: Any) -> None:
    """It is unknown: neither empty nor ours."""
    serve(tron, account)
    with pytest.raises(Unavailable):
        chain_at(tron).account(OWN)


def test_recorded_prices_are_read(tron: TronNode) -> None:
    """A thousand sun a byte, a hundred an energy, and 1.1 TRX for the first transfer to an address."""
    tron.rules["wallet/getchainparameters"] = lambda _: recorded("getchainparameters")
    assert chain_at(tron).prices() == Prices(energy=100, byte=1_000, activation=1_100_000)


@pytest.mark.parametrize(
    "missing",
    ["getEnergyFee", "getTransactionFee", "getCreateNewAccountFeeInSystemContract", "getCreateAccountFee"],
)
def test_a_price_without_a_value_is_zero_and_one_that_is_not_named_is_an_error(tron: TronNode, missing: str) -> None:
    """Work is not free because a node does not tell."""
    whole = recorded("getchainparameters")["chainParameter"]
    tron.rules["wallet/getchainparameters"] = lambda _: {
        "chainParameter": [{"key": each["key"]} if each["key"] == missing else each for each in whole]
    }
    chain_at(tron).prices()
    tron.rules["wallet/getchainparameters"] = lambda _: {
        "chainParameter": [each for each in whole if each["key"] != missing]
    }
    with pytest.raises(Unavailable):
        chain_at(tron).prices()


def test_the_energy_of_a_call_is_read(tron: TronNode) -> None:
    """What the node used, the penalty of a busy contract in it; the call names its owner."""
    tron.rules["wallet/triggerconstantcontract"] = lambda _: recorded("constant_usdt_transfer")
    assert chain_at(tron).energy_of(OWN, USDT, "a9059cbb") == 29_551
    asked = dict(tron.seen)["wallet/triggerconstantcontract"]
    assert asked == {"owner_address": to_hex(OWN), "contract_address": to_hex(USDT), "data": "a9059cbb"}


def test_a_call_that_fails_reverts_whoever_is_asked(tron: TronNode, other_tron: TronNode) -> None:
    """The answer says that it worked, and its transaction that it did not."""
    answer = recorded("constant_revert")
    assert answer["result"]["result"] is True
    tron.rules["wallet/triggerconstantcontract"] = lambda _: answer
    with pytest.raises(Reverts, match="REVERT opcode executed"):
        chain_at(tron, other_tron).energy_of(OWN, USDT, "a9059cbb")
    assert "wallet/triggerconstantcontract" not in other_tron.paths()


def test_a_contracts_own_reason_is_told(tron: TronNode) -> None:
    """Where it gives one as text."""
    text = b"it is paused"
    data = f"08c379a0{32:064x}{len(text):064x}{text.hex():0<64}"
    tron.rules["wallet/triggerconstantcontract"] = lambda _: recorded("constant_revert") | {"constant_result": [data]}
    with pytest.raises(Reverts, match="REVERT opcode executed: it is paused"):
        chain_at(tron).energy_of(OWN, USDT, "a9059cbb")


@pytest.mark.parametrize("answer", [timed_out(), recorded("constant_no_such_contract")])
def test_a_node_that_cannot_say_is_not_a_revert(tron: TronNode, other_tron: TronNode, answer: Any) -> None:
    """Another may; alone it is refused."""
    tron.rules["wallet/triggerconstantcontract"] = lambda _: answer
    other_tron.rules["wallet/triggerconstantcontract"] = lambda _: recorded("constant_usdt_transfer")
    with pytest.raises(Refused):
        chain_at(tron).energy_of(OWN, USDT, "a9059cbb")
    assert chain_at(tron, other_tron).energy_of(OWN, USDT, "a9059cbb") == 29_551


@pytest.mark.parametrize("answer", [{}, constant("00") | {"energy_used": "5"}, {"result": {"result": True}}])
def test_an_energy_that_is_not_told_is_not_zero(tron: TronNode, answer: Any) -> None:
    """It is unknown."""
    tron.rules["wallet/triggerconstantcontract"] = lambda _: answer
    with pytest.raises(ChainError):
        chain_at(tron).energy_of(OWN, USDT, "a9059cbb")
    without = {name: value for name, value in constant("00").items() if name != "energy_used"}
    tron.rules["wallet/triggerconstantcontract"] = lambda _: without
    with pytest.raises(Unavailable):
        chain_at(tron).energy_of(OWN, USDT, "a9059cbb")


def test_stake_is_what_may_be_lent_and_what_it_is_worth(tron: TronNode) -> None:
    """Energy is the kind that is asked for; what is left out is zero."""
    tron.rules["wallet/getcandelegatedmaxsize"] = lambda _: {"max_size": 7_000_000}
    tron.rules["wallet/getaccountresource"] = lambda _: recorded("getaccountresource_staked")
    chain = chain_at(tron)
    expected = Stake(lendable=7_000_000, energy_limit=180_000_000_000, energy_weight=2_000_000)
    assert chain.stake(OWN) == expected
    assert dict(tron.seen)["wallet/getcandelegatedmaxsize"] == {"owner_address": to_hex(OWN), "type": 1}
    tron.rules["wallet/getcandelegatedmaxsize"] = tron.rules["wallet/getaccountresource"] = lambda _: {}
    assert chain.stake(OWN) == Stake()


def test_what_is_lent_is_energy_alone_locked_or_not(tron: TronNode) -> None:
    """Bandwidth that is lent is none, nor is what was taken back."""
    tron.rules["wallet/getdelegatedresourceaccountindexv2"] = lambda _: {
        "account": to_hex(OWN),
        "toAccounts": [to_hex(address(number)) for number in (5, 6, 7)],
    }
    held = {
        to_hex(address(5)): [{"frozen_balance_for_energy": 3}, {"frozen_balance_for_energy": 4}],
        to_hex(address(6)): [{"frozen_balance_for_bandwidth": 9}],
    }
    tron.rules["wallet/getdelegatedresourcev2"] = lambda asked: (
        {"delegatedResource": held[asked["toAddress"]]} if asked["toAddress"] in held else {}
    )
    chain = chain_at(tron)
    assert chain.lent(OWN) == [(address(5), 7)]
    tron.rules["wallet/getdelegatedresourceaccountindexv2"] = lambda _: {}
    assert chain.lent(OWN) == []


def test_a_contract_has_code_and_another_address_has_none(tron: TronNode) -> None:
    """What a node does not know as a contract is none."""
    tron.rules["wallet/getcontract"] = lambda asked: {"bytecode": "60"} if asked["value"] == to_hex(USDT) else {}
    chain = chain_at(tron)
    assert [chain.has_code(each) for each in (USDT, OWN)] == [True, False]


def test_whether_an_account_has_sent_is_told_by_its_solid_side(tron: TronNode) -> None:
    """Not counted: 1 is any number; a node before that block tells nothing."""
    chain = chain_at(tron)
    at = chain.head()
    told = ({"latest_opration_time": 5}, 1), ({"latest_consume_free_time": 5}, 1)
    for account, sent in (({}, 0), ({"address": to_hex(OWN)}, 0), *told):
        tron.rules["walletsolidity/getaccount"] = lambda _, account=account: account
        assert chain.sent_by(OWN, at) == sent
    tron.head = 990
    assert chain.sent_by(OWN, at) is None


def test_decimals_are_asked_of_each_contract(tron: TronNode) -> None:
    """One that does not answer is unknown, and keeps nobody from the others."""
    answers: dict[str, Any] = {
        to_hex(USDT): constant(f"{6:064x}"),
        to_hex(address(5)): recorded("constant_no_such_contract"),
        to_hex(address(6)): constant(""),
        to_hex(address(7)): recorded("constant_revert"),
    }
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda asked: answers[asked["contract_address"]]
    chain = chain_at(tron)
    assert chain.decimals([address(5), USDT, address(6), address(7)]) == [None, 6, None, None]


def test_headers_of_final_blocks_are_asked_for_once(tron: TronNode) -> None:
    """Past the newest they are left out."""
    chain = chain_at(tron)
    found = chain.blocks([900, 1000, 1001, 900, -1])
    assert sorted(found) == [900, 1000]
    assert found[900].number == 900
    tron.seen.clear()
    assert chain.blocks([900, 1000]) == found
    assert tron.seen == []
    tron.rules["walletsolidity/getblock"] = lambda _: tron.header(7)
    with pytest.raises(Unavailable):
        chain.blocks([800])
