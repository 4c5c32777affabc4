"""Judges IAM policies as AWS would, and compares them with what `infra.emulator.record` saw the functions do."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from infra.emulator.record import NOBODY, RUNNER, UNKNOWN, Recorded, Use
from infra.stack.template import load
from infra.tools.awsenv import ACCOUNT, REGION

LEADING = "dynamodb:LeadingKeys"

# What a policy may allow although no function ever asks for it. Every entry says who does.
NEVER_RECORDED = {
    "logs:CreateLogStream": "Lambda itself writes the log, with the function's role",
    "logs:PutLogEvents": "Lambda itself writes the log, with the function's role",
    "xray:PutTraceSegments": "Lambda itself sends the trace, with the function's role",
    "xray:PutTelemetryRecords": "Lambda itself sends the trace, with the function's role",
}


# (function, action, resource as the policy spells it), or (function, pattern of keys, Sid).
Excuse = tuple[str, str, str]


class Unreadable(ValueError):
    """A policy or a template says something that this module does not understand: it is to be taught."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, its resources as physical ARNs beside the spelling in the file."""

    sid: str
    allow: bool
    actions: tuple[str, ...]
    resources: tuple[tuple[str, str], ...]
    conditions: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def takes(self, use: Use) -> bool:
        """Whether it applies to a use."""
        return (
            any(_like(use.action.lower(), action.lower()) for action in self.actions)
            and any(_like(use.resource, arn) for _, arn in self.resources)
            and all(
                _holds(operator, key, wanted, use.context)
                for operator, keys in self.conditions.items()
                for key, wanted in keys.items()
            )
        )


def allowed(statements: Iterable[Statement], use: Use) -> bool:
    """Whether a policy allows a use: some statement does, and none denies it."""
    taken = [statement.allow for statement in statements if statement.takes(use)]
    return bool(taken) and all(taken)


def _holds(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, Sequence[str]]) -> bool:
    given = context.get(key)
    if operator == "Null":
        return all((given is None) == (each == "true") for each in wanted)
    quantifier, _, plain = operator.rpartition(":")
    compare = {"StringEquals": str.__eq__, "StringLike": _like}.get(plain)
    if compare is None or quantifier not in {"", "ForAllValues", "ForAnyValue"}:
        raise Unreadable(f"the operator {operator}")
    matched = [any(compare(value, each) for each in wanted) for value in given or ()]
    # ForAllValues holds where nothing was given, which is why our statements add Null.
    return all(matched) if quantifier == "ForAllValues" else any(matched)


def _like(text: str, pattern: str) -> bool:
    # IAM knows * and ?, and no brackets.
    return fnmatchcase(text, pattern.replace("[", "[[]"))


# -- reading


