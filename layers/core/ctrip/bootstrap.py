"""Wires adapters to services: one builder per entry point, each imports only what it needs, and builds once."""

from functools import cache
from typing import TYPE_CHECKING

from ctrip import config
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError
from ctrip.system import SystemClock, SystemIds, fraction, spread

if TYPE_CHECKING:
    from ctrip.aws.jobs import AwsJobs
    from ctrip.aws.metrics import Metrics
    from ctrip.aws.secrets import KmsSealer
    from ctrip.keys.authority import KeyAuthority
    from ctrip.ports import Log
    from ctrip.services.admins.lock_out import Lockout
    from ctrip.services.admins.manage_admins import AdminManager
    from ctrip.services.admins.sign_in import Doorkeeper
    from ctrip.services.audit.read_audit import AuditReader
    from ctrip.services.audit.seal_audit import AuditSealer, AuditVerifier
    from ctrip.services.detection.check_health import HealthChecker
    from ctrip.services.detection.scan_chain import ChainScanner
    from ctrip.services.detection.start_scans import ScanStarter
    from ctrip.services.merchants.authenticate import Authenticator
    from ctrip.services.merchants.discover_account import AccountDiscoverer
    from ctrip.services.merchants.limit_calls import CallLimiter
    from ctrip.services.merchants.manage_keys import KeyManager
    from ctrip.services.merchants.manage_merchants import MerchantManager
    from ctrip.services.merchants.provision_merchant import AccountProvisioner, WaitingProvisioner
    from ctrip.services.payments.close_payment import PaymentCloser
    from ctrip.services.payments.create_payment import PaymentCreator
    from ctrip.services.payments.read_payment import PaymentReader
    from ctrip.services.shared.notify import BestEffort
    from ctrip.services.shared.recording import Recorder
    from ctrip.services.sweeping.check_treasury import CheckedSweeper
    from ctrip.services.sweeping.resume_sweeps import SweepResumer
    from ctrip.services.sweeping.sign_transaction import GuardedSigner
    from ctrip.services.sweeping.sweep_deposits import DepositSweeper
    from ctrip.services.webhooks.deliver_webhook import WebhookDeliverer
    from ctrip.services.webhooks.read_events import EventReader
    from ctrip.services.webhooks.relay_outbox import OutboxRelay
    from ctrip.store.access import DynamoAccess
    from ctrip.store.admins import DynamoAdmins
    from ctrip.store.events import DynamoEvents
    from ctrip.store.limits import DynamoLimits
    from ctrip.store.money import DynamoMoney
    from ctrip.store.payments import DynamoPayments
    from ctrip.store.seals import DynamoSeals

clock = SystemClock()
ids = SystemIds()


@cache
def settings() -> config.Settings:
    """Read the stage's settings once; raises `ConfigurationError` where the stage may not start."""
    found = config.load().must_start()
    if found.treasury or found.treasury_contract:
        from ctrip.networks import check_treasuries

        check_treasuries(found.treasuries, found.treasury_contract)
    return found


@cache
def networks() -> dict[str, Network]:
    """Load the enabled networks."""
    from ctrip.startup import enabled_networks

    return enabled_networks(settings())


@cache
def log(service: str) -> "Log":
    """Build one entry point's log."""
    from ctrip.aws.log import PowertoolsLog

    return PowertoolsLog(service, settings().log_level, metrics())


@cache
def metrics() -> "Metrics":
    """Build what publishes figures."""
    from ctrip.aws.metrics import Metrics

    return Metrics(enabled=bool(settings().metrics))


@cache
def payments() -> "DynamoPayments":
    """Build the store of payments."""
    from ctrip.store.payments import DynamoPayments

    return DynamoPayments(settings().stage)


@cache
def events() -> "DynamoEvents":
    """Build the store of events."""
    from ctrip.store.events import DynamoEvents

    return DynamoEvents(settings().stage)


@cache
def money() -> "DynamoMoney":
    """Build the store of money."""
    from ctrip.store.money import DynamoMoney

    return DynamoMoney(settings().stage)


@cache
def access() -> "DynamoAccess":
    """Build the store of merchants and gates."""
    from ctrip.store.access import DynamoAccess

    return DynamoAccess(settings().stage)


@cache
def admins() -> "DynamoAdmins":
    """Build the store of admins."""
    from ctrip.store.admins import DynamoAdmins

    return DynamoAdmins(settings().stage)


@cache
def limits() -> "DynamoLimits":
    """Build the store of limits."""
    from ctrip.store.limits import DynamoLimits

    return DynamoLimits(settings().stage)


