"""The guide's receivers, run as they stand: the right lines verify what the wrong ones refuse."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ctrip.domain.webhooks.webhook import sign
from infra.tools.process import ROOT
from tests.e2e.test_readme import node_shop  # noqa: F401  the same packages

GUIDE = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ETH = 10**18
PLAIN = {"order": "A-1", "amount": 25 * ETH}
# What a developer's own tests never hold: an amount that JavaScript rounds, and a letter that is not ASCII.
ODD = {"order": "Zoë", "amount": 25 * ETH + 1}
# The mistake, in the guide's own program.
MISTAKEN = (
    ('express.raw({ type: "application/json" })', "express.json()"),
    ("webhook.verify(request.body,", "webhook.verify(JSON.stringify(request.body),"),
)


def program(language: str) -> str:
    """Return the guide's one program in a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert isinstance(found, str)
    return found


def payload(facts: dict[str, object]) -> bytes:
    """Write an event as the gateway does: compact, in ASCII."""
    data = {**facts, "amount_str": str(facts["amount"])}
    return json.dumps({"type": "payment.paid", "data": data}, separators=(",", ":")).encode()


@dataclass
class Receiver:
    """A receiver that runs."""

    url: str

    def takes(self, body: bytes, sent: bytes | None = None) -> int:
        """Post a signed body, or another one under its signature; return the status."""
        headers = sign(body, event_id="evt_1", timestamp=int(time.time()), secrets=(SECRET,))
        sending = body if sent is None else sent
        return httpx.post(
            self.url, content=sending, headers={"Content-Type": "application/json", **headers}, trust_env=False
        ).status_code


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[Receiver]:
    """Start a receiver on a free port, and wait until it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = os.environ | {"PORT": str(port), "CTRIP_WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as made:
        try:
            until = time.monotonic() + 60
            while made.poll() is None and time.monotonic() < until:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield Receiver(f"http://127.0.0.1:{port}/hook")
        finally:
            made.kill()


def holds(receiver: Receiver) -> None:
    """Verify what was signed, whatever it holds, and nothing else."""
    for facts in (PLAIN, ODD, {"order": "b", "amount": 2**256 - 1}):
        body = payload(facts)
        assert receiver.takes(body) == 204, facts
        assert receiver.takes(body, body.replace(b"paid", b"Paid")) == 400


def test_the_python_receiver_takes_what_was_signed_and_nothing_else(tmp_path: Path) -> None:
    """Flask's `get_data`."""
    (tmp_path / "receiver.py").write_text(program("python"), encoding="utf-8")
    with running([sys.executable, "receiver.py"], tmp_path) as receiver:
        holds(receiver)


def test_the_node_receiver_takes_what_was_signed_and_nothing_else(node_shop: Path) -> None:  # noqa: F811
    """`express.raw`."""
    (node_shop / "receiver.mjs").write_text(program("js"), encoding="utf-8")
    with running(["node", "receiver.mjs"], node_shop) as receiver:
        holds(receiver)


def test_a_body_that_was_parsed_and_written_again_verifies_until_it_matters(node_shop: Path) -> None:  # noqa: F811
    """The usual mistake passes a developer's tests: 25 ETH verify, and 25 ETH and 1 wei do not."""
    mistaken = program("js")
    for right, wrong in MISTAKEN:
        assert right in mistaken
        mistaken = mistaken.replace(right, wrong)
    (node_shop / "mistaken.mjs").write_text(mistaken, encoding="utf-8")
    with running(["node", "mistaken.mjs"], node_shop) as receiver:
        assert receiver.takes(payload(PLAIN)) == 204
        assert receiver.takes(payload(PLAIN | {"amount": 25 * ETH + 1})) == 400
        assert receiver.takes(payload(PLAIN | {"order": "Zoë"})) == 400


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", GUIDE))
def test_the_guides_links_lead_somewhere(link: str) -> None:
    """To a file beside it."""
    assert (ROOT / "docs" / link).exists()
