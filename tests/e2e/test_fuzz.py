"""Schemathesis against a running gateway: what the description allows, what it forbids, and calls that follow calls.

No answer is a server's error, and none is one that the description does not declare. On a gateway of its own: it
switches merchants off, changes users and locks its own address out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.tools.process import ROOT
from tests.e2e.stack import make_up

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)
EXAMPLES = 12


@pytest.fixture(scope="module")
def about() -> Iterator[dict[str, Any]]:
    """What its gateway.json says."""
    with make_up(".local-fuzz") as up:
        yield up.about


def schemathesis(about: dict[str, Any], token: str, paths: str, without: tuple[str, ...], folder: Path) -> None:
    """Run every phase, with a fixed seed, on the operations of these paths."""
    options = ["--phases", "examples,coverage,fuzzing,stateful", "-n", str(EXAMPLES), "--seed", "7", "--no-color"]
    options += ["--checks", ",".join(CHECKS), "--warnings", "off", "--continue-on-failure"]
    options += ["--include-path-regex", paths, "-H", f"Authorization: Bearer {token}"]
    for name in without:
        options += ["--exclude-operation-id", name]
    code = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", f"{about['api_url']}/openapi.json", *options],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.e2e.fuzz_hooks", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "No issues found" in done.stdout
    assert "Stateful" in done.stdout


def test_the_merchants_api_holds(about: dict[str, Any], tmp_path: Path) -> None:
    """All but what would end the key that the run itself uses; the admin's run tries that on others."""
    own = ("rotate_key", "revoke_key")
    schemathesis(about, about["merchant"]["api_key"], "^/(api/v1|health|pay|assets|openapi|docs)", own, tmp_path)


def test_the_admin_api_holds(about: dict[str, Any], tmp_path: Path) -> None:
    """All but signing out, which would end the run's own session."""
    login = httpx.post(f"{about['api_url']}/admin/api/login", json=about["admin"], trust_env=False)
    schemathesis(about, login.raise_for_status().json()["access_token"], "^/admin", ("sign_out",), tmp_path)
