"""The compiled contracts are those of the sources."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[3] / "infra" / "contracts"


def test_artefacts_match_their_sources() -> None:
    """Where solc is at hand they are compiled again and compared."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    command = [node, str(CONTRACTS / "compile.mjs"), "--check", os.environ.get("CTRIP_SOLC", str(CONTRACTS))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if "was not found" in ran.stderr:
        pytest.skip("no solc")
    assert ran.returncode == 0, ran.stderr
