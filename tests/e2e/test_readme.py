"""The README's programs and commands, run as they stand there against the running gateway."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
import pytest

from infra.commands import env as make_env
from infra.tools.process import ROOT
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop

README = (ROOT / "README.md").read_text(encoding="utf-8")
# What the Node example asks npm for, pinned for this test alone.
NODE_PACKAGES = ("express@5.2.1", "standardwebhooks@1.1.1")


def blocks(language: str, heading: str) -> list[str]:
    """Return the code blocks of one language under one heading."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def evaluated(shop: Shop) -> dict[str, str]:
    """Return the environment of a terminal that has evaluated `make -s env`."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    exported = make_env.exports(shop.gateway.about)
    return inherited | exported | {"CTRIP_LOCAL_DIR": ".local-e2e", "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def node_shop() -> Path:
    """Return a folder with the Node example's packages, fetched once per version."""
    folder = ROOT / ".tools" / "readme-{}".format("-".join(NODE_PACKAGES).replace("@", "-"))
    if not (folder / "node_modules" / ".package-lock.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save"]
        subprocess.run([*command, *NODE_PACKAGES], cwd=folder, check=True, timeout=120)
    return folder


def runs_through(shop: Shop, command: Sequence[str], order: str, folder: Path = ROOT) -> None:
    """Start a shop, pay what it asks for, and wait until it ships and hears of the settlement."""
    with subprocess.Popen(command, cwd=folder, env=evaluated(shop), stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            asked = re.fullmatch(r"now pay it, in the clone: make pay ID=(\S+)\n", running.stdout.readline())
            assert asked
            shop.pay(shop.gateway.read(asked[1]))
            said = []
            while not said or not said[-1].startswith("payment.settled"):
                said.append(running.stdout.readline().strip())
                assert said[-1], f"it ended after {said}"
        finally:
            running.kill()
    assert "payment.paid 12500000" in said
    assert said[said.index("payment.paid 12500000") + 1] == f"ship {order}"


def test_the_node_example_ships(shop: Shop, node_shop: Path) -> None:
    """Saved as it stands, with the two packages that it names."""
    [program] = blocks("js", "Your first payment and webhook")
    (node_shop / "shop.mjs").write_text(program)
    runs_through(shop, ["node", "shop.mjs"], "first-node", node_shop)


def test_the_python_example_ships(shop: Shop, tmp_path: Path) -> None:
    """Saved as it stands, with what the clone's environment has."""
    [program] = blocks("python", "Your first payment and webhook")
    (tmp_path / "shop.py").write_text(program)
    runs_through(shop, [sys.executable, str(tmp_path / "shop.py")], "first-python")


def test_the_two_examples_are_one_program_twice() -> None:
    """What one asks for and prints, the other does too."""
    words = [
        set(re.findall(r"\"?(chain|asset|amount_decimal|order_id|webhook_url|Idempotency-Key)\"?:", program))
        for language in ("js", "python")
        for program in blocks(language, "Your first payment and webhook")
    ]
    assert words[0] == words[1]
    assert len(words[0]) == 6


def test_the_curl_examples_run_as_they_stand(shop: Shop) -> None:
    """One after the other in one shell that stops at the first failure; the payment that they make settles."""
    script = "\n".join(["set -euo pipefail", *blocks("sh", "The API, by curl")])
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=evaluated(shop), capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sent 1000000000000000 base units of ETH" in done.stdout
    assert '"request_id"' not in done.stdout, "something was refused"
    [made] = shop.gateway.http.get("/api/v1/payments", params={"order_id": "order-1"}).json()["data"]
    assert made["fulfillable"]


def test_an_item_is_read_as_the_readme_says(shop: Shop, behind: Tables) -> None:
    """The command names a table and a key that are there, and shows the attributes that stand below it."""
    [command] = blocks("sh", "How it works")
    [shown] = blocks("json", "How it works")
    made = shop.ask(amount=1_000_000, asset="USDC", order_id="order-4711")
    words = shlex.split(command.replace("$ID", made["id"]))
    assert words[:3] == ["aws", "dynamodb", "get-item"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    item = boto3.client("dynamodb").get_item(TableName=given["--table-name"], Key=json.loads(given["--key"]))["Item"]
    expected = json.loads(shown.replace("...", ""))["Item"]
    assert {name: list(held) for name, held in expected.items()} == {name: list(item[name]) for name in expected}
    assert set(item) - set(expected) <= {"list_pk", "list_sk", "watch_pk", "watch_sk", "look"}
    assert json.loads(item["doc"]["S"])["derivation_path"] == made["derivation_path"]


def test_the_contents_lead_somewhere() -> None:
    """Each link to a heading has its heading, and each link to a file its file."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert {link[1:] for link in links if link.startswith("#")} <= headings
    files = [link for link in links if not link.startswith(("#", "http"))]
    assert [link for link in files if not (ROOT / link).exists()] == []


def test_every_make_target_is_in_the_table() -> None:
    """What `make help` lists stands under Commands."""
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = set(re.findall(r"`make ([a-z]+)", README.split("\n## Commands\n")[1]))
    assert targets <= listed
