"""What goes on around every function: the ids that its lines carry, and its figures."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from chalice.test import Client

import app as trigger_table
from ctrip.aws import log as logs
from ctrip.aws.log import PowertoolsLog
from ctrip.aws.metrics import Metrics
from ctrip.bootstrap.payments import Payments
from infra.emulator.events import scheduled_event
from tests.functions.conftest import KEY, Api


@pytest.fixture(autouse=True)
def real_log(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real log, and figures."""
    api.stage.adapters.log = lambda service: PowertoolsLog(service, "INFO", Metrics("local", enabled=False))
    api.stage.adapters.metrics = Metrics("local", enabled=True)


@pytest.fixture
def lambdas_handler() -> Any:
    """The handler that Lambda puts on the root logger before any of our code runs; what it was given to print."""

    class LambdaLoggerHandler(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.printed: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.printed.append(self.format(record))

    handler = LambdaLoggerHandler()
    logging.root.addHandler(handler)
    logs.install()
    yield handler
    logging.root.removeHandler(handler)


def event(request_id: str) -> dict[str, Any]:
    """A request for a payment, as API Gateway passes it."""
    route = "/api/v1/payments/{payment_id}"
    context = {"resourcePath": route, "httpMethod": "GET", "path": "/api/v1/payments/x", "requestId": request_id}
    headers = {"authorization": f"Bearer {KEY}"}
    return {
        "resource": route,
        "path": "/api/v1/payments/x",
        "httpMethod": "GET",
        "requestContext": context,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": {"payment_id": "x"},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_of_a_request_carries_its_id(
    api: Api, capsys: pytest.CaptureFixture[str], lambdas_handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours and a library's alike, as JSON; the next request has another one, and outside of any there is none."""

    def reader(_: Any) -> Any:
        logging.getLogger("botocore").warning("a library's line of %s", "whsec_abcdefghij")
        api.stage.log("api").info("ours", payment="p")
        raise RuntimeError

    monkeypatch.setattr(Payments, "reader", property(reader))
    answer = trigger_table.app(event("req-1"), None)
    logging.getLogger("botocore").warning("outside")
    ours, failure, _figures = lines(capsys.readouterr().out)
    library, outside = (json.loads(line) for line in lambdas_handler.printed if '"logger":"botocore"' in line)
    ids = {line["request_id"] for line in (ours, failure, library)}
    assert ids == {answer["headers"]["X-Request-Id"]} == {"req-1"}
    assert (ours["service"], ours["level"], ours["message"], ours["payment"]) == ("ctrip.api", "INFO", "ours", "p")
    assert (library["level"], library["message"]) == ("WARNING", "a library's line of whsec_***")
    assert failure["message"] == "request_failed"
    assert "request_id" not in outside
    assert all(line.endswith("\n") for line in lambdas_handler.printed)


def test_every_line_of_a_worker_carries_its_id(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """A worker's lines carry the invocation's id."""

    class Starter:
        def run(self) -> list[str]:
            api.stage.log("tick").info("ours")
            return []

    api.stage.detection.starter = Starter()
    with Client(trigger_table.app) as client:
        client.lambda_.invoke("tick", scheduled_event("local", "tick"))
    ours, figures = lines(capsys.readouterr().out)
    assert ours["aws_request_id"]
    assert (figures["function"], figures["runs"], figures["failures"]) == ("tick", [1], [0])
    assert {each["Name"]: each["Unit"] for each in figures["_aws"]["CloudWatchMetrics"][0]["Metrics"]} == {
        "runs": "Count",
        "failures": "Count",
        "duration": "Milliseconds",
    }


def test_a_request_has_its_figures(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """Count and latency, by the status's class alone: a metric for each route would cost more than all else."""
    api.call("GET", "/api/v1/payments/canary7391")
    [figures] = lines(capsys.readouterr().out)
    [metric] = figures["_aws"]["CloudWatchMetrics"]
    assert (metric["Namespace"], metric["Dimensions"]) == ("ctrip/local", [["status"]])
    assert figures["status"] == "4xx"
    assert "route" not in figures
    assert figures["requests"] == [1]
    assert figures["latency"] == [0]
    assert figures["_aws"]["Timestamp"] > 1_700_000_000_000


def test_two_stages_have_no_figure_in_common(capsys: pytest.CaptureFixture[str]) -> None:
    """The same figure of two stages of one account is two metrics."""
    for stage in ("dev", "prod"):
        Metrics(stage, enabled=True).publish({"alarm": "deep_reorg"}, {"alarms": 1})
    spaces = [line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines(capsys.readouterr().out)]
    assert spaces == ["ctrip/dev", "ctrip/prod"]


def test_figures_are_silent_where_nobody_reads_them(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local stage prints none, unless CTRIP_METRICS asks."""
    api.stage.adapters.metrics = Metrics("local", enabled=bool(api.stage.settings.metrics))
    api.call("GET", "/health")
    assert capsys.readouterr().out == ""
