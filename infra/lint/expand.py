"""Expands a packaged template as CloudFormation does, with AWS's own SAM translator (in the linters' environment)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# Where nothing says where we are, the translator asks.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
_ARCHIVE = "s3://artifacts/deployment.zip"


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template that CloudFormation would work on; raises `InvalidDocumentException`."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    for body in template["Resources"].values():
        if body["Type"] == "AWS::Serverless::Function":
            body["Properties"]["CodeUri"] = _ARCHIVE
    # No values of parameters: what refers to one is to be seen so.
    expanded: dict[str, Any] = Translator({}, Parser()).translate(template, {})
    expanded.pop("Transform", None)
    return expanded


def main() -> None:
    """Read the template that the command line names, and write its expansion to the other place it names."""
    source, target = map(Path, sys.argv[1:])
    target.write_text(json.dumps(expand(json.loads(source.read_text())), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
