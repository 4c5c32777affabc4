"""Policies are judged as AWS would, and compared with a record so that the answer says what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ctrip.store.smoke import TRANSACTIONS
from infra.emulator.record import NOBODY, RUNNER, UNKNOWN, Recorded, Use
from infra.tools.process import ROOT
from tests.support.policies import Excuse, Stack, Unreadable, allowed, compare, policies, report

KEYS = "dynamodb:LeadingKeys"
PAYMENTS = "arn:aws:dynamodb:us-east-1:000000000000:table/ctrip-local-payments"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/ctrip-local-things"
TEMPLATE = """
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "ctrip-${Stage}-things"}
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "ctrip-${Stage}-jobs"}
  Key:
    Type: AWS::KMS::Key
    Properties: {}
  Alias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: !Sub "alias/ctrip-${Stage}-key", TargetKeyId: !Ref Key}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: !Sub "ctrip/${Stage}/secret", KmsKeyId: !GetAtt Key.Arn}
  Worker:
    Properties: {FunctionName: !Sub "ctrip-${Stage}-worker"}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return Stack.of("local", path)


def policy(stack: Stack, *statements: dict[str, Any]) -> Any:
    given = [{"Sid": f"S{place}", "Effect": "Allow", **each} for place, each in enumerate(statements)]
    return stack.statements({"Statement": given})


def keyed(*patterns: str) -> dict[str, Any]:
    return {"ForAllValues:StringLike": {KEYS: list(patterns)}, "Null": {KEYS: "false"}}


def things(action: str, *keys: str) -> Use:
    return Use(f"dynamodb:{action}", TABLE, {KEYS: list(keys)} if keys else {})


def seen(*all_uses: Use, function: str = "worker") -> list[Recorded]:
    return [Recorded(function, use, "store/x.py:1") for use in all_uses]


ON_THINGS = {"Resource": {"Fn::Sub": "${Things.Arn}"}}


@pytest.mark.parametrize(
    ("use", "holds"),
    [
        (things("GetItem", "G#*"), True),
        (things("GetItem", "G#*", "M"), True),
        (things("GetItem", "G#*", "P#*"), False),  # ForAllValues: each of them
        (things("GetItem", "M2"), False),
        (things("Scan"), False),  # Null: no key, no right
        (things("PutItem", "G#*"), False),
        (Use("dynamodb:GetItem", f"{TABLE}/index/list", {KEYS: ["G#*"]}), False),
        (Use("dynamodb:GetItem", f"{TABLE}2", {KEYS: ["G#*"]}), False),
    ],
)
def test_leading_keys(stack: Stack, use: Use, holds: bool) -> None:
    """A statement applies to its actions, its resource and its keys, all at once."""
    statements = policy(
        stack, {"Action": ["dynamodb:GetItem", "dynamodb:Scan"], "Condition": keyed("G#*", "M"), **ON_THINGS}
    )
    assert allowed(statements, use) is holds


def test_a_denial_wins(stack: Stack) -> None:
    """What one statement denies no other allows."""
    allow = {"Action": "dynamodb:*", **ON_THINGS}
    deny = {"Effect": "Deny", "Action": ["dynamodb:DeleteItem"], **ON_THINGS}
    statements = policy(stack, allow, deny)
    assert allowed(statements, things("GetItem", "x"))
    assert not allowed(statements, things("DeleteItem", "x"))


