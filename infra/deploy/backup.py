"""Whether the backup of a stage's wallet has been read back, as `ctrip wallet verify` notes with its secret."""

from __future__ import annotations

from botocore.exceptions import ClientError

from infra.deploy.aws import Aws, code


def day(aws: Aws, stage: str, verifying_key: str) -> str:
    """Return the day that is noted for the wallet with this key; empty where there is none."""
    from ctrip.aws.secrets import mnemonic_name, noted_backup

    try:
        secret = aws.client("secretsmanager").describe_secret(SecretId=mnemonic_name(stage))
    except ClientError as error:
        if code(error) != "ResourceNotFoundException":
            raise
        return ""
    return noted_backup(secret, verifying_key.lower().split(",")[0])
