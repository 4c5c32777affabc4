"""A gateway in memory on Tron: real services, rules, transfers and signer over a network in memory."""

from dataclasses import replace
from typing import Any

from ctrip.bootstrap.kinds import KIND_ADAPTERS
from ctrip.domain.chains.kinds import KINDS, address_at
from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.payments.payment import Payment, Status
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.networks import load_networks
from tests.fakes.clock import T0
from tests.fakes.tron import LAG, FakeTron
from tests.world import SETTINGS, World

RULES = KINDS["tron"]
NETWORK = load_networks(["tron"], local=True)["tron"]
USDT = NETWORK.tokens[0]
TREASURY = encoded(b"\x11" * 20)
TRX = 10**6


class TronWorld(World):
    """One merchant, its account given and signed for by the real signer, with real checks."""

    network = NETWORK
    own = replace(SETTINGS, treasury=TREASURY)

    def __init__(self, *, chain: Any = None, **merchant: Any) -> None:
        merchant = {"xpub": "", "account": 1} | merchant if "policy" in merchant else merchant
        super().__init__(chain=FakeTron(T0) if chain is None else chain, **merchant)
        self.signer: Any = self.stage.sweeping.signer
        self.sweeper = self.stage.sweeping.new_sweeper("tron")
        self.station = address_at(RULES, self.signer.account_xpub("tron", 0), 1)
        self.chain.deposit(self.station, 10_000 * TRX)
        self.chain.deposit(TREASURY, 1)
        self.chain.mine(2 * LAG)
        self.stage.merchants.provisioner.provision("m1")
        self.stage.merchants.discoverer().discover("m1")
        found = self.stores.access.merchant("m1")
        assert found is not None
        self.merchant = found
        self.clock.at = self.chain.newest_time
        assert KIND_ADAPTERS["tron"]

    def held(self, owner: str, token: str | None = None) -> int:
        """Return what an address holds by the newest block, final or not."""
        state = self.chain.chain[-1].state
        return int(state.coin.get(owner, 0) if token is None else state.token.get((token, owner), 0))

    def sent(self, owner: str) -> list[OutgoingTransaction]:
        """Return the own transactions of a sender."""
        return self.stores.money.transactions_of("tron", owner)

    def paid(self, amount: int = 30 * TRX, **wanted: Any) -> Payment:
        """Make a payment that is paid, and not swept yet."""
        payment = self.create(amount, **wanted)
        self.chain.deposit(payment.due.address, amount, payment.due.token_address)
        self.step(LAG + 1)
        assert self.payment(payment.id).status is Status.PAID
        return self.payment(payment.id)
