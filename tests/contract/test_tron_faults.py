"""The client over a node that does everything wrong that nodes of Tron were seen to do: nothing false is believed."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from eth_abi.abi import encode

from ctrip.chains.tron.client import TronChain
from ctrip.domain.chains.chain import Arrivals, BalanceQuery
from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.tron.addresses import decoded
from ctrip.domain.errors import ChainError, NotKept, Unavailable
from ctrip.domain.rpc import NodeEntry
from ctrip.system import SystemClock
from infra.tron import wire
from infra.tron.keys import Key
from infra.tron.options import Options
from infra.tron.standin import StandIn, bank, running
from tests.contract.test_tron_chain import NETWORK, TRX, USDT
from tests.tron_support import address

PAYER = Key.of("payer")
SPLITTER = address(700)


@pytest.fixture(scope="module")
def shared() -> Iterator[StandIn]:
    """One node for all; each test has addresses of its own."""
    with running(Options(lag=3)) as node:
        node.grant(PAYER.address, 1_000_000 * TRX)
        node.pay_token(bank(), PAYER.address, 1_000_000 * TRX)
        node.settle()
        yield node


@pytest.fixture
def node(shared: StandIn) -> Iterator[StandIn]:
    """The node, which behaves well in the beginning."""
    yield shared
    with shared.ledger.lock:
        shared.ledger.faults.reset()


def client(node: StandIn, *, with_rpc: bool = False) -> TronChain:
    """Make a client."""
    return TronChain(NETWORK, [NodeEntry(**node.entry) if with_rpc else node.url], SystemClock())


def paid(node: StandIn, first: int, count: int) -> list[BalanceQuery]:
    """Pay TRX or USDT to some addresses, and make it final; a tenth of them holds something."""
    wanted = [BalanceQuery(address(first + place), USDT if place % 2 else None) for place in range(count)]
    for place, each in enumerate(wanted):
        if place % 10 < 2 and place < 200:
            if each.token:
                node.pay_token(PAYER, each.address, 1_000 + place)
            else:
                node.grant(each.address, 1_000 + place)
    node.settle()
    return wanted


def expected(wanted: list[BalanceQuery]) -> list[int]:
    """Return what they hold."""
    return [1_000 + place if place % 10 < 2 and place < 200 else 0 for place in range(len(wanted))]


def test_ten_thousand_addresses_are_read_by_executed_code_within_the_budget(node: StandIn) -> None:
    """The node runs the probe, and stops a call as java-tron does: thirty requests, four by JSON-RPC."""
    wanted = paid(node, 10_000, 10_000)
    node.fault(calls=600)
    for with_rpc, most in ((False, 30), (True, 4)):
        chain = client(node, with_rpc=with_rpc)
        chain.head()
        before = chain.meter.requests
        assert chain.balances(chain.head(), wanted) == expected(wanted)
        assert chain.meter.requests - before <= most


def test_a_torn_answer_is_refused(node: StandIn) -> None:
    """It shows the next block's state under this one's number."""
    to = address(30_000)
    chain = client(node)
    node.pay(PAYER, to, 5 * TRX)
    node.mine(3)  # the next block that becomes final is the payment's
    at = chain.head()
    assert chain.balances(at, [BalanceQuery(to, None)]) == [0]
    node.fault(torn=1)
    with pytest.raises(NotKept):
        chain.balances(at, [BalanceQuery(to, None)])
    node.settle()
    assert chain.balances(chain.head(), [BalanceQuery(to, None)]) == [5 * TRX]


def test_a_block_that_comes_between_answer_and_check_leaves_it_unknown(node: StandIn) -> None:
    """The caller goes on at the next one."""
    chain = client(node)
    at = chain.head()
    node.fault(moves=1)
    with pytest.raises(NotKept):
        chain.balances(at, [BalanceQuery(address(30_001), None)])
    assert chain.balances(chain.head(), [BalanceQuery(address(30_001), None)]) == [0]


@pytest.mark.parametrize("fault", [{"words": 200}, {"calls": 40}, {"tired": 3}, {"body": 20_000}])
def test_what_is_too_much_is_asked_for_in_parts(node: StandIn, fault: dict[str, int]) -> None:
    """Time, energy and the length of a request; the answer is the same."""
    wanted = paid(node, 31_000 + 2_000 * next(iter(fault.values())), 700)
    node.fault(**fault)
    chain = client(node)
    assert chain.balances(chain.head(), wanted) == expected(wanted)


def test_without_a_solid_side_or_json_rpc_nothing_is_made_up(node: StandIn) -> None:
    """The first is an error that says so; without the second the probe is asked."""
    node.fault(no_rpc=True)
    chain = client(node, with_rpc=True)
    assert chain.balances(chain.head(), [BalanceQuery(address(32_000), None)]) == [0]
    node.fault(blind=True)
    with pytest.raises(ChainError, match="solid side"):
        client(node).head()


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_provider_that_keeps_us_out_is_left_alone(node: StandIn, status: int) -> None:
    """One request, and then none."""
    chain = client(node)
    chain.head()
    node.fault(refuse=1, status=status)
    before = chain.meter.requests
    for _ in range(3):
        with pytest.raises(Unavailable):
            chain.head()
    assert chain.meter.requests == before + 1
    assert chain.endpoints()[0][1] == "resting"


def signed(node: StandIn, to: str, amount: int) -> tuple[str, str]:
    """Sign a payment; return its octets in hexadecimal digits, and its id."""
    raw = node.write(wire.Call(kind=wire.TRANSFER, owner=PAYER.short, to=decoded(to), amount=amount))
    return PAYER.sign(raw).hex(), sha256(raw).hexdigest()


def test_broadcasts_that_nobody_answers_are_unknown_and_twice_is_once(node: StandIn) -> None:
    """Busy is not taken; cut is taken in silence, and the same bytes once more are no second payment."""
    to = address(33_000)
    raw, tx_hash = signed(node, to, 5 * TRX)
    chain = client(node)
    node.fault(busy=1)
    with pytest.raises(Unavailable, match="SERVER_BUSY"):
        chain.broadcast(raw)
    assert chain.known(tx_hash) is False
    node.fault(cut=2)  # once more on a new connection, as the kept one may have been closed before
    with pytest.raises(Unavailable):
        chain.broadcast(raw)
    assert chain.known(tx_hash) is True
    chain.broadcast(raw)
    node.settle()
    chain.broadcast(raw)
    node.settle()
    assert chain.balances(chain.head(), [BalanceQuery(to, None)]) == [5 * TRX]


def test_a_broadcast_that_is_lost_is_never_received(node: StandIn) -> None:
    """The node said yes, showed it, and forgot it."""
    to = address(33_001)
    raw, tx_hash = signed(node, to, 5 * TRX)
    chain = client(node)
    node.fault(lost=1)
    chain.broadcast(raw)
    node.settle()
    head = chain.head()
    assert chain.receipt(tx_hash) is None
    assert chain.balances(head, [BalanceQuery(to, None)]) == [0]
    assert chain.transfers([Arrivals(to, None, 0)], head.number) == [[]]


def test_a_fork_takes_back_what_was_not_final_and_nothing_that_was(node: StandIn) -> None:
    """The newest final block stays, and its successor may be another."""
    to = address(33_002)
    chain = client(node)
    node.pay(PAYER, to, 5 * TRX)
    node.mine(1)
    final = chain.head()
    with node.ledger.lock:
        node.ledger.fork()
    assert chain.head() == final
    with node.ledger.lock:
        node.ledger.drop(None)
    node.settle()
    head = chain.head()
    assert chain.balances(head, [BalanceQuery(to, None)]) == [0]
    assert chain.blocks([final.number]) == {final.number: final}


@pytest.mark.parametrize("history", [True, False])
def test_what_a_contract_pays_is_explained(node: StandIn, history: bool) -> None:
    """By balances of blocks where the node keeps them, else by internal transactions; where neither is, not at all."""
    node.place(SPLITTER, "TronSplitter")
    to = [address(34_000 + 10 * history + place) for place in range(2)]
    data = keccak(b"split(address[])")[:4] + encode(["address[]"], [[f"0x{decoded(each).hex()}" for each in to]])
    tx_hash = node.trigger(PAYER, SPLITTER, data, value=4 * TRX)
    node.settle()
    chain = client(node)
    head = chain.head()
    node.fault(no_history=not history)
    wanted = [Arrivals(each, None, 0) for each in to]
    assert chain.balances(head, [BalanceQuery(each, None) for each in to]) == [2 * TRX, 2 * TRX]
    found = chain.transfers(wanted, head.number)
    assert [[(each.tx_hash, each.amount) for each in one] for one in found] == [[(tx_hash, 2 * TRX)]] * 2
    node.fault(no_history=True, no_internal=True)
    assert client(node).transfers(wanted, head.number) == [[], []]
