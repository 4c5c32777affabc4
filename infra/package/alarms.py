"""The template's alarms and dashboard: an alarm for each name of the domain's tables, which all go to one topic."""

from __future__ import annotations

import json
from typing import Any

from ctrip.domain.alarms import ALARMS, EVERY, OUTSIDE, Alarm, Severity

# A figure of the last minute, or of the last five where nobody is woken for it.
SECONDS = {Severity.PAGE: 60, Severity.TICKET: 300}
RUNBOOKS = "infra/runbooks"
TOPIC = "AlarmTopic"
_OWN = {"Fn::Sub": "ctrip/${Stage}"}
_STAGE = {"Fn::Sub": "ctrip-${Stage}"}
_DEAD = ("sweep-dlq", "webhooks-dlq")
# CloudWatch adds up at most ten metrics in one alarm: where there are more functions, further alarms have the rest.
MOST = 10
OF_FUNCTIONS = frozenset({"function_errors", "functions_throttled"})


def with_alarms(template: dict[str, Any], functions: list[str]) -> dict[str, Any]:
    """Return a template with an alarm for each name of the tables, and a dashboard."""
    parts = [functions[start : start + MOST] for start in range(0, len(functions), MOST)]
    alarms = {
        f"{logical(name)}{number if number > 1 else ''}": _alarm(name, alarm, part, number)
        for name, alarm in EVERY.items()
        for number, part in enumerate(parts if name in OF_FUNCTIONS else parts[:1], 1)
    }
    return {**template, "Resources": {**template["Resources"], **alarms, "Dashboard": _dashboard(functions)}}


def logical(name: str) -> str:
    """Name an alarm's resource."""
    return "Alarm" + "".join(word.capitalize() for word in name.split("_"))


def runbook_of(name: str) -> str:
    """Name the page of an alarm."""
    return f"{RUNBOOKS}/{name}.md"


def alarm_name(name: str, number: int = 1) -> str:
    """Name an alarm, or a further one of the same kind, within its stage."""
    return name if number == 1 else f"{name}-{number}"


def _alarm(name: str, alarm: Alarm, functions: list[str], number: int) -> dict[str, Any]:
    seconds = SECONDS[alarm.severity]
    measured = _outside(name, seconds, functions) if name in OUTSIDE else _logged(name, seconds)
    said = f"{alarm.severity}: {alarm.means} First: {alarm.first} Runbook: {runbook_of(name)}"
    properties = {
        "AlarmName": {"Fn::Sub": f"ctrip-${{Stage}}-{alarm_name(name, number)}"},
        "AlarmDescription": said,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1,
        "EvaluationPeriods": 1,
        # Nothing happened: nobody published a figure.
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": TOPIC}],
        **measured,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _logged(name: str, seconds: int) -> dict[str, Any]:
    """Measure an ERROR line: its log writes a figure beside it."""
    dimensions = [{"Name": "alarm", "Value": name}]
    return {
        "Namespace": _OWN,
        "MetricName": "alarms",
        "Dimensions": dimensions,
        "Statistic": "Sum",
        "Period": seconds,
    }


def _outside(name: str, seconds: int, functions: list[str]) -> dict[str, Any]:
    """Measure what AWS counts."""
    named = [{"FunctionName": {"Fn::Sub": f"ctrip-${{Stage}}-{each}"}} for each in functions]
    dead = [{"QueueName": {"Fn::Sub": f"ctrip-${{Stage}}-{each}"}} for each in _DEAD]
    visible, failures = "ApproximateNumberOfMessagesVisible", {"QueueName": {"Fn::Sub": "ctrip-${Stage}-scan-failures"}}
    api = {"ApiName": _STAGE, "Stage": "api"}
    sources: dict[str, tuple[str, str, str, list[dict[str, Any]]]] = {
        "function_errors": ("AWS/Lambda", "Errors", "Sum", named),
        "functions_throttled": ("AWS/Lambda", "Throttles", "Sum", named),
        "api_errors": ("AWS/ApiGateway", "5XXError", "Sum", [api]),
        "dead_letters": ("AWS/SQS", visible, "Maximum", dead),
        "scan_failures": ("AWS/SQS", visible, "Maximum", [failures]),
    }
    return {"Metrics": _summed(*sources[name], seconds)}


def _summed(
    namespace: str, metric: str, statistic: str, dimensions: list[dict[str, Any]], seconds: int
) -> list[dict[str, Any]]:
    assert len(dimensions) <= MOST
    parts = [
        {
            "Id": f"m{place}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in each.items()],
                },
                "Period": seconds,
                "Stat": statistic,
            },
        }
        for place, each in enumerate(dimensions)
    ]
    return [{"Id": "sum", "Expression": "SUM(METRICS())", "Label": metric, "ReturnData": True}, *parts]


