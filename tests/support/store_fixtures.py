"""Fixtures: the stores that the contract suite runs on, the fakes and the real ones over a DynamoDB."""

import itertools
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from ctrip.store.engine.connection import Connection
from tests.fakes.store import FakeStores
from tests.support import dynamodb
from tests.support.stores import Stage, Stores

_stages = itertools.count(1)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Run a DynamoDB."""
    with dynamodb.running() as url:
        yield url


@pytest.fixture(scope="session")
def shared(endpoint: str) -> tuple[Any, Connection]:
    """Open the suite's client and connection."""
    return dynamodb.client(endpoint), dynamodb.connect(endpoint)


@pytest.fixture
def stage(shared: tuple[Any, Connection]) -> Stage:
    """Make the tables of a stage of the test's own."""
    client, connection = shared
    name = f"t{next(_stages)}"
    dynamodb.make_tables(client, name)
    return Stage(name, client, connection)


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Open the four stores, of either kind."""
    if request.param == "dynamodb":
        made: Stage = request.getfixturevalue("stage")
        return made.stores()
    fake = FakeStores()
    return Stores(*(getattr(fake, each.name) for each in fields(Stores)))
