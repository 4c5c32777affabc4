"""`make deploy` and `make rollback` on LocalStack: nothing twice, settings kept, failed deployments recognised."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.stack import stack, wallet
from infra.tools.process import ROOT
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually
from tests.localstack.cloud import STAGE, Cloud
from tests.localstack.endpoints import endpoint_of

FAILING = "failing"
EMPTY = "  AWS::DynamoDB::Table ctrip-failing-money: empty"
FULL = "  AWS::DynamoDB::Table ctrip-failing-payments: it holds items"
SECRET = "  AWS::SecretsManager::Secret ctrip/failing/mnemonic: empty"
WAIT = 60
Template = dict[str, Any]


def test_a_second_deployment_changes_nothing(cloud: Cloud, shop: Shop) -> None:
    """The same package again: both stacks say so, and the exit code is 0, although nobody approves anything."""
    again = cloud.deploy(approve=False)
    assert again.returncode == 0, again.stdout
    assert again.stdout.splitlines()[-3:] == ["ctrip-local-data: no changes", "ctrip-local: no changes", "no changes"]


def test_changes_that_nobody_approves_are_not_made(cloud: Cloud, shop: Shop) -> None:
    """Without APPROVE=1 and without a terminal the changes are shown, and the exit code is 2."""
    refused = cloud.deploy("--set", "ScanMemory=1024", approve=False)
    assert refused.returncode == 2, refused.stdout
    assert "Modify  Scan" in refused.stdout
    assert _function(cloud, "scan")["MemorySize"] == 512


def test_an_update_keeps_its_settings(cloud: Cloud, shop: Shop, tmp_path: Path) -> None:
    """What one deployment set stays set by the next, which names nothing, and by going back from that.

    After each the stage is tried; by a merchant's key also with a payment and a webhook.
    """
    with endpoint_of(shop) as (_, receiver):
        deployed = cloud.deploy("--set", "ScanMemory=768", api_key=shop.gateway.about["merchant"]["api_key"])
        _done(deployed)
        assert [event["type"] for event in receiver.events] == ["webhook.test"]
    _check_smoke_test(shop, deployed.stdout)
    newer = _package(cloud, tmp_path, application=_larger)
    _done(cloud.deploy(package=newer))
    assert _function(cloud, "tick")["MemorySize"] == 320
    _check_settings(cloud)
    _done(cloud.roll_back())
    assert _function(cloud, "tick")["MemorySize"] == 256
    _check_settings(cloud)
    assert shop.ask(amount=10**15)["status"] == "pending"


@pytest.fixture(scope="module")
def mended(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have a first deployment of another stage fail at its last resource; return the package without that one."""
    broken = _package(cloud, tmp_path_factory.mktemp("broken"), stage=FAILING, data=_unmakeable)
    failed = cloud.deploy("--data-only", package=broken, stage=FAILING)
    assert failed.returncode == 1, failed.stdout
    assert "ctrip-failing-data is at ROLLBACK_COMPLETE" in failed.stdout
    assert "Unmakeable: " in failed.stdout
    return _package(cloud, tmp_path_factory.mktemp("mended"), stage=FAILING)


def test_left_overs_of_a_stack_that_was_rolled_back_are_named(cloud: Cloud, mended: Path) -> None:
    """LocalStack removes nothing when it rolls back; without an approval we neither, and the exit code is 2."""
    for _ in range(2):
        refused = cloud.deploy("--data-only", package=mended, stage=FAILING, approve=False)
        assert refused.returncode == 2, refused.stdout
        assert "ctrip-failing-data is at ROLLBACK_COMPLETE; left over:" in refused.stdout
        assert {EMPTY, SECRET} <= set(refused.stdout.splitlines())


def test_what_holds_something_is_not_removed(cloud: Cloud, mended: Path) -> None:
    """Approved, the empty ones go; the table that holds an item stays, with the item, and is named."""
    tables, item = cloud.client("dynamodb"), {"pk": {"S": "money"}, "sk": {"S": "here"}}
    tables.put_item(TableName="ctrip-failing-payments", Item=item)
    refused = cloud.deploy("--data-only", package=mended, stage=FAILING)
    assert refused.returncode == 2, refused.stdout
    assert FULL in refused.stdout
    assert "ctrip-failing-payments is not empty, and is never removed here" in refused.stdout
    assert tables.scan(TableName="ctrip-failing-payments")["Items"] == [item]
    assert "ctrip-failing-money" not in tables.list_tables()["TableNames"]
    tables.delete_item(TableName="ctrip-failing-payments", Key=item)