def _dashboard(functions: list[str]) -> dict[str, Any]:
    body = {"widgets": [_placed(place, widget) for place, widget in enumerate(_widgets(functions))]}
    properties = {"DashboardName": _STAGE, "DashboardBody": {"Fn::Sub": json.dumps(body)}}
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}


def _placed(place: int, widget: dict[str, Any]) -> dict[str, Any]:
    """Put widgets side by side, two in a row, below the row of alarms."""
    if widget["type"] == "alarm":
        return {"x": 0, "y": 0, "width": 24, "height": 6, **widget}
    return {"x": 12 * ((place - 1) % 2), "y": 6 * (1 + (place - 1) // 2), "width": 12, "height": 6, **widget}


def _widgets(functions: list[str]) -> list[dict[str, Any]]:
    own, classes = "ctrip/${Stage}", ("2xx", "3xx", "4xx", "5xx")
    arn = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:ctrip-${Stage}-"
    queues = ("sweep", "webhooks", "sweep-dlq", "webhooks-dlq", "scan-failures")
    depth = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", f"ctrip-${{Stage}}-{each}"] for each in queues
    ]
    old = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", f"ctrip-${{Stage}}-{each}"] for each in queues[:2]]
    lambdas = [f"ctrip-${{Stage}}-{each}" for each in functions]
    return [
        {"type": "alarm", "properties": {"title": "Alarms", "alarms": [f"{arn}{each}" for each in _names(functions)]}},
        _graph("Requests by class", [[own, "requests", "status", each] for each in classes], "Sum"),
        _graph("Latency of what was answered with 2xx (ms)", [[own, "latency", "status", "2xx"]], "p99"),
        _graph("Age of each chain's head (s)", [_every_chain("head_age_seconds", "Maximum")]),
        _graph("Failed passes of each chain", [_every_chain("failed_passes", "Sum")]),
        _graph("Open payments", [_every_chain("open_payments", "Maximum")]),
        _graph("Usable endpoints", [_every_chain("usable_endpoints", "Minimum")]),
        _graph("Messages in the queues", depth, "Maximum"),
        _graph("Oldest message (s)", old, "Maximum"),
        _graph("Errors of functions", [["AWS/Lambda", "Errors", "FunctionName", each] for each in lambdas], "Sum"),
        _graph("Duration (ms)", [["AWS/Lambda", "Duration", "FunctionName", each] for each in lambdas], "p99"),
        _graph("Alarms that were logged", [[own, "alarms", "alarm", each] for each in ALARMS], "Sum"),
    ]


def _names(functions: list[str]) -> list[str]:
    numbers = range(2, 2 + (len(functions) - 1) // MOST)
    return [*EVERY, *(alarm_name(name, number) for name in sorted(OF_FUNCTIONS) for number in numbers)]


def _graph(title: str, metrics: list[list[Any]], statistic: str = "Sum") -> dict[str, Any]:
    properties = {"title": title, "region": "${AWS::Region}", "metrics": metrics, "stat": statistic, "period": 60}
    return {"type": "metric", "properties": {**properties, "view": "timeSeries"}}


def _every_chain(metric: str, statistic: str) -> list[Any]:
    """Search for the metric of every chain: which ones there are, settings say and not the template."""
    wanted = f"SEARCH('{{ctrip/${{Stage}},chain}} MetricName=\"{metric}\"', '{statistic}', 60)"
    return [{"expression": wanted, "id": metric, "label": ""}]
