"""The events that AWS passes to functions that a schedule or a queue triggers."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from infra.tools.awsenv import ACCOUNT, REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def scheduled_event(stage: str, name: str) -> dict[str, Any]:
    """What EventBridge passes to a scheduled function."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{stage}-{name}"],
        "detail": {},
    }


def sqs_event(arn: str, batch: list[MessageTypeDef]) -> dict[str, Any]:
    """What Lambda's poller passes to a queue consumer."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: {
                        "stringValue": value.get("StringValue"),
                        "binaryValue": None,
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": value["DataType"],
                    }
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": REGION,
            }
            for message in batch
        ]
    }
