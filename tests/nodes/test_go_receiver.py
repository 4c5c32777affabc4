"""The guide's Go receiver, run as it stands: here, because these tests have Go."""

import subprocess
from pathlib import Path

from tests.e2e.test_webhook_guide import holds, program, running

LIBRARY = "github.com/standard-webhooks/standard-webhooks/libraries"
VERSION = "v0.0.1"  # pinned for this test alone


def test_the_go_receiver_takes_what_was_signed_and_nothing_else(tmp_path: Path) -> None:
    """With the published library; an amount is text, whatever its length."""
    (tmp_path / "main.go").write_text(program("go"), encoding="utf-8")
    for command in (["mod", "init", "receiver"], ["get", f"{LIBRARY}@{VERSION}"], ["build", "-o", "receiver"]):
        subprocess.run(["go", *command], cwd=tmp_path, check=True, capture_output=True)
    with running(["./receiver"], tmp_path) as receiver:
        holds(receiver)
