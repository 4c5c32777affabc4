"""What every client of a Tron network promises, asked of ours over a node, and of the fake that stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ctrip.chains.tron.client import TronChain
from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.kinds import KINDS, address_at
from ctrip.domain.chains.tron.acts import transfer_data
from ctrip.domain.chains.tron.transaction import Transaction
from ctrip.domain.errors import BroadcastRejected, NotHeld, NotKept, Reverts
from ctrip.domain.rpc import NodeEntry
from ctrip.networks import load_networks
from ctrip.signer.wallet import MnemonicWallet
from ctrip.system import SystemClock
from infra.stack.wallet import ANVIL_MNEMONIC
from infra.tron.options import Options
from infra.tron.standin import StandIn, bank, running
from tests.fakes.clock import T0
from tests.fakes.tron import LAG, FakeTron
from tests.tron_support import address

NETWORK = load_networks(["tron"], local=True)["tron"]
USDT = NETWORK.tokens[0].address or ""
WALLET = MnemonicWallet(ANVIL_MNEMONIC)
PATH = "m/44'/195'/0'/0/5"
SENDER = WALLET.address("tron", PATH)
TRX = 10**6
EXPIRES_MS = 120_000


@dataclass
class Bench:
    """A chain, a sender that holds TRX and USDT, and ways to move both.

    `pay` is somebody else's payment, which waits; `mine` makes so many blocks; `lag` more make one final. `drop` loses
    what waits; `late` moves the chain's clock well past an expiry, with final blocks; `pause` stops the token.
    """

    chain: Any
    lag: int
    mine: Callable[[int], None]
    pay: Callable[[str, int, str | None], None]
    drop: Callable[[], None]
    late: Callable[[], None]
    pause: Callable[[], None]

    def finally_(self) -> Block:
        """Mine, make it final, and return the newest final block."""
        self.mine(self.lag + 1)
        return self.chain.head()

    def coin(self, to: str, amount: int) -> Signed:
        """Sign a transfer of the coin."""
        return self._sign(Transaction(sender=SENDER, to=to, amount=amount, **self._terms()))

    def token(self, to: str, amount: int) -> Signed:
        """Sign a transfer of the token."""
        data = transfer_data(to, amount)
        return self._sign(Transaction(sender=SENDER, to=USDT, data=data, fee_limit=100 * TRX, **self._terms()))

    def _terms(self) -> dict[str, Any]:
        at = self.chain.reference()
        stamp = at.time + 1
        return {
            "ref_block": at.number,
            "ref_hash": at.hash[16:32],
            "expiration": at.time + EXPIRES_MS,
            "timestamp": stamp,
        }

    def _sign(self, transaction: Transaction) -> Signed:
        return WALLET.sign("tron", PATH, transaction)


def fake_bench() -> Bench:
    """Make one in memory."""
    chain = FakeTron(T0)
    bench = Bench(
        chain,
        LAG,
        chain.mine,
        lambda to, amount, token: chain.deposit(to, amount, token) and None,
        chain.drop,
        lambda: chain.mine(LAG + 4, seconds=120),
        lambda: setattr(chain, "paused", True),
    )
    bench.pay(SENDER, 10_000 * TRX, None)
    bench.pay(SENDER, 5_000 * TRX, USDT)
    bench.finally_()
    return bench


def node_bench(node: StandIn, *, with_rpc: bool) -> Bench:
    """Make one of the client and a stand-in for a node, with JSON-RPC on final blocks or without."""
    chain = TronChain(NETWORK, [NodeEntry(**node.entry) if with_rpc else node.url], SystemClock())

    def pay(to: str, amount: int, token: str | None) -> None:
        if token is None:
            node.pay(bank(), to, amount)
        else:
            node.pay_token(bank(), to, amount)

    bench = Bench(
        chain,
        node.ledger.options.lag,
        node.mine,
        pay,
        lambda: drop(node),
        lambda: node.mine(node.ledger.options.lag + 4, seconds=120),
        lambda: node.trigger(bank(), USDT, keccak(b"pause()")[:4]) and None,
    )
    pay(SENDER, 10_000 * TRX, None)
    pay(SENDER, 5_000 * TRX, USDT)
    bench.finally_()
    return bench


def drop(node: StandIn) -> None:
    """Have a node lose what waits."""
    with node.ledger.lock:
        node.ledger.drop(None)


@pytest.fixture(params=["fake", "node", "node with JSON-RPC"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each of them, one after the other."""
    if request.param == "fake":
        yield fake_bench()
        return
    with running(Options(lag=LAG)) as node:
        yield node_bench(node, with_rpc="JSON-RPC" in request.param)


