"""A stand-in for a Tron node for each test."""

from collections.abc import Iterator

import pytest

from infra.tron.standin import StandIn
from tests.tron.node import Node, running_node


@pytest.fixture
def node() -> Iterator[Node]:
    """A stand-in on which blocks are made on demand, 19 of them before one is final."""
    with running_node() as node:
        yield node


@pytest.fixture
def standin(node: Node) -> StandIn:
    """What changes that stand-in from within."""
    return node.standin
