"""What an API invocation loads."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = ("web3", "eth_account", "bip_utils", "jinja2", "segno", "yaml", "requests")


def test_importing_the_app_loads_no_web3_and_no_private_key_library():
    """Threat 1, and the start of every Lambda: asserted in a fresh interpreter."""
    code = f"import sys; import app; print([name for name in {HEAVY} if name in sys.modules])"
    path = f"{ROOT}:{ROOT / 'layers' / 'core'}"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": path}, capture_output=True, check=True, text=True
    )
    assert (found.stdout.strip(), found.stderr) == ("[]", "")


def test_importing_the_views_loads_nothing_that_describes_them():
    """What a field means stands beside its type as plain data; only the description of the API makes models of it."""
    modules = ", ".join(f"ctrip.views.{path.stem}" for path in (ROOT / "layers/core/ctrip/views").glob("[a-z]*.py"))
    heavy = ("pydantic", "pydantic_core", "typing_extensions", "annotated_types", "functions")
    code = f"import sys; import {modules}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "layers" / "core")},
        capture_output=True,
        check=True,
        text=True,
    )
    assert (found.stdout.strip(), found.stderr) == ("[]", "")