def test_a_stack_that_was_rolled_back_is_deployed_anew(cloud: Cloud, mended: Path) -> None:
    """Once nothing of value is left, what is there is removed, with an approval, and the deployment goes on."""
    _done(cloud.deploy("--data-only", package=mended, stage=FAILING))
    assert _status(cloud, FAILING) == "UPDATE_COMPLETE"


def test_a_stack_whose_creation_failed_is_deployed_anew(cloud: Cloud, tmp_path: Path) -> None:
    """CREATE_FAILED, where nothing was rolled back, is recognised as well."""
    stage = "halfmade"
    broken = json.loads((_package(cloud, tmp_path, stage=stage, data=_unmakeable) / "data.json").read_text())
    cloud.client("cloudformation").create_stack(StackName=f"ctrip-{stage}-data", TemplateBody=json.dumps(broken))
    eventually(lambda: _status(cloud, stage) == "CREATE_FAILED", WAIT, "the failure")
    mended = _package(cloud, tmp_path, stage=stage)
    refused = cloud.deploy("--data-only", package=mended, stage=stage, approve=False)
    assert refused.returncode == 2, refused.stdout
    assert "ctrip-halfmade-data is at CREATE_FAILED; left over:" in refused.stdout
    _done(cloud.deploy("--data-only", package=mended, stage=stage))
    assert _status(cloud, stage) == "UPDATE_COMPLETE"


def test_the_templates_are_applied_without_a_package_too(cloud: Cloud) -> None:
    """`make up AWS=localstack` has both stacks as they stand, and runs the functions itself."""
    resources = stack.apply(ROOT, cloud.env, stage="plain")
    assert resources["PaymentsTable"] == "ctrip-plain-payments"
    assert "APIHandlerLog" in resources


# ---- parts


def _check_smoke_test(shop: Shop, said: str) -> None:
    """The payment that it made is there, and cancelled; the endpoint answered its event; nothing is left untried."""
    told = dict(line.removeprefix("smoke: ").split(": ", 1) for line in said.splitlines() if line.startswith("smoke: "))
    payment = told["payment"].split()[0]
    assert told["payment"] == f"{payment} on anvil was created and cancelled"
    assert shop.read({"id": payment})["status"] == "expired"
    assert told["webhook"] == "a test event was sent; the endpoint answered 204"
    assert {name for name, what in told.items() if what.startswith("not tried")} == {"API Gateway"}


def _same(template: Template) -> Template:
    return template


def _larger(template: Template) -> Template:
    template["Resources"]["Tick"]["Properties"]["MemorySize"] = 320
    return template


def _unmakeable(template: Template) -> Template:
    """Add what cannot be made, after all else."""
    others = list(template["Resources"])
    bad = {"Type": "AWS::SQS::Queue", "DependsOn": others, "Properties": {"QueueName": {"Fn::Sub": "no good name!"}}}
    return {**template, "Resources": {**template["Resources"], "Unmakeable": bad}}


def _package(
    cloud: Cloud,
    folder: Path,
    *,
    stage: str = STAGE,
    application: Callable[[Template], Template] = _same,
    data: Callable[[Template], Template] = _same,
) -> Path:
    """Write a package that differs from the session's in its templates alone."""
    for name, change in {"sam.json": application, "data.json": data}.items():
        template = change(json.loads((cloud.package / name).read_text()))
        template["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
        (folder / name).write_text(json.dumps(template))
    if not (folder / "deployment.zip").exists():
        (folder / "deployment.zip").symlink_to(cloud.package / "deployment.zip")
    return folder


def _done(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == 0, answer.stdout


def _status(cloud: Cloud, stage: str) -> str:
    stacks = cloud.client("cloudformation").describe_stacks(StackName=f"ctrip-{stage}-data")["Stacks"]
    return str(stacks[0]["StackStatus"])


def _function(cloud: Cloud, name: str) -> dict[str, Any]:
    return dict(cloud.client("lambda").get_function_configuration(FunctionName=f"ctrip-{STAGE}-{name}"))


def _check_settings(cloud: Cloud) -> None:
    scan = _function(cloud, "scan")
    assert scan["MemorySize"] == 768
    variables = scan["Environment"]["Variables"]
    assert variables["CTRIP_TREASURY"] == wallet.treasury().address
    assert variables["CTRIP_VERIFYING_KEY"] == wallet.verifying_key()
