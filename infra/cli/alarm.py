"""`ctrip alarm`: whether an alarm of a deployed stage reaches somebody."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import shown

_PENDING = "PendingConfirmation"
alarm = typer.Typer(help="Alarms: try one, as far as the mail that it sends.", no_args_is_help=True)


@alarm.callback()
def alarms() -> None:
    """Keep `test` a command of its own: more may come."""


@alarm.command("test")
def try_alarm(
    name: Annotated[str, typer.Argument(help="An alarm of docs/alarms.md.")] = "unnamed_alarm",
) -> None:
    """Set an alarm off, with the reason that it is a test; CloudWatch takes it back by itself within minutes.

    Ends with 1 where nobody would hear it: no such alarm, no topic, or no address that was confirmed.
    """
    from ctrip.domain.alarms import EVERY

    if name not in EVERY:
        raise _refused(f"no alarm {name!r}; docs/alarms.md lists them")
    full = f"ctrip-{os.environ['CTRIP_STAGE']}-{name}"
    topics = _topics(full)
    heard = {topic: _subscriptions(topic) for topic in topics}
    if not any(confirmed for confirmed, _ in heard.values()):
        waiting = sum(pending for _, pending in heard.values())
        raise _refused(
            f"{waiting} address(es) have not confirmed the mail from AWS, so that {full} would reach nobody"
            if waiting
            else f"{full} would reach nobody: give AlarmAddress with make deploy, and confirm the mail from AWS"
        )
    reason = "A test by ctrip alarm test: nothing is wrong."
    _client("cloudwatch").set_alarm_state(AlarmName=full, StateValue="ALARM", StateReason=reason)
    shown({"alarm": full, "sent_to": sum(confirmed for confirmed, _ in heard.values()), "topics": topics})


def _topics(full: str) -> list[str]:
    found = _client("cloudwatch").describe_alarms(AlarmNames=[full])["MetricAlarms"]
    if not found:
        raise _refused(f"{full} is not deployed; deploy the application first")
    actions: list[str] = found[0]["AlarmActions"] if found[0].get("ActionsEnabled", True) else []
    return [each for each in actions if ":sns:" in each]


def _subscriptions(topic: str) -> tuple[int, int]:
    """Count a topic's subscriptions: those that are confirmed, and those that wait for it."""
    pages = _client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    held: list[Mapping[str, Any]] = [each for page in pages for each in page["Subscriptions"]]
    pending = sum(each["SubscriptionArn"] == _PENDING for each in held)
    return len(held) - pending, pending


def _refused(why: str) -> typer.Exit:
    typer.echo(why, err=True)
    return typer.Exit(EXIT_REFUSED)


def _client(service: str) -> Any:
    import boto3

    make: Any = boto3.client
    return make(service)
