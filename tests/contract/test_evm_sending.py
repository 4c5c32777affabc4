"""Receipts, fees and broadcasts on a real Anvil."""

import json
from typing import Any

import pytest

from ctrip.domain.chain import Holding
from ctrip.domain.errors import BroadcastRejected, Refused
from infra.local import wallet
from tests.evm_support import Anvil, Proxy, address, call_data, chain_at, checksummed


def test_a_receipt_tells_fee_value_and_token_transfers(anvil: Anvil) -> None:
    """The fee is what the sender's balance lost beyond the value."""
    chain = chain_at(anvil.url)
    payer = Holding(wallet.funded(1).address, None)
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
    assert chain.balance(Holding(payer, usdc)) == 10**12
    with pytest.raises(Refused):
        chain.estimate_gas(payer, usdc, 0, call_data("USDC", "transfer", address(1), 10**30))
    with pytest.raises(Refused):
        chain.balance(Holding(payer, address(9)))


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
