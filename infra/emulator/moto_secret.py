"""Teaches moto's CloudFormation the one resource of ours that it lacks: AWS::SecretsManager::Secret."""

from __future__ import annotations

import json
import secrets
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends


class Secret(CloudFormationModel):
    """A secret as a stack's resource; moto finds it by looking for subclasses."""

    def __init__(self, arn: str) -> None:
        self.arn = arn

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` gives: the ARN."""
        return self.arn

    def get_cfn_attribute(self, attribute: str) -> str:
        """What `Fn::GetAtt` gives."""
        return self.arn

    @staticmethod
    def cloudformation_name_type() -> str:
        """The property that holds its name."""
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        """The resource's type in templates."""
        return "AWS::SecretsManager::Secret"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether templates may ask for the attribute."""
        return attr == "Id"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> Secret:
        """Create the secret with its text, a generated one, or none yet."""
        properties = cloudformation_json["Properties"]
        described = secretsmanager_backends[account_id][region_name].create_secret(
            name=resource_name,
            secret_string=_text(properties),
            secret_binary=None,
            description=properties.get("Description"),
            tags=properties.get("Tags"),
            kms_key_id=properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        return cls(json.loads(described)["ARN"])

    def is_created(self) -> bool:
        """At once."""
        return True


def _text(properties: dict[str, Any]) -> str | None:
    wanted = properties.get("GenerateSecretString")
    if wanted is None:
        text: str | None = properties.get("SecretString")
        return text
    random = secrets.token_hex(int(wanted.get("PasswordLength", 32)))[: int(wanted.get("PasswordLength", 32))]
    if "SecretStringTemplate" not in wanted:
        return random
    return json.dumps(json.loads(wanted["SecretStringTemplate"]) | {wanted["GenerateStringKey"]: random})
