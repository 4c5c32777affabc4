"""make deploy and make rollback, on moto's CloudFormation, with a package whose application is two queues."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ctrip.aws.secrets import BACKUP_TAG
from infra.deploy import __main__ as command
from infra.deploy import aws as deploying
from infra.deploy import stack as stacks
from infra.emulator import moto_secret  # noqa: F401 - being imported is what makes moto find it
from infra.stack.template import load
from infra.tools.awsenv import aws_env
from infra.tools.process import ROOT

STAGE = "dev"
ACCOUNT = "123456789012"
BUCKET = f"ctrip-{STAGE}-artifacts-{ACCOUNT}-us-east-1"
# The account's role for API Gateway's logs, which another stage has made.
ROLE: Any = {"op": "replace", "path": "/cloudwatchRoleArn", "value": f"arn:aws:iam::{ACCOUNT}:role/another"}
Deploy = Callable[..., int]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """An empty account, in this process."""
    for name, value in aws_env("").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(stacks, "PAUSE", 0.01)
    # Nobody is here to say yes.
    monkeypatch.setattr("sys.stdin", io.StringIO())
    # Making one takes as long as all that a test asks of it.
    monkeypatch.setattr(deploying.Aws, "client", lambda _, service: client(service))
    with mock_aws():
        client("apigateway").update_account(patchOperations=[ROLE])
        yield client


@cache
def client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


@cache
def read(name: str) -> dict[str, Any]:
    return load(ROOT / f"{name}.yaml")


def application(size: int = 60, *, whole: bool = False) -> dict[str, Any]:
    """Return an application; the whole one is past what CloudFormation takes without a bucket."""
    queue = {"QueueName": {"Fn::Sub": "ctrip-${Stage}-own"}, "VisibilityTimeout": {"Ref": "WebhookConcurrency"}}
    variables = read("template")["Globals"]["Function"]["Environment"]["Variables"]
    return {
        "Parameters": {
            name: body
            for name, body in read("template")["Parameters"].items()
            if name in {"Stage", "WebhookConcurrency", "VerifyingKey"} | {each["Ref"] for each in variables.values()}
        },
        "Globals": {"Function": {"Environment": {"Variables": variables}}},
        "Resources": {
            "Own": {"Type": "AWS::SQS::Queue", "Properties": queue},
            "Other": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": size}},
        },
        "Metadata": {"Filler": "x" * (60_000 if whole else 0)},
    }


@cache
def some_data() -> dict[str, Any]:
    """Return data.yaml with a part of its resources: moto reads all of it at each step."""
    data = read("data")
    kept = {"MoneyTable", "SweepQueue", "SweepDeadLetters", "MnemonicKey", "MnemonicKeyAlias", "MnemonicSecret"}
    return {**data, "Resources": {name: data["Resources"][name] for name in sorted(kept)}, "Outputs": {}}


def packaged(
    folder: Path, app: dict[str, Any] | None = None, archive: bytes = b"PK", data: dict[str, Any] | None = None
) -> Path:
    folder.mkdir(exist_ok=True)
    for name, template in (("data", data or some_data()), ("sam", app or application())):
        fixed = {**template["Parameters"]["Stage"], "Default": STAGE, "AllowedValues": [STAGE]}
        body = {**template, "Parameters": {**template["Parameters"], "Stage": fixed}}
        body["Parameters"] |= (
            {"Chains": {**body["Parameters"]["Chains"], "Default": "sepolia"}} if name == "sam" else {}
        )
        (folder / f"{name}.json").write_text(json.dumps(body))
    (folder / "deployment.zip").write_bytes(archive)
    return folder


@pytest.fixture
def deploy(tmp_path: Path, aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Return `make deploy`, which is approved unless something else is said; smoke tests have tests of their own."""
    del aws

    def run(*options: str, name: str = "deploy", approve: str = "1", **package: Any) -> int:
        monkeypatch.setenv("APPROVE", approve)
        of = ["--package", str(packaged(tmp_path / "package", **package))] if name == "deploy" else []
        monkeypatch.setattr(sys, "argv", ["deploy", name, "--stage", STAGE, "--no-smoke", *of, *options])
        return command.main()

    return run


