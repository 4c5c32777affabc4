"""What functions build while Lambda initialises them."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import app
from functions import init
from infra.tools.process import ROOT

LAMBDA = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_DEFAULT_REGION": "us-east-1", "CTRIP_STAGE": "local"}
BUILT = "print(sorted({'pydantic', 'eth_account', 'ctrip.services.detection.start_scans'} & set(sys.modules)))"


def started(handler: str, code: str = BUILT, **variables: str) -> str:
    """Import the app in a fresh interpreter; return what code prints then."""
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, app; {code}"],
        env=paths | {"_HANDLER": handler} | variables,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_function_of_the_app_has_its_line() -> None:
    """A new function is either built at INIT or fails here; the API is one function."""
    named = {each.name for each in [*app.app.event_sources, *app.app.pure_lambda_functions]}
    assert set(init.BUILDS) == named | {"app"}


@pytest.mark.parametrize("function", init.BUILDS)
def test_what_a_function_needs_can_be_built(function: str, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name in the table is there, on a whole stage."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    init.BUILDS[function](api.stage)


@pytest.mark.parametrize(
    ("handler", "built"),
    [("app.app", "['pydantic']"), ("app.tick", "['ctrip.services.detection.start_scans']"), ("app.other", "[]")],
)
def test_a_function_builds_its_own_parts_when_lambda_initialises_it(handler: str, built: str) -> None:
    """And no other function's."""
    assert started(handler, **LAMBDA).strip() == built


def test_nothing_is_built_outside_lambda() -> None:
    """On the local stack one process holds every function: each is built by its first call."""
    assert started("app.app", AWS_DEFAULT_REGION="us-east-1").strip() == "[]"


def test_a_stage_that_may_not_start_still_answers() -> None:
    """INIT succeeds, so that the call can say what is wrong; a process that ends there would say it to nobody."""
    wrong = LAMBDA | {"CTRIP_STAGE": "prod", "CTRIP_CHAINS": "no-such-chain"}
    line, answer = started("app.app", "print(callable(app.app))", **wrong).splitlines()
    assert json.loads(line)["message"] == "not_prepared"
    assert answer == "True"
