"""Fixtures of the detection suite: one Anvil, as it was before each test, and a gateway on it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.detection.node_world import NodeWorld
from tests.evm_support import Anvil, Proxy, anvil, node, proxy

__all__ = ["anvil", "node", "proxy"]


@pytest.fixture
def world(anvil: Anvil) -> NodeWorld:
    """A gateway that asks Anvil itself."""
    return NodeWorld(anvil)


@pytest.fixture
def second(anvil: Anvil) -> Iterator[Proxy]:
    """Another endpoint of the same chain."""
    made = Proxy(anvil.url)
    yield made
    made.close()


@pytest.fixture
def gateway(anvil: Anvil) -> Callable[..., Any]:
    """Make a gateway on this Anvil."""
    return lambda *urls, **wanted: NodeWorld(anvil, *urls, **wanted)
