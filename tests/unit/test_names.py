"""Queues and functions have the same names in the code and in the templates, which nothing reads at run time."""

from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice

import app as triggers
from ctrip.aws.names import SCAN_FAILURES, Queue, named, queue_names
from functions.names import queue
from infra.stack.template import load

ROOT = Path(__file__).resolve().parents[2]
STAGE = "${Stage}"


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return load(ROOT / "data.yaml")["Resources"] | load(ROOT / "template.yaml")["Resources"]  # type: ignore[no-any-return]


def queues_of(resources: dict[str, Any]) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each.get("Type") == "AWS::SQS::Queue"}


def test_the_template_makes_the_queues_that_the_code_names(resources: dict[str, Any]) -> None:
    """Each of them, and no other."""
    names = {properties["QueueName"]["Fn::Sub"] for properties in queues_of(resources).values()}
    assert names == {named(STAGE, name) for name in (*queue_names(), SCAN_FAILURES)}


@pytest.mark.parametrize("each", list(Queue))
def test_what_a_worker_fails_on_goes_to_the_dead_letter_queue_beside(each: Queue, resources: dict[str, Any]) -> None:
    """By the template's own redrive policy."""
    queues = queues_of(resources)
    (own,) = [properties for properties in queues.values() if properties["QueueName"]["Fn::Sub"] == named(STAGE, each)]
    target, attribute = own["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
    assert (queues[target]["QueueName"]["Fn::Sub"], attribute) == (named(STAGE, each.dead_letters), "Arn")


def test_each_queue_has_one_worker() -> None:
    """Declared in app.py."""
    chalice: Chalice = triggers.app
    consumed = [source.queue for source in chalice.event_sources if hasattr(source, "queue")]
    assert sorted(consumed) == sorted(named("local", each) for each in Queue)


def test_a_trigger_of_a_queue_that_is_none_is_refused_at_import() -> None:
    """A slip of the pen would otherwise be seen in AWS alone."""
    with pytest.raises(ValueError, match="swep"):
        queue("swep")


def test_the_template_names_each_function_as_the_code_calls_it(resources: dict[str, Any]) -> None:
    """Those that others invoke among them: scan, provision, signer."""
    chalice: Chalice = triggers.app
    names = {
        each["Properties"]["FunctionName"]["Fn::Sub"]
        for each in resources.values()
        if "FunctionName" in each.get("Properties", {})
    }
    declared = {each.name for each in [*chalice.pure_lambda_functions, *chalice.event_sources]}
    assert names == {named(STAGE, name) for name in declared | {"api_handler"}}
    assert {"scan", "provision", "signer"} <= declared
