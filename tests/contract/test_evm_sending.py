"""Receipts, fees and broadcasts on a real Anvil."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.evm.transaction import Fees
from ctrip.domain.errors import BroadcastRejected, Refused, Unavailable
from infra.stack import wallet
from tests.evm_support import NETWORK, Anvil, Proxy, address, call_data, chain_at, checksummed


def test_a_receipt_tells_fee_value_and_token_transfers(anvil: Anvil) -> None:
    """The fee is what the sender's balance lost beyond the value."""
    chain = chain_at(anvil.url)
    payer = BalanceQuery(wallet.funded(1).address, None)
    before = chain.balance(payer)
    receipt = chain.receipt(anvil.pay(address(1), 5))
    assert receipt is not None
    assert receipt.success
    assert receipt.value == 5
    assert receipt.to == address(1)
    assert before - chain.balance(payer) == 5 + receipt.fee > 5
    usdt = anvil.tokens["USDT"]["address"]
    paid = chain.receipt(anvil.pay(address(1), 6, usdt))
    assert paid is not None
    assert paid.to == usdt.lower()
    assert paid.value == 0
    (moved,) = paid.token_transfers
    assert (moved.token, moved.sender, moved.to, moved.amount) == (usdt.lower(), payer.address.lower(), address(1), 6)


def test_an_l1_fee_is_part_of_the_fee(anvil: Anvil, proxy: Proxy) -> None:
    """On the OP stack the data fee is added to the gas."""
    tx_hash = anvil.pay(address(1), 5)
    plain = chain_at(anvil.url).receipt(tx_hash)

    def with_l1_fee(request: Any) -> bytes | None:
        if not isinstance(request, list):
            return None
        answers = json.loads(proxy.ask(json.dumps(request).encode()))
        for answer in answers:
            if "gasUsed" in answer["result"]:
                answer["result"]["l1Fee"] = "0x64"
        return json.dumps(answers).encode()

    proxy.rule = with_l1_fee
    with_fee = chain_at(proxy.url).receipt(tx_hash)
    assert plain is not None
    assert with_fee is not None
    assert with_fee.fee == plain.fee + 100


def test_a_failed_transaction_has_a_receipt_and_a_fee(anvil: Anvil) -> None:
    """Failure costs gas too, and moves nothing."""
    usdc = anvil.tokens["USDC"]["address"]
    data = call_data("USDC", "transfer", address(1), 10**30)
    receipt = chain_at(anvil.url).receipt(anvil.send(usdc, data, gas=100_000))
    assert receipt is not None
    assert not receipt.success
    assert receipt.fee > 0
    assert receipt.token_transfers == ()


def test_what_is_not_mined_has_no_receipt_but_is_known(anvil: Anvil) -> None:
    """Pending is known and has no receipt; a hash that nobody sent is neither."""
    chain = chain_at(anvil.url)
    anvil.automine(False)
    tx_hash = anvil.pay(address(1), 5)
    assert (chain.receipt(tx_hash), chain.known(tx_hash)) == (None, True)
    ghost = "0x" + "ab" * 32
    assert (chain.receipt(ghost), chain.known(ghost)) == (None, False)
    assert chain.nonce(wallet.funded(1).address) == int(
        anvil.rpc("eth_getTransactionCount", wallet.funded(1).address, "latest"), 16
    )


