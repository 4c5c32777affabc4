"""The Chalice app over fake stores; every answer is held to the description of the API."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from chalice.test import Client
from pydantic import TypeAdapter

from ctrip import bootstrap, config
from ctrip.bootstrap.composition import Stage
from ctrip.domain.admins import Role
from ctrip.domain.merchants.access import ApiKey, Scope
from ctrip.services.admins.manage_admins import AdminManager
from ctrip.services.merchants.manage_keys import encrypted_version
from functions.http import openapi
from functions.http.answers import FORM, HTML
from functions.http.error_codes import CODES
from functions.http.operation import OPERATIONS, Operation
from functions.http.shapes import shape_of
from functions.pages import description
from tests.world import AUTHORITY, ORIGIN, FakeAdapters, FakeCipher, World, put_key

KEY = "ctrip_testkey001_0123456789abcdefghijkl"
SIGNING_SECRET = "ctsk_testkey001"
OWNER = ("owner@ops.example", "owner's own password")


class Api:
    """A merchant's client of the app, and the world behind it."""

    def __init__(self, world: World, client: Client, stage: Stage) -> None:
        self.world, self._client, self.stage = world, client, stage
        self.tokens: dict[str, str] = {}

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = KEY, bare: bool = False, **headers: str
    ) -> Any:
        """Call a route; `body` is JSON unless it is bytes. Returns the response with `.json` read.

        The answer must be one that the description declares; `bare` leaves that out, for what no operation takes.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self._client.http.request(method, path, headers={"Host": "api.example.com", **sent}, body=raw)
        told = answer.body and answer.headers.get("Content-Type") == "application/json"
        answer.json = json.loads(answer.body) if told else None
        if not bare:
            declared(method, path, answer)
        return answer

    def send(self, operation: Operation, path: str, body: dict[str, Any], key: str | None) -> Any:
        """Call an operation with a body as it takes it: JSON, or the fields of a form."""
        if operation.takes == FORM:
            return self.call(
                operation.method, path, urlencode(body, errors="surrogatepass").encode(), Content_Type=FORM
            )
        return self.call(operation.method, path, body, key=key)

    def create(self, **wanted: Any) -> Any:
        """Create a payment and return its view."""
        answer = self.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000, **wanted})
        assert answer.status_code == 201, answer.body
        return answer.json

    # -- admins

    def sign_in(self, email: str, password: str, code: str | None = None) -> Any:
        """Sign in, and return the answer."""
        body = {"email": email, "password": password} | ({"code": code} if code else {})
        return self.call("POST", "/admin/api/login", body, key=None)

    def token(self, role: Role = Role.OWNER) -> str:
        """Return an access token of somebody with a role; they are made when first asked for."""
        if role not in self.tokens:
            email = OWNER[0] if role is Role.OWNER else f"{role}@ops.example"
            password = OWNER[1] if role is Role.OWNER else f"the {role}'s password"
            if self.world.stores.admins.by_email(email) is None:
                self.manager.create(email, role.value, role, ORIGIN, password=password)
            answer = self.sign_in(email, password)
            assert answer.status_code == 200, answer.body
            self.tokens[role] = answer.json["access_token"]
        return self.tokens[role]

    def admin(self, method: str, path: str, body: Any = None, role: Role = Role.OWNER, **headers: str) -> Any:
        """Call the admin API as somebody with a role."""
        return self.call(method, f"/admin/api{path}", body, key=self.token(role), **headers)

    @property
    def manager(self) -> AdminManager:
        """What makes admins."""
        return self.stage.admins.manager


def operation_of(method: str, path: str) -> Operation | None:
    """Find the operation that a call reaches, literal paths first."""
    asked = path.split("?", 1)[0].rstrip("/") or "/"
    for operation in sorted(OPERATIONS, key=lambda each: each.path.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.path))
        if operation.method == method and re.fullmatch(pattern, asked):
            return operation
    return None


@cache
def validator(name: str) -> TypeAdapter[Any]:
    """What holds an answer to the view of this name, to the last field."""
    return TypeAdapter(shape_of(description.VIEWS[name]))


def declared(method: str, path: str, answer: Any) -> None:
    """Check that an answer is one that its operation declares, to the last field."""
    operation = operation_of(method, path)
    assert operation is not None, f"no operation takes {method} {path}"
    described = description.current()["paths"][operation.path][method.lower()]["responses"]
    assert str(answer.status_code) in described, f"{method} {path} does not declare {answer.status_code}"
    if answer.status_code == operation.status == 204:
        assert not answer.body
        return
    if operation.media != "application/json" and answer.json is None:
        assert answer.headers["Content-Type"].split(";")[0] in (operation.media, HTML, *openapi.STYLES, *openapi.IMAGES)
        return
    if answer.status_code == operation.status or (operation.name, answer.status_code) == ("ready", 503):
        if operation.response:
            validator(operation.response).validate_json(answer.body)
        return
    validator("Problem").validate_json(answer.body)
    code = answer.json["code"]
    assert code in openapi.codes_of(operation), f"{method} {path} does not declare the code {code}"
    assert CODES[code].status == answer.status_code
    if answer.status_code in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The app with one merchant's key that may do everything."""
    import app

    world = World()
    add_key(world, KEY, frozenset(Scope))
    # The real one takes a tenth of a second and 64 MB, many times over.
    monkeypatch.setattr("ctrip.auth.passwords.RFC_9106_LOW_MEMORY", _quick())
    stage = Stage(FakeAdapters(world, config.load({"CTRIP_VERIFYING_KEY": AUTHORITY.verifying_key})))
    bootstrap.use(stage)
    with Client(app.app) as client:
        yield Api(world, client, stage)
    bootstrap.use(None)


def _quick() -> Any:
    from argon2.profiles import CHEAPEST

    return CHEAPEST


def add_key(world: World, key: str, scopes: frozenset[Scope], merchant_id: str = "m1", **more: Any) -> None:
    """Give a merchant an API key."""
    key_id = key.split("_")[1]
    version = encrypted_version(FakeCipher(), key_id, key, f"ctsk_{key_id}", world.clock.now())
    put_key(
        world.stores.access,
        ApiKey(id=key_id, merchant_id=merchant_id, name="Test", scopes=scopes, versions=(version,), **more),
    )