def test_it_is_of_its_network(bench: Bench) -> None:
    """And its newest block is final, whatever it is asked as."""
    assert bench.chain.chain_id() == NETWORK.chain_id
    head = bench.chain.head()
    assert bench.chain.tagged("finalized") == head
    assert bench.chain.tagged("safe") is None
    assert bench.chain.reference() == head
    assert int(head.hash[:16], 16) == head.number
    assert bench.chain.decimals([USDT]) == [6]


def test_what_waits_is_known_and_nothing_more(bench: Bench) -> None:
    """Neither received, nor a receipt, nor an arrival: it may never be mined. The full side shows it in accounts."""
    signed = bench.coin(address(1), 5 * TRX)
    before = bench.chain.account(SENDER).balance
    assert bench.chain.known(signed.tx_hash) is False
    bench.chain.broadcast(signed.raw)
    bench.chain.broadcast(signed.raw)
    head = bench.chain.head()
    assert bench.chain.known(signed.tx_hash) is True
    assert bench.chain.receipt(signed.tx_hash) is None
    assert bench.chain.balances(head, [BalanceQuery(address(1), None)]) == [0]
    assert bench.chain.transfers([Arrivals(address(1), None, 0)], head.number) == [[]]
    assert bench.chain.account(SENDER).balance <= before - 5 * TRX
    bench.mine(1)
    assert bench.chain.receipt(signed.tx_hash) is None, "mined is not final"


def test_what_is_final_is_received_explained_and_has_a_receipt(bench: Bench) -> None:
    """Of the coin and of the token: amounts, hashes and blocks agree."""
    signed = bench.coin(address(1), 5 * TRX)
    bench.chain.broadcast(signed.raw)
    head = bench.finally_()
    token = bench.token(address(1), 7 * TRX)
    bench.chain.broadcast(token.raw)
    head = bench.finally_()
    wanted = [BalanceQuery(address(1), USDT), BalanceQuery(address(1), None), BalanceQuery(address(2), None)]
    assert bench.chain.balances(head, wanted) == [7 * TRX, 5 * TRX, 0]
    receipts = [bench.chain.receipt(each.tx_hash) for each in (signed, token)]
    coin, moved = receipts
    assert (coin.success, coin.value, coin.sender, coin.to) == (True, 5 * TRX, SENDER, address(1))
    assert (moved.success, moved.value, moved.sender, moved.to) == (True, 0, SENDER, USDT)
    assert [(each.token, each.sender, each.to, each.amount) for each in moved.token_transfers] == [
        (USDT, SENDER, address(1), 7 * TRX)
    ]
    arrivals = bench.chain.transfers([Arrivals(address(1), None, 0), Arrivals(address(1), USDT, 0)], head.number)
    assert [[(t.tx_hash, t.block_number, t.block_hash, t.amount) for t in each] for each in arrivals] == [
        [(receipt.tx_hash, receipt.block_number, receipt.block_hash, amount)]
        for receipt, amount in ((coin, 5 * TRX), (moved, 7 * TRX))
    ]
    assert coin.block_number < moved.block_number <= head.number
    for receipt in receipts:
        assert bench.chain.blocks([receipt.block_number])[receipt.block_number].hash == receipt.block_hash
    later = [Arrivals(address(1), None, coin.block_number + 1)]
    assert bench.chain.transfers(later, head.number) == [[]]


def test_what_it_costs_is_in_the_receipt(bench: Bench) -> None:
    """The sender has exactly so much less."""
    head = bench.chain.head()
    (before,) = bench.chain.balances(head, [BalanceQuery(SENDER, None)])
    signed = bench.coin(address(1), 5 * TRX)
    bench.chain.broadcast(signed.raw)
    head = bench.finally_()
    receipt = bench.chain.receipt(signed.tx_hash)
    assert receipt.fee > 0, "the first transfer to an address activates it"
    assert bench.chain.balances(head, [BalanceQuery(SENDER, None)]) == [before - 5 * TRX - receipt.fee]


def test_balances_are_those_of_the_newest_final_block_alone(bench: Bench) -> None:
    """An older one is not kept, a newer one not held yet: neither is zero."""
    old = bench.chain.head()
    bench.mine(1)
    new = bench.chain.head()
    assert (new.number, new.parent) == (old.number + 1, old.hash)
    with pytest.raises(NotKept):
        bench.chain.balances(old, [BalanceQuery(SENDER, None)])
    with pytest.raises(NotHeld):
        bench.chain.balances(replace(new, number=new.number + 1, parent=new.hash), [BalanceQuery(SENDER, None)])
    with pytest.raises(NotHeld):
        bench.chain.balances(replace(new, hash=old.hash), [BalanceQuery(SENDER, None)])
    assert bench.chain.balances(new, []) == []


