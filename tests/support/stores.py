"""The stores that the contract suite runs on: the fakes, and the real ones over a DynamoDB."""

from dataclasses import dataclass
from typing import Any

import pytest

from ctrip.ports import (
    AccessStore,
    AdminStore,
    CheckpointStore,
    EndpointStore,
    EventStore,
    LimitStore,
    MoneyStore,
    PaymentStore,
)
from ctrip.store.access import DynamoAccess
from ctrip.store.admins import DynamoAdmins
from ctrip.store.checkpoints import DynamoCheckpoints
from ctrip.store.endpoints import DynamoEndpoints
from ctrip.store.engine.connection import Connection
from ctrip.store.events import DynamoEvents
from ctrip.store.limits import DynamoLimits
from ctrip.store.money import DynamoMoney
from ctrip.store.payments import DynamoPayments


@dataclass(frozen=True, slots=True)
class Stores:
    """One stage's four stores."""

    payments: PaymentStore
    events: EventStore
    money: MoneyStore
    access: AccessStore
    admins: AdminStore
    limits: LimitStore
    seals: CheckpointStore
    endpoints: EndpointStore


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of real tables, empty at first."""

    name: str
    client: Any
    connection: Connection

    def stores(self, **given: Any) -> Stores:
        """Open the real stores on it; `given` are their constructors' arguments."""
        given = {"connected": self.connection} | given
        kinds = (
            DynamoPayments,
            DynamoEvents,
            DynamoMoney,
            DynamoAccess,
            DynamoAdmins,
            DynamoLimits,
            DynamoCheckpoints,
            DynamoEndpoints,
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
