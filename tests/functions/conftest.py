"""The Chalice app over fake stores."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chalice.test import Client

from ctrip import bootstrap, config
from ctrip.domain.access import ApiKey, Scope
from ctrip.services.manage_keys import sealed_version
from tests.world import NETWORK, FakeSealer, World, put_key

KEY = "ctrip_testkey001_0123456789abcdefghijkl"


class Api:
    """A merchant's client of the app, and the world behind it."""

    def __init__(self, world: World, client: Client) -> None:
        self.world, self._client = world, client

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = KEY, **headers: str) -> Any:
        """Call a route; `body` is JSON unless it is bytes. Returns the response with `.json` read."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self._client.http.request(method, path, headers={"Host": "api.example.com", **sent}, body=raw)
        answer.json = json.loads(answer.body) if answer.headers.get("Content-Type") == "application/json" else None
        return answer

    def create(self, **wanted: Any) -> Any:
        """Create a payment and return its view."""
        answer = self.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000, **wanted})
        assert answer.status_code == 201, answer.body
        return answer.json


def clear_caches() -> None:
    """Forget every adapter and service that was built."""
    for value in vars(bootstrap).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The app with one merchant's key that may do everything."""
    clear_caches()
    import app

    world = World()
    add_key(world, KEY, frozenset(Scope))
    for name, value in {
        "payments": world.stores.payments,
        "events": world.stores.events,
        "money": world.stores.money,
        "access": world.stores.access,
        "admins": world.stores.admins,
        "limits": world.stores.limits,
        "seals": world.stores.seals,
        "sealer": FakeSealer(),
        "jobs": world.jobs,
        "networks": {"anvil": NETWORK},
        "settings": config.load({}),
    }.items():
        monkeypatch.setattr(bootstrap, name, lambda value=value: value)
    monkeypatch.setattr(bootstrap, "clock", world.clock)
    monkeypatch.setattr(bootstrap, "log", lambda service: world.log)
    with Client(app.app) as client:
        yield Api(world, client)
    clear_caches()


def add_key(world: World, key: str, scopes: frozenset[Scope], merchant_id: str = "m1", **more: Any) -> None:
    """Give a merchant an API key."""
    key_id = key.split("_")[1]
    version = sealed_version(FakeSealer(), key_id, key, f"ctsk_{key_id}", world.clock.now())
    put_key(
        world.stores.access,
        ApiKey(id=key_id, merchant_id=merchant_id, name="Test", scopes=scopes, versions=(version,), **more),
    )
