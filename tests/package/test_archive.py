"""What the packaged archive holds, and that Lambda can start from it."""

import json
import os
import subprocess
import sys

from infra.commands.package import ROOT
from tests.package.conftest import Packaged

HEAVY = ("web3", "eth_account", "bip_utils")


def in_lambda(packaged: Packaged, code: str) -> str:
    """Run code as Lambda would: a fresh interpreter that sees the archive and not the repository."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(packaged.unpacked),
        "CTRIP_STAGE": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "ctrip-local-test",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=packaged.unpacked,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_archive_holds_the_gateway(packaged: Packaged) -> None:
    """Code, networks, compiled contracts and pages are in it, though they reach it through links."""
    wanted = {
        "app.py",
        "functions/__init__.py",
        "functions/scan.py",
        "ctrip/ports/__init__.py",
        "ctrip/store/payments.py",
    }
    assert wanted | {"ctrip/chains.yaml", "ctrip/chains.json", "ctrip/contracts/Probe.json"} <= packaged.names
    assert any(name.startswith("ctrip/pages/") for name in packaged.names)


def test_the_archive_holds_nothing_of_the_workshop(packaged: Packaged) -> None:
    """None of the repository's own files but the gateway's is in it, nor local state, nor a file of secrets."""
    tops = {name.split("/", 1)[0] for name in packaged.names}
    assert not tops & {"infra", "layers", "vendor", ".chalice", ".git", ".local", ".tools", ".env", "template.yaml"}
    # Some dependencies bring a `tests` of their own.
    ours = {str(path.relative_to(ROOT)) for top in ("tests", "docs") for path in (ROOT / top).rglob("*.*")}
    assert not ours & {name for name in packaged.names if not name.endswith("__init__.py")}


def test_every_handler_can_be_called(packaged: Packaged) -> None:
    """Each function's handler in the template is an attribute of its module, wrapped by Chalice."""
    handlers = sorted({function["Handler"] for function in packaged.functions.values()})
    assert len(handlers) == len(packaged.functions) == 10
    code = (
        "import importlib, json\n"
        f"found = {{}}\nfor name in {handlers!r}:\n"
        "    module, attribute = name.rsplit('.', 1)\n"
        "    held = getattr(importlib.import_module(module), attribute, None)\n"
        "    found[name] = type(held).__name__ if callable(held) else None\n"
        "print(json.dumps(found))"
    )
    found = json.loads(in_lambda(packaged, code))
    # A bare function would be called without Chalice's event object: it must be the wrapped one.
    assert found.pop("app.app") == "Chalice"
    assert set(found.values()) == {"EventSourceHandler"}, found


def test_the_api_starts_without_the_chains_libraries(packaged: Packaged) -> None:
    """Importing what API Gateway calls loads nothing that could derive a key or that is slow to import."""
    loaded = in_lambda(packaged, f"import app, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))")
    assert loaded.strip() == "[]"


def test_it_fits_into_a_function(packaged: Packaged) -> None:
    """Unpacked it stays under Lambda's 250 MB."""
    size = sum(path.stat().st_size for path in packaged.unpacked.rglob("*") if path.is_file())
    assert size < 250 * 2**20
