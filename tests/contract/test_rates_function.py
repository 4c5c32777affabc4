"""The function `rates`, as others call it: it is waited for, and what fails of it is `Busy`."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalice.app import Chalice, Rate
from chalice.config import Config

from ctrip.aws.clients import client
from ctrip.aws.rates import LambdaRates
from ctrip.domain.errors import Busy
from infra.emulator.functions import Functions
from infra.emulator.lambdas import Server
from tests.support.aws import in_memory

STAGE = "local"


@dataclass
class Called:
    """What came to the function, and whether it fails."""

    symbols: list[Any] = field(default_factory=list)
    fails: bool = False


def functions(called: Called) -> Functions:
    app = Chalice(app_name="ctrip")

    @app.schedule(Rate(1, unit=Rate.MINUTES), name="rates")
    def rates(event: Any) -> int:
        if called.fails:
            raise ValueError("it fails")
        called.symbols.append(event.detail["symbols"])
        return 1

    return Functions(app, STAGE, Config(chalice_stage=STAGE, config_from_disk={"stages": {STAGE: {}}}))


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[Called]:
    """A stage whose one function notes what it is asked for."""
    made = Called()
    with in_memory(monkeypatch):
        server = Server(functions(made))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        client.cache_clear()
        try:
            yield made
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            client.cache_clear()


def test_it_is_waited_for(called: Called) -> None:
    LambdaRates(STAGE).refresh(["ETH", "EUR"])
    assert called.symbols == [["ETH", "EUR"]]


def test_a_function_that_fails_is_busy(called: Called) -> None:
    called.fails = True
    with pytest.raises(Busy):
        LambdaRates(STAGE).refresh(["ETH"])


def test_a_function_that_is_not_there_is_busy(called: Called) -> None:
    with pytest.raises(Busy):
        LambdaRates("other").refresh(["ETH"])
    assert called.symbols == []
