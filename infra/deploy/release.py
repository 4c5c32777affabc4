"""The templates of a package, made ready for CloudFormation: the archive in the bucket, the release by its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.tools.errors import Refused

_NOTE = "Release"


@dataclass(frozen=True, slots=True)
class Package:
    """What `make package` wrote for a stage."""

    data: dict[str, Any]
    application: dict[str, Any]
    archive: Path


def read(folder: Path, stage: str) -> Package:
    """Read a package; raises `Refused` where it is none, or another stage's."""
    try:
        data, application = (json.loads((folder / name).read_text()) for name in ("data.json", "sam.json"))
    except (OSError, ValueError) as error:
        raise Refused(f"{folder.name} is no package: make package STAGE={stage} makes one.") from error
    archive = folder / "deployment.zip"
    if not archive.exists():
        raise Refused(f"{folder.name} has no deployment.zip: make package STAGE={stage} makes one.")
    packaged = {str(each["Parameters"]["Stage"]["Default"]) for each in (data, application)}
    if packaged != {stage}:
        raise Refused(f"the package is of the stage {', '.join(sorted(packaged))}, not of {stage}.")
    return Package(data, application, archive)


def placed(application: dict[str, Any], bucket: str, archive: str) -> tuple[dict[str, Any], str]:
    """Return the template with its archive in the bucket, and the release's id, which stands in the template."""
    resources = {name: _placed(body, bucket, archive) for name, body in application["Resources"].items()}
    template = {**application, "Resources": resources}
    release = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]
    return {**template, "Metadata": {**application.get("Metadata", {}), _NOTE: release}}, release


def of(template: dict[str, Any]) -> str:
    """Return a deployed template's release; empty where `placed` did not make it."""
    return str(template.get("Metadata", {}).get(_NOTE, ""))


def _placed(body: dict[str, Any], bucket: str, archive: str) -> dict[str, Any]:
    if body["Type"] != "AWS::Serverless::Function":
        return body
    return {**body, "Properties": {**body["Properties"], "CodeUri": {"Bucket": bucket, "Key": archive}}}
