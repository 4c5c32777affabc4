"""The gateway as `make up` starts it, on a geth that makes a block each second: created through to settled."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from infra.commands.pay import PAYER
from infra.nodes import geth
from infra.nodes.consensus import Consensus
from infra.stack import tokens, wallet
from infra.stack.receiver import Receiver
from infra.tools.process import ROOT, Supervisor, base_env
from tests.e2e.shop import Shop
from tests.e2e.stack import make_up
from tests.nodes.geth_node import KINDS

STATE = ".local-nodes-up"
LIFE = ["created", "detected", "confirmed", "paid", "settled"]
WANTED: dict[str, dict[str, Any]] = {
    "ETH": {"amount": 10**16 + 1},
    "USDC": {"amount": 12_500_000, "asset": "USDC"},
    "USDT": {"amount": 3_000_001, "asset": "USDT"},
    "DAI": {"amount": 10**18 + 1, "asset": "DAI"},
}


@contextlib.contextmanager
def shop_on(url: str) -> Iterator[Shop]:
    """Start the gateway on a node, and a shop whose receiver verifies each webhook."""
    with make_up(STATE, CTRIP_NODE_URL=url) as up:
        gateway = up.gateway()
        assert gateway.chain()["rpc_url"] == url
        assert not (up.state / "anvil").exists(), "an Anvil of its own was started"
        with Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
            yield Shop(gateway, receiver)
            assert receiver.refused == []
        gateway.http.close()


def told_all(shop: Shop, payment: dict[str, Any]) -> None:
    """Wait for each event of a payment's life; they are delivered in any order."""
    for event in LIFE:
        shop.told(payment, event)


def heard(shop: Shop, payment: dict[str, Any]) -> list[str]:
    """List a payment's events in their order."""
    events = sorted(shop.receiver.of(payment["id"]), key=lambda each: each["data"]["sequence"])
    return [each["type"].removeprefix("payment.") for each in events]


def pay_all(shop: Shop) -> dict[str, dict[str, Any]]:
    """Pay a payment of each asset, and one through a contract."""
    payments = {symbol: shop.ask(**wanted) for symbol, wanted in WANTED.items()} | {"internal": shop.ask(amount=10**16)}
    forwarder = shop.deploy("Forwarder")
    for symbol, payment in payments.items():
        if symbol == "internal":
            shop.call(forwarder, "forward(address)", payment["address"], payment["amount"])
        else:
            shop.pay(payment)
    return payments


@contextlib.contextmanager
def ticking(kind: str, binary: Path, state: Path) -> Iterator[tuple[str, Consensus | None]]:
    """Start a geth that makes a block each second."""
    with contextlib.ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(state))
        node = geth.start(supervisor, binary, period=1 if kind == "geth --dev" else None)
        if kind == "geth --dev":
            yield node.url, None
            return
        consensus = stack.enter_context(contextlib.closing(Consensus(node)))
        stack.enter_context(consensus.running())
        yield node.url, consensus


@pytest.mark.parametrize("kind", KINDS)
def test_each_asset_is_paid_swept_and_settled(kind: str, binary: Path, tmp_path: Path) -> None:
    """Events in their order, the treasury up by what is right, and `make demo` on the same gateway sees it all too."""
    with ticking(kind, binary, tmp_path) as (url, _), shop_on(url) as shop:
        payments = pay_all(shop)
        for payment in payments.values():
            told_all(shop, payment)
            assert heard(shop, payment) == LIFE
        for symbol in ("USDC", "USDT", "DAI"):
            assert shop.treasury(symbol) == payments[symbol]["amount"]
        assert 0 < shop.treasury("ETH") <= payments["ETH"]["amount"] + payments["internal"]["amount"]
        demo = subprocess.run(
            [sys.executable, "-m", "infra.commands.demo"],
            cwd=ROOT,
            env=base_env() | {"CTRIP_LOCAL_DIR": STATE},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert demo.returncode == 0, demo.stdout + demo.stderr


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_life_with_reorganisations_and_a_double_spend(kind: str, binary: Path, tmp_path: Path) -> None:
    """What comes back is settled once; what its payer replaced is not, and no payment but that one is troubled."""
    with ticking(kind, binary, tmp_path) as (url, consensus), shop_on(url) as shop:
        assert consensus is not None
        cheated = shop.ask(amount=10**16)
        honest = {symbol: shop.ask(**WANTED[symbol]) for symbol in ("ETH", "USDC")}
        sent = shop.pay(cheated)
        height = int(shop.receipt(sent)["blockNumber"], 16)
        # However slow the machine is, the payment does not get its confirmations meanwhile.
        with consensus.held():
            shop.told(cheated, "detected")
            depth = consensus.head.number - height + 1
            consensus.reorganise(depth, [_rival(url, sent)], *([[]] * depth))
        shop.told(cheated, "reorged")
        last = [shop.receipt(shop.pay(payment)) for payment in honest.values()][-1]
        with consensus.held():
            for payment in honest.values():
                shop.told(payment, "detected")
            consensus.reorganise(consensus.head.number - int(last["blockNumber"], 16) + 1, [], [], [])
        for symbol, payment in honest.items():
            told_all(shop, payment)
            after = shop.read(payment)
            assert (after["amount_received"], after["exceptions"]) == (payment["amount"], [])
            assert [each for each in heard(shop, payment) if each not in ("reorged", "detected")] == [
                each for each in LIFE if each != "detected"
            ]
            if symbol != "ETH":
                assert shop.treasury(symbol) == payment["amount"]
        after = shop.read(cheated)
        assert (after["status"], after["amount_received"], after["exception"]) == ("pending", 0, "reorged")
        assert heard(shop, cheated) == ["created", "detected", "reorged"]
        assert "deep_reorg" not in json.dumps(shop.http.get("/health/ready").json())


def _rival(url: str, tx_hash: str) -> str:
    """Sign a transaction of the payer's that takes the place of another one."""
    payer = wallet.funded(PAYER)
    nonce = int(tokens.rpc(url, "eth_getTransactionByHash", tx_hash)["nonce"], 16)
    fees = {"gas": 21_000, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 2 * 10**9}
    fields = {"chainId": 31337, "nonce": nonce, "to": payer.address, "value": 0} | fees
    return "0x" + Account.sign_transaction(fields, payer.key).raw_transaction.hex().removeprefix("0x")
