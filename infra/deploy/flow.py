"""Deploying and rolling back, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.deploy import backup, leftovers, parameters, release
from infra.deploy import bucket as buckets
from infra.deploy.approval import Approve
from infra.deploy.aws import Aws
from infra.deploy.bucket import Bucket
from infra.deploy.stack import BROKEN, NEW, ChangeSet, Stack
from infra.tools.errors import Refused

# Of data.yaml: losing one of them may lose money.
PRECIOUS = frozenset({"AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key"})


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stage of an account, with whoever approves and listens."""

    aws: Aws
    stage: str
    approve: Approve
    say: Callable[[str], None]
    given: Mapping[str, str] = field(default_factory=dict)
    execution_role: str = ""
    # Changes are shown, and none is made.
    plan: bool = False

    @property
    def data(self) -> Stack:
        """The stack of what must outlive the application."""
        return Stack(self.aws, f"ctrip-{self.stage}-data", self.execution_role)

    @property
    def application(self) -> Stack:
        """The stack of the functions and the API."""
        return Stack(self.aws, f"ctrip-{self.stage}", self.execution_role)

    def run(self, package: release.Package, *, application: bool = True) -> bool:
        """Deploy a package; return whether anything changed."""
        parameters.check_known(self.given, package.data, package.application)
        if application:
            current = self.application.parameters()
            given = self._with_backup(package.application, current)
            parameters.check_settings(package.application, self.stage, current, given)
        bucket = self._bucket()
        changed = self._run_data(package.data, bucket)
        if not application:
            return changed
        if self.plan and self.data.status() in NEW:
            self.say(f"{self.application.name}: its changes can be worked out once {self.data.name} is there")
            return changed
        archive = buckets.archive_key(package.archive)
        if not self.plan:
            bucket.put_file(archive, package.archive)
        template, name = release.placed(package.application, bucket.name, archive)
        made = self._run_application(template, bucket)
        # Also where nothing changed: the note may be missing, as after a deployment that was interrupted.
        if not self.plan and (made or not _noted(bucket, name)):
            bucket.record(name, bucket.put_template(template))
        return changed or made

    def roll_back(self) -> str:
        """Deploy the application's release before again, with the parameters of today; return its id."""
        current = release.of(self.application.template())
        if not current:
            raise Refused(
                f"{self.application.name} is not deployed, or not by make deploy: there is nothing to go back from."
            )
        bucket = self._bucket()
        target = buckets.before(bucket.releases(), current)
        if target is None:
            raise Refused(f"{bucket.name} has no release before {current}.")
        self.say(f"going back from {current} to {target.id}, deployed at {target.at}")
        self._run_application(bucket.template(target.template), bucket)
        return target.id

    def _bucket(self) -> Bucket:
        bucket, made = buckets.made_or_taken(self.aws, self.stage, "plans/" if self.plan else "")
        self.say(f"artifacts: {bucket.name}{' (made)' if made else ''}")
        return bucket

    def _run_data(self, template: dict[str, Any], bucket: Bucket) -> bool:
        stack = self.data
        self._make_way(stack, template)
        new = stack.status() in NEW
        current = stack.parameters() if not new else {}
        given = _of(self.given, template) | self._logs_role(current)
        # Protected by a second step: a first deployment that fails must be able to delete what it made.
        given["DeletionProtection"] = "false" if new else "true"
        changed = self._change(stack, bucket, template, parameters.chosen(template, current, given), precious=True)
        if new and changed and not self.plan:
            self.say(f"{stack.name}: protecting the tables from deletion")
            chosen = parameters.chosen(template, stack.parameters(), {"DeletionProtection": "true"})
            if protecting := stack.change_set(template, bucket.url(bucket.put_template(template)), chosen):
                stack.execute(protecting, self.say)
        return changed

    def _run_application(self, template: dict[str, Any], bucket: Bucket) -> bool:
        stack = self.application
        self._make_way(stack, template)
        current = stack.parameters() if stack.status() not in NEW else {}
        chosen = parameters.chosen(template, current, _of(self._with_backup(template, current), template))
        return self._change(stack, bucket, template, chosen)

    def _with_backup(self, template: Mapping[str, Any], current: Mapping[str, str]) -> dict[str, str]:
        """Add the day on which the backup of the stage's wallet was read back: main networks wait for it."""
        key = parameters.value("VerifyingKey", template, current, self.given)
        return {**self.given, "BackupVerified": backup.day(self.aws, self.stage, key)}

    def _change(
        self,
        stack: Stack,
        bucket: Bucket,
        template: dict[str, Any],
        chosen: list[dict[str, Any]],
        *,
        precious: bool = False,
    ) -> bool:
        """Show the changes and, if they are approved, make them; return whether there were any."""
        changes = stack.change_set(template, bucket.url(bucket.put_template(template)), chosen)
        if changes is None:
            self.say(f"{stack.name}: no changes")
            return False
        try:
            self._show(stack, changes, chosen)
            if precious:
                _refuse_losses(changes)
            if not self.plan:
                self.approve(f"Make these changes of {stack.name}?")
        except BaseException:
            stack.discard(changes.id)
            raise
        if self.plan:
            stack.discard(changes.id)
        else:
            stack.execute(changes, self.say)
        return True

    def _show(self, stack: Stack, changes: ChangeSet, chosen: list[dict[str, Any]]) -> None:
        self.say(f"{stack.name}: {len(changes.changes)} changes")
        current = stack.parameters()
        for given in chosen:
            name, value = given["ParameterKey"], given.get("ParameterValue")
            if value is not None and value != current.get(name):
                self.say(f"  Set     {name} = {value}")
        for each in changes.changes:
            self.say(str(each))

    def _make_way(self, stack: Stack, template: dict[str, Any]) -> None:
        """Refuse a stack that cannot be changed now, and clear away what a first deployment that failed has left."""
        status = stack.status()
        if status.endswith("_IN_PROGRESS") and status not in NEW:
            raise Refused(f"{stack.name} is at {status}: somebody deploys it; try again when that is done.")
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Refused(f"{stack.name} is at {status}: aws cloudformation continue-update-rollback mends it.")
        if status in BROKEN or status in NEW:
            self._clear(stack, status if status in BROKEN else "", template)

    def _clear(self, stack: Stack, broken: str, template: dict[str, Any]) -> None:
        found = leftovers.find(self.aws, template, self.stage)
        if not broken and not found:
            return
        self.say(f"{stack.name} {f'is at {broken}' if broken else 'is not there'}; left over:")
        others = _others(stack, found) if broken else []
        for line in [*map(str, found), *others] or ["  nothing"]:
            self.say(line)
        if self.plan:
            raise Refused(f"the left-overs of {stack.name} are in the way; make deploy removes the empty ones.")
        full = [each for each in found if each.holds]
        self.approve("Remove the empty ones?" if full or not broken else "Remove all of it, and the stack?")
        if broken and not full:
            stack.delete()
        # Deleting a stack keeps what is to be retained.
        remaining = leftovers.find(self.aws, template, self.stage)
        leftovers.remove(self.aws, remaining, self.say)
        if full:
            names = ", ".join(each.name for each in full)
            raise Refused(
                f"{names} is not empty, and is never removed here: save what it holds, then remove it by hand."
            )

    def _logs_role(self, current: Mapping[str, str]) -> dict[str, str]:
        """Have the account given a role for API Gateway's logs where it has none: a stage with access logs needs it."""
        if current.get("ApiLogsRole") == "make" or "ApiLogsRole" in self.given:
            return {}
        there = self.aws.client("apigateway").get_account().get("cloudwatchRoleArn")
        return {"ApiLogsRole": "keep" if there else "make"}


def _of(given: Mapping[str, str], template: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name in template["Parameters"]}


def _noted(bucket: Bucket, name: str) -> bool:
    return any(each.id == name for each in bucket.releases())


def _others(stack: Stack, found: list[leftovers.LeftOver]) -> list[str]:
    """Name what else the broken stack has: functions, roles, rules, which hold nothing."""
    named = {each.name for each in found}
    return [
        f"  {kind} {logical} ({physical})"
        for logical, kind, physical in stack.resources()
        if not any(physical.endswith(name) or name in physical for name in named)
    ]


def _refuse_losses(changes: ChangeSet) -> None:
    lost = [
        each.logical
        for each in changes.changes
        if each.kind in PRECIOUS and (each.action == "Remove" or each.replacement == "True")
    ]
    if lost:
        raise Refused(f"{', '.join(lost)} would be removed or replaced: what it holds would be lost to the stage.")
