"""The stores that the contract suite runs on: the fakes, and the real ones over a DynamoDB."""

from dataclasses import dataclass
from typing import Any

import pytest

from ctrip.ports.admins import AdminStore
from ctrip.ports.audit import CheckpointStore
from ctrip.ports.bills import InvoiceStore, LinkStore
from ctrip.ports.endpoints import EndpointStore
from ctrip.ports.events import EventStore
from ctrip.ports.figures import FigureStore
from ctrip.ports.ledger import LedgerStore
from ctrip.ports.merchants import AccessStore, LimitStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.rates import RateStore
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.signer_book import SignerBook
from ctrip.store.access import DynamoAccess
from ctrip.store.admins import DynamoAdmins
from ctrip.store.bills import DynamoInvoices, DynamoLinks
from ctrip.store.checkpoints import DynamoCheckpoints
from ctrip.store.endpoints import DynamoEndpoints
from ctrip.store.engine.connection import Connection
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
from ctrip.system import SystemClock
from tests.fakes.clock import T0


@dataclass(frozen=True, slots=True)
class Stores:
    """One stage's four stores."""

    payments: PaymentStore
    events: EventStore
    money: MoneyStore
    access: AccessStore
    admins: AdminStore
    limits: LimitStore
    checkpoints: CheckpointStore
    endpoints: EndpointStore
    ledger: LedgerStore
    payouts: PayoutStore
    signer_book: SignerBook
    reconciliations: ReconciliationStore
    rates: RateStore
    figures: FigureStore
    links: LinkStore
    invoices: InvoiceStore


class TestTime(SystemClock):
    """A clock a day before the tests' time: what they decide is never too old to be stored, however slow they are."""

    def __init__(self) -> None:
        self._behind = super().now() - T0 + 86_400_000

    def now(self) -> int:
        """Return unix milliseconds."""
        return super().now() - self._behind


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of real tables, empty at first."""

    name: str
    client: Any
    connection: Connection

    def stores(self, **given: Any) -> Stores:
        """Open the real stores on it; `given` are their constructors' arguments."""
        given = {"connected": self.connection, "clock": TestTime()} | given
        kinds = (
            DynamoPayments,
            DynamoEvents,
            DynamoMoney,
            DynamoAccess,
            DynamoAdmins,
            DynamoLimits,
            DynamoCheckpoints,
            DynamoEndpoints,
            DynamoLedger,
            DynamoPayouts,
            DynamoSignerBook,
            DynamoReconciliations,
            DynamoRates,
            DynamoFigures,
            DynamoLinks,
            DynamoInvoices,
        )
        return Stores(*(kind(self.name, **given) for kind in kinds))

    def table(self, name: str) -> str:
        """Name one of its tables."""
        return f"ctrip-{self.name}-{name}"


def refused(call: Any, error: type[Exception]) -> Any:
    """Call, and return the error it must raise."""
    with pytest.raises(error) as caught:
        call()
    return caught.value
