"""What the services need of the world, as Protocols; adapters implement them and know nothing of each other."""

from ctrip.ports.admins import AdminChange, AdminStore, TokenKey
from ctrip.ports.audit import AuditCheckpoint, CheckpointStore
from ctrip.ports.bills import BillStore, InvoiceStore, LinkStore
from ctrip.ports.chain import Chain, ChainReader, ChainWriter
from ctrip.ports.credentials import Cipher, Claims, OneTimeCodes, Passwords, Tokens
from ctrip.ports.endpoints import EndpointStore
from ctrip.ports.events import Delivery, DeliveryPage, Due, EventFilter, EventPage, EventStore, Place, Prepared, Waiting
from ctrip.ports.figures import FigureStore, Reviewed
from ctrip.ports.gates import Fence
from ctrip.ports.http import Reply, WebhookSender
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.jobs import Jobs
from ctrip.ports.ledger import EntryFilter, EntryPage, LedgerStore
from ctrip.ports.merchants import AccessChange, AccessStore, LimitStore
from ctrip.ports.money import Counted, MoneyStore
from ctrip.ports.payments import Beside, Commit, Page, PaymentFilter, PaymentStore
from ctrip.ports.payouts import PayoutCommit, PayoutPage, PayoutStore
from ctrip.ports.rates import Quoted, RateRefresh, RateSource, RateStore
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.runtime import Clock, Ids, Log, Metrics
from ctrip.ports.signer_book import SignerBook
from ctrip.ports.signing import Provisioner, Signer
from ctrip.ports.transfers import Transfers

__all__ = [
    "AccessChange",
    "AccessStore",
    "AdminChange",
    "AdminStore",
    "AuditCheckpoint",
    "Beside",
    "BillStore",
    "Chain",
    "ChainReader",
    "ChainWriter",
    "CheckpointStore",
    "Cipher",
    "Claims",
    "Clock",
    "Commit",
    "Counted",
    "Delivery",
    "DeliveryPage",
    "Due",
    "EndpointStore",
    "EntryFilter",
    "EntryPage",
    "EventFilter",
    "EventPage",
    "EventStore",
    "Fence",
    "FigureStore",
    "Idempotency",
    "Ids",
    "InvoiceStore",
    "Jobs",
    "LedgerStore",
    "LimitStore",
    "LinkStore",
    "Log",
    "Metrics",
    "MoneyStore",
    "OneTimeCodes",
    "Page",
    "Passwords",
    "PaymentFilter",
    "PaymentStore",
    "PayoutCommit",
    "PayoutPage",
    "PayoutStore",
    "Place",
    "Prepared",
    "Provisioner",
    "Quoted",
    "RateRefresh",
    "RateSource",
    "RateStore",
    "ReconciliationStore",
    "Remembered",
    "Reply",
    "Reviewed",
    "Signer",
    "SignerBook",
    "TokenKey",
    "Tokens",
    "Transfers",
    "Waiting",
    "WebhookSender",
]
