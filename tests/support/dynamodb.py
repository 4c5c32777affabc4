"""A DynamoDB for tests, with the tables that data.yaml describes."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from moto import mock_aws

from ctrip.store.engine.connection import Connection
from infra.stack import template as templates
from infra.stack.stack import table_request
from infra.tools import npm

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@contextmanager
def running() -> Iterator[str]:
    """Yield the endpoint of a DynamoDB: the one CTRIP_STORE_ENDPOINT names, else a dynoxide, else moto."""
    if given := os.environ.get("CTRIP_STORE_ENDPOINT"):
        yield given
        return
    binary = os.environ.get("CTRIP_DYNOXIDE") or npm.dynoxide(ROOT / ".tools", print)
    if binary is None:
        yield from _moto()
        return
    port = _free_port()
    with subprocess.Popen(
        [str(binary), "--host", "127.0.0.1", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def client(endpoint: str) -> Any:
    """Open a plain client, for tables and for looking behind the stores' backs."""
    config = Config(retries={"max_attempts": 2}, read_timeout=20)
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION, config=config, **CREDENTIALS)


def connect(endpoint: str, *, read_seconds: float = 10.0) -> Connection:
    """Open a connection as the stores do, but patient: a busy laptop is not what most tests are about."""
    return Connection(read_seconds=read_seconds, callers=64, region_name=REGION, endpoint_url=endpoint, **CREDENTIALS)


def make_tables(dynamodb: Any, stage: str) -> None:
    """Make one stage's tables as CloudFormation makes them from the template."""
    for request in described():
        name = request["TableName"].replace("-local-", f"-{stage}-")
        dynamodb.create_table(**{**request, "TableName": name})


@cache
def described() -> tuple[dict[str, Any], ...]:
    """Apply data.yaml to moto, and read the tables back as requests."""
    template = templates.load(ROOT / "data.yaml")
    tables = {name: body for name, body in template["Resources"].items() if body["Type"] == "AWS::DynamoDB::Table"}
    with mock_aws():
        options = {"region_name": REGION, **CREDENTIALS}
        boto3.client("cloudformation", **options).create_stack(
            StackName="tables", TemplateBody=json.dumps({**template, "Resources": tables, "Outputs": {}})
        )
        dynamodb = boto3.client("dynamodb", **options)
        names = dynamodb.list_tables()["TableNames"]
        return tuple(table_request(dynamodb.describe_table(TableName=name)["Table"]) for name in names)


def _moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await(port: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError("DynamoDB did not come up")
