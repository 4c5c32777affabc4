"""`ctrip rpc` and `ctrip doctor`, on AWS in memory (moto) and a real Anvil."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ctrip.aws.secrets import BACKUP_TAG, read_endpoints
from ctrip.domain.errors import ConfigurationError
from ctrip.signer.authority import KeyAuthority
from ctrip.system import SystemClock
from infra.cli import deployed, doctor
from infra.cli.app import cli
from infra.deploy import smoke
from tests.evm_support import Anvil, Proxy
from tests.support.aws import in_memory

WALLET = "abandon " * 11 + "about"
KEY = KeyAuthority(WALLET).verifying_key
TREASURY = "0x00000000000000000000000000000000000000AA"
Run = Callable[..., Result]
ROLE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}


class Account:
    """An AWS account with a stage's secrets and its scanner, as far as they have been made."""

    def __init__(self, node: str) -> None:
        self.manager, self.functions, self.stacks = map(boto3.client, ("secretsmanager", "lambda", "cloudformation"))
        self.environment = {
            "CTRIP_CHAINS": "anvil",
            "CTRIP_RPC": json.dumps({"anvil": [node]}),
            "CTRIP_TREASURY": TREASURY,
            "CTRIP_VERIFYING_KEY": KEY,
        }

    def make(self, **environment: str) -> None:
        """Make all that a stage needs; an empty value leaves a setting out."""
        for name in ("ctrip-t-data", "ctrip-t"):
            queue = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}}}
            self.stacks.create_stack(StackName=name, TemplateBody=json.dumps(queue))
        self.manager.create_secret(Name="ctrip/t/mnemonic", SecretString=WALLET)
        self.manager.create_secret(Name="ctrip/t/rpc")
        held = {name: value for name, value in (self.environment | environment).items() if value}
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(ROLE))["Role"]["Arn"]
        archive = io.BytesIO()
        zipfile.ZipFile(archive, "w").close()
        self.functions.create_function(
            FunctionName="ctrip-t-scan",
            Runtime="python3.13",
            Role=role,
            Handler="app.scan",
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": held},
        )


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, anvil: Anvil) -> Iterator[Account]:
    """An account in which nothing has been made."""
    monkeypatch.setenv("CTRIP_STAGE", "t")
    monkeypatch.setattr("ctrip.aws.signer.LambdaSigner.verifying_key", lambda _: KEY)
    # Moto runs no function; tests/localstack has the real ones answer.
    monkeypatch.setattr(smoke, "rights", lambda _: "all permitted")
    # A block of this moment: an old one is what the doctor complains of.
    now = int(SystemClock().now() / 1000)
    if int(anvil.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) < now:
        anvil.rpc("evm_setNextBlockTimestamp", now)
        anvil.mine()
    with in_memory(monkeypatch):
        yield Account(anvil.url)


