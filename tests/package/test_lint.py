"""The linters find nothing in a packaged stage, and find what is planted."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.lint import linters, policies
from infra.lint.__main__ import environment
from infra.stack.template import load
from infra.tools.process import ROOT
from tests.package.conftest import STAGE, Packaged


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the Python of the linters' environment."""
    return environment()


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_a_circle_that_only_the_expansion_shows_is_all_that_is_found(
    packaged: Packaged, python: Path, tmp_path: Path
) -> None:
    """The API's own id in the API function's environment: SAM's expansion makes the one depend on the other."""
    application = json.loads(json.dumps(packaged.template))
    handler = application["Resources"]["APIHandler"]["Properties"]
    handler["Environment"]["Variables"]["CTRIP_PUBLIC_URL"] = {"Fn::Sub": "https://${RestAPI}.example"}
    expanded = linters.expand(python, written(tmp_path / "sam.json", application), tmp_path / "expanded.json")
    found = linters.cfn_lint(python, [expanded, written(tmp_path / "data.json", packaged.data)])
    assert any("E3004" in line and "RestAPI" in line for line in found)
    assert not [line for line in found if "E3004" not in line and "W2001" not in line]


def test_parliament_accepts_every_policy(packaged: Packaged, python: Path, tmp_path: Path) -> None:
    """Each role's, and those of who deploys; an action that its resource does not have is found."""
    deployers = [load(path) for path in sorted((ROOT / "infra" / "deploy").glob("*.yaml"))]
    number = policies.write(tmp_path, policies.inline(STAGE, *packaged.expanded.values(), *deployers))
    assert number >= len(packaged.functions)
    assert linters.parliament(python, tmp_path) == []
    wrong = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:s3:::bucket"}
    written(tmp_path / "planted.json", {"Version": "2012-10-17", "Statement": [wrong]})
    (found,) = linters.parliament(python, tmp_path)
    assert "planted" in found


def test_the_baseline_excuses_what_is_there_and_no_more() -> None:
    """By a resource's name, or for all of a type; an excuse that nothing needs is found."""
    baseline = {"C1": {"resources": ["Topic"]}, "C2": {"resources": ["AWS::Lambda::Function"]}}
    one, two = ("C1", "AWS::SNS::Topic.Topic", "x"), ("C2", "AWS::Lambda::Function.Scan", "y")
    assert linters.judged([one, two], baseline) == []
    assert linters.judged([one, two, ("C1", "AWS::SNS::Topic.Other", "x")], baseline) == [
        "checkov: C1 AWS::SNS::Topic.Other: x"
    ]
    assert "nothing needs the excuse" in linters.judged([one], baseline)[0]


def test_every_excuse_has_a_reason() -> None:
    """A sentence of its own."""
    for check, entry in json.loads(linters.BASELINE.read_text()).items():
        assert len(entry["reason"]) > 40, check
        assert entry["resources"], check
