"""One CloudFormation stack: what state it is in, and its changes, shown before they are made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.aws import Aws, code, first_line
from infra.tools.errors import Failed, Refused

NEW = frozenset({"", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"})
# A first deployment that failed: such a stack can only be deleted.
BROKEN = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_NOTHING = ("didn't contain changes", "No updates are to be performed")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
PAUSE = 2.0
LIMIT = 3600.0


@dataclass(frozen=True, slots=True)
class Change:
    """What would happen to one resource."""

    action: str
    logical: str
    kind: str
    replacement: str

    def __str__(self) -> str:
        replaced = {"True": "  REPLACED", "Conditional": "  perhaps replaced"}.get(self.replacement, "")
        return f"  {self.action:<7} {self.logical:<28} {self.kind}{replaced}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that CloudFormation has worked out."""

    id: str
    changes: tuple[Change, ...]


class Stack:
    """A stack by its name."""

    def __init__(self, aws: Aws, name: str, execution_role: str = "") -> None:
        self.name = name
        self.cloudformation = aws.client("cloudformation")
        self._role = {"RoleARN": execution_role} if execution_role else {}

    def described(self) -> dict[str, Any]:
        """Describe it; empty where there is none."""
        try:
            return dict(self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0])
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise

    def status(self) -> str:
        """Return its status; empty where there is none."""
        return str(self.described().get("StackStatus", ""))

    def parameters(self) -> dict[str, str]:
        """Return the values that it was deployed with."""
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.described().get("Parameters", [])}

    def output(self, name: str) -> str:
        """Return an output's value; empty where there is none."""
        outputs = self.described().get("Outputs", [])
        return next((str(each["OutputValue"]) for each in outputs if each["OutputKey"] == name), "")

    def template(self) -> dict[str, Any]:
        """Return the template that it was deployed with; empty where there is none."""
        if self.status() in NEW:
            return {}
        body = self.cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        return dict(json.loads(body) if isinstance(body, str) else body)

    def has(self, template: dict[str, Any], parameters: list[dict[str, Any]]) -> bool:
        """Whether it was deployed with this very template and these parameters."""
        current = self.parameters()
        same = all(each.get("ParameterValue") in {None, current.get(each["ParameterKey"])} for each in parameters)
        return same and self.template() == template

    def resources(self) -> list[tuple[str, str, str]]:
        """List what it holds: logical id, type, physical id."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [
            (each["LogicalResourceId"], each["ResourceType"], each.get("PhysicalResourceId", ""))
            for page in pages
            for each in page["StackResourceSummaries"]
            if each["ResourceStatus"] != "DELETE_COMPLETE" and each.get("PhysicalResourceId")
        ]

    def change_set(self, template: dict[str, Any], url: str, parameters: list[dict[str, Any]]) -> ChangeSet | None:
        """Have CloudFormation work out what the template, which is at the address, changes; None: nothing."""
        new = self.status() in NEW
        if not new and self.has(template, parameters):
            return None
        try:
            made = self.cloudformation.create_change_set(
                StackName=self.name,
                ChangeSetName=f"ctrip-{time.time_ns()}",
                ChangeSetType="CREATE" if new else "UPDATE",
                TemplateURL=url,
                Parameters=parameters,
                Capabilities=_CAPABILITIES,
                **self._role,
            )
        except ClientError as error:
            raise Refused(f"{self.name}: {first_line(error)}") from error
        described = self._worked_out(made["Id"])
        if described["Status"] != "FAILED":
            return ChangeSet(made["Id"], tuple(self._changes(made["Id"])))
        self.discard(made["Id"])
        reason = described.get("StatusReason", "")
        if any(each in reason for each in _NOTHING):
            return None
        raise Failed(f"{self.name}: CloudFormation cannot work out the changes: {reason}")

    def execute(self, changes: ChangeSet, say: Callable[[str], None]) -> None:
        """Make the changes, and wait until they are made; raises `Failed` with CloudFormation's reasons."""
        begun = self._latest_event()
        self.cloudformation.execute_change_set(ChangeSetName=changes.id, StackName=self.name)
        status = self._settled_since(begun)
        if status not in _GOOD:
            raise Failed("\n".join([f"{self.name} is at {status}", *self._reasons(begun)]))
        say(f"{self.name}: {status}")

    def discard(self, change_set: str) -> None:
        """Delete a change set, and the empty stack that was begun for it."""
        self.cloudformation.delete_change_set(ChangeSetName=change_set, StackName=self.name)
        if self.status() == "REVIEW_IN_PROGRESS":
            try:
                self.cloudformation.delete_stack(StackName=self.name)
            except ClientError as error:
                # Whoever may only plan deletes nothing; an empty stack in review is in nobody's way.
                if code(error) != "AccessDenied":
                    raise

    def delete(self) -> None:
        """Delete the stack, and wait until it is gone."""
        begun = self._latest_event()
        self.cloudformation.delete_stack(StackName=self.name, **self._role)
        if (status := self._settled_since(begun)) not in NEW - {"REVIEW_IN_PROGRESS"}:
            raise Failed("\n".join([f"{self.name} could not be deleted: {status}", *self._reasons(begun)]))

    def _settled_since(self, begun: str) -> str:
        """Wait until the stack itself has come to an end after an event, and return its status."""

        def done(status: str) -> bool:
            if status in {"", "DELETE_COMPLETE"}:
                return True
            # For a moment the status may still be the one before.
            ended = [each for each in self._since(begun) if each["LogicalResourceId"] == self.name]
            return not status.endswith("_IN_PROGRESS") and any(
                not each["ResourceStatus"].endswith("_IN_PROGRESS") for each in ended
            )

        return str(_awaited(self.status, done, self.name))

    def _worked_out(self, change_set: str) -> dict[str, Any]:
        def asked() -> Any:
            return self.cloudformation.describe_change_set(ChangeSetName=change_set, StackName=self.name)

        described = _awaited(asked, lambda now: now["Status"] in {"CREATE_COMPLETE", "FAILED"}, self.name)
        return dict(described)

    def _changes(self, change_set: str) -> Iterator[Change]:
        token: dict[str, str] = {}
        while True:
            page = self.cloudformation.describe_change_set(ChangeSetName=change_set, StackName=self.name, **token)
            for each in page.get("Changes", []):
                change = each["ResourceChange"]
                yield Change(
                    change["Action"],
                    change["LogicalResourceId"],
                    change["ResourceType"],
                    str(change.get("Replacement", "")),
                )
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _events(self) -> list[dict[str, Any]]:
        try:
            return list(self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"])
        except ClientError:
            return []  # it is gone, and its events with it

    def _since(self, begun: str) -> list[dict[str, Any]]:
        """List the events after one, newest first."""
        return list(takewhile(lambda each: each["EventId"] != begun, self._events()))

    def _latest_event(self) -> str:
        return next((str(each["EventId"]) for each in self._events()), "")

    def _reasons(self, begun: str) -> list[str]:
        """Say what failed since an event, the first failure first."""
        return [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(self._since(begun))
            if "FAILED" in event.get("ResourceStatus", "")
        ]


def _awaited(ask: Callable[[], Any], done: Callable[[Any], bool], name: str) -> Any:
    deadline = time.monotonic() + LIMIT
    while not done(now := ask()):
        if time.monotonic() > deadline:
            raise Failed(f"{name}: CloudFormation is still at work after an hour; look at it in the console.")
        time.sleep(PAUSE)
    return now
