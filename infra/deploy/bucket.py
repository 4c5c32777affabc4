"""The stage's bucket of artifacts: archives and templates by their hashes, and a record of each release.

CloudFormation takes a template past 51,200 bytes, and a function's archive, from a bucket alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.aws import Aws, code
from infra.tools.errors import Refused

_RELEASES = "releases/"


@dataclass(frozen=True, slots=True)
class Release:
    """An application that was deployed: where its template is."""

    id: str
    template: str
    at: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket, and who owns it: another account's of the same name is never used."""

    name: str
    owner: str
    s3: Any
    # Where a plan puts what it shows: whoever may only plan writes nowhere else.
    folder: str = ""

    @property
    def _own(self) -> dict[str, str]:
        return {"Bucket": self.name, "ExpectedBucketOwner": self.owner}

    def url(self, key: str) -> str:
        """Return the address from which CloudFormation reads an object."""
        return f"{self.s3.meta.endpoint_url}/{self.name}/{key}"

    def put_file(self, key: str, path: Path) -> None:
        """Upload a file, unless it is there."""
        if not self._has(key):
            self.s3.upload_file(str(path), self.name, key, ExtraArgs={"ExpectedBucketOwner": self.owner})

    def put_template(self, template: dict[str, Any]) -> str:
        """Upload a template, unless it is there; return its key, which is its hash."""
        body = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
        key = f"{self.folder}templates/{hashlib.sha256(body).hexdigest()}.json"
        if not self._has(key):
            self.s3.put_object(**self._own, Key=key, Body=body, ContentType="application/json")
        return key

    def template(self, key: str) -> dict[str, Any]:
        """Read a template."""
        return dict(json.loads(self.s3.get_object(**self._own, Key=key)["Body"].read()))

    def record(self, release: str, template: str) -> None:
        """Note that a release was deployed, now."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = json.dumps({"id": release, "template": template, "at": at}).encode()
        # Keys are listed in the order of their text.
        self.s3.put_object(**self._own, Key=f"{_RELEASES}{time.time_ns():020d}-{release}.json", Body=body)

    def releases(self) -> list[Release]:
        """List the releases, oldest first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(**self._own, Prefix=_RELEASES)
        keys = sorted(each["Key"] for page in pages for each in page.get("Contents", []))
        return [Release(**self.template(key)) for key in keys]

    def _has(self, key: str) -> bool:
        try:
            self.s3.head_object(**self._own, Key=key)
        except ClientError as error:
            if code(error) in {"404", "NoSuchKey", "NotFound"}:
                return False
            raise
        return True


def archive_key(path: Path) -> str:
    """Return the key of an archive, which is its hash."""
    with path.open("rb") as file:
        return f"archives/{hashlib.file_digest(file, 'sha256').hexdigest()}{path.suffix}"


def before(releases: list[Release], current: str) -> Release | None:
    """Return what was deployed before the current release was last; None where there was nothing."""
    place = max((place for place, each in enumerate(releases) if each.id == current), default=len(releases))
    return next((each for each in reversed(releases[:place]) if each.id != current), None)


def made_or_taken(aws: Aws, stage: str, folder: str = "") -> tuple[Bucket, bool]:
    """Return the stage's bucket in this account and region, and whether it was made now."""
    bucket = Bucket(f"ctrip-{stage}-artifacts-{aws.account}-{aws.region}", aws.account, aws.client("s3"), folder)
    try:
        bucket.s3.head_bucket(Bucket=bucket.name, ExpectedBucketOwner=bucket.owner)
    except ClientError as error:
        if code(error) not in {"404", "NoSuchBucket", "NotFound"}:
            raise Refused(f"the bucket {bucket.name} is not ours to use ({code(error)}).") from error
        _make(bucket, aws.region)
        return bucket, True
    return bucket, False


def _make(bucket: Bucket, region: str) -> None:
    # The first region has no name here.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    bucket.s3.create_bucket(Bucket=bucket.name, **where)
    private = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    own = {"Bucket": bucket.name, "ExpectedBucketOwner": bucket.owner}
    bucket.s3.put_public_access_block(**own, PublicAccessBlockConfiguration=private)
    bucket.s3.put_bucket_versioning(**own, VersioningConfiguration={"Status": "Enabled"})
