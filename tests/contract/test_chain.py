"""What every chain client promises, asked of Anvil and of the fake that stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ctrip.chains.evm.gas import bumped, price
from ctrip.domain.chains.assets import FeeFloor
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.domain.errors import BroadcastRejected, Unavailable
from ctrip.signer.wallet import MnemonicWallet
from infra.stack.wallet import ANVIL_MNEMONIC
from tests.evm_support import Anvil, chain_at
from tests.fakes.chain import FakeChain, FakeSigner

_WALLET = MnemonicWallet(ANVIL_MNEMONIC)
PATH = "m/44'/60'/0'/0/5"
SENDER = _WALLET.address("evm", PATH)
FRESH = "0x00000000000000000000000000000000DeaDBeef"


@dataclass
class Bench:
    """A chain, a funded sender, and ways to move both."""

    chain: Any
    mine: Callable[[], None]
    reorg: Callable[[], None]
    sign: Callable[[Transaction], Any]
    hold: Callable[[bool], None]


@pytest.fixture(params=["fake", "anvil"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Both of them, one after the other."""
    if request.param == "fake":
        chain = FakeChain(1_760_000_000_000)
        chain.deposit(SENDER, 10**20)
        chain.mine(3)
        signer = FakeSigner({})
        yield Bench(
            chain,
            chain.mine,
            lambda: chain.reorg(1, again=False),
            lambda tx: signer.sign("anvil", PATH, SENDER, tx),
            lambda _: None,
        )
        return
    anvil: Anvil = request.getfixturevalue("anvil")
    anvil.automine(False)
    reorg = lambda: anvil.rpc("anvil_reorg", 1, [])  # noqa: E731
    yield Bench(chain_at(anvil.url), anvil.mine, reorg, lambda tx: _WALLET.sign("evm", PATH, tx), anvil.automine)
    anvil.automine(True)


def transaction(bench: Bench, *, value: int = 1000, to: str = FRESH) -> Transaction:
    """A transfer of the coin at today's fee."""
    fee = price(bench.chain.fees(), FeeFloor()).max_fee
    return Transaction(
        chain_id=31337, nonce=bench.chain.nonce(SENDER), to=to, value=value, gas=21_000, max_fee=fee, priority_fee=1
    )


def test_a_transaction_is_known_then_mined_with_what_it_cost(bench):
    """Known at once, no receipt before its block, amounts and fee in the receipt, nonce and balances moved."""
    before = bench.chain.balance(BalanceQuery(SENDER, None))
    had = bench.chain.balance(BalanceQuery(FRESH, None))
    wanted = transaction(bench)
    signed = bench.sign(wanted)
    assert not bench.chain.known(signed.tx_hash)
    bench.chain.broadcast(signed.raw)
    bench.chain.broadcast(signed.raw)
    assert bench.chain.known(signed.tx_hash)
    assert bench.chain.receipt(signed.tx_hash) is None
    bench.mine()
    receipt = bench.chain.receipt(signed.tx_hash)
    assert (receipt.success, receipt.value, receipt.to.lower()) == (True, 1000, FRESH.lower())
    assert bench.chain.nonce(SENDER) == wanted.nonce + 1
    assert bench.chain.balance(BalanceQuery(FRESH, None)) == had + 1000
    assert bench.chain.balance(BalanceQuery(SENDER, None)) == before - 1000 - receipt.fee


def test_balances_are_those_of_the_block_asked_for(bench):
    """By hash, also when the chain has moved on."""
    old = bench.chain.head()
    had = bench.chain.balances(old, [BalanceQuery(FRESH, None)])[0]
    bench.chain.broadcast(bench.sign(transaction(bench)).raw)
    bench.mine()
    new = bench.chain.head()
    assert (new.number, new.parent) == (old.number + 1, old.hash)
    assert bench.chain.balances(old, [BalanceQuery(FRESH, None)]) == [had]
    assert bench.chain.balances(new, [BalanceQuery(FRESH, None)]) == [had + 1000]
    assert bench.chain.blocks([old.number, new.number, new.number + 99]) == {old.number: old, new.number: new}


def test_a_block_that_nobody_has_is_unavailable_not_empty(bench):
    """Unknown is never zero."""
    head = bench.chain.head()
    nowhere = Block(head.number, "0x" + "77" * 32, head.parent, head.time)
    with pytest.raises(Unavailable):
        bench.chain.balances(nowhere, [BalanceQuery(FRESH, None)])


def test_a_nonce_that_was_used_and_a_replacement_that_pays_too_little_are_refused(bench):
    """And one that pays an eighth more is taken."""
    wanted = transaction(bench)
    bench.chain.broadcast(bench.sign(wanted).raw)
    better = transaction(bench, value=1001)
    fee = bumped(wanted.max_fee)
    from dataclasses import replace

    replacement = bench.sign(replace(better, nonce=wanted.nonce, max_fee=fee, priority_fee=bumped(1)))
    with pytest.raises(BroadcastRejected):
        bench.chain.broadcast(bench.sign(replace(better, nonce=wanted.nonce)).raw)
    bench.chain.broadcast(replacement.raw)
    bench.mine()
    assert bench.chain.receipt(replacement.tx_hash).value == 1001
    with pytest.raises(BroadcastRejected):
        bench.chain.broadcast(bench.sign(replace(wanted, value=5)).raw)


