"""Each test of a client asks both of them."""

from __future__ import annotations

from typing import Any

import pytest

from ctrip_client import AsyncClient, Client


@pytest.fixture(params=[Client, AsyncClient])
def kind(request: pytest.FixtureRequest) -> Any:
    """The client's class."""
    return request.param
