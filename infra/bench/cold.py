"""Cold starts of the packaged functions: CPU of INIT and first call, in a bare interpreter that sees the archive.

`figures` runs this file beside a running gateway; of the build that is measured it imports nothing but `app`. Another
build's own package, or Chalice's archive of this one, which has no bytecode, is measured by turns in the same run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

RUNS = 7
GOALS = {"api": 450.0, "signer": 800.0, "scan": 1000.0}
AGAINST_GOAL = 0.45
HANDLERS = {"api": "app", "signer": "signer", "scan": "scan"}
# What a scanner leaves at its end for the pass under way, and half a second: it ends after its first pass.
SCAN_MS = 2_500
PATH = "/api/v1/payments"


class Context:
    """What Lambda gives to a function."""

    aws_request_id = "bench"
    function_name = "ctrip-local-bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left of the invocation."""
        return SCAN_MS


def start(function: str, key: str) -> tuple[float, float]:
    """Import the app and call a function; return the CPU seconds of each."""
    begun = time.process_time()
    import app as module

    imported = time.process_time()
    handler = getattr(module, HANDLERS[function])
    answer = handler(_event(function, key), Context())
    ended = time.process_time()
    _check(function, answer)
    return imported - begun, ended - imported


def _event(function: str, key: str) -> dict[str, Any]:
    if function == "signer":
        return {"op": "xpub", "kind": "evm", "account": 0}
    if function == "scan":
        return {"chain": "anvil", "request_id": ""}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Host": "pay.example"}
    context = {"resourcePath": PATH, "httpMethod": "POST", "path": f"/api{PATH}", "stage": "api", "requestId": "bench"}
    return {
        "resource": PATH,
        "path": PATH,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": context | {"identity": {"sourceIp": "127.0.0.1"}},
        "body": json.dumps({"chain": "anvil", "amount": 12_500_000, "asset": "USDC"}),
        "isBase64Encoded": False,
    }


def _check(function: str, answer: Any) -> None:
    right = {
        "api": lambda: answer["statusCode"] == 201,
        "signer": lambda: answer["xpub"].startswith("xpub"),
        "scan": lambda: answer >= 1,
    }
    if not right[function]():
        raise RuntimeError(f"{function} answered {answer}")


def figures(against: Path | None) -> Iterator[Any]:
    """Package, start a gateway and measure each function, this package and the other by turns."""
    from infra.bench import commands
    from infra.bench.figure import Figure
    from infra.tools.process import ROOT

    with tempfile.TemporaryDirectory(prefix="ctrip-cold-") as folder:
        trees = {"this": _packaged(ROOT, Path(folder) / "this")}
        trees["other"] = _packaged(against, Path(folder) / "other") if against else _by_chalice(Path(folder) / "other")
        with commands.started([sys.executable, "-m", "infra.commands.up"], ROOT) as (about, _):
            taken = {function: _measured(function, trees, about) for function in HANDLERS}
    whose = "the other build's package" if against else "Chalice's own archive"
    for function, by_tree in taken.items():
        least = {name: min(map(sum, runs)) * 1000 for name, runs in by_tree.items()}
        init, call = (1000 * min(each) for each in zip(*by_tree["this"], strict=True))
        detail = f"INIT {init:.0f}, first call {call:.0f}; the least of {RUNS}"
        yield Figure(f"cold start of {function}, packaged: CPU", least["this"], "ms", GOALS[function], detail)
        detail = f"it was {least['other']:.0f} ms"
        name = f"cold start of {function}: against {whose}"
        yield Figure(name, least["this"] / least["other"], "x", AGAINST_GOAL, detail)


