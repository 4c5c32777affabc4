"""What the commands say, without a gateway."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.commands import demo
from infra.commands.demo import Story, Timeline
from infra.commands.up import summary
from infra.stack.handle import Gateway, find
from infra.stack.receiver import Receiver
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT
from tests.unit.infra.conftest import eventually

ABOUT: dict[str, Any] = {
    "api_url": "http://127.0.0.1:8000",
    "aws_endpoint_url": "http://127.0.0.1:4566",
    "merchant": {"id": "m", "api_key": "ctrip_key", "webhook_secret": "whsec_" + "c2VjcmV0" * 5 + "c2Vj"},
    "chains": {"anvil": {"rpc_url": "http://127.0.0.1:8545", "chain_id": 31337, "treasury": "0xt", "tokens": {}}},
}


def story(*heard: str, sweeps: list[dict[str, Any]] | None = None) -> tuple[Story, Gateway]:
    """A payment of which these events have come, and a gateway that shows these sweeps."""
    data = {"received_decimal": "1", "detected_in_block": 7, "required_confirmations": 3}
    made = Story({"id": "p", "symbol": "ETH"})
    made.heard |= {name: {"payment_id": "p", "type": f"payment.{name}", "data": data} for name in heard}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"sweeps": sweeps or []}))
    return made, Gateway(ABOUT, httpx.Client(transport=transport, base_url="http://gateway.example"))


def told(made: Story, gateway: Gateway) -> list[str]:
    """Return the steps that the timeline prints now."""
    with redirect_stdout(io.StringIO()) as out:
        demo._tell(gateway, Timeline(), made)
    return [line.split()[3] for line in out.getvalue().splitlines()]


def test_the_summary_names_only_what_there_is() -> None:
    """No row is printed for a key that this gateway does not have."""
    plain = summary(ABOUT, 9.87)
    assert "cTrip is up (9.9 s)" in plain
    assert not [word for word in ("None", "admin", "signing") if word in plain]
    more = summary(
        ABOUT
        | {"admin": {"email": "a@local.example", "password": "pw"}}
        | {"merchant": ABOUT["merchant"] | {"signing_key_id": "sk_1", "signing_secret": "shh"}},
        1.0,
    )
    assert "a@local.example / pw" in more
    assert "sk_1 shh" in more
    assert max(len(line) for line in plain.splitlines()) <= 120


def test_the_summary_leads_to_its_own_state_folder() -> None:
    """Whoever chose another folder gets commands that find it."""
    assert "  make pay ID=<payment id>" in summary(ABOUT, 1)
    assert "CTRIP_LOCAL_DIR=.local-x make pay ID=<payment id>" in summary(ABOUT, 1, ".local-x")
    assert ".local-x/gateway.json" in summary(ABOUT, 1, ".local-x")


def test_the_example_is_a_shells() -> None:
    """The printed example is one command with a JSON body."""
    text = summary(ABOUT, 1)
    words = shlex.split(text[text.index("curl") :].split("\n\n")[0])
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/api/v1/payments"]
    assert json.loads(words[words.index("-d") + 1]) == {"chain": "anvil", "amount": "1000000000000000"}


def test_a_timeline_keeps_the_order_of_life() -> None:
    """An event that overtook another is told after it, and only once."""
    made, gateway = story("created", "confirmed", "paid")
    assert told(made, gateway) == ["created"]
    assert told(made, gateway) == []
    made.heard["detected"] = made.heard["paid"]
    assert told(made, gateway) == ["detected", "confirmed", "paid"]
    assert made.next == "swept"


def test_settled_waits_for_the_sweep_that_the_api_shows() -> None:
    """A sweep is told once it is mined; without one, nothing is settled."""
    life = ("created", "detected", "confirmed", "paid", "settled")
    assert told(*story(*life))[-1] == "paid"
    assert told(*story(*life, sweeps=[{"status": "sent", "amount_str": "1", "tx_hash": "0x1"}]))[-1] == "paid"
    made, gateway = story(*life, sweeps=[{"status": "final", "amount_str": "1", "tx_hash": "0x1"}])
    assert told(made, gateway)[-2:] == ["swept", "settled"]
    assert made.next is None


@pytest.mark.parametrize("name", ["expired", "failed", "cancelled"])
def test_a_sad_end_ends_the_demo(name: str) -> None:
    """What will never be paid is not waited for."""
    made, _ = story()
    with pytest.raises(Failed, match=name):
        demo._hear(made, {"type": f"payment.{name}", "payment_id": "p", "data": {}}, Timeline())


def test_a_file_without_its_gateway_is_no_gateway(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """gateway.json of something that no longer answers is refused like none at all."""
    monkeypatch.setenv("CTRIP_LOCAL_DIR", str(tmp_path))
    with pytest.raises(Refused, match="make up"):
        find()
    (tmp_path / "gateway.json").write_text(json.dumps(ABOUT | {"api_url": "http://127.0.0.1:9"}))
    with pytest.raises(Refused, match="make up"):
        find()


def test_the_receiver_takes_only_what_verifies() -> None:
    """A body without its signatures is refused with 401 and never counts as an event; asked so, it fails at first."""
    from ctrip.domain.webhooks.webhook import sign
    from ctrip.system import SystemClock

    secret = ABOUT["merchant"]["webhook_secret"]

    def signed(body: bytes) -> dict[str, str]:
        return sign(body, event_id="evt_1", timestamp=SystemClock().now() // 1000, secrets=(secret,))

    body = json.dumps({"id": "evt_1", "type": "payment.paid", "payment_id": "p", "data": {"sequence": 3}}).encode()
    with Receiver(secret, answers=[500]) as receiver, httpx.Client(trust_env=False) as client:
        wrong = [
            {},
            signed(b"other"),
            signed(body) | {"X-Webhook-Signature": "00"},
            signed(body) | {"webhook-signature": "v1,AAAA"},
        ]
        for headers in wrong:
            assert client.post(receiver.url, content=body, headers=headers).status_code == 401
        assert (receiver.events, len(receiver.refused)) == ([], 4)
        for status in (500, 204, 204):
            assert client.post(receiver.url, content=body, headers=signed(body)).status_code == status
        assert eventually(lambda: receiver.wait_for("p", "payment.paid", 1))
        assert [attempt.status for attempt in receiver.attempts] == [500, 204, 204]
        assert receiver.heard("p") == ["payment.paid"]
        assert len(receiver.after(1, 0)) == 1


def test_what_make_runs_keeps_bytecode_in_one_place_whatever_the_environment_says(tmp_path: Path) -> None:
    """Each of the interpreters that the tests start would compile every library anew."""
    (tmp_path / "shown.mk").write_text(f"include {ROOT / 'Makefile'}\nshown:\n\t@env\n")
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "elsewhere"}
    command = ["make", "-s", "-f", "shown.mk", "shown"]
    shown = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    python = {line for line in shown.splitlines() if line.startswith("PYTHON")}
    assert python == {f"PYTHONPYCACHEPREFIX={tmp_path.resolve()}/.venv/bytecode"}
