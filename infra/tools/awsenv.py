"""The environment that leads an AWS SDK to a loopback AWS and nowhere else."""

from __future__ import annotations

import socket
from contextlib import closing

from infra.tools.ports import HOST

REGION = "us-east-1"
ACCOUNT = "000000000000"


def aws_env(endpoint: str) -> dict[str, str]:
    """Settings for boto3, the AWS CLI and every other SDK."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        # A developer's profile must not be read: it could name a real account, or a role to assume.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def listening(port: int) -> bool:
    """Whether something accepts connections on the port."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
