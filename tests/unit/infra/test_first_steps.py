"""What a newcomer mistypes is refused by each command: in one line, at once, with exit code 2, and without secrets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctrip import config, startup
from ctrip.domain.errors import ConfigurationError
from infra.commands import docs, environment
from infra.commands.env import exports
from infra.commands.pay import read_amount
from infra.stack import names, settings
from infra.tools.errors import Refused
from infra.tools.ports import HOST, free_ports
from infra.tools.process import ROOT

SOON_SECONDS = 30.0  # on a busy machine; what it must not be is the minute that starting takes to fail
"""Each takes half a second alone; a machine that runs other tests at the same time is slower."""

FREE = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")}
TARGETS = ("up", "demo", "pay", "resume", "env", "bench", "test", "browser", "localstack", "docs")
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own, whose `.env` is nobody else's; it shares the code and the installed requirements."""
    for name in ("Makefile", "infra", "layers", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


def make(checkout: Path, target: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a target; what it says about itself is only what the command said."""
    kept = {name: held for name, held in os.environ.items() if not name.startswith(("CTRIP_", "MAKE", "MFLAGS"))}
    # The interpreter is reached through a link, from which it would not find what is installed beside it.
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        ["make", "-s", target],
        cwd=checkout,
        env=kept | FREE | {"PYTHONPATH": path} | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(checkout: Path, target: str, **env: str) -> str:
    """Run a target that must be refused; return its one line."""
    begun = time.monotonic()
    done = make(checkout, target, **env)
    assert time.monotonic() - begun < SOON_SECONDS
    own = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert (done.returncode, done.stdout, len(own)) == (2, "", 1), done.stdout + done.stderr
    assert own[0].startswith(f"make {target}: ")
    return own[0]


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_refuses_a_name_that_is_no_setting(checkout: Path, target: str) -> None:
    """With the nearest right one, whether it comes from the environment or from `.env`."""
    assert "CTRIP_CHAIN is no setting (did you mean CTRIP_CHAINS?)" in refused(checkout, target, CTRIP_CHAIN="anvil")
    (checkout / ".env").write_text("# mine\nCTRIP_ANVL_PORT=0\n")
    assert "CTRIP_ANVL_PORT is no setting (did you mean CTRIP_ANVIL_PORT?)" in refused(checkout, target)


@pytest.mark.parametrize("target", ["up", "demo", "pay", "env", "resume", "bench"])
def test_what_could_not_work_is_refused_at_once(checkout: Path, target: str) -> None:
    """A chain that there is not, RPC endpoints that are none, a treasury that is none."""
    assert "did you mean ethereum?" in refused(checkout, target, CTRIP_CHAINS="anvil,etherium")
    said = refused(checkout, target, CTRIP_RPC=f'{{"anvil": ["ws://node.example/{KEY}"]}}')
    assert "CTRIP_RPC" in said
    assert KEY not in said
    assert "CTRIP_TREASURY" in refused(checkout, target, CTRIP_TREASURY="0x" + KEY * 2)


@pytest.mark.parametrize("target", ["up", "demo"])
def test_a_folder_that_cannot_be_written_to_is_refused_at_once(checkout: Path, target: str) -> None:
    said = refused(checkout, target, CTRIP_LOCAL_DIR=str(checkout / "Makefile" / "state"))
    assert "CTRIP_LOCAL_DIR" in said
    assert "cannot be written to" in said


@pytest.mark.parametrize("target", ["pay", "env", "resume"])
def test_a_folder_that_cannot_be_read_is_refused_at_once(checkout: Path, target: str) -> None:
    assert "CTRIP_LOCAL_DIR" in refused(checkout, target, CTRIP_LOCAL_DIR=str(checkout / "Makefile"), CHAIN="anvil")


@pytest.mark.parametrize(
    "amount",
    ["0", "00", "-1", "+1", "1.5", "1e3", " 1", "0x10", "1_000", "\uff11", "²", "9" * 79, "9" * 5000, str(2**256)],
)
def test_an_amount_that_is_no_positive_number_of_base_units_is_refused(amount: str) -> None:
    """Zero too, which once paid everything."""
    with pytest.raises(Refused, match="AMOUNT must be a whole number of base units"):
        read_amount(amount)


@pytest.mark.parametrize(("text", "amount"), [("", None), ("1", 1), ("007", 7), (str(2**256 - 1), 2**256 - 1)])
def test_an_amount_is_read_exactly(text: str, amount: int | None) -> None:
    assert read_amount(text) == amount


def test_paying_nothing_is_refused_before_anything_is_looked_for(checkout: Path) -> None:
    assert "AMOUNT" in refused(checkout, "pay", ID="x", AMOUNT="0", CTRIP_LOCAL_DIR=str(checkout / "none"))


NONSENSE = {
    "CTRIP_STAGE": ["Prod", "a-b", "\uff50rod", "x" * 17],
    "CTRIP_CHAINS": [",", "anvil,anvil", "anvl", "tronn", f"https://node.example/{KEY}"],
    "CTRIP_RPC": [
        "{",
        "[]",
        "7",
        "null",
        "[" * 100_000,
        '{"anvil": "http://127.0.0.1:8545"}',
        '{"anvil": [7]}',
        f'{{"anvil": ["{KEY}"]}}',
        f'{{"anvil": ["https:///{KEY}"]}}',
        f'{{"anvil": ["https://node.example:99999/{KEY}"]}}',
        f'{{"anvil": ["https://node.example/{KEY} "]}}',
        f'{{"etherum": ["https://node.example/{KEY}"]}}',
        f'{{"https://node.example/{KEY}": ["anvil"]}}',
        '{"anvil": [], "anvil": []}',
        f'{{"tron": [{{"full": "https://node.example/{KEY}"}}]}}',
        f'{{"tron": [{{"full": "https://a.example", "solid": "https://a.example", "headers": {{"{KEY} x": "y"}}}}]}}',
        f'{{"tron": [{{"full": "https://a.example", "solid": "https://a.example", "headers": {{"k": "{KEY}\\n"}}}}]}}',
        f'{{"tron": [{{"full": "https://a.example", "solid": "{KEY}"}}]}}',
        f'{{"tron": [{{"full": "https://a.example", "solid": "https://a.example", "key": "{KEY}"}}]}}',
        f'{{"sepolia": [{{"full": "https://a.example/{KEY}", "solid": "https://a.example/{KEY}"}}]}}',
    ],
    "CTRIP_TREASURY": ["0x12", KEY, "0x" + KEY * 2, "{", '{"etherum": "0x"}', "zoo " * 11 + "wrong"],
    "CTRIP_TREASURY_CONTRACT": ["etherum", "2", "base,base"],
    "CTRIP_VERIFYING_KEY": ["yes", KEY * 2, "05" + KEY * 2],
    "CTRIP_BACKUP_VERIFIED": ["yes", "28.11.2026", "2026-1-1", "\uff12026-11-28"],
    "CTRIP_PUBLIC_URL": ["foo", "ftp://pay.example.com", "https://pay.example.com?x=1", f"https://me:{KEY}@a.example"],
    "CTRIP_WEBHOOK_URL": ["foo", "https://", "https://shop.example:0/", f"https://me:{KEY}@shop.example/"],
    "CTRIP_MONITOR_SECONDS": ["-1", "0", "1.5", "\uff11\uff18\uff10", "1_0", "soon", "9" * 12, "9" * 5000],
    "CTRIP_OTHER_SECONDS": ["-1", "0"],
    "CTRIP_DAILY_SECONDS": ["-1", "0"],
    "CTRIP_SWEEP_SECONDS": ["-1", "0"],
    "CTRIP_AGREE_ABOVE": [
        "{",
        "[]",
        '{"etherum": {"USDC": "1"}}',
        '{"ethereum": {"USCD": "1"}}',
        '{"ethereum": {"USDC": "a lot"}}',
        '{"ethereum": {"USDC": "-1"}}',
        '{"ethereum": {"USDC": "1.0000001"}}',
        '{"ethereum": {"USDC": 10000.5}}',
        '{"ethereum": "10000"}',
        '{"base": {"USDC": "1"}, "sepolia": {"USDC": "\uff11"}}',
    ],
    "CTRIP_GAS_FUNDING_CAP": ["10", '{"polygn": "1"}', '{"polygon": "0.5"}', '{"polygon": "0"}', '{"polygon": true}'],
    "CTRIP_FEE_CAP": ["nonsense", '{"polygn": "1"}', '{"polygon": "0x5"}', '{"polygon": ["1"]}', '{"polygon": -1}'],
    "CTRIP_PAYOUTS": [
        "{",
        "[]",
        '{"etherum": {"USDC": {}}}',
        '{"ethereum": {"USCD": {}}}',
        '{"ethereum": "5"}',
        '{"ethereum": {"USDC": "5"}}',
        '{"ethereum": {"USDC": {"fee": 5}}}',
        '{"ethereum": {"USDC": {"minimum": "-1"}}}',
        '{"ethereum": {"USDC": {"minimum": 1.5}}}',
        '{"ethereum": {"USDC": {"minimum": true}}}',
        '{"ethereum": {"USDC": {"minimum": "\uff11"}}}',
        '{"ethereum": {"USDC": {"fee_per_mille": 1001}}}',
        '{"ethereum": {"USDC": {"minimum": 1, "minimum": 2}}}',
        f'{{"{KEY}": {{"{KEY}": {{"{KEY}": "{KEY}"}}}}}}',
    ],
    "CTRIP_SWEEPS": [
        "{",
        "[]",
        '{"etherum": {"USDC": {}}}',
        '{"ethereum": {"USCD": {}}}',
        '{"ethereum": {"USDC": "5"}}',
        '{"ethereum": {"USDC": {"factr": 5}}}',
        '{"ethereum": {"m1/USCD": {"factor": 5}}}',
        '{"ethereum": {"m1/USDC": {"batch": 5}}}',
        '{"ethereum": {"m1/USDC": {"quiet_gas": 5}}}',
        '{"ethereum": {"USDC": {"factor": 0}}}',
        '{"ethereum": {"USDC": {"factor": "1.5"}}}',
        '{"ethereum": {"USDC": {"max_age": -1}}}',
        '{"ethereum": {"USDC": {"max_age": 31536001}}}',
        '{"ethereum": {"USDC": {"batch": 301}}}',
        '{"ethereum": {"USDC": {"batch": 0}}}',
        '{"ethereum": {"USDC": {"per_day": true}}}',
        f'{{"ethereum": {{"USDC": {{"per_day": "{2**256}"}}}}}}',
        '{"ethereum": {"USDC": {"quiet_gas": null}}}',
        '{"ethereum": {"USDC": {"approval_above": "\uff11"}}}',
        '{"ethereum": {"USDC": {"factor": 1, "factor": 2}}}',
        f'{{"{KEY}": {{"{KEY}": {{"{KEY}": "{KEY}"}}}}}}',
    ],
    "CTRIP_ADDRESS_DELAY_SECONDS": ["-1", "0", "soon"],
    "CTRIP_KMS_KEYS": [",", "treasurer", "treasury,treasury", "m/44'/60'/0'/0/1", KEY],
    "CTRIP_EXCHANGES": [",", "krakn", "kraken,kraken", f"https://node.example/{KEY}"],
    "CTRIP_RECORDED_EXCHANGE": ["foo", "https://api.example.com", "http://10.0.0.1:9000", f"http://127.0.0.1/?k={KEY}"],
    "CTRIP_RATE_SECONDS": ["-1", "0", "3601"],
    "CTRIP_CALLS_PER_SECOND": ["-1", "0", "many"],
    "CTRIP_OPEN_PAYMENTS": ["-1", "0", "many"],
    "CTRIP_KEY_CACHE_SECONDS": ["-1", "86401"],
    "CTRIP_LOG_LEVEL": ["LOUD", "7", "debugging"],
    "CTRIP_WEBHOOK_LOOPBACK": ["yes", "2", "true"],
    "CTRIP_METRICS": ["yes", "2", "true"],
    "CTRIP_API_PORT": ["-1", "65536", "http", "\uff12", "9" * 5000],
    "CTRIP_ANVIL_PORT": ["99999"],
    "CTRIP_AWS_PORT": ["8o00"],
    "CTRIP_LAMBDA_PORT": ["none"],
    "CTRIP_AWS": ["localstak", f"https://node.example/{KEY}"],
    "CTRIP_DYNAMODB": ["sqlite"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NONSENSE.items() for text in texts])
def test_nonsense_in_any_setting_is_refused_by_its_name(name: str, text: str) -> None:
    """In one line, which shows no value that could hold a key."""
    with pytest.raises(Refused, match=name) as refusal:
        settings.check(FREE | {name: text})
    said = str(refusal.value)
    assert "\n" not in said
    assert KEY not in said
    assert "zoo" not in said
    assert len(said) < 300


def test_no_setting_of_the_gateway_takes_just_anything() -> None:
    """A setting that is added is given its nonsense above."""
    assert set(config.names()) <= set(NONSENSE)


def test_outside_this_machine_webhooks_go_to_https_alone() -> None:
    url = "http://shop.example.com/hooks"
    startup.check(config.load({"CTRIP_WEBHOOK_URL": url}))
    with pytest.raises(ConfigurationError, match="CTRIP_WEBHOOK_URL"):
        startup.check(config.load({"CTRIP_WEBHOOK_URL": url, "CTRIP_STAGE": "prod"}))


@pytest.mark.parametrize("text", ["", "  ", "\t"])
@pytest.mark.parametrize("name", config.names())
def test_a_blank_setting_is_the_default(name: str, text: str) -> None:
    assert config.load({name: text}) == config.load({})


def test_another_stage_does_not_run_on_this_machine() -> None:
    with pytest.raises(Refused, match="CTRIP_STAGE is prod"):
        settings.from_environment(FREE | {"CTRIP_STAGE": "prod"})


def test_the_chain_of_this_machine_must_be_enabled() -> None:
    """What runs here seeds it and pays on it."""
    with pytest.raises(Refused, match="CTRIP_CHAINS does not name anvil"):
        settings.from_environment(FREE | {"CTRIP_CHAINS": "sepolia"})
    settings.from_environment(FREE | {"CTRIP_CHAINS": "sepolia,anvil"})


def test_an_endpoint_that_an_earlier_gateway_had_is_refused() -> None:
    """A shell may still hold what `make env` printed; the minute until the gateway gives up is spared."""
    [free] = free_ports(1)
    for host in ("127.0.0.1", "localhost"):
        rpc = {"CTRIP_RPC": json.dumps({"anvil": [f"http://{host}:{free}"]})}
        with pytest.raises(Refused, match=f"CTRIP_RPC names port {free} of this machine"):
            settings.from_environment(FREE | rpc)
        settings.from_environment(FREE | rpc | {"CTRIP_ANVIL_PORT": str(free)})
    with contextlib.closing(socket.create_server((HOST, free))):
        settings.from_environment(FREE | rpc)
    settings.from_environment(FREE | {"CTRIP_RPC": '{"sepolia": ["https://node.example/1"]}'})


ABOUT = {
    "api_url": "http://127.0.0.1:8000",
    "aws_endpoint_url": "http://127.0.0.1:4566",
    "lambda_endpoint_url": "http://127.0.0.1:4567",
    "admin": {"email": "a@local.example", "password": "p"},
    "merchant": {"api_key": "k", "signing_key_id": "i", "signing_secret": "s", "webhook_secret": "w"},
    "chains": {
        name: {
            "rpc_url": "http://127.0.0.1:8545",
            "tokens": {symbol: {"id": "x"} for symbol in ("USDC", "USDT", "DAI")},
        }
        for name in ("anvil", "bsc-testnet")
    },
}


def test_a_shell_that_evaluated_make_env_may_go_on() -> None:
    """What `make env` prints is known, and each of its names is a shell's."""
    given = exports(ABOUT)
    settings.check(given)
    assert all(re.fullmatch("[A-Z_]+", name) for name in given)


def test_every_name_that_the_code_reads_is_known() -> None:
    """Whoever adds a variable adds it to the one table."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    read = {
        name
        for path in filter(None, listed.split("\0"))
        if path.endswith((".py", ".json", ".sh", ".yaml", "Makefile")) and not path.startswith("tests/unit/")
        for name in re.findall(r"[\"'({ ](CTRIP_[A-Z_]+[A-Z])\b", (ROOT / path).read_text())
    }
    assert {"CTRIP_CHAINS", "CTRIP_RECORD_CALLS", "CTRIP_PROJECT"} <= read
    assert read <= names.known()


@pytest.mark.parametrize("name", ["ctrip_chains", "Ctrip_Chains", "CTRIP_", "CTRIP_RPC_", "CTRIP_\udcff"])
def test_other_spellings_of_a_name_are_no_settings(name: str) -> None:
    said = names.unknown({name: "x"})
    assert said
    assert said.isascii()


def test_a_name_like_no_other_leads_to_the_list() -> None:
    """The prefix that all share makes no two of them alike."""
    assert names.unknown({"CTRIP_QQQ": "x"}) == "CTRIP_QQQ is no setting; docs/configuration.md lists them"


def written(tmp_path: Path, text: str | bytes) -> Path:
    """A file named `.env`."""
    path = tmp_path / ".env"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_of_settings_is_read(tmp_path: Path) -> None:
    """JSON in quotes and without, comments, `export`, blanks, and Windows' line ends and byte order mark."""
    text = (
        "\ufeff# mine\r\n\r\n"
        'CTRIP_RPC={"anvil": ["http://127.0.0.1:8545"]}\r\n'
        'export CTRIP_TREASURY=\'{"anvil": "0x1"}\'  # a hot wallet\r\n'
        'CTRIP_AGREE_ABOVE="{\\"anvil\\": {}}"\r\n'
        "CTRIP_WEBHOOK_URL=https://a.example/?b=c#$HOME ${X}\r\n"
        "CTRIP_FEE_CAP=\r\n"
    )
    assert environment.read(written(tmp_path, text)) == {
        "CTRIP_RPC": '{"anvil": ["http://127.0.0.1:8545"]}',
        "CTRIP_TREASURY": '{"anvil": "0x1"}',
        "CTRIP_AGREE_ABOVE": '{"anvil": {}}',
        "CTRIP_WEBHOOK_URL": "https://a.example/?b=c#$HOME ${X}",
        "CTRIP_FEE_CAP": "",
    }
    assert environment.read(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "line",
    [
        "CTRIP_CHAINS",
        "two words=x",
        f"=https://node.example/{KEY}",
        f"https://node.example/{KEY}",
        f'CTRIP_RPC=\'{{"anvil": ["https://node.example/{KEY}"]}}',
        f'CTRIP_RPC="{{"anvil": ["https://node.example/{KEY}"]}}"',
        "1CTRIP=x",
        "CTRIP_CHAINS=anvil\0",
    ],
)
def test_a_broken_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(Refused, match=r"^\.env, line 4: ") as refusal:
        environment.read(written(tmp_path, f"# mine\n\nCTRIP_METRICS=1\n{line}\nCTRIP_STAGE=local\n"))
    assert KEY not in str(refusal.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        environment.read(written(tmp_path, b"CTRIP_CHAINS=\xff\n"))
    with pytest.raises(Refused, match=r"cannot be read: Is a directory"):
        environment.read(tmp_path)


def test_the_environment_goes_before_the_file(checkout: Path) -> None:
    """Also where it is blank, which is the default."""
    (checkout / ".env").write_text("CTRIP_CHAINS=etherum\n")
    assert "etherum" in refused(checkout, "env")
    for real in ("anvil", ""):
        assert "no gateway is running" in refused(
            checkout, "env", CTRIP_CHAINS=real, CTRIP_LOCAL_DIR=str(checkout / "none")
        )
    (checkout / ".env").write_text("CTRIP_AWS=localstak\n")
    assert "did you mean localstack?" in refused(checkout, "up")


def test_a_broken_file_stops_every_target(checkout: Path) -> None:
    (checkout / ".env").write_text("\nCTRIP_CHAINS anvil\n")
    for target in TARGETS:
        assert ".env, line 2: " in refused(checkout, target)


def test_the_example_is_such_a_file_and_holds_the_defaults(tmp_path: Path) -> None:
    """With every line of it taken, nothing changes."""
    text = re.sub(r"(?m)^#(?=CTRIP_)", "", docs.environment())
    given = environment.read(written(tmp_path, text))
    assert set(config.names()) < set(given) <= set(names.settable())
    assert config.load(given) == config.load({})
    settings.check(given)


def test_no_test_sees_the_settings_of_whoever_runs_it(request: pytest.FixtureRequest) -> None:
    """A `.env` of real chains breaks no test."""
    if seen := {name for name in os.environ if name.startswith("CTRIP_")} - names.TESTS:
        assert seen <= {"CTRIP_AWS", "CTRIP_DYNAMODB", "CTRIP_NODE_URL"}
    if "inner" in os.environ.get("WITHIN", ""):
        return
    here = f"{request.node.path}::{request.node.name}"
    given = {"CTRIP_CHAINS": "sepolia", "CTRIP_TREASURY": "0x1", "CTRIP_LOCAL_DIR": "x", "WITHIN": "inner"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", here]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


NONE_CHOSEN = 5


@pytest.mark.parametrize(
    ("chosen", "first", "second", "fine"),
    [
        (True, 0, 0, True),
        (True, 0, NONE_CHOSEN, True),
        (True, NONE_CHOSEN, 0, True),
        (True, NONE_CHOSEN, NONE_CHOSEN, False),
        (True, 1, 0, False),
        (True, 0, 1, False),
        (True, NONE_CHOSEN, 1, False),
        (True, 1, NONE_CHOSEN, False),
        (False, 0, 0, True),
        (False, 0, NONE_CHOSEN, False),
        (False, NONE_CHOSEN, 0, False),
    ],
)
def test_a_choice_of_tests_may_lie_in_one_half_alone(
    tmp_path: Path, chosen: bool, first: int, second: int, fine: bool
) -> None:
    """`make test PYTEST_ARGS="-k ..."` is green where all that was chosen is, and red where nothing was."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *tests/e2e\\ -k*|*tests/e2e) exit {second};; esac\nexit {first}\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    arguments = ['PYTEST_ARGS=-k "reorg and not x" -x'] if chosen else []
    # The make that runs these tests may have been told what to choose.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_ARGS"))}
    done = subprocess.run(["make", "-s", "test", *arguments], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (done.returncode == 0) is fine


@pytest.mark.parametrize("stage", json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"])
def test_what_a_stage_is_packaged_with_is_checked(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of `.chalice/config.json` are right, and a mistyped one would not be packaged."""
    from infra.commands import package

    package._check_settings(stage)
    monkeypatch.setattr(names, "known", lambda: frozenset({"CTRIP_STAGE"}))
    with pytest.raises(Refused, match=stage):
        package._check_settings(stage)