@pytest.fixture
def run() -> Run:
    """Run a command of the command line."""

    def called(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(cli, ["--stage", "t", "--json", *arguments], input=typed)

    return called


def problems(done: Result) -> dict[str, str]:
    """Return what the doctor found wrong, but for what moto does not know: the account's quota, and a node at 8545."""
    found = {each["subject"]: each["problem"] for each in json.loads(done.stdout) if each["problem"]}
    return {subject: problem for subject, problem in found.items() if subject != "quota"}


def test_a_stage_that_has_all_is_well(account: Account, run: Run) -> None:
    """The endpoint that is not there is named, beside the one that is."""
    account.make()
    done = run("doctor")
    assert problems(done) == {}
    found = {each["subject"]: each["detail"] for each in json.loads(done.stdout)}
    assert found["endpoints anvil"].startswith("1 of ")
    assert found["treasury anvil"] == TREASURY
    assert found["backup"] == "not read back; test networks only"


@pytest.mark.parametrize(
    ("environment", "subject", "words"),
    [
        ({"CTRIP_TREASURY": ""}, "treasury anvil", "none is set"),
        ({"CTRIP_VERIFYING_KEY": ""}, "verifying key", KEY),
        ({"CTRIP_VERIFYING_KEY": "02" + "ab" * 32}, "verifying key", "another wallet's"),
        ({"CTRIP_TREASURY": "0x12"}, "treasury", "CTRIP_TREASURY"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    account: Account, run: Run, environment: dict[str, str], subject: str, words: str
) -> None:
    """With what to do; the command ends with 1."""
    account.make(**environment)
    done = run("doctor")
    assert done.exit_code == 1
    assert list(problems(done)) == [subject]
    assert words in problems(done)[subject]


def test_an_account_without_anything_is_told_what_to_do_first(account: Account, run: Run) -> None:
    """What cannot be told is no reason to say that all is well, and stops no other check."""
    done = run("doctor")
    assert done.exit_code == 1
    assert set(problems(done)) >= {"stack ctrip-t-data", "stack ctrip-t", "wallet", "treasury", "endpoints"}
    assert all("make deploy STAGE=t" in problem for problem in problems(done).values())


def test_a_role_that_is_denied_a_write_of_its_function_is_named(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the functions themselves answer, which is asked of every deployed stage; the command ends with 1."""

    def denied(stage: smoke.Stage) -> str:
        raise smoke.Wrong(f"tick of {stage.name}: Update access G#: denied to the role ctrip-t-tick")

    account.make()
    monkeypatch.setattr(smoke, "rights", denied)
    done = run("doctor")
    assert done.exit_code == 1
    assert problems(done) == {"rights": "tick of t: Update access G#: denied to the role ctrip-t-tick"}


def test_a_function_that_does_not_answer_is_no_proof_of_its_rights(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither right nor wrong is known then, which is not well; the other checks are done."""

    def broken(_: smoke.Stage) -> str:
        raise ConnectionError("no answer")

    account.make()
    monkeypatch.setattr(smoke, "rights", broken)
    assert problems(run("doctor")) == {"rights": "unknown: ConnectionError: no answer"}


def test_the_local_stage_has_no_roles_to_ask(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions run on this machine: nothing is asked, and that is said."""
    monkeypatch.setenv("CTRIP_STAGE", "local")
    (found,) = doctor._rights("local")
    assert (found.problem, found.detail.split(":")[0]) == ("", "not tried")


def test_a_secret_without_a_wallet(account: Account, run: Run) -> None:
    """The stage is there, and nothing can be signed."""
    account.make()
    account.manager.delete_secret(SecretId="ctrip/t/mnemonic", ForceDeleteWithoutRecovery=True)
    assert "make deploy" in problems(run("doctor"))["wallet"]
    account.manager.create_secret(Name="ctrip/t/mnemonic")
    assert "ctrip wallet create" in problems(run("doctor"))["wallet"]


@pytest.mark.parametrize(("secret", "subject"), [("ctrip/t/mnemonic", "wallet"), ("ctrip/t/rpc", "rpc secret")])
def test_a_secret_that_is_gone_or_going_is_named(account: Account, run: Run, secret: str, subject: str) -> None:
    """Whoever deletes one has a week to take that back, and is told so; endpoints cannot be read meanwhile."""
    account.make()
    account.manager.delete_secret(SecretId=secret, RecoveryWindowInDays=7)
    done = run("doctor")
    assert done.exit_code == 1
    assert set(problems(done)) - {"endpoints"} == {subject}
    assert f"restore-secret --secret-id {secret}" in problems(done)[subject]
    account.manager.restore_secret(SecretId=secret)
    assert problems(run("doctor")) == {}
    account.manager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    assert problems(run("doctor")) == {subject: f"the secret {secret} is not there: make deploy STAGE=t"}


def test_a_backup_that_the_functions_do_not_know_of(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A main network needs one that was read back, and a deployment since; no node is asked here."""
    monkeypatch.setattr("infra.cli.rpc.tested", lambda _: [])
    account.make(CTRIP_CHAINS="ethereum", CTRIP_RPC="")
    assert "ctrip wallet verify" in problems(run("doctor"))["backup"]
    tag = {"Key": BACKUP_TAG, "Value": f"2026-11-28 {KEY}"}
    account.manager.tag_resource(SecretId="ctrip/t/mnemonic", Tags=[tag])
    assert "make deploy STAGE=t" in problems(run("doctor"))["backup"]
    account.functions.update_function_configuration(
        FunctionName="ctrip-t-scan",
        Environment={
            "Variables": account.environment
            | {"CTRIP_CHAINS": "ethereum", "CTRIP_RPC": "{}", "CTRIP_BACKUP_VERIFIED": "2026-11-28"}
        },
    )
    assert "backup" not in problems(run("doctor"))


def test_an_endpoint_is_tested_before_it_is_added(account: Account, run: Run, anvil: Anvil, proxy: Proxy) -> None:
    """It goes before the others, once; its address is nowhere printed, as providers' keys stand in it."""
    account.make()
    first, second = f"{anvil.url}/?key=s3cret", f"{proxy.url}/?key=s3cret"
    for url in (first, second, first):
        done = run("rpc", "add", "anvil", typed=f"{url}\n")
        assert done.exit_code == 0, done.output
        assert "s3cret" not in done.output
    assert read_endpoints("t") == {"anvil": (first, second)}
    found = json.loads(run("rpc", "test").stdout)
    assert [(each["chain"], each["host"]) for each in found][:3] == [("anvil", "127.0.0.1")] * 3
    assert "s3cret" not in json.dumps(found)


def test_an_endpoint_of_another_chain_is_not_added(account: Account, run: Run, anvil: Anvil) -> None:
    """Nor one that does not answer, unless that is wanted; nor what is no address, or no chain."""
    account.make()
    done = run("rpc", "add", "sepolia", anvil.url)
    assert done.exit_code == 1
    assert "its chain id is not 11155111" in done.stdout
    assert run("rpc", "add", "anvil", "http://127.0.0.1:9/").exit_code == 1
    assert run("rpc", "add", "anvil", "ftp://node.example").exit_code == 2
    assert "sepolai" in str(run("rpc", "add", "sepolai", anvil.url).exception)
    assert read_endpoints("t") == {}
    assert run("rpc", "add", "anvil", "http://127.0.0.1:9/", "--untested").exit_code == 0
    assert read_endpoints("t") == {"anvil": ("http://127.0.0.1:9/",)}


def test_the_local_stage_has_this_process_settings(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its functions are no functions of Lambda's; any other stage without them is not deployed."""
    monkeypatch.setenv("CTRIP_STAGE", "local")
    monkeypatch.setenv("CTRIP_TREASURY", TREASURY)
    assert deployed.settings().treasury == TREASURY
    monkeypatch.setenv("CTRIP_STAGE", "t")
    with pytest.raises(ConfigurationError, match="make deploy STAGE=t"):
        deployed.settings()
