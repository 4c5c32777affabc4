"""Nothing that a caller sends, and no secret, comes out of the logs, of standard output or of what Lambda prints.

Threat 14. A canary stands in each input and in each failure; then everything that was written is searched for it.
"""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.test import Client

import app as trigger_table
from ctrip.aws.log import PowertoolsLog
from ctrip.aws.metrics import Metrics
from infra.emulator.events import scheduled_event
from tests.functions.conftest import KEY, Api

CANARY = "canary7391"
WRONG_KEY = f"ctrip_testkey001_{CANARY}canary7391"
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRETS = (CANARY, KEY.rsplit("_", 1)[1], WEBHOOK_SECRET.removeprefix("whsec_"))
ADDRESS = f"https://{CANARY}:{CANARY}@shop.example/{CANARY}?{CANARY}={CANARY}"
BODY = {"chain": "anvil", "amount": 1000}
STORES = ("payments", "events", "money", "access")


@pytest.fixture
def output(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], str]]:
    """All that is written: our own log, every library's down to DEBUG, standard output and standard error."""
    logs = {}

    def log(service: str) -> PowertoolsLog:
        return logs.setdefault(service, PowertoolsLog(service, "DEBUG", Metrics("local", enabled=True)))

    api.stage.adapters.log, api.stage.adapters.metrics = log, Metrics("local", enabled=True)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    level = logging.root.level
    # Chalice's own logger hands nothing on, and writes to what was standard output when the app was first imported.
    heard = (logging.root, logging.getLogger("ctrip"))
    for logger in heard:
        logger.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)

    def everything() -> str:
        told = capsys.readouterr()
        return stream.getvalue() + told.out + told.err

    yield everything
    for logger in heard:
        logger.removeHandler(handler)
    logging.root.setLevel(level)


def found(text: str) -> list[str]:
    return [line for line in text.splitlines() if any(secret in line for secret in SECRETS)]


def everywhere(api: Api) -> list[int]:
    """Send the canary in every input of the API; return the statuses."""
    fields = {
        "chain": CANARY, "amount": CANARY, "amount_decimal": CANARY, "token_id": CANARY, "asset": CANARY,
        "order_id": CANARY, "metadata": {CANARY: CANARY}, "description": CANARY, "expires_in": CANARY, CANARY: CANARY,
        "webhook_url": ADDRESS, "success_url": ADDRESS, "cancel_url": ADDRESS,
    }  # fmt: skip
    post = ("POST", "/api/v1/payments")
    answers = [api.call(*post, {**BODY, name: value}) for name, value in fields.items()]
    answers += [api.call(*post, body) for body in (CANARY.encode(), f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode())]
    headers = ("Idempotency-Key", "Content-Type", "Cookie", "X-Signature", "X-Api-Key", "X-Forwarded-For", "User-Agent")
    answers += [api.call(*post, BODY, **{name: f"{CANARY} é"}) for name in headers]
    keys = (WRONG_KEY, CANARY, f"{CANARY} {CANARY}", KEY + CANARY)
    answers += [api.call("GET", "/api/v1/payments", key=key) for key in keys]
    answers += [api.call(*post, BODY, key=None, Authorization=f"Basic {CANARY}")]
    paths = ("/api/v1/payments/{}", "/api/v1/tokens?chain={}", "/pay/{}", "/pay/{}/status", "/assets/{}")
    answers += [api.call("GET", path.format(CANARY)) for path in paths]
    names = ("status", "chain", "order_id", "created_after", "limit", "cursor", CANARY)
    answers += [api.call("GET", f"/api/v1/payments?{name}={CANARY}") for name in names]
    answers += [api.call("POST", f"/api/v1/payments/{CANARY}/{what}") for what in ("cancel", "accept")]
    answers += admins(api)
    return [answer.status_code for answer in answers]


def admins(api: Api) -> list[Any]:
    """Send the canary to the admin API, where passwords and codes come in and secrets go out."""
    login, refresh = ("POST", "/admin/api/login"), ("POST", "/admin/api/refresh")
    answers = [api.call(*login, {"email": CANARY, "password": CANARY, "code": CANARY}, key=None)]
    answers += [api.call(*login, {"email": f"{CANARY}@x.example", "password": CANARY}, key=None)]
    answers += [api.call(*refresh, {"refresh_token": CANARY}, key=None)]
    answers += [api.call("GET", "/admin/api/me", key=f"{CANARY}.{CANARY}.{CANARY}")]
    sent = {
        "/merchants": {"name": CANARY, "xpub": CANARY * 12},
        "/merchants/m1/keys": {"name": CANARY, "scopes": [CANARY], "allowed_ips": [CANARY]},
        "/users": {"email": CANARY, "name": CANARY, "role": CANARY},
        "/me/password": {"password": CANARY, "new_password": CANARY * 2},
        "/me/totp": {"password": CANARY},
        "/me/totp/confirm": {"code": CANARY},
    }
    answers += [api.admin("POST", path, body) for path, body in sent.items()]
    return [*answers, api.admin("GET", f"/audit?payment_id={CANARY}")]