def test_an_opinion_is_of_that_block_or_a_later_one(bench: Bench) -> None:
    """Each with its host; of a block that is not final yet there is none."""
    bench.pay(address(1), 5 * TRX, None)
    head = bench.finally_()
    opinions = bench.chain.opinions(head, BalanceQuery(address(1), None))
    assert [balance for _, balance in opinions] == [5 * TRX]
    ahead = replace(head, number=head.number + 5)
    assert bench.chain.opinions(ahead, BalanceQuery(address(1), None)) == []


def test_headers_past_the_newest_final_block_are_left_out(bench: Bench) -> None:
    """Although the node has them."""
    head = bench.chain.head()
    found = bench.chain.blocks([head.number - 1, head.number, head.number + 1])
    assert sorted(found) == [head.number - 1, head.number]
    assert found[head.number] == head


def test_a_transaction_is_missed_once_its_time_is_over_and_nobody_knows_it(bench: Bench) -> None:
    """Not before, and never one that was mined."""
    mined, lost = bench.coin(address(1), 5 * TRX), bench.coin(address(1), 6 * TRX)
    expiration = bench.chain.reference().time + EXPIRES_MS
    bench.chain.broadcast(mined.raw)
    bench.finally_()
    bench.chain.broadcast(lost.raw)
    bench.drop()
    bench.finally_()
    assert [bench.chain.missed(each.tx_hash, expiration) for each in (mined, lost)] == [False, False]
    bench.late()
    assert [bench.chain.missed(each.tx_hash, expiration) for each in (mined, lost)] == [False, True]
    for signed in (mined, lost):
        with pytest.raises(BroadcastRejected, match="unknown whether it was"):
            bench.chain.broadcast(signed.raw)


def test_an_account_is_activated_by_its_first_coin(bench: Bench) -> None:
    """Not by a token; its own key alone signs for it."""
    assert bench.chain.account(address(1)).activated is False
    bench.pay(address(1), 5 * TRX, USDT)
    bench.finally_()
    assert bench.chain.account(address(1)).activated is False
    bench.pay(address(1), 3 * TRX, None)
    bench.finally_()
    found = bench.chain.account(address(1))
    assert (found.activated, found.balance, found.bandwidth, found.energy) == (True, 3 * TRX, 600, 0)
    assert found.foreign is False
    assert bench.chain.has_code(address(1)) is False


def test_whether_an_address_has_sent_is_told(bench: Bench) -> None:
    """Receiving is not sending."""
    bench.pay(address(1), 3 * TRX, None)
    head = bench.finally_()
    assert bench.chain.sent_by(address(1), head) == 0
    bench.chain.broadcast(bench.coin(address(1), 1).raw)
    head = bench.finally_()
    assert bench.chain.sent_by(SENDER, head) == 1


def test_the_energy_of_a_transfer_is_told_and_one_that_fails_reverts(bench: Bench) -> None:
    """More for the first of an address; a paused token is found without a transaction."""
    bench.pay(address(1), 1, USDT)
    bench.finally_()
    first, again = (bench.chain.energy_of(SENDER, USDT, transfer_data(to, 5)) for to in (address(2), address(1)))
    assert first > again > 0
    with pytest.raises(Reverts):
        bench.chain.energy_of(address(9), USDT, transfer_data(address(1), 5))
    bench.pause()
    with pytest.raises(Reverts):
        bench.chain.energy_of(SENDER, USDT, transfer_data(address(1), 5))


def test_prices_are_told(bench: Bench) -> None:
    """As of the main network."""
    prices = bench.chain.prices()
    assert (prices.energy, prices.byte, prices.activation) == (100, 1_000, 1_100_000)


def test_nobody_has_lent_what_was_never_staked(bench: Bench) -> None:
    """Nothing may be lent, and nothing is."""
    assert bench.chain.lent(SENDER) == []
    assert bench.chain.stake(SENDER).lendable == 0


def test_the_sender_is_the_wallets(bench: Bench) -> None:
    """The path is the one that deposit addresses have."""
    assert KINDS["tron"].owns(SENDER)
    assert address_at(KINDS["tron"], WALLET.account_xpub("tron", 0), 5) == SENDER
