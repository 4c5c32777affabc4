"""A whole gateway in memory: real services and domain, fake stores, chain, queues and clock."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from ctrip.auth.jwt import JwtTokens
from ctrip.auth.passwords import Argon2Passwords
from ctrip.auth.totp import TotpCodes
from ctrip.aws.metrics import Metrics
from ctrip.bootstrap.composition import Stage
from ctrip.config import Settings, load
from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.merchants.access import ApiKey, Merchant
from ctrip.domain.merchants.vouching import key_statement
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Payment
from ctrip.ports.merchants import AccessChange, AccessStore
from ctrip.services.detection.scan_chain import ChainScanner, ScanRun
from ctrip.services.merchants.manage_merchants import merchant_record
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.shared.recording import Recorder
from ctrip.signer.authority import KeyAuthority
from ctrip.signer.wallet import MnemonicWallet
from ctrip.system import SystemIds
from ctrip.views.payments import SweepView
from tests.fakes.chain import FakeChain, FakeSigner
from tests.fakes.cipher import FakeCipher
from tests.fakes.clock import T0, FakeClock
from tests.fakes.jobs import FakeJobs
from tests.fakes.log import FakeLog
from tests.fakes.rates import FakeSource
from tests.fakes.sender import FakeSender
from tests.fakes.store import FakeStores

TREASURY = "0x00000000000000000000000000000000000000aa"
USDC = Asset("anvil", "USDC", 6, "7a0e3bd2-94a5-5c1c-9f7e-000000000001", "0x00000000000000000000000000000000000000cc")
NETWORK = Network(
    name="anvil",
    title="Anvil",
    kind="evm",
    chain_id=31337,
    confirmations=3,
    finality="depth",
    block_seconds=1.0,
    poll_seconds=1.0,
    head_age_alarm=30,
    explorer="",
    testnet=True,
    rpc=(),
    coin=Asset("anvil", "ETH", 18),
    tokens=(USDC,),
)
_MNEMONIC = "test test test test test test test test test test test junk"
_WALLET, AUTHORITY = MnemonicWallet(_MNEMONIC), KeyAuthority(_MNEMONIC)
XPUB, XPUB2 = _WALLET.account_xpub("evm", 1), _WALLET.account_xpub("evm", 2)
STATION = _WALLET.address("evm", "m/44'/60'/0'/0/1")


ORIGIN = Origin("key:test", "192.0.2.1", "request-1")


def signed(merchant: Merchant) -> Merchant:
    """Make a merchant ready that has a key: the signer vouches for it, and the account is discovered."""
    if not merchant.xpub:
        return merchant
    return replace(merchant, key_signature=AUTHORITY.sign(key_statement(merchant)), discovered=True)


def put_merchant(access: AccessStore, merchant: Merchant) -> None:
    """Store a merchant as if it had been made and provisioned already."""
    merchant = signed(merchant)
    audit = merchant_record(None, merchant, "test", ORIGIN)
    access.change(AccessChange(merchant=(None, replace(merchant, audit_head=audit.hash)), audit=audit))


def put_key(access: AccessStore, key: ApiKey) -> None:
    """Store a key of a merchant that is there."""
    before = access.merchant(key.merchant_id)
    assert before is not None
    after = replace(before, version=before.version + 1)
    audit = merchant_record(before, after, "test", ORIGIN)
    after = replace(after, audit_head=audit.hash)
    access.change(AccessChange(merchant=(before, after), audit=audit, key=(None, key)))


class CountingIds(SystemIds):
    """Payment ids that count, so that a failure reads well."""

    def __init__(self) -> None:
        super().__init__()
        self._count = itertools.count(1)

    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._count):012d}"


SETTINGS = replace(
    load({}),
    verifying_key=AUTHORITY.verifying_key,
    treasury=TREASURY,
    calls_per_second=100_000,
    open_payments=1_000_000,
    key_cache_seconds=30,
    # Every pass looks at everything.
    monitor_seconds=0,
    other_seconds=0,
    sweep_seconds=0,
)


class FakeAdapters:
    """A world's parts, as a stage asks for them."""

    def __init__(self, world: "World", own: Settings | None = None) -> None:
        self._world, self.own = world, own or SETTINGS
        self.codes, self.tokens = TotpCodes("ctrip-local"), JwtTokens("ctrip-local")
        self.cipher, self.metrics = FakeCipher(), Metrics("local", enabled=False)

    def __getattr__(self, name: str) -> Any:
        """Take what is not here from the world's stores, else from the world itself."""
        return getattr(self._world.stores if hasattr(self._world.stores, name) else self._world, name)

    @cached_property
    def passwords(self) -> Argon2Passwords:
        """The real one, for worlds with people in them: making it hashes a password, which takes a while."""
        return Argon2Passwords()

    @property
    def settings(self) -> Settings:
        """The settings, with the amounts that the test has agreement asked for."""
        amounts = {
            symbol: format_decimal(amount, next(each.decimals for each in ASSETS if each.symbol == symbol))
            for symbol, amount in self._world.agree_above.items()
        }
        return replace(self.own, agree_above={self._world.network.name: amounts})

    @property
    def networks(self) -> dict[str, Network]:
        """The world's own network, and those beside it."""
        own = self._world.network
        return {own.name: own} | {name: network for name, (network, _) in self._world.others.items()}

    def chain(self, name: str) -> Any:
        """A network's chain, whichever it is by now."""
        return self._world.others[name][1] if name in self._world.others else self._world.chain

    def log(self, _: str) -> Any:
        """The world's one log."""
        return self._world.log

    def spread(self) -> float:
        """Retries come when they are due."""
        return 0.0

    def queue_depths(self) -> dict[str, int]:
        """Nothing waits."""
        return {}

    def wallet(self) -> MnemonicWallet:
        """The local mnemonic's."""
        return _WALLET

    def backed_up(self) -> bool:
        """Nobody has read a backup of the local mnemonic."""
        return False

    def wallet_is_newest(self) -> bool:
        """Nobody rotates it."""
        return True

    @property
    def rate_refresh(self) -> Any:
        """The function `rates`, without a call between."""
        return self._world.stage.prices.refresher

    def authority(self) -> KeyAuthority:
        """The local mnemonic's."""
        return AUTHORITY

    @property
    def provisioner(self) -> Any:
        """The signer's end of provisioning, without a call between."""
        return self._world.stage.merchants.provisioner


