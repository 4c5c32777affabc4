"""`TronProbe` on a real EVM: what it answers of coin and tokens, of liars, and of the block that it ran at."""

from typing import Any

import pytest

from ctrip.chains.shared.endpoints import Meter
from ctrip.chains.tron import codec, probe
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.chains.tron.addresses import decoded, encoded
from tests.evm_support import Anvil, address
from tests.tron_support import constant

# Code is put there for the length of a call: a creation's own code has a size limit on EVM chains, and none on Tron.
STAND_IN = "0x428fbfbf192c5e66e03f921ca4e93093c84e1488"


class OnAnvil(Endpoint):
    """An endpoint whose constant calls run on Anvil, at its newest block."""

    def __init__(self, anvil: Anvil, *, deployless: bool) -> None:
        super().__init__("http://127.0.0.1:9", 1, Meter(), lambda: 0.5, 1, lambda: 0)
        self._anvil, self._deployless = anvil, deployless

    def solid(self, path: str, asked: dict[str, Any]) -> Any:
        """Run the code."""
        assert path == "triggerconstantcontract"
        code, block = "0x" + asked["data"], "latest"
        if self._deployless:
            return constant(self._anvil.rpc("eth_call", {"data": code}, block)[2:])
        call = {"to": STAND_IN, "gas": hex(2**40)}
        return constant(self._anvil.rpc("eth_call", call, block, {STAND_IN: {"code": code}})[2:])

    def head(self) -> Block:
        """Return the newest block."""
        return codec.rpc_block(self._anvil.rpc("eth_getBlockByNumber", "latest", False))


def base58(of: str) -> str:
    """Write an EVM address as Tron's are."""
    return encoded(bytes.fromhex(of[2:]))


def read(endpoint: OnAnvil, *wanted: tuple[str, str | None]) -> list[int | None]:
    """Read balances at the newest block."""
    queries = [BalanceQuery(base58(who), base58(token) if token else None) for who, token in wanted]
    return probe.balances(endpoint, endpoint.head(), queries, 0)


@pytest.mark.parametrize("deployless", [True, False])
def test_coin_and_tokens_are_read_at_once(anvil: Anvil, deployless: bool) -> None:
    """Mixed, in the order asked, zero as zero; the call names its block and the parent's hash."""
    usdt, dai = anvil.tokens["USDT"]["address"], anvil.tokens["DAI"]["address"]
    anvil.pay(address(1), 7)
    anvil.pay(address(2), 10**20 + 1)
    anvil.pay(address(1), 11, usdt)
    anvil.pay(address(3), 13, dai)
    wanted = [
        (address(3), dai),
        (address(1), None),
        (address(1), usdt),
        (address(2), None),
        (address(2), usdt),
        (address(4), None),
        (address(1), dai),
    ]
    assert read(OnAnvil(anvil, deployless=deployless), *wanted) == [13, 7, 11, 10**20 + 1, 0, 0, 0]


def test_many_addresses_of_one_asset_are_read_in_one_call(anvil: Anvil) -> None:
    """Three thousand of the coin: each word is its own address's."""
    anvil.pay(address(1234), 5)
    wanted = [(address(number), None) for number in range(3_000)]
    found = read(OnAnvil(anvil, deployless=False), *wanted)
    assert [place for place, each in enumerate(found) if each] == [1234]


@pytest.mark.parametrize("mode", range(1, 5))
def test_a_token_that_does_not_answer_well_is_unknown_and_the_others_are_read(anvil: Anvil, mode: int) -> None:
    """One that reverts, burns everything, answers short, or more than there is: never zero, never too much."""
    hostile, usdt = anvil.deploy("Hostile", mode), anvil.tokens["USDT"]["address"]
    anvil.pay(address(1), 11, usdt)
    endpoint = OnAnvil(anvil, deployless=False)
    found = read(endpoint, (address(1), hostile), (address(1), usdt), (address(1), None))
    assert found[0] is None
    assert found[1:] == [11, 0]


def test_an_address_without_a_contract_has_no_balance_of_a_token(anvil: Anvil) -> None:
    """A call of nothing succeeds, and answers nothing."""
    assert read(OnAnvil(anvil, deployless=False), (address(1), address(99)), (address(1), None)) == [None, 0]


def test_an_answer_of_another_block_is_not_believed(anvil: Anvil) -> None:
    """The parent's hash is compared, too: the same height on another fork is another block."""
    endpoint = OnAnvil(anvil, deployless=False)
    at = endpoint.head()
    query = [BalanceQuery(base58(address(1)), None)]
    assert probe.balances(endpoint, at, query, 0) == [0]
    fork = Block(at.number, at.hash, "cd" * 32, at.time)
    with pytest.raises(probe.Missing):
        probe.balances(endpoint, fork, query, 0)
    anvil.mine()
    with pytest.raises(probe.Gone):
        probe.balances(endpoint, at, query, 0)


def test_words_are_addresses_without_a_prefix() -> None:
    """What is sent holds twenty octets an address, as contracts want them."""
    packed = probe._pack([(None, [base58(address(1))]), (base58(address(2)), [base58(address(3))])])
    assert packed == (
        "00" * 20 + "00000001" + decoded(base58(address(1))).hex() + address(2)[2:] + "00000001" + address(3)[2:]
    )
