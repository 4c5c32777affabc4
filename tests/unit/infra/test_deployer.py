"""Who may deploy: GitHub's workflow and the roles that it takes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from infra.lint.policies import inline
from infra.stack.template import load
from infra.tools.process import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATE = load(ROOT / "infra" / "deploy" / "deployer.yaml")
POLICIES = dict(inline("dev", TEMPLATE))
ACCOUNT = "eu-central-1:123456789012"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def granted(*names: str) -> dict[str, list[str]]:
    """Return the resources of each allowed action."""
    found: dict[str, list[str]] = {}
    for name in names:
        for statement in POLICIES[name]["Statement"]:
            if statement["Effect"] == "Allow":
                for action in listed(statement["Action"]):
                    found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


def jobs(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit(path: Any) -> None:
    """A tag can be moved, and what it then runs has our credentials."""
    used = re.findall(r"uses: (\S+)", path.read_text())
    assert used
    assert not [each for each in used if not re.fullmatch(r"(\./\S+|[\w./-]+@[0-9a-f]{40})", each)]


def test_what_the_workflows_need_of_github_is_in_the_guide() -> None:
    """Each variable and secret, both environments, and the outputs of the stack that the variables are set to."""
    page = (ROOT / "docs" / "deploy.md").read_text().split("## What deploys it")[1]
    needed = {each for path in WORKFLOWS for each in re.findall(r"\b(?:vars|secrets)\.(\w+)", path.read_text())}
    assert needed >= {"AWS_ROLE", "AWS_STACK_ROLE", "AWS_REGION", "SMOKE_API_KEY"}
    environments = {"<stage>", "<stage>-changes"}
    assert {each for each in needed | environments | set(TEMPLATE["Outputs"]) if f"`{each}`" not in page} == set()


def test_a_stage_is_deployed_after_check_package_changes_and_approval() -> None:
    """In this order; the changes are shown by a role that cannot make them, and one package is shown and deployed."""
    deploy = jobs("deploy")
    order = ["check", "package", "changes", "deploy"]
    assert list(deploy) == order
    for before, after in pairwise(order):
        assert deploy[after]["needs"] == before
    assert (deploy["changes"]["environment"], deploy["deploy"]["environment"]) == (
        *("${{ inputs.stage }}-changes", "${{ inputs.stage }}"),
    )
    ran = {name: [step["run"] for step in deploy[name]["steps"] if "run" in step] for name in order[1:]}
    assert ran == {
        "package": ["make package OUT=package"],
        "changes": ["make deploy PACKAGE=package PLAN=1"],
        "deploy": ["make deploy PACKAGE=package APPROVE=1"],
    }


def test_credentials_are_only_where_they_are_used() -> None:
    """Short-lived ones, for the two jobs that need them; whatever else the workflows may do is to read the code."""
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path.name
        for name, job in workflow["jobs"].items():
            wanted = {"contents": "read", "id-token": "write"} if name in {"changes", "deploy"} else None
            assert job.get("permissions") == wanted, name
        assert "AWS_ACCESS_KEY" not in path.read_text()


@pytest.mark.parametrize(("role", "environment"), [("Deployer", "dev"), ("Planner", "dev-changes")])
def test_a_role_is_taken_from_its_environment_alone(role: str, environment: str) -> None:
    (statement,) = TEMPLATE["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    (operator,) = statement["Condition"]
    assert operator == "StringEquals"
    subject = statement["Condition"][operator]["token.actions.githubusercontent.com:sub"]["Fn::Sub"]
    assert subject.replace("${Stage}", "dev") == f"repo:${{Repository}}:environment:{environment}"
    assert statement["Condition"][operator]["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"


def test_the_deployer_changes_its_own_stacks_alone() -> None:
    stacks = [f"arn:aws:cloudformation:{ACCOUNT}:stack/ctrip-dev{part}/*" for part in ("", "-data")]
    transform = "arn:aws:cloudformation:eu-central-1:*:transform/Serverless-2016-10-31"
    found = {action: where for action, where in granted("Deployer-deploy").items() if "cloudformation" in action}
    assert "cloudformation:ExecuteChangeSet" in found
    assert all(where == [*stacks, transform] for where in found.values())


def test_roles_are_passed_to_whom_they_are_made_for() -> None:
    """The stage's own alone: to CloudFormation by who deploys, to Lambda and API Gateway by CloudFormation."""
    passed = {
        name: (each["Resource"], each["Condition"]["StringEquals"]["iam:PassedToService"])
        for name, policy in POLICIES.items()
        for each in policy["Statement"]
        if "iam:PassRole" in listed(each["Action"])
    }
    own = "arn:aws:iam::123456789012:role/ctrip-dev-cloudformation"
    assert passed == {
        "Deployer-deploy": (own, "cloudformation.amazonaws.com"),
        "Planner-plan": (own, "cloudformation.amazonaws.com"),
        "StackRole-stacks": (
            "arn:aws:iam::123456789012:role/ctrip-dev-*",
            ["lambda.amazonaws.com", "apigateway.amazonaws.com"],
        ),
    }


def test_who_plans_makes_no_change() -> None:
    """Nor writes what is deployed, or reads what is stored."""
    found = granted("Planner-plan", "Look-look")
    verbs = {action.split(":")[1] for action in found}
    assert not {"ExecuteChangeSet", "DeleteStack", "InvokeFunction", "Scan"} & verbs
    (where,) = found["s3:PutObject"]
    assert where.endswith("/plans/*")


def test_nobody_who_deploys_reads_secrets_or_items() -> None:
    """Nor decrypts; nor may the stage's role change itself or who deploys."""
    found = granted(*POLICIES)
    assert not [
        action
        for action in found
        if re.match(r"(kms:(Decrypt|Re|Generate)|secretsmanager:(Get|Put)|dynamodb:(Get|Query|Scan|Batch|Put))", action)
    ]
    (denied,) = [each for each in POLICIES["StackRole-stacks"]["Statement"] if each["Effect"] == "Deny"]
    assert denied["Action"] == "iam:*"
    roles = {body["Properties"]["RoleName"]["Fn::Sub"].replace("${Stage}", "dev") for body in ROLES}
    assert {each.rsplit("/", 1)[1] for each in denied["Resource"]} == roles


ROLES = [body for body in TEMPLATE["Resources"].values() if body["Type"] == "AWS::IAM::Role"]