def test_arrivals_are_explained_once_within_their_blocks(bench):
    """By transaction, block and amount; a block later there is nothing."""
    signed = bench.sign(transaction(bench, value=777))
    bench.chain.broadcast(signed.raw)
    bench.mine()
    head = bench.chain.head()
    found = bench.chain.transfers([Arrivals(FRESH, None, head.number)], head.number)[0]
    assert [(t.tx_hash, t.block_hash, t.amount) for t in found] == [(signed.tx_hash, head.hash, 777)]
    bench.mine()
    assert bench.chain.transfers([Arrivals(FRESH, None, head.number + 1)], head.number + 1) == [[]]


def test_a_reorganisation_takes_the_block_and_its_receipt_away(bench):
    """The same height has another hash, and the transaction is not mined any more."""
    signed = bench.sign(transaction(bench))
    bench.chain.broadcast(signed.raw)
    bench.mine()
    gone = bench.chain.head()
    bench.reorg()
    assert bench.chain.blocks([gone.number])[gone.number].hash != gone.hash
    assert bench.chain.receipt(signed.tx_hash) is None


def test_opinions_are_those_of_a_block_each_with_its_host(bench):
    """As many as can tell; of a block that nobody has, none."""
    old = bench.chain.head()
    had = bench.chain.balances(old, [BalanceQuery(FRESH, None)])[0]
    bench.chain.broadcast(bench.sign(transaction(bench)).raw)
    bench.mine()
    new = bench.chain.head()
    for block, balance in ((old, had), (new, had + 1000)):
        opinions = bench.chain.opinions(block, BalanceQuery(FRESH, None))
        assert [each for _, each in opinions] == [balance]
        assert len({host for host, _ in opinions}) == len(opinions)
    nowhere = Block(new.number, "0x" + "77" * 32, new.parent, new.time)
    assert bench.chain.opinions(nowhere, BalanceQuery(FRESH, None)) == []


def test_block_bodies_list_their_transactions_and_what_is_past_the_head_is_left_out(bench):
    """An empty block is an empty set."""
    signed = bench.sign(transaction(bench))
    bench.chain.broadcast(signed.raw)
    bench.mine()
    bench.mine()
    head = bench.chain.head().number
    assert bench.chain.hashes([head, head - 1, head + 7]) == {head: frozenset(), head - 1: {signed.tx_hash}}
    assert bench.chain.hashes([]) == {}


def test_a_nonce_is_that_of_the_block_asked_for(bench):
    """By hash; of a block that nobody has it is unknown."""
    old = bench.chain.head()
    had = bench.chain.nonce_at(SENDER, old)
    bench.chain.broadcast(bench.sign(transaction(bench)).raw)
    bench.mine()
    new = bench.chain.head()
    assert (bench.chain.nonce_at(SENDER, old), bench.chain.nonce_at(SENDER, new)) == (had, had + 1)
    assert bench.chain.nonce_at(FRESH, new) == 0
    assert bench.chain.nonce_at(SENDER, Block(new.number, "0x" + "77" * 32, new.parent, new.time)) is None


def test_an_address_that_only_holds_coin_has_no_code(bench):
    """Nor has one that has sent."""
    assert [bench.chain.has_code(each) for each in (FRESH, SENDER)] == [False, False]


def test_many_arrivals_are_explained_in_the_order_asked(bench):
    """Each from its own first block; what is asked twice is answered twice; nothing to ask is nothing."""
    other = "0x00000000000000000000000000000000DeaDBee0"
    bench.chain.broadcast(bench.sign(transaction(bench, value=5)).raw)
    bench.mine()
    first = bench.chain.head().number
    bench.chain.broadcast(bench.sign(transaction(bench, value=6, to=other)).raw)
    bench.mine()
    bench.chain.broadcast(bench.sign(transaction(bench, value=7)).raw)
    bench.mine()
    last = bench.chain.head().number
    wanted = [Arrivals(FRESH, None, first), Arrivals(other, None, first), Arrivals(FRESH, None, first + 1)]
    wanted += [Arrivals(other, None, last), Arrivals(FRESH, None, last + 1), Arrivals(FRESH.lower(), None, first)]
    found = bench.chain.transfers(wanted, last, turn=3)
    assert [[each.amount for each in some] for some in found] == [[5, 7], [6], [7], [], [], [5, 7]]
    assert bench.chain.transfers([], last) == []


def test_a_chain_has_endpoints_with_a_state_and_a_tip_of_one_at_least(bench):
    """What health shows, and what a transaction costs."""
    bench.chain.head()
    assert [(state, reason) for _, state, reason in bench.chain.endpoints()] == [("usable", "")]
    assert bench.chain.fees().priority >= 1
    assert bench.chain.gas_pays_layer() is False
