"""The smoke event's transactions, on a real DynamoDB."""

import pytest

from ctrip.store import smoke
from ctrip.store.tables import Tables
from tests.support.stores import Stage


@pytest.mark.parametrize("function", smoke.TRANSACTIONS)
def test_a_smoke_event_is_permitted_and_writes_nothing(function: str, stage: Stage) -> None:
    """Every transaction is well-formed, fails by its condition alone, and leaves the tables as they were."""
    report = smoke.try_writes(stage.name, function, stage.connection)
    assert report["permitted"], report
    for table in Tables.of(stage.name):
        assert stage.connection.dispatch("Scan", {"TableName": table})["Items"] == []