def parameters(aws: Callable[[str], Any], name: str = f"ctrip-{STAGE}") -> Mapping[str, str]:
    (stack,) = aws("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


def names(aws: Callable[[str], Any]) -> list[str]:
    return sorted(each["StackName"] for each in aws("cloudformation").describe_stacks()["Stacks"])


def test_both_stacks_are_deployed_once(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    """Through a bucket that is made and closed to the public; the second time there are no changes."""
    whole = {"data": read("data"), "app": application(whole=True)}
    assert deploy(**whole) == 0
    assert names(aws) == [f"ctrip-{STAGE}", f"ctrip-{STAGE}-data"]
    shown = capsys.readouterr().out
    assert f"{BUCKET} (made)" in shown
    assert "Add     MoneyTable" in shown
    assert "Add     Own" in shown
    block = aws("s3").get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert deploy(**whole) == 0
    again = capsys.readouterr().out
    assert again.rstrip().endswith("\nno changes")
    assert "(made)" not in again


def test_tables_are_protected_once_they_are_there(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    """By a second step, and every later deployment keeps them so."""
    for _ in range(2):
        assert deploy() == 0
        assert parameters(aws, f"ctrip-{STAGE}-data")["DeletionProtection"] == "true"


# moto's CloudFormation knows no AWS::ApiGateway::Account, and leaves it out.
@pytest.mark.filterwarnings("ignore:Tried to parse AWS..ApiGateway..Account")
def test_the_account_gets_a_role_for_logs_once(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    """Where it has none; it stays when the stage is deployed again, although the account has one now."""
    aws("apigateway").update_account(patchOperations=[{**ROLE, "value": ""}])
    assert deploy() == 0
    assert parameters(aws, f"ctrip-{STAGE}-data")["ApiLogsRole"] == "make"
    aws("apigateway").update_account(patchOperations=[ROLE])
    assert deploy(app=application(61)) == 0
    assert parameters(aws, f"ctrip-{STAGE}-data")["ApiLogsRole"] == "make"


def test_another_stages_role_for_logs_is_left_alone(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    """It is of the whole account."""
    assert deploy() == 0
    assert parameters(aws, f"ctrip-{STAGE}-data")["ApiLogsRole"] == "keep"


@pytest.mark.parametrize("approve", ["", "yes"])
def test_without_approval_nothing_is_left(deploy: Deploy, aws: Callable[[str], Any], capsys: Any, approve: str) -> None:
    """Nobody is at the terminal and APPROVE is not 1: the changes are shown, exit code 2, no stack."""
    assert deploy(approve=approve) == 2
    captured = capsys.readouterr()
    assert "Add     MoneyTable" in captured.out
    assert "not approved" in captured.err
    assert names(aws) == []


def test_a_plan_shows_and_changes_nothing(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    """Of a new stage, and of one that is there."""
    assert deploy("--plan", approve="") == 0
    assert "Add     MoneyTable" in capsys.readouterr().out
    assert names(aws) == []
    deploy()
    before = parameters(aws)
    capsys.readouterr()
    assert deploy("--plan", approve="") == 0
    assert capsys.readouterr().out.endswith("\nno changes\n")
    assert deploy("--plan", "--set", "WebhookConcurrency=7", approve="") == 0
    assert "Set     WebhookConcurrency = 7" in capsys.readouterr().out
    assert parameters(aws) == before


def test_a_plan_writes_nothing_that_is_deployed(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    """Its template stands apart, and its archive stays here: who may plan cannot choose what is deployed."""
    assert deploy("--data-only") == 0
    before = {each["Key"] for each in aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert deploy("--plan", approve="") == 0
    after = {each["Key"] for each in aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert after - before
    assert all(each.startswith("plans/templates/") for each in after - before)


def test_an_update_keeps_what_was_set(deploy: Deploy, aws: Callable[[str], Any], tmp_path: Path) -> None:
    """Each value, given once as a file or as Name=value; an empty one goes back to the default."""
    treasury = {"sepolia": "0x52908400098527886E0F7030069857D2E4169EE7"}
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"Treasury": treasury, "PublicUrl": "https://pay.example"}))
    assert deploy("--parameters", str(file), "--set", "WebhookConcurrency=7 LogLevel=DEBUG") == 0
    assert deploy(app=application(61)) == 0
    now = parameters(aws)
    assert json.loads(now["Treasury"]) == treasury
    assert (now["PublicUrl"], now["WebhookConcurrency"], now["LogLevel"]) == ("https://pay.example", "7", "DEBUG")
    assert deploy("--set", "PublicUrl=") == 0
    assert parameters(aws)["PublicUrl"] == ""
    assert parameters(aws)["WebhookConcurrency"] == "7"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Tresury=0x1", "Treasury"),
        ("Treasury=0x1", "CTRIP_TREASURY"),
        ("Chains=etherium", "ethereum"),
        ("Stage=prod", "STAGE"),
        ("DeletionProtection=false", "DeletionProtection"),
        ("BackupVerified=2026-11-28", "ctrip wallet verify"),
        ("Chains=sepolia,ethereum", "ctrip wallet verify"),
        ("Treasury", "Name=value"),
    ],
)
def test_a_parameter_that_could_not_work_is_refused(
    deploy: Deploy, aws: Callable[[str], Any], capsys: Any, given: str, said: str
) -> None:
    """In one line, before anything is made."""
    assert deploy("--set", given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert names(aws) == []
    assert aws("s3").list_buckets()["Buckets"] == []


def test_main_networks_start_once_the_wallets_backup_was_read_back(
    deploy: Deploy, aws: Callable[[str], Any], capsys: Any
) -> None:
    """The day is read from the secret's tag, for the wallet whose key the stage verifies by; another's does not do."""
    key, other = "02" + "ab" * 32, "03" + "cd" * 32
    assert deploy("--data-only", "--set", "Chains=ethereum") == 0
    main = ("--set", f"Chains=ethereum VerifyingKey={key}")
    tag: Any = {"Key": BACKUP_TAG, "Value": f"2026-11-28 {other}"}
    aws("secretsmanager").tag_resource(SecretId=f"ctrip/{STAGE}/mnemonic", Tags=[tag])
    assert deploy(*main) == 2
    assert "ctrip wallet verify" in capsys.readouterr().err
    assert names(aws) == [f"ctrip-{STAGE}-data"]
    tag["Value"] = f"2026-11-28 {key}"
    aws("secretsmanager").tag_resource(SecretId=f"ctrip/{STAGE}/mnemonic", Tags=[tag])
    assert deploy(*main) == 0
    assert parameters(aws)["BackupVerified"] == "2026-11-28"
    assert deploy() == 0
    aws("secretsmanager").untag_resource(SecretId=f"ctrip/{STAGE}/mnemonic", TagKeys=[BACKUP_TAG])
    assert deploy() == 2


def test_rolling_back_deploys_the_release_before(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    """With the parameters of today; further back the next time, and data.yaml stays as it is."""
    for size in (60, 61, 62):
        assert deploy(app=application(size), archive=f"PK{size}".encode()) == 0
    assert deploy("--set", "WebhookConcurrency=9", app=application(62), archive=b"PK62") == 0
    data = aws("cloudformation").describe_stack_events(StackName=f"ctrip-{STAGE}-data")["StackEvents"]
    for size in (61, 60):
        assert deploy(name="rollback") == 0
        body = aws("cloudformation").get_template(StackName=f"ctrip-{STAGE}")["TemplateBody"]
        template = body if isinstance(body, dict) else json.loads(body)
        assert template["Resources"]["Other"]["Properties"]["DelaySeconds"] == size
        assert parameters(aws)["WebhookConcurrency"] == "9"
    assert deploy(name="rollback") == 2
    assert "no release before" in capsys.readouterr().err
    events = aws("cloudformation").describe_stack_events(StackName=f"ctrip-{STAGE}-data")["StackEvents"]
    assert len(events) == len(data)


def test_rolling_back_is_approved_too(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    for size in (60, 61):
        assert deploy(app=application(size)) == 0
    assert deploy(name="rollback", approve="") == 2
    assert deploy("--plan", app=application(61)) == 0
    assert names(aws) == [f"ctrip-{STAGE}", f"ctrip-{STAGE}-data"]


def test_there_is_nothing_to_go_back_from(deploy: Deploy, capsys: Any) -> None:
    assert deploy(name="rollback") == 2
    assert "nothing to go back from" in capsys.readouterr().err


def broken(aws: Callable[[str], Any], status: str) -> None:
    """Have moto say that the first deployment of the data stack failed."""
    from moto.cloudformation.models import cloudformation_backends

    (backend,) = [each["us-east-1"] for each in cloudformation_backends.values() if each["us-east-1"].stacks]
    for stack in backend.stacks.values():
        if stack.name.endswith("-data"):
            stack.status = status
    del aws


@pytest.mark.parametrize("status", sorted(stacks.BROKEN))
def test_a_first_deployment_that_failed_is_cleared_away(
    deploy: Deploy, aws: Callable[[str], Any], capsys: Any, status: str
) -> None:
    """Its left-overs are named, and removed when that is approved; then the stage is deployed."""
    assert deploy("--data-only") == 0
    broken(aws, status)
    assert deploy(approve="") == 2
    named = capsys.readouterr().out
    assert f"is at {status}" in named
    for each in (f"ctrip-{STAGE}-money", f"ctrip-{STAGE}-sweep-dlq", f"ctrip/{STAGE}/mnemonic"):
        assert each in named
    assert f"ctrip-{STAGE}-money" in aws("dynamodb").list_tables()["TableNames"]
    assert deploy() == 0
    assert names(aws) == [f"ctrip-{STAGE}", f"ctrip-{STAGE}-data"]


def fill_table(aws: Callable[[str], Any]) -> str:
    aws("dynamodb").put_item(TableName=f"ctrip-{STAGE}-money", Item={"pk": {"S": "N#1"}, "sk": {"S": "1"}})
    return f"ctrip-{STAGE}-money"


def fill_queue(aws: Callable[[str], Any]) -> str:
    url = aws("sqs").get_queue_url(QueueName=f"ctrip-{STAGE}-sweep-dlq")["QueueUrl"]
    aws("sqs").send_message(QueueUrl=url, MessageBody="{}")
    return f"ctrip-{STAGE}-sweep-dlq"


def fill_secret(aws: Callable[[str], Any]) -> str:
    aws("secretsmanager").put_secret_value(SecretId=f"ctrip/{STAGE}/mnemonic", SecretString="word " * 12)
    return f"ctrip/{STAGE}/mnemonic"


@pytest.mark.parametrize("fill", [fill_table, fill_queue, fill_secret])
def test_what_is_not_empty_is_never_removed(
    deploy: Deploy, aws: Callable[[str], Any], capsys: Any, fill: Callable[[Any], str]
) -> None:
    """Only the empty ones go, the stack stays, and who deploys is told which one is in the way."""
    assert deploy("--data-only") == 0
    name = fill(aws)
    broken(aws, "CREATE_FAILED")
    assert deploy() == 2
    captured = capsys.readouterr()
    assert name in captured.err.splitlines()[-1]
    left = [
        *aws("dynamodb").list_tables()["TableNames"],
        *[url.rsplit("/", 1)[1] for url in aws("sqs").list_queues().get("QueueUrls", [])],
        *[each["Name"] for each in aws("secretsmanager").list_secrets()["SecretList"]],
    ]
    assert left == [name]
    assert names(aws) == [f"ctrip-{STAGE}-data"]


def test_what_a_deleted_stack_has_left_is_found(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    """CloudFormation would stumble over its name."""
    aws("sqs").create_queue(QueueName=f"ctrip-{STAGE}-sweep")
    assert deploy(approve="") == 2
    assert f"ctrip-{STAGE}-sweep: empty" in capsys.readouterr().out
    assert deploy() == 0


def test_a_stack_at_work_is_left_alone(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    assert deploy("--data-only") == 0
    broken(aws, "UPDATE_IN_PROGRESS")
    assert deploy() == 2
    assert "somebody deploys it" in capsys.readouterr().err


def test_a_table_is_never_replaced(deploy: Deploy, aws: Callable[[str], Any], capsys: Any) -> None:
    """Nor removed: whatever is approved."""
    assert deploy("--data-only") == 0
    data = some_data()
    less = {name: body for name, body in data["Resources"].items() if name != "MoneyTable"}
    assert deploy(data={**data, "Resources": less}) == 2
    assert "MoneyTable would be removed" in capsys.readouterr().err
    assert f"ctrip-{STAGE}-money" in aws("dynamodb").list_tables()["TableNames"]


def test_another_stages_package_is_refused(deploy: Deploy, capsys: Any) -> None:
    assert deploy("--stage", "prod") == 2
    assert "of the stage dev, not of prod" in capsys.readouterr().err


def test_a_bucket_of_somebody_else_is_not_used(deploy: Deploy, aws: Callable[[str], Any]) -> None:
    """Each call to S3 names the owner: whoever took the name first would read and choose what we deploy."""
    asked: dict[str, Any] = {}

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        asked[model.name] = params.get("ExpectedBucketOwner")

    aws("s3").meta.events.register("provide-client-params.s3", note, unique_id="note")
    assert deploy() == 0
    assert asked.pop("CreateBucket", None) is None
    assert {"PutObject", "HeadObject", "HeadBucket"} <= set(asked)
    assert set(asked.values()) == {ACCOUNT}
    aws("s3").meta.events.unregister("provide-client-params.s3", unique_id="note")


def test_without_a_region_or_credentials_one_line_says_so(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert deploy() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "AWS_REGION" in line
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert deploy() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "credentials" in line