@cache
def seals() -> "DynamoSeals":
    """Build the store of seals."""
    from ctrip.store.seals import DynamoSeals

    return DynamoSeals(settings().stage)


@cache
def sealer() -> "KmsSealer":
    """Build what seals secrets."""
    from ctrip.aws.secrets import KmsSealer

    return KmsSealer(settings().stage, clock)


@cache
def jobs() -> "AwsJobs":
    """Build the queues."""
    from ctrip.aws.jobs import AwsJobs

    return AwsJobs(settings().stage)


def notifying(service: str) -> "BestEffort":
    """Build queues for those who have committed already."""
    from ctrip.services.shared.notify import BestEffort

    return BestEffort(jobs(), log(service))


def recorder(actor: str) -> "Recorder":
    """Build a recorder for one kind of actor."""
    from ctrip.services.shared.recording import Recorder

    return Recorder(ids, actor, settings().webhook_url)


# -- the API


@cache
def authenticator() -> "Authenticator":
    """Build what verifies callers."""
    from ctrip.services.merchants.authenticate import Authenticator

    return Authenticator(access(), limits(), sealer(), clock, log("api"), settings().key_cache_seconds * 1000)


@cache
def limiter() -> "CallLimiter":
    """Build what keeps merchants to their share."""
    from ctrip.domain.merchants.access import Limits
    from ctrip.services.merchants.limit_calls import CallLimiter

    most = Limits(calls_per_second=settings().calls_per_second, open_payments=settings().open_payments)
    return CallLimiter(limits(), clock, most)


@cache
def creator() -> "PaymentCreator":
    """Build what creates payments."""
    from ctrip.services.payments.create_payment import PaymentCreator
    from ctrip.services.shared.once import Once

    return PaymentCreator(
        networks=networks(),
        payments=payments(),
        money=money(),
        once=Once(payments(), events()),
        access=access(),
        limiter=limiter(),
        jobs=notifying("api"),
        clock=clock,
        ids=ids,
        recorder=recorder("api"),
        log=log("api"),
        verifying_key=settings().verifying_key,
        plain_http=settings().local,
    )


@cache
def reader() -> "PaymentReader":
    """Build what reads payments."""
    from ctrip.services.payments.read_payment import PaymentReader

    return PaymentReader(payments(), money())


@cache
def closer() -> "PaymentCloser":
    """Build what cancels and accepts payments."""
    from ctrip.services.payments.close_payment import PaymentCloser
    from ctrip.services.shared.once import Once

    return PaymentCloser(
        reader=reader(),
        payments=payments(),
        access=access(),
        jobs=notifying("api"),
        clock=clock,
        recorder=recorder("api"),
        once=Once(payments(), events()),
    )


@cache
def event_reader() -> "EventReader":
    """Build what reads events."""
    from ctrip.services.webhooks.read_events import EventReader

    return EventReader(events(), reader(), clock)


@cache
def audit_reader() -> "AuditReader":
    """Build what reads audit chains."""
    from ctrip.services.audit.read_audit import AuditReader

    return AuditReader(reader(), access(), admins())


@cache
def key_manager() -> "KeyManager":
    """Build what makes and ends API keys."""
    from ctrip.services.merchants.manage_keys import KeyManager

    return KeyManager(access=access(), sealer=sealer(), clock=clock, ids=ids)


@cache
def merchant_manager() -> "MerchantManager":
    """Build what makes and changes merchants."""
    from ctrip.services.merchants.manage_merchants import MerchantManager

    return MerchantManager(access=access(), sealer=sealer(), jobs=notifying("api"), clock=clock, ids=ids)


@cache
def admin_manager() -> "AdminManager":
    """Build what makes and changes admins."""
    from ctrip.auth.codes import TotpCodes
    from ctrip.auth.passwords import Argon2Passwords
    from ctrip.services.admins.manage_admins import AdminManager

    return AdminManager(
        admins=admins(),
        memory=access(),
        passwords=Argon2Passwords(),
        codes=TotpCodes(_issuer()),
        sealer=sealer(),
        lockout=_lockout(),
        clock=clock,
        ids=ids,
    )


def _lockout() -> "Lockout":
    from ctrip.services.admins.lock_out import Lockout

    return Lockout(limits(), clock, log("api"))


