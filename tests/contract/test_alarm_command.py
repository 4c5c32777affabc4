"""`ctrip alarm test`, on AWS in memory (moto)."""

import json
from collections.abc import Callable, Iterator

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from infra.cli.app import cli
from tests.support.aws import in_memory

Run = Callable[..., Result]


class Account:
    """A stage's topic and one of its alarms."""

    def __init__(self) -> None:
        self._sns, self.cloudwatch = boto3.client("sns"), boto3.client("cloudwatch")
        self.topic = self._sns.create_topic(Name="ctrip-t-alarms")["TopicArn"]

    def make(self, name: str = "unnamed_alarm") -> None:
        """Make the alarm, as the template does."""
        self.cloudwatch.put_metric_alarm(
            AlarmName=f"ctrip-t-{name}",
            Namespace="ctrip/t",
            MetricName="alarms",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[self.topic],
        )

    def subscribe(self) -> None:
        """Subscribe somebody; moto takes each address as confirmed."""
        self._sns.subscribe(TopicArn=self.topic, Protocol="email", Endpoint="ops@example.com")

    def state(self, name: str = "unnamed_alarm") -> tuple[str, str]:
        """Return an alarm's state, and why it has it."""
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[f"ctrip-t-{name}"])["MetricAlarms"]
        return found["StateValue"], found["StateReason"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("CTRIP_STAGE", "t")
    with in_memory(monkeypatch):
        yield Account()


@pytest.fixture
def run() -> Run:
    """Run a command of the command line."""
    return lambda *arguments: CliRunner().invoke(cli, ["--stage", "t", "--json", "alarm", "test", *arguments])


def test_an_alarm_goes_off_and_says_that_it_is_a_test(account: Account, run: Run) -> None:
    """In the mail stands the reason."""
    account.make()
    account.subscribe()
    done = run()
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"alarm": "ctrip-t-unnamed_alarm", "sent_to": 1, "topics": [account.topic]}
    assert account.state() == ("ALARM", "A test by ctrip alarm test: nothing is wrong.")


def test_an_alarm_that_nobody_would_hear_does_not_go_off(account: Account, run: Run) -> None:
    """The command says what is missing, and ends with 1."""
    account.make("deep_reorg")
    done = run("deep_reorg")
    assert done.exit_code == 1
    assert "AlarmAddress" in done.stderr
    assert account.state("deep_reorg")[0] != "ALARM"


def test_an_address_that_was_not_confirmed_hears_nothing(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS asks each address first; until then mails are dropped."""
    account.make()
    monkeypatch.setattr("infra.cli.alarm._subscriptions", lambda _: (0, 1))
    done = run()
    assert (done.exit_code, "not confirmed" in done.stderr) == (1, True)


@pytest.mark.parametrize(("name", "words"), [("no_such_alarm", "docs/alarms.md"), ("deep_reorg", "not deployed")])
def test_an_alarm_that_is_not_there_is_refused(account: Account, run: Run, name: str, words: str) -> None:
    """A mistyped name, and an alarm that was not deployed, are told apart."""
    done = run(name)
    assert (done.exit_code, words in done.stderr) == (1, True)
