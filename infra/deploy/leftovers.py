"""What a first deployment that failed, or a stack that was deleted, has left: named, and removed only where empty.

CloudFormation would stumble over each of them: their names are taken. What holds something is never removed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.aws import Aws, code

_GONE = {
    "ResourceNotFoundException",
    "NotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A resource that is there although no working stack has it; `holds` says what it holds, nothing if it is empty."""

    kind: str
    name: str
    holds: str

    def __str__(self) -> str:
        return f"  {self.kind} {self.name}: {self.holds or 'empty'}"


def find(aws: Aws, template: Mapping[str, Any], stage: str) -> list[LeftOver]:
    """Find the template's resources with a name of ours that exist."""
    found = []
    for body in template["Resources"].values():
        kind = _KINDS.get(body.get("Type", ""))
        named = kind and body["Properties"].get(kind.name)
        if kind and named:
            name = named["Fn::Sub"].replace("${Stage}", stage)
            if (holds := _held(aws, kind, name)) is not None:
                found.append(LeftOver(body["Type"], name, holds))
    return found


def _held(aws: Aws, kind: _Kind, name: str) -> str | None:
    try:
        return kind.holds(aws, name)
    except ClientError as error:
        if code(error) in _GONE:
            return None
        raise


def remove(aws: Aws, found: Iterable[LeftOver], say: Callable[[str], None]) -> None:
    """Remove the empty ones."""
    # Aliases at last: a key is found by its alias.
    for each in sorted(found, key=lambda one: one.kind == "AWS::KMS::Alias"):
        if not each.holds:
            _KINDS[each.kind].remove(aws, each.name)
            say(f"removed {each.kind} {each.name}")


@dataclass(frozen=True, slots=True)
class _Kind:
    # The property that holds its name; what it holds (none, or an error of AWS's, where it is not there); its removal.
    name: str
    holds: Callable[[Aws, str], str | None]
    remove: Callable[[Aws, str], None]


def _table_holds(aws: Aws, name: str) -> str:
    dynamodb = aws.client("dynamodb")
    dynamodb.describe_table(TableName=name)
    try:
        # ItemCount is six hours old.
        page = dynamodb.scan(TableName=name, Limit=1, ConsistentRead=True)
    except ClientError as error:
        if code(error) == "AccessDeniedException":
            return "it may hold items, which we may not read"
        raise
    return "it holds items" if page["Items"] else ""


def _remove_table(aws: Aws, name: str) -> None:
    dynamodb = aws.client("dynamodb")
    if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name)


def _queue_holds(aws: Aws, name: str) -> str:
    sqs = aws.client("sqs")
    kinds = ("", "NotVisible", "Delayed")
    names = [f"ApproximateNumberOfMessages{each}" for each in kinds]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    number = sum(int(attributes.get(each, 0)) for each in names)
    return f"it holds {number} messages" if number else ""


def _remove_queue(aws: Aws, name: str) -> None:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _secret_holds(aws: Aws, name: str) -> str:
    described = aws.client("secretsmanager").describe_secret(SecretId=name)
    if described.get("DeletedDate"):
        return "it is to be deleted, and its name is taken until then"
    return "it has a value" if described.get("VersionIdsToStages") else ""


def _remove_secret(aws: Aws, name: str) -> None:
    # Without a value there is nothing to recover, and a name that waits to be deleted could not be used again.
    aws.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def _log_holds(aws: Aws, name: str) -> str:
    streams = aws.client("logs").describe_log_streams(logGroupName=name, limit=1)["logStreams"]
    return "it holds logs" if streams else ""


def _remove_log(aws: Aws, name: str) -> None:
    aws.client("logs").delete_log_group(logGroupName=name)


def _key_of(aws: Aws, alias: str) -> str | None:
    pages = aws.client("kms").get_paginator("list_aliases").paginate()
    aliases = (each for page in pages for each in page["Aliases"])
    return next((each.get("TargetKeyId", "") for each in aliases if each["AliasName"] == alias), None)


def _alias_holds(aws: Aws, name: str) -> str | None:
    # What is encrypted under its key are secrets and items, which are asked themselves.
    return None if _key_of(aws, name) is None else ""


def _remove_alias(aws: Aws, name: str) -> None:
    kms, key = aws.client("kms"), _key_of(aws, name)
    kms.delete_alias(AliasName=name)
    if key:
        # The longest time there is to take it back.
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30)


_KINDS = {
    "AWS::DynamoDB::Table": _Kind("TableName", _table_holds, _remove_table),
    "AWS::SQS::Queue": _Kind("QueueName", _queue_holds, _remove_queue),
    "AWS::SecretsManager::Secret": _Kind("Name", _secret_holds, _remove_secret),
    "AWS::Logs::LogGroup": _Kind("LogGroupName", _log_holds, _remove_log),
    "AWS::KMS::Alias": _Kind("AliasName", _alias_holds, _remove_alias),
}