@dataclass(frozen=True, slots=True)
class Stack:
    """The stage's physical names, as its templates give them."""

    stage: str
    resources: Mapping[str, Any]

    @classmethod
    def of(cls, stage: str, *templates: Path) -> Stack:
        """Read the templates of a stage's stacks."""
        return cls(stage, {name: body for each in templates for name, body in load(each)["Resources"].items()})

    def arn(self, logical: str) -> str:
        """Return a resource's ARN; keys and secrets, which AWS gives names of its own, get one after the template's."""
        body = self.resources.get(logical)
        if body is None:
            raise Unreadable(f"a policy names {logical}, which is in no template")
        properties = body.get("Properties", {})
        if "FunctionName" in properties:  # Chalice makes it, and the template fixes its name
            return _arn("lambda", f"function:{self.text(properties['FunctionName'])}")
        kind = body.get("Type")
        spelt = {
            "AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"),
            "AWS::SQS::Queue": ("sqs", "", "QueueName"),
            "AWS::SecretsManager::Secret": ("secretsmanager", "secret:", "Name"),
        }
        if kind == "AWS::KMS::Key":
            return _arn("kms", f"key/{logical}")
        if kind not in spelt:
            raise Unreadable(f"the ARN of {logical}, a {kind}")
        service, before, name = spelt[kind]
        return _arn(service, before + self.text(properties[name]))

    def text(self, value: Any) -> str:
        """Resolve an intrinsic."""
        match value:
            case str():
                return value
            case {"Fn::Sub": str(spelling)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._named(found[1]), spelling)
            case {"Fn::GetAtt": [str(logical), "Arn"]}:
                return self.arn(logical)
            case {"Ref": str(name)}:
                return self._named(name)
        raise Unreadable(f"{value}")

    def _named(self, name: str) -> str:
        own = {"Stage": self.stage, "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
        if name in own:
            return own[name]
        logical, _, attribute = name.partition(".")
        body = self.resources.get(logical, {})
        if attribute == "Arn" or (not attribute and body.get("Type") == "AWS::SecretsManager::Secret"):
            return self.arn(logical)
        raise Unreadable(f"${{{name}}}")

    def statements(self, policy: Mapping[str, Any]) -> tuple[Statement, ...]:
        """Read a policy."""
        return tuple(self._statement(each) for each in policy["Statement"])

    def _statement(self, body: Mapping[str, Any]) -> Statement:
        if strange := set(body) - {"Sid", "Effect", "Action", "Resource", "Condition"}:
            raise Unreadable(f"{', '.join(sorted(strange))} in {body}")
        conditions = {
            operator: {key: [self.text(value) for value in _listed(values)] for key, values in keys.items()}
            for operator, keys in body.get("Condition", {}).items()
        }
        resources = tuple((_spelling(each), self.text(each)) for each in _listed(body["Resource"]))
        actions = tuple(_listed(body["Action"]))
        return Statement(body.get("Sid", "(no Sid)"), body["Effect"] == "Allow", actions, resources, conditions)

    def canonical(self, use: Use) -> Use:
        """Name a use's resource as the policies do: an alias stands for its key."""
        for body in self.resources.values():
            if body.get("Type") == "AWS::KMS::Alias":
                alias = _arn("kms", self.text(body["Properties"]["AliasName"]))
                if use.resource == alias:
                    target = body["Properties"]["TargetKeyId"]
                    return replace(use, resource=self.arn(target.get("Ref") or target["Fn::GetAtt"][0]))
        return use

    def implied(self, use: Use) -> Iterator[Use]:
        """What AWS does with the caller's rights to serve a use: Secrets Manager decrypts with the secret's own key."""
        needs = {
            "secretsmanager:GetSecretValue": ("kms:Decrypt",),
            "secretsmanager:PutSecretValue": ("kms:Decrypt", "kms:GenerateDataKey"),
        }
        for body in self.resources.values():
            if body.get("Type") != "AWS::SecretsManager::Secret" or "KmsKeyId" not in body["Properties"]:
                continue
            if use.resource == _arn("secretsmanager", f"secret:{self.text(body['Properties']['Name'])}"):
                key = self.text(body["Properties"]["KmsKeyId"])
                via = {"kms:ViaService": [f"secretsmanager.{REGION}.amazonaws.com"]}
                yield from (Use(action, key, via) for action in needs.get(use.action, ()))

    def spelt(self, arn: str) -> str:
        """Spell an ARN as a policy file would."""
        for logical, body in self.resources.items():
            try:
                own = self.arn(logical)
            except Unreadable:
                continue
            if arn == own or arn.startswith(f"{own}/index/"):
                secret = body.get("Type") == "AWS::SecretsManager::Secret"
                return f"${{{logical}}}" if secret else f"${{{logical}.Arn}}{arn.removeprefix(own)}"
        return arn


def policies(project: Path, stack: Stack) -> dict[str, tuple[Statement, ...]]:
    """Read every function's own policy; a function without one is absent."""
    folder = project / ".chalice"
    functions = json.loads((folder / "config.json").read_text())["lambda_functions"]
    return {
        name: stack.statements(json.loads((folder / settings["iam_policy_file"]).read_text()))
        for name, settings in functions.items()
        if "iam_policy_file" in settings
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _spelling(value: Any) -> str:
    return str(value["Fn::Sub"]) if isinstance(value, dict) and "Fn::Sub" in value else str(value)


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


# -- comparing


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference, and what to do about it."""

    function: str
    do: str
    what: str

    def __str__(self) -> str:
        return f"  {self.do:<6} {self.what}"


def compare(
    functions: Iterable[str],
    policy_of: Mapping[str, tuple[Statement, ...]],
    record: Iterable[Recorded],
    stack: Stack,
    excused: Mapping[Excuse, str] | None = None,
    raced: Mapping[Excuse, str] | None = None,
) -> list[Finding]:
    """Say what to add to which policy, and what to remove from it, so that each allows what was seen and no more.

    `excused` names what may stay in a policy without having been seen, and why; an excuse without need is found too.
    `raced` names what is needed only where two writers meet: seen in some runs, and to stay in a policy either way.
    """
    known = dict(excused or {})
    may = {*known, *(raced or {})}
    seen: dict[str, dict[str, Recorded]] = defaultdict(dict)
    for each in record:
        use = stack.canonical(each.use)
        for needed in (use, *stack.implied(use)):
            seen[each.function].setdefault(repr(needed), replace(each, use=needed))
    seen.pop(RUNNER, None)
    found: list[Finding] = []
    for name in sorted({*functions, *policy_of, *seen}):
        if name == NOBODY:
            found += [
                Finding(name, "trace", f"{_asked(each.use, stack)}: no function made this call, in thread {each.where}")
                for each in seen[name].values()
            ]
        elif name not in policy_of:
            found.append(Finding(name, "add", "an iam_policy_file of its own to .chalice/config.json"))
        elif name not in functions:
            found.append(Finding(name, "remove", "its entry in .chalice/config.json: app.py has no such function"))
        else:
            found += _missing(name, policy_of[name], seen[name].values(), stack)
            for excuse, finding in _unused(name, policy_of[name], [each.use for each in seen[name].values()]):
                known.pop(excuse, None)
                if excuse not in may:
                    found.append(finding)
    found += [
        Finding(name, "forget", f"the race for {action} on {where}: it is not in the policy")
        for name, action, where in raced or {}
        if not any(
            action in each.actions and where in {spelt for spelt, _ in each.resources}
            for each in policy_of.get(name, ())
        )
    ]
    return found + [
        Finding(name, "forget", f"the excuse for {what} of {where}: it was seen, or is not in the policy")
        for name, what, where in known
    ]


def report(found: Iterable[Finding]) -> str:
    """Spell findings for whoever has to change the policies."""
    by_function: dict[str, list[Finding]] = defaultdict(list)
    for each in found:
        by_function[each.function].append(each)
    lines = []
    for name, findings in by_function.items():
        lines += [f".chalice/policy-{name}.json", *sorted(map(str, findings))]
    return "\n".join(lines)


def _missing(name: str, statements: tuple[Statement, ...], seen: Iterable[Recorded], stack: Stack) -> Iterator[Finding]:
    for each in seen:
        if UNKNOWN in str(each.use):
            yield Finding(name, "teach", f"infra/emulator/record.py what this call needs: {each.use} ({each.where})")
        elif not allowed(statements, each.use):
            yield Finding(name, "add", f"{_asked(each.use, stack)}  ({each.where})")


def _unused(name: str, statements: tuple[Statement, ...], seen: Sequence[Use]) -> Iterator[tuple[Excuse, Finding]]:
    for each in statements:
        if not each.allow:
            continue
        for action in each.actions:
            if "*" in action:
                yield (name, action, each.sid), Finding(name, "name", f"{action} of {each.sid}: every action by itself")
            elif action not in NEVER_RECORDED:
                for resource in each.resources:
                    one = replace(each, actions=(action,), resources=(resource,))
                    if not any(one.takes(use) for use in seen):
                        what = f"{action} on {resource[0]}  (Sid {each.sid}): nobody asked for it"
                        yield (name, action, resource[0]), Finding(name, "remove", what)
        taken = [key for use in seen if each.takes(use) for key in use.context.get(LEADING, ())]
        patterns = [
            p for operator, keys in each.conditions.items() if operator != "Null" for p in keys.get(LEADING, ())
        ]
        for pattern in patterns:
            if taken and not any(_like(key, pattern) for key in taken):
                what = f"the keys {pattern}  (Sid {each.sid}): nobody asked for them"
                yield (name, pattern, each.sid), Finding(name, "remove", what)


def _asked(use: Use, stack: Stack) -> str:
    shown = {key.split(":", 1)[1]: values for key, values in use.context.items()}
    conditions = "".join(f", {key} {' '.join(values)}" for key, values in shown.items())
    return f"{use.action} on {stack.spelt(use.resource)}{conditions}"