@cache
def doorkeeper() -> "Doorkeeper":
    """Build what lets admins in."""
    from ctrip.auth.codes import TotpCodes
    from ctrip.auth.passwords import Argon2Passwords
    from ctrip.auth.tokens import JwtTokens
    from ctrip.services.admins.sign_in import Doorkeeper

    return Doorkeeper(
        admins=admins(),
        lockout=_lockout(),
        passwords=Argon2Passwords(),
        codes=TotpCodes(_issuer()),
        tokens=JwtTokens(_issuer()),
        sealer=sealer(),
        clock=clock,
        ids=ids,
        log=log("api"),
    )


def _issuer() -> str:
    return f"ctrip-{settings().stage}"


@cache
def health() -> "HealthChecker":
    """Build what judges readiness."""
    from ctrip.aws.queues import queue_depths
    from ctrip.services.detection.check_health import HealthChecker

    stage = settings().stage
    return HealthChecker(
        networks=networks(),
        money=money(),
        access=access(),
        clock=clock,
        log=log("api"),
        queues=lambda: queue_depths(stage),
        treasury_of=settings().treasury_of,
    )


# -- the workers


@cache
def starter() -> "ScanStarter":
    """Build what starts scanners."""
    from ctrip.services.detection.start_scans import ScanStarter

    return ScanStarter(networks=networks(), access=access(), money=money(), jobs=jobs(), clock=clock, log=log("tick"))


@cache
def scanner(name: str) -> "ChainScanner":
    """Build one chain's scanner; raises `ConfigurationError` for a chain that is not enabled."""
    from ctrip.services.detection.count_open import OpenCounter
    from ctrip.services.detection.explain import Explainer
    from ctrip.services.detection.find_blocks import BlockFinder
    from ctrip.services.detection.find_strays import StrayFinder
    from ctrip.services.detection.look_at import Looker
    from ctrip.services.detection.scan_chain import ChainScanner
    from ctrip.services.detection.trust_chain import ChainTrust
    from ctrip.services.detection.vouch_address import AddressVoucher
    from ctrip.services.sweeping.follow_intents import IntentFollower

    network, chain, lines = _network(name), _chain(name), log("scan")
    explainer = Explainer(chain=chain, payments=payments(), clock=clock, log=lines)
    return ChainScanner(
        network=network,
        chain=chain,
        payments=payments(),
        money=money(),
        access=access(),
        jobs=notifying("scan"),
        clock=clock,
        recorder=recorder("scan"),
        explainer=explainer,
        looker=Looker(
            network=network,
            chain=chain,
            payments=payments(),
            explainer=explainer,
            finder=BlockFinder(network, chain),
            clock=clock,
            log=lines,
        ),
        follower=IntentFollower(
            network=network,
            chain=chain,
            payments=payments(),
            money=money(),
            jobs=notifying("scan"),
            clock=clock,
            recorder=recorder("scan"),
            log=lines,
        ),
        strays=StrayFinder(
            network=network,
            chain=chain,
            payments=payments(),
            access=access(),
            jobs=notifying("scan"),
            clock=clock,
            recorder=recorder("scan"),
            log=lines,
            daily_ms=settings().daily_seconds * 1000,
            finder=BlockFinder(network, chain),
        ),
        counter=OpenCounter(limits(), clock, name),
        voucher=AddressVoucher(access=access(), verifying_key=settings().verifying_key, clock=clock, log=lines),
        trust=ChainTrust(network=network, chain=chain, clock=clock, log=lines, agree_above=_agree_above(network)),
        log=lines,
        monitor_ms=settings().monitor_seconds * 1000,
        other_ms=settings().other_seconds * 1000,
        sweep_ms=settings().sweep_seconds * 1000,
    )


@cache
def resumer() -> "SweepResumer":
    """Build the net under sweeping."""
    from ctrip.services.sweeping.resume_sweeps import SweepResumer

    return SweepResumer(money(), access(), jobs(), clock, tuple(networks()))


@cache
def sweeper(name: str) -> "CheckedSweeper":
    """Build one chain's sweeper, and what checks its treasury first."""
    from ctrip.aws.signer import LambdaSigner
    from ctrip.services.sweeping.check_treasury import CheckedSweeper

    return CheckedSweeper(
        chain=_network(name).name,
        reader=_chain(name),
        signer=LambdaSigner(settings().stage),
        money=money(),
        log=log("sweep"),
        treasury=settings().treasury_of(name),
        may_be_contract=settings().treasury_may_be_contract(name),
        sweeper=lambda: _deposit_sweeper(name),
    )