def _packaged(checkout: Path, folder: Path) -> Path:
    """Package a checkout by its own command, for this machine; return the unpacked archive."""
    from infra.bench import commands
    from infra.package import runtime

    out = folder / "out"
    out.mkdir(parents=True)
    command = [sys.executable, "-m", "infra.commands.package"]
    options = ["--stage", "local", "--out", str(out)]
    env = commands.inherited() | {"PYTHONPATH": f"{checkout}:{checkout / 'layers' / 'core'}"}
    known = subprocess.run([*command, "--help"], cwd=checkout, env=env, capture_output=True, text=True, check=True)
    # An older build packages for its one architecture, which is this machine's or cannot be measured.
    options += ["--arch", runtime.here()] if "--arch" in known.stdout else []
    _run([*command, *options], checkout, env)
    return _unpacked(out / "deployment.zip", folder / "tree")


def _by_chalice(folder: Path) -> Path:
    """Package this checkout as Chalice does by itself: whole wheels, and no bytecode."""
    from infra.bench import commands
    from infra.tools.process import ROOT

    code = "import sys; from chalice.cli import main; sys.exit(main())"
    env = commands.inherited() | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"}
    merged = ["--merge-template", "template.yaml"]
    _run([sys.executable, "-c", code, "package", "--stage", "local", *merged, str(folder / "out")], ROOT, env)
    return _unpacked(folder / "out" / "deployment.zip", folder / "tree")


def _run(command: list[str], where: Path, env: Mapping[str, str]) -> None:
    from infra.tools.errors import Failed

    done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{where} could not be packaged:\n{(done.stdout + done.stderr)[-2000:]}")


def _unpacked(archive: Path, tree: Path) -> Path:
    with zipfile.ZipFile(archive) as held:
        held.extractall(tree)
    return tree


def _measured(
    function: str, trees: Mapping[str, Path], about: Mapping[str, Any]
) -> dict[str, list[tuple[float, float]]]:
    """Start a function so many times from each tree, by turns; the first of each only fills the machine's caches."""
    runs = [{name: _started(function, tree, about) for name, tree in trees.items()} for _ in range(1 + RUNS)]
    return {name: [run[name] for run in runs[1:]] for name in trees}


def _started(function: str, tree: Path, about: Mapping[str, Any]) -> tuple[float, float]:
    from infra.stack import wallet
    from infra.tools.awsenv import aws_env
    from infra.tools.errors import Failed

    chain = about["chains"]["anvil"]
    stage = {"CTRIP_STAGE": "local", "CTRIP_CHAINS": "anvil", "CTRIP_TREASURY": chain["treasury"]}
    stage |= {"CTRIP_VERIFYING_KEY": wallet.verifying_key(), "CTRIP_RPC": json.dumps({"anvil": [chain["rpc_url"]]})}
    # Lambda's own: where they are, functions build at INIT; nothing can be written beside the code.
    lambdas = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "_HANDLER": f"app.{HANDLERS[function]}"}
    lambdas |= {"AWS_LAMBDA_FUNCTION_NAME": "ctrip-local-bench", "PYTHONDONTWRITEBYTECODE": "1"}
    env = _environment() | {"PYTHONPATH": str(tree)} | aws_env(about["aws_endpoint_url"]) | stage | lambdas
    # No site packages: a bare interpreter, with the archive and its standard library.
    command = [sys.executable, "-S", __file__, function, about["merchant"]["api_key"]]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{function} did not start from its package:\n{done.stderr[-2000:]}")
    init, call = json.loads(done.stdout.splitlines()[-1])
    return init, call


def _environment() -> dict[str, str]:
    """Return what a process needs of this one's environment."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}


def main() -> int:
    """Print the figures by themselves: `python -m infra.bench.cold [CHECKOUT]`."""
    from infra.tools.process import Interrupts

    Interrupts().install()
    against = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    for figure in figures(against):
        print(figure.row(), flush=True)
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in HANDLERS:
        # The functions' own lines are no part of the answer.
        with redirect_stdout(sys.stderr):
            spent = start(sys.argv[1], sys.argv[2])
        print(json.dumps(spent))
    else:
        sys.exit(main())