@pytest.mark.parametrize(
    "strange",
    [
        {"Action": "a:b", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {"NotAction": "a:b", "Action": "a:c", "Resource": "*"},
        {"Action": "a:b", "Resource": {"Fn::Sub": "${Nowhere.Arn}"}},
        {"Action": "a:b", "Resource": {"Fn::Sub": "${Things}"}},
    ],
)
def test_what_is_not_understood_is_an_error(stack: Stack, strange: dict[str, Any]) -> None:
    """A policy is never taken for more or less than it says."""
    with pytest.raises(Unreadable):
        allowed(policy(stack, strange), Use("a:b", "x", {"aws:SourceIp": ["10.0.0.1"]}))


WHOLE = [
    {"Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Condition": keyed("G#*", "M"), **ON_THINGS},
    {"Action": ["sqs:SendMessage"], "Resource": [{"Fn::Sub": "${Jobs.Arn}"}]},
    {"Action": ["secretsmanager:GetSecretValue"], "Resource": {"Fn::Sub": "${Secret}"}},
    {
        "Action": ["kms:Decrypt"],
        "Resource": {"Fn::Sub": "${Key.Arn}"},
        "Condition": {
            "StringEquals": {"kms:ViaService": {"Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com"}}
        },
    },
    {"Action": ["logs:PutLogEvents"], "Resource": "*"},
]  # fmt: skip
RECORD = [
    things("GetItem", "G#*"),
    things("PutItem", "M"),
    Use("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:ctrip-local-jobs"),
    Use("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:000000000000:secret:ctrip/local/secret"),
]


def findings(
    stack: Stack,
    statements: list[dict[str, Any]],
    *uses: Use,
    excused: dict[Excuse, str] | None = None,
    raced: dict[Excuse, str] | None = None,
) -> str:
    return report(compare(["worker"], {"worker": policy(stack, *statements)}, seen(*uses), stack, excused, raced))


def test_equal_is_equal(stack: Stack) -> None:
    """Nothing is found where each says what the other does; Lambda's logging needs no record, the runner no policy."""
    assert findings(stack, WHOLE, *RECORD) == ""
    assert compare([], {}, seen(things("GetItem"), function=RUNNER), stack) == []


def test_what_is_missing_is_named(stack: Stack) -> None:
    """A use that no statement takes is to be added, spelt as the policy would, with the place that needs it."""
    for place, each in enumerate(WHOLE[:3]):
        for action in each["Action"]:
            less = [dict(every) for every in WHOLE]
            less[place]["Action"] = [other for other in each["Action"] if other != action]
            assert f"  add    {action} on " in findings(stack, less, *RECORD)
    text = findings(stack, WHOLE, *RECORD, things("GetItem", "P#*"))
    assert text == (
        ".chalice/policy-worker.json\n  add    dynamodb:GetItem on ${Things.Arn}, LeadingKeys P#*  (store/x.py:1)"
    )


def test_decrypting_for_a_secret_is_the_callers_right(stack: Stack) -> None:
    """Reading a secret under a key of ours needs the key too, through Secrets Manager alone."""
    assert "add    kms:Decrypt on ${Key.Arn}, ViaService secretsmanager" in findings(stack, WHOLE[:3], *RECORD)
    direct = Use("kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:alias/ctrip-local-key")
    assert "add    kms:Decrypt on ${Key.Arn}  (store" in findings(stack, WHOLE, *RECORD, direct)


def test_what_is_too_much_is_named(stack: Stack) -> None:
    """An action, a resource or a pattern of keys that nothing used is to be removed."""
    for place, each in enumerate(WHOLE[:3]):
        more = [dict(every) for every in WHOLE]
        more[place]["Action"] = [*each["Action"], "sqs:PurgeQueue"]
        assert "  remove sqs:PurgeQueue on ${" in findings(stack, more, *RECORD)
    more = [*WHOLE, {"Action": ["sqs:SendMessage"], "Resource": {"Fn::Sub": "${Worker.Arn}"}}]
    assert "remove sqs:SendMessage on ${Worker.Arn}  (Sid S5)" in findings(stack, more, *RECORD)
    wide = [WHOLE[0] | {"Condition": keyed("G#*", "M", "KEY#*")}, *WHOLE[1:]]
    assert "remove the keys KEY#*  (Sid S0)" in findings(stack, wide, *RECORD)
    assert "name   sqs:*" in findings(stack, [*WHOLE, {"Action": "sqs:*", "Resource": "*"}], *RECORD)


def test_an_excuse_counts_while_it_is_needed(stack: Stack) -> None:
    """What is excused may stay; an excuse for what was seen, or is not allowed, is found itself."""
    excuse: Excuse = ("worker", "sqs:PurgeQueue", "${Jobs.Arn}")
    more = [*WHOLE, {"Action": ["sqs:PurgeQueue"], "Resource": {"Fn::Sub": "${Jobs.Arn}"}}]
    assert findings(stack, more, *RECORD, excused={excuse: "because"}) == ""
    assert "forget the excuse" in findings(stack, WHOLE, *RECORD, excused={excuse: "because"})


def test_what_a_race_needs_may_be_seen_or_not(stack: Stack) -> None:
    """It stays in the policy whether a run met the race or none did; one that no policy allows is forgotten."""
    race: Excuse = ("worker", "dynamodb:DeleteItem", "${Things.Arn}")
    more = [{**WHOLE[0], "Action": [*WHOLE[0]["Action"], "dynamodb:DeleteItem"]}, *WHOLE[1:]]
    met = things("DeleteItem", "M")
    assert findings(stack, more, *RECORD, raced={race: "because"}) == ""
    assert findings(stack, more, *RECORD, met, raced={race: "because"}) == ""
    assert "forget the race" in findings(stack, WHOLE, *RECORD, raced={race: "because"})
    assert "add    dynamodb:DeleteItem" in findings(stack, WHOLE, *RECORD, met)


def test_nobodys_calls_and_unknown_ones_fail(stack: Stack) -> None:
    """A call without a function, one that the recorder cannot read, a missing policy: none is passed over."""
    lost = report(compare(["worker"], {"worker": ()}, seen(things("GetItem", "x"), function=NOBODY), stack))
    assert "trace" in lost
    assert "teach" in findings(stack, [], Use("sns:Publish", UNKNOWN))
    assert "an iam_policy_file of its own" in report(compare(["worker"], {}, [], stack))
    assert "no such function" in report(compare([], {"worker": ()}, [], stack))


def test_who_commits_payments_may_read_whether_a_commit_was_done_after_its_answer_was_lost() -> None:
    """No emulator loses an answer, so that no record of what functions do would show that read."""
    of = policies(ROOT, Stack.of("local", ROOT / "data.yaml", ROOT / "template.yaml"))
    read = Use("dynamodb:GetItem", PAYMENTS, {KEYS: ["P#*"]})
    committing = {name for name, every in TRANSACTIONS.items() if any("Put payments P#" in each for each in every)}
    assert {"tick", "scan", "settle", "sweep"} <= committing
    assert [name for name in sorted(committing) if not allowed(of[name], read)] == []
