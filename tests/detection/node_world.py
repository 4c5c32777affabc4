"""The gateway in memory of `tests.world`, on a real chain: the real client, asking Anvil or proxies before it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_abi.abi import encode

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.evm.rules import RULES as EVM
from ctrip.domain.ledger.entries import TREASURY as TREASURY_ACCOUNT
from ctrip.domain.payments.payment import Payment
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from tests.evm_support import NETWORK, Node, artefact, call_data
from tests.support.ledger import entries_of, owed_to
from tests.world import _WALLET, STATION, TREASURY, World

PAYER = 3  # of Anvil's accounts; 1 is the gas station of these tests
COIN, TOKEN = 10**18, 12_500_000
LIFE = ["payment.created", "payment.detected", "payment.confirmed", "payment.paid", "payment.settled"]
PAID = LIFE[:4]


class NodeWorld(World):
    """One merchant on a real node; the clock is the newest block's, and `urls` are asked in order."""

    def __init__(
        self, anvil: Node, *urls: str, network: Network = NETWORK, seconds: float = 5.0, **merchant: Any
    ) -> None:
        self.anvil, self.network = anvil, network
        super().__init__(**merchant)
        self.chain: Any = EvmChain(network, urls or (anvil.url,), self.clock, seconds=seconds)
        self.signer: Any = GuardedSigner(lambda: _WALLET, {"anvil": TREASURY}, {"anvil": network}, lambda: True)
        self.creator = replace(self.creator, networks={"anvil": network})
        self.sweeper = replace(self.sweeper, network=network, chain=self.chain, signer=self.signer)
        anvil.fund(STATION, 10**21)
        anvil.count_seconds()
        self.tick()
        self.renew()

    def renew(self) -> None:
        """Let another process take over: nothing that was remembered in memory is left."""
        self.scanner = self.new_scanner()
        self.run = self.new_run()

    # -- the chain

    def tick(self) -> None:
        """Set the clock by the newest block."""
        block = self.anvil.rpc("eth_getBlockByNumber", "latest", False)
        self.clock.at = max(self.clock.at, int(block["timestamp"], 16) * 1000)

    def mine(self, blocks: int = 1) -> None:
        """Mine."""
        self.anvil.mine(blocks)
        self.tick()

    def pay(self, payment: Payment, amount: int | None = None) -> str:
        """Pay what is due, or `amount`; return the transaction's hash."""
        wanted = payment.due.amount if amount is None else amount
        return self.anvil.pay(payment.due.address, wanted, payment.due.token_address, index=PAYER)

    def call(self, contract: str, at: str, method: str, *arguments: Any, value: int = 0, gas: int | None = None) -> str:
        """Call a test contract from the payer's account; `gas` spares the estimate, for what is to revert."""
        return self.anvil.send(at, call_data(contract, method, *arguments), value=value, index=PAYER, gas=gas)

    def held(self, address: str, token: str | None = None) -> int:
        """Ask the node itself what an address holds."""
        if token is None:
            return int(self.anvil.rpc("eth_getBalance", address, "latest"), 16)
        data = "0x70a08231" + address[2:].lower().rjust(64, "0")
        return int(self.anvil.rpc("eth_call", {"to": token, "data": data}, "latest"), 16)

    # -- our own workers

    def step(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Mine, and pass once as the scanner does: a pass that fails is logged, the next one goes on."""
        self.mine(blocks)
        self.look()

    def look(self) -> None:
        """Pass once without a new block."""
        assert self.scanner.attempt(self.run), "the scanner was superseded or refused its chain"

    def settle(self, rounds: int = 12) -> None:
        """Mine, scan and sweep; a sweep that fails is tried again, as its queue would."""
        for _ in range(rounds):
            self.step()
            self.sweep_again()

    def sweep_again(self) -> None:
        """Do the queued sweep jobs; one that fails goes back on the queue."""
        from ctrip.domain.errors import ChainError

        jobs, self.jobs.sweeps = sorted(set(self.jobs.sweeps)), []
        for job in jobs:
            try:
                self.sweeper.sweep(job.asset)
            except ChainError:
                self.jobs.sweeps.append(job)

    # -- what came of it

    def types(self, payment: Payment) -> list[str]:
        """List the types of the events of a payment, in order."""
        return [c.event.type for c in self.stores.payments.commits if c.event and c.event.payment_id == payment.id]

    def credited(self, payment: Payment) -> int:
        """Sum the merchant's ledger for a payment."""
        entries = [each for each in entries_of(self.stores, "m1") if each.payment_id == payment.id]
        return owed_to(entries, "available", "held")

    def warnings(self) -> list[str]:
        """List what was logged as a warning."""
        return [message for level, message, _ in self.log.lines if level == "warning"]

    def swept(self, token: str | None) -> int:
        """Say what the treasury holds of an asset: each test's chain is new, so it began with nothing."""
        return self.held(TREASURY, token)

    def books(self, token: str | None) -> int:
        """Say what the ledger thinks that the treasury has got of an asset."""
        asset = next(each for each in (self.network.coin, *self.network.tokens) if each.address == token)
        totals: Counter[str] = Counter()
        for entry in entries_of(self.stores):
            if entry.asset == (asset.id or "native"):
                totals[entry.debit] += entry.amount
                totals[entry.credit] -= entry.amount
        return totals[TREASURY_ACCOUNT]


def listed(symbol: str, address: str, decimals: int = 6) -> Network:
    """List a contract as a token of the local network, as an operator might by mistake."""
    made = Asset("anvil", symbol, decimals, EVM.token_id(31337, address), address)
    return replace(NETWORK, tokens=(*NETWORK.tokens, made))


def deploy_token(anvil: Node, name: str, holders: Sequence[str], each: int) -> str:
    """Deploy one of the local tokens a second time, somewhere else."""
    code = artefact(name)["bytecode"] + encode(["address[]", "uint256"], [list(holders), each]).hex()
    sent = anvil.send(None, code, index=PAYER, gas=5_000_000)
    return str(anvil.rpc("eth_getTransactionReceipt", sent)["contractAddress"])


def told(body: str) -> dict[str, Any]:
    """Read the payment out of an event's body."""
    data: dict[str, Any] = json.loads(body)["data"]
    return data
