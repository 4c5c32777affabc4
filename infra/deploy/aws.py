"""The AWS account that is deployed to, as boto3's own settings name it (AWS_ENDPOINT_URL for an emulator)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.tools.errors import Refused

_CONFIG = Config(retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=5, read_timeout=90)


@dataclass(frozen=True, slots=True)
class Aws:
    """An account and a region in it."""

    account: str
    region: str
    session: Any
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a service's client, made once."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, region_name=self.region, config=_CONFIG)
        return self._clients[service]


def connect() -> Aws:
    """Find out where we are; raises `Refused` where boto3 knows no region or no credentials."""
    session = boto3.session.Session()
    if not session.region_name:
        raise Refused("which region? Set AWS_REGION (and AWS_PROFILE, or credentials).")
    try:
        identity = session.client("sts", region_name=session.region_name, config=_CONFIG).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"AWS does not say who we are: {first_line(error)}") from error
    return Aws(identity["Account"], session.region_name, session)


def first_line(error: Exception) -> str:
    """Say what AWS answered, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def code(error: ClientError) -> str:
    """Return an error's code."""
    return str(error.response.get("Error", {}).get("Code", ""))
