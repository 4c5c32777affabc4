"""Each function's policy allows what it did in all the other tests, and nothing else (threat 20).

The emulators enforce no IAM: a forgotten action would first fail in production. This module runs last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chalice.app import Chalice

from infra.emulator import record
from infra.emulator.functions import API
from infra.emulator.record import Recorded
from infra.tools.process import ROOT
from tests.e2e.conftest import RECORD
from tests.e2e.stack import eventually
from tests.support.policies import NEVER_RECORDED, Excuse, Finding, Stack, Statement, compare, policies, report

KMS_KEYS = "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"
# What a policy allows although these tests never need it: (function, action, resource or Sid), and why it stays.
EXCUSED: dict[Excuse, str] = {
    ("scan", "dynamodb:GetItem", "${MoneyTable.Arn}"): "read when a reorganisation takes an own transaction back",
    ("scan", "dynamodb:ConditionCheckItem", "${PaymentsTable.Arn}"): "an expired payment with an order comes to life",
    ("scan", "dynamodb:PutItem", "${AccessTable.Arn}"): "a page of 500 addresses is kept; these tests give out fewer",
    ("scan", "dynamodb:Query", "${MoneyTable.Arn}"): "a batch skips a member; in these tests none does",
    ("sweep", "dynamodb:ConditionCheckItem", "${MoneyTable.Arn}"): "a batch of a hundred payments or more",
    ("scan", "sqs:SendMessage", "${ScanFailures.Arn}"): "Lambda itself leaves there what failed, with the role",
    ("reconcile", "dynamodb:PutItem", "${MoneyTable.Arn}"): "sums are kept of entries that are older than these tests",
    ("settle", "dynamodb:PutItem", "${MoneyTable.Arn}"): "sums are kept of entries that are older than these tests",
    ("settle", "P#*", "Payouts"): "a refund that cannot be made is taken back; in these tests every one is made",
    ("reconcile", "dynamodb:PutItem", "${AccessTable.Arn}"): "the books differ; in these tests they do not",
    ("sweep", "dynamodb:GetItem", "${PaymentsTable.Arn}"): "read after an answer of DynamoDB that was lost",
    ("signer", "dynamodb:Query", "${AccessTable.Arn}"): "read after an answer of DynamoDB that was lost",
    ("signer", "kms:GetPublicKey", KMS_KEYS): "the operator's keys are in KMS; in these tests they are the mnemonic's",
    ("signer", "kms:Sign", KMS_KEYS): "the operator's keys are in KMS; in these tests they are the mnemonic's",
    ("seal", "dynamodb:GetItem", "${AccessTable.Arn}"): "read after an answer of DynamoDB that was lost",
    ("tick", "dynamodb:GetItem", "${PaymentsTable.Arn}"): "read after an answer of DynamoDB that was lost",
    ("tick", "dynamodb:GetItem", "${AccessTable.Arn}"): "a gate is raised for a second chain; the local stage has one",
    ("tick", "dynamodb:UpdateItem", "${AccessTable.Arn}"): "a gate is raised for a second chain; here is one",
}
# What some runs of these tests see and others do not.
RACED: dict[Excuse, str] = {
    ("settle", "dynamodb:GetItem", "${AccessTable.Arn}"): "read when somebody else raised the gate further meanwhile",
    ("settle", "dynamodb:BatchGetItem", "${MoneyTable.Arn}"): "read where a payout is under way when the worker runs",
    ("reconcile", "dynamodb:BatchGetItem", "${MoneyTable.Arn}"): "read where a transaction is under way when it looks",
}
# Workers act when they are due: what is still missing may come in a moment.
SETTLE_SECONDS = 60


def functions_of(app: Chalice) -> set[str]:
    """Name the functions that AWS would hold."""
    return {API, *(each.name for each in (*app.event_sources, *app.pure_lambda_functions))}


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The local stage's names."""
    return Stack.of("local", ROOT / "data.yaml", ROOT / "template.yaml")


@pytest.fixture(scope="module")
def judged(request: pytest.FixtureRequest, stack: Stack) -> Callable[[dict[str, tuple[Statement, ...]]], list[Finding]]:
    """Compare policies with the record, which must be of every test."""
    from app import app

    here = {item.path for item in request.session.items}
    missing = sorted(path.name for path in Path(__file__).parent.glob("test_*.py") if path not in here)
    assert not missing, f"the record is of the whole of tests/e2e, and these were not run: {', '.join(missing)}"

    def judge(policy_of: dict[str, tuple[Statement, ...]]) -> list[Finding]:
        return compare(functions_of(app), policy_of, record.read(RECORD), stack, EXCUSED, RACED)

    return judge


@pytest.fixture(scope="module")
def settled(judged: Callable[[dict[str, tuple[Statement, ...]]], list[Finding]], stack: Stack) -> list[Recorded]:
    """Wait for the record to cover what the policies allow."""
    policy_of = policies(ROOT, stack)
    try:
        eventually(lambda: not judged(policy_of), SETTLE_SECONDS)
    except AssertionError:
        pytest.fail("\n" + report(judged(policy_of)), pytrace=False)
    return record.read(RECORD)


def test_policies_are_what_was_recorded(settled: list[Recorded]) -> None:
    """Everything that a function asked for is allowed to it, and everything allowed was asked for."""
    assert len(settled) > 50


def test_a_forgotten_action_is_found(
    settled: list[Recorded], judged: Callable[[dict[str, tuple[Statement, ...]]], list[Finding]], stack: Stack
) -> None:
    """Take any action out of any statement, and it is asked for, unless another statement allows it there too."""
    del settled
    whole = policies(ROOT, stack)
    for name, statements in whole.items():
        for place, statement in enumerate(statements):
            others = [
                each for each in statements if each is not statement and {*each.resources} & {*statement.resources}
            ]
            for action in statement.actions:
                if action in NEVER_RECORDED or any(action in each.actions for each in others):
                    continue
                left = replace(statement, actions=tuple(each for each in statement.actions if each != action))
                found = judged(whole | {name: (*statements[:place], left, *statements[place + 1 :])})
                # An excuse for what is gone is in the way as well.
                told = [f for f in found if f.function == name and f.do in {"add", "forget"} and action in f.what]
                assert told, (name, statement.sid, action)


def test_an_action_too_many_is_found(
    settled: list[Recorded], judged: Callable[[dict[str, tuple[Statement, ...]]], list[Finding]], stack: Stack
) -> None:
    """Add any other action to any statement, and it is to be removed again."""
    del settled
    whole = policies(ROOT, stack)
    for name, statements in whole.items():
        for place, statement in enumerate(statements):
            more = replace(statement, actions=(*statement.actions, "dynamodb:Scan"))
            found = judged(whole | {name: (*statements[:place], more, *statements[place + 1 :])})
            assert {(f.function, f.do) for f in found} == {(name, "remove")}, (name, statement.sid)
            assert all(finding.what.startswith("dynamodb:Scan") for finding in found)
