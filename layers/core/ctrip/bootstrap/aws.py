"""A stage's adapters on AWS, each imported and built when it is first asked for."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from ctrip import config
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError
from ctrip.system import SystemClock, SystemIds, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctrip.auth.jwt import JwtTokens
    from ctrip.auth.passwords import Argon2Passwords
    from ctrip.auth.totp import TotpCodes
    from ctrip.aws.jobs import AwsJobs
    from ctrip.aws.metrics import Metrics
    from ctrip.aws.rates import LambdaRates
    from ctrip.aws.secrets import KmsCipher
    from ctrip.aws.signer import LambdaSigner
    from ctrip.domain.rpc import RpcEntry
    from ctrip.net.receivers import HttpSender
    from ctrip.ports.chain import Chain
    from ctrip.ports.rates import RateSource
    from ctrip.ports.runtime import Log
    from ctrip.services.sweeping.sign_transaction import Wallet
    from ctrip.signer.authority import KeyAuthority
    from ctrip.signer.generations import Generation
    from ctrip.store.access import DynamoAccess
    from ctrip.store.admins import DynamoAdmins
    from ctrip.store.bills import DynamoInvoices, DynamoLinks
    from ctrip.store.checkpoints import DynamoCheckpoints
    from ctrip.store.endpoints import DynamoEndpoints
    from ctrip.store.events import DynamoEvents
    from ctrip.store.figures import DynamoFigures
    from ctrip.store.ledger import DynamoLedger
    from ctrip.store.limits import DynamoLimits
    from ctrip.store.money import DynamoMoney
    from ctrip.store.payments import DynamoPayments
    from ctrip.store.payouts import DynamoPayouts
    from ctrip.store.rates import DynamoRates
    from ctrip.store.reconciliations import DynamoReconciliations
    from ctrip.store.signer_book import DynamoSignerBook

BACKUP_MS = 60_000  # for which a backup that has not been read back is not asked about again


class AwsAdapters:
    """The `Adapters` of the stage that the environment names."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.ids = SystemIds()
        self.log = cache(self._log)
        self.chain = cache(self._chain)
        self.wallet = cache(self._wallet)
        self.authority = cache(self._authority)
        self._backup_day, self._backup_asked = "", 0

    def spread(self) -> float:
        """Return a random number from -1 to 1."""
        return spread()

    @cached_property
    def settings(self) -> config.Settings:
        """Read the settings; raises `ConfigurationError` where the stage may not start."""
        found = config.load().must_start()
        if found.treasury or found.treasury_contract:
            from ctrip.networks import check_treasuries

            check_treasuries(found.treasuries, found.treasury_contract)
        return found

    @cached_property
    def networks(self) -> dict[str, Network]:
        """Load the enabled networks."""
        from ctrip.startup import enabled_networks

        return enabled_networks(self.settings)

    @cached_property
    def metrics(self) -> "Metrics":
        """Build what publishes figures."""
        from ctrip.aws.metrics import Metrics

        return Metrics(self.settings.stage, enabled=bool(self.settings.metrics))

    def _log(self, service: str) -> "Log":
        from ctrip.aws.log import PowertoolsLog

        return PowertoolsLog(service, self.settings.log_level, self.metrics)

    # -- stores

    @cached_property
    def payments(self) -> "DynamoPayments":
        """Open the store of payments."""
        from ctrip.store.payments import DynamoPayments

        return DynamoPayments(self.settings.stage)

    @cached_property
    def events(self) -> "DynamoEvents":
        """Open the store of events."""
        from ctrip.store.events import DynamoEvents

        return DynamoEvents(self.settings.stage)

    @cached_property
    def endpoints(self) -> "DynamoEndpoints":
        """Open the store of webhook endpoints."""
        from ctrip.store.endpoints import DynamoEndpoints

        return DynamoEndpoints(self.settings.stage)

    @cached_property
    def money(self) -> "DynamoMoney":
        """Open the store of money."""
        from ctrip.store.money import DynamoMoney

        return DynamoMoney(self.settings.stage)

    @cached_property
    def payouts(self) -> "DynamoPayouts":
        """Open the store of settlements and refunds."""
        from ctrip.store.payouts import DynamoPayouts

        return DynamoPayouts(self.settings.stage)

    @cached_property
    def links(self) -> "DynamoLinks":
        """Open the store of payment links."""
        from ctrip.store.bills import DynamoLinks

        return DynamoLinks(self.settings.stage)

    @cached_property
    def invoices(self) -> "DynamoInvoices":
        """Open the store of invoices."""
        from ctrip.store.bills import DynamoInvoices

        return DynamoInvoices(self.settings.stage)

    @cached_property
    def signer_book(self) -> "DynamoSignerBook":
        """Open the signer's own memory."""
        from ctrip.store.signer_book import DynamoSignerBook

        return DynamoSignerBook(self.settings.stage)

    @cached_property
    def ledger(self) -> "DynamoLedger":
        """Open the ledger."""
        from ctrip.store.ledger import DynamoLedger

        return DynamoLedger(self.settings.stage)

    @cached_property
    def figures(self) -> "DynamoFigures":
        """Open the store of figures."""
        from ctrip.store.figures import DynamoFigures

        return DynamoFigures(self.settings.stage)

    @cached_property
    def reconciliations(self) -> "DynamoReconciliations":
        """Open the store of what reconciliation remembers."""
        from ctrip.store.reconciliations import DynamoReconciliations

        return DynamoReconciliations(self.settings.stage)

    @cached_property
    def access(self) -> "DynamoAccess":
        """Open the store of merchants and gates."""
        from ctrip.store.access import DynamoAccess

        return DynamoAccess(self.settings.stage)

    @cached_property
    def admins(self) -> "DynamoAdmins":
        """Open the store of admins."""
        from ctrip.store.admins import DynamoAdmins

        return DynamoAdmins(self.settings.stage)

    @cached_property
    def limits(self) -> "DynamoLimits":
        """Open the store of limits."""
        from ctrip.store.limits import DynamoLimits

        return DynamoLimits(self.settings.stage)

    @cached_property
    def checkpoints(self) -> "DynamoCheckpoints":
        """Open the store of checkpoints."""
        from ctrip.store.checkpoints import DynamoCheckpoints

        return DynamoCheckpoints(self.settings.stage)

    @cached_property
    def rates(self) -> "DynamoRates":
        """Open the store of rates."""
        from ctrip.store.rates import DynamoRates

        return DynamoRates(self.settings.stage)

    # -- queues, secrets, other functions

    @cached_property
    def jobs(self) -> "AwsJobs":
        """Open the queues."""
        from ctrip.aws.jobs import AwsJobs

        return AwsJobs(self.settings.stage)

    def queue_depths(self) -> dict[str, int]:
        """Return how full the queues are."""
        from ctrip.aws.queues import queue_depths

        return queue_depths(self.settings.stage)

    @cached_property
    def rate_refresh(self) -> "LambdaRates":
        """Build the caller of the function `rates`."""
        from ctrip.aws.rates import LambdaRates

        return LambdaRates(self.settings.stage)

    @cached_property
    def cipher(self) -> "KmsCipher":
        """Build what encrypts secrets."""
        from ctrip.aws.secrets import KmsCipher

        return KmsCipher(self.settings.stage, self.clock)

    @cached_property
    def signer(self) -> "LambdaSigner":
        """Build the caller of the signer function."""
        from ctrip.aws.signer import LambdaSigner

        return LambdaSigner(self.settings.stage)

    @property
    def provisioner(self) -> "LambdaSigner":
        """Return the same caller."""
        return self.signer

    def _wallet(self) -> "Wallet":
        from ctrip.signer.wallet import RotatedWallet

        wallet = RotatedWallet(self._generations)
        if not self.settings.kms_keys:
            return wallet
        from ctrip.aws.kms_keys import KmsKey, alias
        from ctrip.domain.sweeping.treasury import OPERATORS_KEYS
        from ctrip.signer.outside_keys import OutsideKey, WalletWithOutsideKeys

        stage = self.settings.stage
        held = {OPERATORS_KEYS[name]: OutsideKey(KmsKey(alias(stage, name))) for name in self.settings.kms_keys}
        return WalletWithOutsideKeys(wallet, held)

    def _authority(self) -> "KeyAuthority":
        from ctrip.signer.authority import KeyAuthority

        return KeyAuthority(self._generations[0].mnemonic, [each.mnemonic for each in self._generations[1:]])

    def backed_up(self) -> bool:
        """Whether the wallet's backup has been read back; a no is asked about again after a minute."""
        from ctrip.aws.secrets import backup_verified

        if not self._backup_day and (now := self.clock.now()) >= self._backup_asked + BACKUP_MS:
            self._backup_asked = now
            self._backup_day = backup_verified(self.settings.stage, self.authority().verifying_key)
        return bool(self._backup_day)

    def wallet_is_newest(self) -> bool:
        """Whether nobody has rotated the wallet since this process read it."""
        return self._read_generations() == self._generations

    @cached_property
    def _generations(self) -> "tuple[Generation, ...]":
        return self._read_generations()

    def _read_generations(self) -> "tuple[Generation, ...]":
        from ctrip.aws.secrets import read_mnemonic
        from ctrip.signer.generations import parse

        return parse(read_mnemonic(self.settings.stage))

    # -- chains and other people's servers

    def _chain(self, name: str) -> "Chain":
        from ctrip.bootstrap.kinds import adapters_of

        if (network := self.networks.get(name)) is None:
            raise ConfigurationError("a chain that is not among CTRIP_CHAINS is asked for")
        urls = (*self.settings.rpc.get(name, ()), *self._secret_endpoints.get(name, ()), *network.rpc)
        return adapters_of(network).client(network, urls, self.clock)

    @cached_property
    def _secret_endpoints(self) -> dict[str, tuple["RpcEntry", ...]]:
        from ctrip.aws.secrets import read_endpoints

        return read_endpoints(self.settings.stage)

    @cached_property
    def receivers(self) -> "HttpSender":
        """Build what posts to merchants' servers."""
        from ctrip.net.receivers import HttpSender

        return HttpSender(loopback=bool(self.settings.webhook_loopback))

    @cached_property
    def rate_sources(self) -> "Sequence[RateSource]":
        """Build the sources of rates."""
        from ctrip.bootstrap.rate_sources import rate_sources

        return rate_sources(self.networks, self.settings, self.chain, self.clock)

    # -- sign-in

    @cached_property
    def passwords(self) -> "Argon2Passwords":
        """Build what hashes passwords."""
        from ctrip.auth.passwords import Argon2Passwords

        return Argon2Passwords()

    @cached_property
    def codes(self) -> "TotpCodes":
        """Build what checks codes of authenticator apps."""
        from ctrip.auth.totp import TotpCodes

        return TotpCodes(self._issuer)

    @cached_property
    def tokens(self) -> "JwtTokens":
        """Build what signs access tokens."""
        from ctrip.auth.jwt import JwtTokens

        return JwtTokens(self._issuer)

    @property
    def _issuer(self) -> str:
        return f"ctrip-{self.settings.stage}"