def test_no_input_is_written(api: Api, output: Callable[[], str]) -> None:
    """What is refused, and what is taken, leaves nothing of itself."""
    statuses = everywhere(api)
    assert {201, 400, 401, 404, 415} <= set(statuses)
    assert 500 not in statuses
    assert found(output()) == []


@pytest.mark.parametrize("store", STORES)
def test_no_failure_is_written(
    api: Api, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """A store that raises what it was given makes a 500, of which the log has type and place."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            def fail(*given: Any, **named: Any) -> Any:
                logging.getLogger("botocore.retries").warning("retrying with %s for %s", {"Authorization": KEY}, KEY)
                raise KeyError(f"{CANARY} {KEY} {WEBHOOK_SECRET} {given} {named}")

            return fail

    _ = api.stage.merchants.authenticator
    made = api.call("POST", "/api/v1/payments", BODY, Idempotency_Key=CANARY).json
    setattr(api.stage.adapters, store, Broken())
    for subject in ("payments", *(("merchants",) if store == "access" else ())):
        vars(api.stage).pop(subject)  # wired anew, to the broken store
    answers = [
        api.call("POST", "/api/v1/payments", {**BODY, "order_id": CANARY, "metadata": {"a": CANARY}}),
        api.call("GET", f"/api/v1/payments/{made['id']}"),
        api.call("GET", f"/api/v1/payments?order_id={CANARY}"),
        api.call("POST", "/api/v1/payments", BODY, Idempotency_Key=CANARY),
    ]
    assert 500 in [answer.status_code for answer in answers], [answer.body for answer in answers]
    said = output()
    assert "retrying with" in said
    assert '"kind":"KeyError"' in said
    assert "test_canaries.py" in said
    assert found(said) == []
    assert not [answer for answer in answers if answer.status_code == 500 and CANARY in answer.body.decode()]


def test_chalices_own_handler_writes_nothing(
    api: Api, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where even our error's shape breaks, Chalice logs the traceback: without the messages in it."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError(f"{CANARY} {KEY}")

    monkeypatch.setattr("functions.http.resource.problem", fail)
    assert api.call("GET", "/api/v1/payments", key=WRONG_KEY, bare=True).status_code == 500
    said = output()
    assert "Caught exception for path /api/v1/payments [ValueError at test_canaries.py" in said
    assert found(said) == []


def message(body: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"messageId": "1", "receiptHandle": "2", "body": json.dumps(body)}]}


WORKERS = {
    "tick": ("detection", "starter", scheduled_event("local", "tick")),
    "relay": ("webhooks", "relay", scheduled_event("local", "relay")),
    "sweep_due": ("sweeping", "resumer", scheduled_event("local", "sweep_due")),
    "provision": ("merchants", "waiting", scheduled_event("local", "provision")),
    "seal": ("audit", "checkpointer", scheduled_event("local", "seal")),
    "reconcile": ("ledger", "reconciler", scheduled_event("local", "reconcile")),
    "rates": ("prices", "refresher", scheduled_event("local", "rates")),
    "settle": ("payouts", "worker", scheduled_event("local", "settle")),
    "scan": ("detection", "scanner", {"chain": CANARY}),
    "signer": ("sweeping", "signer", {"op": CANARY, "transaction": CANARY, "mnemonic": CANARY}),
    "sweep": ("sweeping", "sweeper", message({"chain": CANARY, "asset": CANARY})),
    "webhooks": (
        "webhooks",
        "deliverer",
        message({"merchant_id": CANARY, "event": CANARY, "endpoint": CANARY, "attempt": 1}),
    ),
}


@pytest.mark.parametrize("name", WORKERS)
def test_no_workers_failure_is_written(
    api: Api, output: Callable[[], str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What escapes a worker fails the invocation, and Lambda prints it: its type and its place alone."""
    subject, builder, event = WORKERS[name]
    kind = type(getattr(api.stage, subject))

    def fail(*_: Any) -> Any:
        try:
            raise ValueError(f"{CANARY} {KEY}")
        except ValueError as exc:
            raise KeyError(f"{CANARY} {WEBHOOK_SECRET}") from exc

    monkeypatch.setattr(kind, builder, fail if callable(getattr(kind, builder)) else property(fail))
    printed = ""
    with Client(trigger_table.app) as client:
        if name == "webhooks":  # one bad message fails alone
            answer = client.lambda_.invoke(name, event).payload
            assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        else:
            with pytest.raises(Exception, match=r"KeyError at test_canaries\.py") as caught:
                client.lambda_.invoke(name, event)
            assert type(caught.value).__name__ == "KeyError"
            # Everything that can be reached from it, as a printer would.
            printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    said = output()
    assert f'"failures":[{0 if name == "webhooks" else 1}]' in said
    assert found(printed + said) == []


def test_every_trigger_is_tried() -> None:
    """A new worker comes into this test, or fails it."""
    events = (*trigger_table.app.event_sources, *trigger_table.app.pure_lambda_functions)
    assert {each.name for each in events} == set(WORKERS)


def test_the_search_finds_a_leak(api: Api, output: Callable[[], str]) -> None:
    """A canary that somebody prints, or writes past logging, would be seen."""
    print(CANARY)
    assert found(output())
