"""The operator's commands on the stage of one machine."""

from dataclasses import replace
from typing import Any

import pytest

from infra.cli import rpc
from tests.world import SETTINGS


def test_the_local_stage_asks_no_public_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for Tron there has a chain id of its own, and no endpoint but the stack's."""
    here = "http://127.0.0.1:9"
    settings = replace(SETTINGS, stage="local", chains=("tron",), rpc={"tron": (here,)})
    monkeypatch.setenv("CTRIP_STAGE", "local")
    monkeypatch.setattr("infra.cli.deployed.settings", lambda: settings)
    monkeypatch.setattr("ctrip.aws.secrets.read_endpoints", lambda _: {})
    asked: list[tuple[int, str]] = []

    def ask(network: Any, entry: str, _: object) -> str:
        asked.append((network.chain_id, entry))
        return ""

    monkeypatch.setattr("infra.cli.endpoints.ask", ask)
    rpc.tested(None)
    assert asked == [(31338, here)]
