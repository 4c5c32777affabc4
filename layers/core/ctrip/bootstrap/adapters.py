"""What a stage is built from: everything that differs between AWS and a gateway in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctrip.config import Settings
    from ctrip.domain.chains.assets import Network
    from ctrip.ports.admins import AdminStore
    from ctrip.ports.audit import CheckpointStore
    from ctrip.ports.bills import InvoiceStore, LinkStore
    from ctrip.ports.chain import Chain
    from ctrip.ports.credentials import Cipher, OneTimeCodes, Passwords, Tokens
    from ctrip.ports.endpoints import EndpointStore
    from ctrip.ports.events import EventStore
    from ctrip.ports.figures import FigureStore
    from ctrip.ports.http import WebhookSender
    from ctrip.ports.jobs import Jobs
    from ctrip.ports.ledger import LedgerStore
    from ctrip.ports.merchants import AccessStore, LimitStore
    from ctrip.ports.money import MoneyStore
    from ctrip.ports.payments import PaymentStore
    from ctrip.ports.payouts import PayoutStore
    from ctrip.ports.rates import RateRefresh, RateSource, RateStore
    from ctrip.ports.reconciliation import ReconciliationStore
    from ctrip.ports.runtime import Clock, Ids, Log, Metrics
    from ctrip.ports.signer_book import SignerBook
    from ctrip.ports.signing import Provisioner, Signer
    from ctrip.services.merchants.provision_merchant import Authority
    from ctrip.services.sweeping.sign_transaction import Wallet


class Adapters(Protocol):
    """One stage's adapters; each is built when it is first asked for."""

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def ids(self) -> Ids:
        """Identifiers and randomness."""
        ...

    def spread(self) -> float:
        """Return a random number from -1 to 1."""
        ...

    @property
    def settings(self) -> Settings:
        """The stage's settings; raises `ConfigurationError` where it may not start."""
        ...

    @property
    def networks(self) -> Mapping[str, Network]:
        """The enabled networks by name."""
        ...

    def log(self, service: str) -> Log:
        """Return one entry point's log."""
        ...

    @property
    def metrics(self) -> Metrics:
        """What publishes figures."""
        ...

    @property
    def payments(self) -> PaymentStore:
        """Payments."""
        ...

    @property
    def events(self) -> EventStore:
        """Events and deliveries."""
        ...

    @property
    def figures(self) -> FigureStore:
        """Sums over events."""
        ...

    @property
    def endpoints(self) -> EndpointStore:
        """Webhook endpoints."""
        ...

    @property
    def money(self) -> MoneyStore:
        """Own transactions and fences."""
        ...

    @property
    def payouts(self) -> PayoutStore:
        """Settlements and refunds."""
        ...

    @property
    def links(self) -> LinkStore:
        """Payment links."""
        ...

    @property
    def invoices(self) -> InvoiceStore:
        """Invoices."""
        ...

    @property
    def signer_book(self) -> SignerBook:
        """The signer's own memory; the signer function alone may ask."""
        ...

    @property
    def ledger(self) -> LedgerStore:
        """Ledger entries and their sums."""
        ...

    @property
    def reconciliations(self) -> ReconciliationStore:
        """What reconciliation remembers."""
        ...

    @property
    def access(self) -> AccessStore:
        """Merchants, keys and gates."""
        ...

    @property
    def admins(self) -> AdminStore:
        """Admins and their sessions."""
        ...

    @property
    def limits(self) -> LimitStore:
        """Counters."""
        ...

    @property
    def checkpoints(self) -> CheckpointStore:
        """The hourly checkpoints of the audit chains."""
        ...

    @property
    def cipher(self) -> Cipher:
        """What encrypts secrets."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Queues and functions."""
        ...

    def queue_depths(self) -> dict[str, int]:
        """Return how full the queues are."""
        ...

    @property
    def receivers(self) -> WebhookSender:
        """The merchants' own servers."""
        ...

    @property
    def rates(self) -> RateStore:
        """The rates that all functions share."""
        ...

    @property
    def rate_refresh(self) -> RateRefresh:
        """The function `rates`, which asks the sources of rates."""
        ...

    @property
    def rate_sources(self) -> Sequence[RateSource]:
        """The sources of rates; the function `rates` alone may ask."""
        ...

    def chain(self, name: str) -> Chain:
        """Return the client of an enabled network."""
        ...

    @property
    def signer(self) -> Signer:
        """The signer function, which signs transactions."""
        ...

    @property
    def provisioner(self) -> Provisioner:
        """The signer function, which gives merchants their accounts."""
        ...

    def wallet(self) -> Wallet:
        """Return the mnemonic's wallet; the signer function alone may ask."""
        ...

    def backed_up(self) -> bool:
        """Whether the wallet's backup has been read back; the signer function alone may ask."""
        ...

    def wallet_is_newest(self) -> bool:
        """Whether the wallet that this process holds is the stage's newest; the signer function alone may ask."""
        ...

    def authority(self) -> Authority:
        """Return what signs merchants' extended keys; the signer function alone may ask."""
        ...

    @property
    def passwords(self) -> Passwords:
        """What hashes passwords."""
        ...

    @property
    def codes(self) -> OneTimeCodes:
        """Codes of authenticator apps."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Access tokens."""
        ...