ASSETS = (NETWORK.coin, *NETWORK.tokens)


class World:
    """One merchant, one chain, everything in memory, but for the parts that are given.

    `others` are networks beside its own, each with its chain.
    """

    others: Mapping[str, tuple[Network, Any]] = MappingProxyType({})

    def __init__(
        self,
        *,
        stores: Any = None,
        chain: Any = None,
        signer: FakeSigner | None = None,
        ids: SystemIds | None = None,
        own: Settings | None = None,
        **merchant: Any,
    ) -> None:
        self.clock, self.jobs, self.log, self.ids = FakeClock(), FakeJobs(), FakeLog(), ids or CountingIds()
        self.stores = FakeStores() if stores is None else stores
        self.agree_above: dict[str, int] = {}
        self.network = getattr(self, "network", NETWORK)
        self.chain = chain or FakeChain(T0)
        self.signer = signer or FakeSigner({0: _WALLET.account_xpub("evm", 0), 1: XPUB})
        self.receivers = FakeSender()
        self.rate_sources = [FakeSource(name, self.clock) for name in ("chainlink", "kraken", "coinbase")]
        self.chain.deposit(STATION, 10**20)
        self.chain.mine(5)
        self.merchant = Merchant(
            id="m1",
            name="Shop",
            account=1,
            xpub=XPUB,
            webhook_secrets=(FakeCipher().encrypt("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "m1"),),
        )
        self.merchant = signed(replace(self.merchant, **merchant))
        put_merchant(self.stores.access, self.merchant)
        self.stage = Stage(FakeAdapters(self, own or getattr(self, "own", None)))
        self.limiter = self.stage.merchants.limiter
        self.creator = self.stage.payments.creator
        self.reader = self.stage.payments.reader
        self.closer = self.stage.payments.closer
        self.sweeper = self.stage.sweeping.new_sweeper(self.network.name)
        self.deliverer = self.stage.webhooks.deliverer
        self.relay = self.stage.webhooks.relay
        self.scanner = self.new_scanner()
        self.run = self.new_run()

    def recorder(self, actor: str) -> Recorder:
        """Build a recorder for one kind of actor."""
        return self.stage.recorder(actor)

    def new_scanner(self) -> ChainScanner:
        """Build a scanner that remembers nothing."""
        return self.stage.detection.new_scanner(self.network.name)

    def new_run(self) -> ScanRun:
        """Start a scanner's invocation that passes when told."""
        return ScanRun.begin(self.scanner)

    def create(self, amount: int = 1000, **wanted: Any) -> Payment:
        """Create a payment through the service."""
        created = self.creator.create(
            self.merchant, CreatePayment(chain=self.network.name, amount=amount, **wanted), "http://x", ORIGIN
        )
        return self.payment(created.view["id"])

    def payment(self, payment_id: str) -> Payment:
        """Read a payment from the store."""
        found = self.stores.payments.get(payment_id)
        assert found is not None
        return found

    def sweeps(self, payment_id: str) -> list[SweepView]:
        """Read a payment's sweeps as the API shows them."""
        return self.reader.one(None, payment_id)["sweeps"]

    def step(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Mine, and scan once."""
        self.chain.mine(blocks, seconds=seconds)
        self.clock.at += blocks * seconds * 1000
        self.run.one()

    def sweep(self) -> None:
        """Do the queued sweep jobs; what fails comes again, as it does from SQS."""
        jobs, self.jobs.sweeps = {job.asset: job for job in self.jobs.sweeps}, []
        try:
            for asset in sorted(jobs):
                self.sweeper.sweep(asset)
                del jobs[asset]
        finally:
            self.jobs.sweeps += jobs.values()

    def settle(self, rounds: int = 12) -> None:
        """Mine, scan and sweep until everything is where it belongs."""
        for _ in range(rounds):
            self.step()
            self.sweep()

    def deliver_all(self) -> None:
        """Do the queued webhook jobs."""
        while self.jobs.deliveries:
            self.deliverer.deliver(self.jobs.deliveries.pop(0))