@cache
def _deposit_sweeper(name: str) -> "DepositSweeper":
    from ctrip.aws.signer import LambdaSigner
    from ctrip.services.sweeping.sweep_deposits import DepositSweeper

    return DepositSweeper(
        network=_network(name),
        chain=_chain(name),
        payments=payments(),
        money=money(),
        signer=LambdaSigner(settings().stage),
        clock=clock,
        log=log("sweep"),
        treasury=settings().treasury_of(name),
    )


@cache
def deliverer() -> "WebhookDeliverer":
    """Build what delivers webhooks."""
    from ctrip.net.receivers import HttpReceivers
    from ctrip.services.webhooks.deliver_webhook import WebhookDeliverer

    return WebhookDeliverer(
        events=events(),
        access=access(),
        receivers=HttpReceivers(),
        sealer=sealer(),
        jobs=jobs(),
        clock=clock,
        log=log("webhooks"),
        spread=spread,
        cache_ms=settings().key_cache_seconds * 1000,
    )


@cache
def relay() -> "OutboxRelay":
    """Build what repeats the unacknowledged."""
    from ctrip.services.webhooks.relay_outbox import OutboxRelay

    return OutboxRelay(events(), jobs(), clock)


@cache
def audit_sealer() -> "AuditSealer":
    """Build what seals the audit chains."""
    from ctrip.services.audit.seal_audit import AuditSealer

    return AuditSealer(
        payments=payments(),
        events=events(),
        access=access(),
        admins=admins(),
        seals=seals(),
        clock=clock,
        log=log("seal"),
    )


@cache
def audit_verifier() -> "AuditVerifier":
    """Build what checks audit chains."""
    from ctrip.services.audit.seal_audit import AuditVerifier

    return AuditVerifier(seals())


def account_discoverer() -> "AccountDiscoverer":
    """Build what finds the addresses that were used before; for each run anew, as it remembers who did not answer."""
    from ctrip.services.merchants.discover_account import AccountDiscoverer

    return AccountDiscoverer(networks=networks(), open_chain=_chain, access=access(), clock=clock)


def waiting_provisioner() -> "WaitingProvisioner":
    """Build what has waiting merchants provisioned by the signer."""
    from ctrip.aws.signer import LambdaSigner
    from ctrip.services.merchants.provision_merchant import WaitingProvisioner

    return WaitingProvisioner(access(), LambdaSigner(settings().stage), account_discoverer(), log("provision"))


@cache
def account_provisioner() -> "AccountProvisioner":
    """Build the signer's end of provisioning."""
    from ctrip.services.merchants.provision_merchant import AccountProvisioner

    return AccountProvisioner(
        access=access(),
        account_xpub=signer().account_xpub,
        authority=_authority,
        clock=clock,
        expected_key=settings().verifying_key,
    )


@cache
def signer() -> "GuardedSigner":
    """Build the only holder of private keys; the mnemonic is read when it is first needed, once."""
    from ctrip.keys.wallet import MnemonicWallet
    from ctrip.services.sweeping.sign_transaction import GuardedSigner

    @cache
    def wallet() -> MnemonicWallet:
        return MnemonicWallet(_mnemonic())

    treasuries = {network.chain_id: settings().treasury_of(network.name) for network in networks().values()}
    return GuardedSigner(wallet, treasuries, tuple(networks().values()))


@cache
def _mnemonic() -> str:
    from ctrip.aws.secrets import read_mnemonic

    return read_mnemonic(settings().stage)


@cache
def _authority() -> "KeyAuthority":
    from ctrip.keys.authority import KeyAuthority

    return KeyAuthority(_mnemonic())


def _agree_above(network: Network) -> dict[str, int]:
    """Read the amounts from which a second provider must agree, in base units by symbol."""
    from ctrip.networks import amounts_that_need_agreement

    return amounts_that_need_agreement(network, settings().agree_above.get(network.name, {}))


def _network(name: str) -> Network:
    if name not in networks():
        # The name came with a job, and this sentence goes into the log as it is.
        raise ConfigurationError("a job names a chain that is not among CTRIP_CHAINS")
    return networks()[name]


@cache
def _secret_endpoints() -> dict[str, tuple[str, ...]]:
    from ctrip.aws.secrets import read_endpoints

    return read_endpoints(settings().stage)


@cache
def _chain(name: str):  # type: ignore[no-untyped-def]  # the client is imported by workers alone
    from ctrip.chains.evm.client import EvmChain

    network = _network(name)
    urls = (*settings().rpc.get(name, ()), *_secret_endpoints().get(name, ()), *network.rpc)
    return EvmChain(network, urls, clock, jitter=fraction)
