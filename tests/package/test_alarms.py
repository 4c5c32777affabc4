"""The packaged template's alarms: the domain's tables, each in the stage's own figures, all heard by one topic."""

import json
import re
from typing import Any

import pytest

from ctrip.aws.log import FACTS
from ctrip.aws.metrics import namespace
from ctrip.domain.alarms import ALARMS, EVERY, Severity
from infra.cli.app import cli
from infra.package.alarms import runbook_of
from infra.tools.process import ROOT
from tests.package.conftest import STAGE, Packaged


def resolved(value: Any) -> Any:
    """Resolve the stage's name inside a value."""
    return json.loads(
        re.sub(r'\{"Fn::Sub": ("(?:[^"\\]|\\.)*")\}', r"\1", json.dumps(value)).replace("${Stage}", STAGE)
    )


@pytest.fixture
def alarms(packaged: Packaged) -> dict[str, dict[str, Any]]:
    """Return each alarm's properties by its name."""
    found = [resolved(body["Properties"]) for body in packaged.of("AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"]: each for each in found}


def test_the_template_has_the_domains_alarms_and_no_other(alarms: dict[str, dict[str, Any]]) -> None:
    """A name in the table is an alarm of the stage, with what it means, what to do first and where its page is."""
    assert {re.sub(r"-[2-9]$", "", name) for name in alarms} == {f"ctrip-{STAGE}-{name}" for name in EVERY}
    for name, alarm in alarms.items():
        held = EVERY[name := re.sub(r"-[2-9]$", "", name.removeprefix(f"ctrip-{STAGE}-"))]
        said = alarm["AlarmDescription"]
        assert said.startswith(f"{held.severity.value}: {held.means} First: {held.first}")
        assert said.endswith(runbook_of(name))
        assert len(said) <= 1024


def test_an_alarm_hears_the_line_of_its_name_in_its_own_stage(alarms: dict[str, dict[str, Any]]) -> None:
    """One such line within a minute, or five where nobody is woken, sets it off."""
    for name, held in ALARMS.items():
        alarm = alarms[f"ctrip-{STAGE}-{name}"]
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (namespace(STAGE), "alarms", "Sum")
        assert alarm["Dimensions"] == [{"Name": "alarm", "Value": name}]
        assert alarm["Period"] == (60 if held.severity is Severity.PAGE else 300)
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)


def test_every_alarm_goes_to_the_topic_whose_address_is_a_parameter(packaged: Packaged) -> None:
    """And silence is no alarm."""
    for name, body in packaged.of("AWS::CloudWatch::Alarm").items():
        assert body["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert body["Properties"]["TreatMissingData"] == "notBreaching", name
    mail = packaged.template["Resources"]["AlarmMail"]["Properties"]
    assert (mail["TopicArn"], mail["Endpoint"]) == ({"Ref": "AlarmTopic"}, {"Ref": "AlarmAddress"})


def test_every_figure_that_is_watched_is_of_this_stage(packaged: Packaged, alarms: dict[str, dict[str, Any]]) -> None:
    """Functions, queues and the API are named after it: another stage of the account sets nothing off."""
    functions = {resolved(each["FunctionName"]) for each in packaged.functions.values()}
    watched = {
        (part["MetricStat"]["Metric"]["Namespace"], each["Name"]): set()
        for alarm in alarms.values()
        for part in alarm.get("Metrics", [])[1:]
        for each in part["MetricStat"]["Metric"]["Dimensions"]
    }
    for alarm in alarms.values():
        for part in alarm.get("Metrics", [])[1:]:
            for each in part["MetricStat"]["Metric"]["Dimensions"]:
                watched[part["MetricStat"]["Metric"]["Namespace"], each["Name"]].add(each["Value"])
    queues = {
        resolved(body["Properties"]["QueueName"])
        for body in packaged.data["Resources"].values()
        if body["Type"] == "AWS::SQS::Queue"
    }
    api = resolved(packaged.template["Resources"]["RestAPI"]["Properties"])
    assert watched["AWS/Lambda", "FunctionName"] == functions
    assert watched["AWS/SQS", "QueueName"] < queues
    assert watched["AWS/ApiGateway", "ApiName"] == {api["Name"]} == {api["DefinitionBody"]["info"]["title"]}
    assert api["Name"] == f"ctrip-{STAGE}"


def test_no_alarm_adds_up_more_metrics_than_cloudwatch_does(alarms: dict[str, dict[str, Any]]) -> None:
    """Ten: the further functions have a further alarm of the same kind, and no function has two."""
    for kind in ("function_errors", "functions_throttled"):
        parts = [alarm["Metrics"][1:] for name, alarm in alarms.items() if name.startswith(f"ctrip-{STAGE}-{kind}")]
        watched = [each["MetricStat"]["Metric"]["Dimensions"][0]["Value"] for part in parts for each in part]
        assert len(parts) > 1
        assert all(len(part) <= 10 for part in parts)
        assert len(watched) == len(set(watched))


def test_no_route_has_billed_figures_of_its_own(packaged: Packaged) -> None:
    """API Gateway's detailed metrics would be five for each of 45 routes."""
    api = packaged.template["Resources"]["RestAPI"]["Properties"]
    assert [each["MetricsEnabled"] for each in api["MethodSettings"]] == [False]


def test_the_dashboard_shows_the_stage(packaged: Packaged) -> None:
    """It is JSON once its names are filled in, names every alarm, and no widget lies upon another."""
    (board,) = packaged.of("AWS::CloudWatch::Dashboard").values()
    text = board["Properties"]["DashboardBody"]["Fn::Sub"]
    assert set(re.findall(r"\$\{([^}]+)\}", text)) <= {"Stage", "AWS::Region", "AWS::Partition", "AWS::AccountId"}
    widgets = json.loads(text.replace("${Stage}", STAGE))["widgets"]
    shown = {each.rsplit(":", 1)[1] for each in widgets[0]["properties"]["alarms"]}
    assert shown == {
        resolved(each["Properties"]["AlarmName"]) for each in packaged.of("AWS::CloudWatch::Alarm").values()
    }
    places = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(places) == len(set(places))


def test_every_alarm_has_a_page_and_every_page_an_alarm() -> None:
    """A page begins with the table's own words; what else it says, people write."""
    pages = {path.stem: path.read_text() for path in (ROOT / "infra" / "runbooks").glob("*.md")}
    assert set(pages) == set(EVERY)
    for name, held in EVERY.items():
        title, severity, means, first, *rest = [line for line in pages[name].splitlines() if line]
        assert title == f"# {name}"
        assert severity == f"Severity: {held.severity.value}"
        assert (means, first) == (held.means, f"**First.** {held.first}"), name
        assert len(" ".join(rest)) > 150, name


def test_what_a_page_says_to_type_is_there() -> None:
    """Its query asks for facts that lines carry, and its commands are commands."""
    groups = {each.name for each in cli.registered_groups} | {"doctor", "verifying-key"}
    for path in (ROOT / "infra" / "runbooks").glob("*.md"):
        text = path.read_text()
        for asked in re.findall(r"^fields @timestamp, (.+)$", text, re.MULTILINE):
            assert set(asked.split(", ")) <= FACTS, path.name
        assert set(re.findall(r"ctrip --stage\s<stage>\s([a-z-]+)", text)) <= groups, path.name
        if path.stem in ALARMS:
            assert f'| filter message = "{path.stem}"' in text, path.name
