"""Applies data.yaml and template.yaml to the local AWS through CloudFormation, and nothing beside them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.stack import links
from infra.stack import template as templates
from infra.stack.aws_embedded import hand_over_dynamodb
from infra.tools.errors import Failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_COPIED = (
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "StreamSpecification",
    "DeletionProtectionEnabled",
)
_COPIED_OF_INDEX = ("IndexName", "KeySchema", "Projection")


def apply(project: Path, env: Mapping[str, str], *, stage: str = "local", seconds: float = 120) -> dict[str, str]:
    """Create both stacks of a stage and return their resources, physical names by logical ones."""
    data = templates.load(project / "data.yaml")
    application = links.linked(templates.load(project / "template.yaml"), data)
    return _create(data, f"ctrip-{stage}-data", env, stage, seconds) | _create(
        templates.standalone(application), f"ctrip-{stage}", env, stage, seconds
    )


def _create(template: dict[str, Any], name: str, env: Mapping[str, str], stage: str, seconds: float) -> dict[str, str]:
    try:
        return _apply(template, name, env, stage, seconds)
    except (BotoCoreError, ClientError) as error:
        raise Failed(f"{name} could not be created: {str(error).splitlines()[0]}") from error


def _apply(template: dict[str, Any], name: str, env: Mapping[str, str], stage: str, seconds: float) -> dict[str, str]:
    cloudformation = client("cloudformation", env)
    parameters = (
        [{"ParameterKey": "Stage", "ParameterValue": stage}] if "Stage" in template.get("Parameters", {}) else []
    )
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template, separators=(",", ":")),
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    _await_created(cloudformation, name, seconds)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    names = {
        each["LogicalResourceId"]: _reachable(each.get("PhysicalResourceId", ""), env)
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["LogicalResourceId"] in template["Resources"]
    }
    tables = {
        logical: body["Properties"]
        for logical, body in template["Resources"].items()
        if body["Type"] == "AWS::DynamoDB::Table" and logical in names
    }
    if tables and "AWS_ENDPOINT_URL_DYNAMODB" in env:
        _copy_tables([names[logical] for logical in tables], env)
        hand_over_dynamodb(dict(env))
    # moto's CloudFormation drops it, and describe_table never shows it: the template is asked itself.
    _set_time_to_live({names[logical]: properties for logical, properties in tables.items()}, client("dynamodb", env))
    return names


def client(service: str, env: Mapping[str, str], endpoint: str | None = None) -> Any:
    """A client that reads nothing but the given environment."""
    specific = env.get(f"AWS_ENDPOINT_URL_{service.upper()}")
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint or specific or env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 3}, connect_timeout=5, read_timeout=60),
    )


def _reachable(physical: str, env: Mapping[str, str]) -> str:
    # A queue's reference is its address, and moto writes the real AWS's there.
    return re.sub(r"^https://sqs\.[a-z0-9-]+\.amazonaws\.com", env["AWS_ENDPOINT_URL"], physical)


def _await_created(cloudformation: Any, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (status := cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]) != "CREATE_COMPLETE":
        if "FAILED" in status or "ROLLBACK" in status or time.monotonic() > deadline:
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
                for event in reversed(events)
                if "FAILED" in event.get("ResourceStatus", "")
            ]
            raise Failed("\n".join([f"CloudFormation left {name} at {status}", *reasons]))
        time.sleep(0.1)


def _copy_tables(tables: list[str], env: Mapping[str, str]) -> None:
    made = client("dynamodb", env, env["AWS_ENDPOINT_URL"])
    target = client("dynamodb", env)
    for name in tables:
        target.create_table(**table_request(made.describe_table(TableName=name)["Table"]))
        target.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def table_request(described: Mapping[str, Any]) -> dict[str, Any]:
    """The CreateTable request that makes the described table again."""
    request: dict[str, Any] = {key: described[key] for key in _COPIED if key in described}
    on_demand = described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    request["BillingMode"] = "PAY_PER_REQUEST" if on_demand else "PROVISIONED"
    if not on_demand:
        request["ProvisionedThroughput"] = _throughput(described)
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for index in described.get(kind) or []:
            copied = {key: index[key] for key in _COPIED_OF_INDEX}
            if kind.startswith("Global") and not on_demand:
                copied["ProvisionedThroughput"] = _throughput(index)
            request.setdefault(kind, []).append(copied)
    if described.get("SSEDescription", {}).get("Status") == "ENABLED":
        request["SSESpecification"] = {"Enabled": True}
    return request


def _throughput(described: Mapping[str, Any]) -> dict[str, int]:
    given = described["ProvisionedThroughput"]
    return {key: given[key] for key in ("ReadCapacityUnits", "WriteCapacityUnits")}


def _set_time_to_live(tables: Mapping[str, Mapping[str, Any]], dynamodb: DynamoDBClient) -> None:
    for name, properties in tables.items():
        wanted = properties.get("TimeToLiveSpecification")
        if not wanted:
            continue
        now = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if now.get("TimeToLiveStatus") not in {"ENABLED", "ENABLING"}:
            enabled = str(wanted["Enabled"]).lower() == "true"
            dynamodb.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"AttributeName": wanted["AttributeName"], "Enabled": enabled},
            )
