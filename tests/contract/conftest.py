"""Fixtures of the contract suites: a real Anvil with a proxy before it, and the stores of both kinds."""

from tests.evm_support import anvil, node, proxy, second
from tests.support.store_fixtures import endpoint, shared, stage, stores
from tests.tron_support import other_tron, tron

__all__ = ["anvil", "endpoint", "node", "other_tron", "proxy", "second", "shared", "stage", "stores", "tron"]
