"""The stack starts only where it can, applies only what stands alone, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stack import template
from infra.tools import npm
from infra.tools.errors import Failed, Refused
from infra.tools.ports import choose
from infra.tools.process import ROOT, Supervisor, base_env
from infra.tools.reaper import alive

from .conftest import eventually

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Stage: {Type: String}}
Resources:
  APIHandler: {Properties: {Timeout: 29}}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "ctrip-${Stage}-${AWS::Region}"}
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties: {Dimensions: [{Value: !Ref APIHandler}]}
  OfErrors:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties: {AlarmRule: !Sub "ALARM(${Errors})"}
  Policy:
    Type: AWS::SQS::QueuePolicy
    DependsOn: [Queue, APIHandler]
    Properties: {Queues: [!GetAtt Queue.Arn]}
Outputs:
  Api: {Value: !GetAtt RestAPI.Id}
  Queue: {Value: !Ref Queue}
"""


def test_what_refers_to_the_packaged_functions_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    kept = template.standalone(template.load(path))
    assert set(kept["Resources"]) == {"Queue", "Policy"}
    assert set(kept["Outputs"]) == {"Queue"}
    assert kept["Resources"]["Policy"]["DependsOn"] == ["Queue"]
    assert kept["Resources"]["Policy"]["Properties"] == {"Queues": [{"Fn::GetAtt": ["Queue", "Arn"]}]}
    assert "Transform" not in kept


def test_a_taken_port_is_refused_by_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"port {port} is taken.*CTRIP_API_PORT"):
            choose({"CTRIP_API_PORT": str(port), "CTRIP_ANVIL_PORT": "0", "CTRIP_AWS_PORT": "0"})


def test_zero_picks_free_ports_that_differ() -> None:
    ports = choose({"CTRIP_API_PORT": "0", "CTRIP_ANVIL_PORT": "0", "CTRIP_AWS_PORT": "0"})
    assert len({ports.api, ports.anvil, ports.tron, ports.aws, ports.dynamodb, ports.functions}) == 6


def test_trons_port_may_be_taken_where_tron_does_not_run() -> None:
    """Who runs no stand-in has no use for its port; who does is told the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")}
        wanted = free | {"CTRIP_TRON_PORT": str(taken.getsockname()[1])}
        assert choose(wanted).tron != taken.getsockname()[1]
        with pytest.raises(Refused, match="CTRIP_TRON_PORT"):
            choose(wanted, tron=True)


@pytest.mark.parametrize("text", ["-1", "65536", "http", "²"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a port"):
        choose({"CTRIP_API_PORT": text})


def test_a_missing_node_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="Node 20"):
        npm.check_node()


def test_an_old_node_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.19.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="v18"):
        npm.check_node()


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(Refused, match="not the archive that was pinned"):
        npm._check_integrity(npm.Package("@dynoxide/linux-x64", npm.DYNOXIDE, "dynoxide"), archive)


def test_a_child_that_stops_is_named_with_its_last_lines(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("part", [sys.executable, "-c", "print('why'); raise SystemExit(3)"], env=base_env())
        with pytest.raises(Failed, match=r"part stopped \(exit 3\)[\s\S]*why"):
            supervisor.await_ready(child, lambda: False)


def test_leaving_the_block_ends_a_child_that_ignores_sigterm_and_its_own_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.tools.process.STOP_SECONDS", 0.2)
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("stubborn", [sys.executable, "-c", STUBBORN], env=base_env())
        pids = eventually(lambda: _pids(tmp_path / "logs" / "stubborn.log"))
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_killing_the_supervisor_ends_its_children(tmp_path: Path) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], cwd=ROOT)
    pids = eventually(lambda: _pids(tmp_path / "logs" / "sleeper.log"))
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    eventually(lambda: not any(alive(pid) for pid in pids), seconds=15)
    assert not (tmp_path / "marker").exists()


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(os.getpid(), below.pid, flush=True)
time.sleep(60)
"""

SUPERVISOR = """
import sys, time
from pathlib import Path
from infra.tools.process import Supervisor, base_env
state = Path(sys.argv[1])
with Supervisor(state) as supervisor:
    (state / "marker").touch()
    supervisor.remove_at_the_end(state / "marker")
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    supervisor.start("sleeper", [sys.executable, "-c", code], env=base_env())
    time.sleep(60)
"""


def _pids(log: Path) -> list[int]:
    text = log.read_text() if log.exists() else ""
    return [int(each) for each in text.split()] if text.endswith("\n") else []
