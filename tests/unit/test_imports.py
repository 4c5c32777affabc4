"""What an API invocation loads."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = ("web3", "eth_account", "bip_utils", "jinja2", "segno", "yaml", "requests")


def fresh(code: str) -> str:
    """Return what code prints in a fresh interpreter that sees the gateway; nothing may be said beside."""
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_importing_the_app_loads_no_web3_and_no_private_key_library():
    """Threat 1, and the start of every Lambda: asserted in a fresh interpreter."""
    code = f"import sys; import app; print([name for name in {HEAVY} if name in sys.modules])"
    assert fresh(code) == "[]"


def test_importing_the_views_loads_nothing_that_describes_them():
    """What a field means stands beside its type as plain data; only the description of the API makes models of it."""
    modules = ", ".join(f"ctrip.views.{path.stem}" for path in (ROOT / "layers/core/ctrip/views").glob("[a-z]*.py"))
    heavy = ("pydantic", "pydantic_core", "typing_extensions", "annotated_types", "functions")
    code = f"import sys; import {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert fresh(code) == "[]"


def test_validating_a_request_reads_no_package_s_metadata():
    """Pydantic would look through every installed package for plugins at its first model."""
    code = (
        "import app, importlib.metadata as metadata\n"
        "def refuse(*_, **__): raise AssertionError('somebody looks for plugins')\n"
        "metadata.distributions = refuse\n"
        "from functions.requests.payments import PaymentRequest\n"
        "print(PaymentRequest.model_validate({'chain': 'anvil', 'amount': 1}).amount)"
    )
    assert fresh(code) == "1"