def test_fees_gas_nonce_and_balance(anvil: Anvil) -> None:
    """What a transaction needs to know."""
    chain, payer = chain_at(anvil.url), wallet.funded(1).address
    fees = chain.fees()
    assert fees.base == int(anvil.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    assert fees.priority >= 0
    assert not fees.legacy
    assert chain.estimate_gas(payer, address(1), 1, "0x") == 21_000
    usdc = anvil.tokens["USDC"]["address"]
    assert chain.balance(BalanceQuery(payer, usdc)) == 10**12
    with pytest.raises(Refused):
        chain.estimate_gas(payer, usdc, 0, call_data("USDC", "transfer", address(1), 10**30))
    with pytest.raises(Refused):
        chain.balance(BalanceQuery(payer, address(9)))


def feed(proxy: Proxy, **results: Any) -> None:
    """Answer these methods with these results, in a batch or alone; an error where the result is a string of words."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] not in results:
            answer: dict[str, Any] = json.loads(proxy.ask(json.dumps(call).encode()))
            return answer
        result = results[call["method"]]
        refused = isinstance(result, str) and not result.startswith("0x")
        kind = {"error": {"code": -32601, "message": result}} if refused else {"result": result}
        return {"jsonrpc": "2.0", "id": call["id"], **kind}

    def rule(request: Any) -> bytes:
        answers = [one(call) for call in (request if isinstance(request, list) else [request])]
        return json.dumps(answers if isinstance(request, list) else answers[0]).encode()

    proxy.rule = rule


def paid(*tips: int, used: float = 0.5) -> dict[str, Any]:
    """Write a fee history: the cheap tips of each block."""
    return {"oldestBlock": "0x1", "reward": [[hex(tip)] for tip in tips], "gasUsedRatio": [used] * len(tips)}


GWEI = 10**9


@pytest.mark.parametrize(
    ("suggested", "history", "tip"),
    [
        ("0x0", "the method does not exist", 1),
        ("0x0", None, 1),
        ("0x0", {"oldestBlock": "0x1", "gasUsedRatio": [0.5]}, 1),
        ("0x0", paid(0, 0), 1),
        ("0x0", paid(3 * GWEI, GWEI, 2 * GWEI), GWEI),
        (hex(GWEI // 10), paid(3 * GWEI, GWEI), GWEI),  # a network that takes no less than one gwei
        (hex(2 * GWEI), paid(3 * GWEI, GWEI), 2 * GWEI),
        ("0x0", paid(0, 0, used=0), 1),  # empty blocks tell nothing
        ("the method does not exist", paid(GWEI), None),
    ],
)
def test_a_tip_is_at_least_one_wei_and_no_less_than_what_blocks_took(
    anvil: Anvil, proxy: Proxy, suggested: str, history: Any, tip: int | None
) -> None:
    """A suggestion of nothing is refused by geth, and one below the network's minimum by everybody."""
    chain = chain_at(proxy.url)
    feed(proxy, eth_maxPriorityFeePerGas=suggested, eth_feeHistory=history)
    fees = chain.fees()
    price = int(anvil.rpc("eth_gasPrice"), 16)
    assert fees.priority == (max(1, price - fees.base, GWEI) if tip is None else tip)
    assert not fees.legacy


def test_a_chain_without_a_base_fee_has_a_price_and_no_tip(anvil: Anvil, proxy: Proxy) -> None:
    """A legacy chain's fee is its price alone."""
    head = anvil.rpc("eth_getBlockByNumber", "latest", False)
    del head["baseFeePerGas"]
    feed(proxy, eth_getBlockByNumber=head, eth_gasPrice=hex(5 * GWEI), eth_feeHistory=paid(9 * GWEI))
    assert chain_at(proxy.url).fees() == Fees(5 * GWEI, 0, legacy=True)


def test_a_receipt_that_is_late_is_none_and_comes_with_the_next_node(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """Its transaction names a block all the while: unknown, not unmined."""
    sent = anvil.pay(address(1), 5)
    feed(proxy, eth_getTransactionReceipt=None)
    assert chain_at(proxy.url).receipt(sent) is None
    assert chain_at(proxy.url).known(sent)
    assert chain_at(proxy.url, second.url).receipt(sent) == chain_at(anvil.url).receipt(sent) is not None


def test_block_bodies_are_read_in_batches_and_what_is_not_read_is_left_out(
    anvil: Anvil, proxy: Proxy, second: Proxy
) -> None:
    """Past the head, refused or absent: no key, as an empty set would mean an empty block."""
    sent = anvil.pay(address(1), 5)
    head = chain_at(anvil.url).head().number
    chain = chain_at(proxy.url)
    before = chain.meter.requests
    assert chain.hashes([head, head - 1, head, head + 5])[head] == {sent}
    assert chain.meter.requests - before <= 2
    assert set(chain.hashes([head, head + 5])) == {head}
    assert chain.hashes([]) == {}
    feed(proxy, eth_getBlockByNumber=None)
    assert chain.hashes([head]) == {}
    assert chain_at(proxy.url, second.url).hashes([head]) == {head: {sent}}
    feed(proxy, eth_getBlockByNumber=anvil.rpc("eth_getBlockByNumber", hex(head - 1), False))
    with pytest.raises(Unavailable):
        chain.hashes([head])
    assert chain_at(proxy.url, second.url).hashes([head]) == {head: {sent}}
    feed(proxy, eth_getBlockByNumber="not today")
    with pytest.raises(Refused):
        chain.hashes([head])


def test_code_and_a_delegation_are_code(anvil: Anvil) -> None:
    """A contract, an EIP-7702 delegation, and nothing."""
    chain = chain_at(anvil.url)
    anvil.rpc("anvil_setCode", address(1), "0xef0100" + "ab" * 20)
    found = [chain.has_code(each) for each in (anvil.tokens["USDC"]["address"], address(1), address(2))]
    assert found == [True, True, False]


@pytest.mark.parametrize(("chain_id", "within"), [(42161, True), (1, False), (10, False), (31337, False)])
def test_a_chain_says_whether_its_gas_pays_the_layer_below(chain_id: int, within: bool) -> None:
    """On Arbitrum a plain transfer takes more than 21,000; the OP Stack charges beside the gas."""
    assert chain_at("http://127.0.0.1:9", network=replace(NETWORK, chain_id=chain_id)).gas_pays_layer() is within


def signed(anvil: Anvil, nonce: int, value: int = 1, fee: int = 3 * 10**9) -> str:
    """Sign a payment of account 1."""
    from eth_account import Account

    fields = {
        "chainId": 31337,
        "nonce": nonce,
        "to": checksummed(address(1)),
        "value": value,
        "gas": 21_000,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": fee,
    }
    raw: bytes = Account.sign_transaction(fields, wallet.funded(1).key).raw_transaction
    return "0x" + raw.hex().removeprefix("0x")


def test_broadcasting_twice_is_fine_and_refusals_are_told(anvil: Anvil) -> None:
    """The same bytes again are no error while pending; a used nonce, too low a fee and no funds are rejections."""
    chain = chain_at(anvil.url)
    nonce = chain.nonce(wallet.funded(1).address)
    anvil.automine(False)
    raw = signed(anvil, nonce)
    chain.broadcast(raw)
    chain.broadcast(raw)
    with pytest.raises(BroadcastRejected):
        chain.broadcast(signed(anvil, nonce, value=2))
    anvil.mine()
    with pytest.raises(BroadcastRejected):
        chain.broadcast(signed(anvil, nonce, value=3))
    with pytest.raises(BroadcastRejected):
        chain.broadcast(signed(anvil, nonce + 1, value=10**30))
    assert chain.nonce(wallet.funded(1).address) == nonce + 1
