"""What a log promises, of the fake and of the real one over Powertools."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from ctrip.aws.log import LONGEST, PowertoolsLog
from ctrip.domain.alarms import ALARMS, UNNAMED
from ctrip.domain.errors import Busy
from ctrip.ports.runtime import Log
from tests.fakes.log import FakeLog, Undecided

CANARY = "canary-4711"
Line = tuple[str, str, dict[str, Any]]


class Written(Protocol):
    """A log, with what was written to it."""

    log: Log

    def lines(self) -> list[Line]: ...
    def alarms(self) -> list[str]: ...
    def figures(self) -> list[tuple[str, dict[str, float]]]: ...


@dataclass
class Fake:
    """A list."""

    log: FakeLog = field(default_factory=FakeLog)

    def lines(self) -> list[Line]:
        return [line for line in self.log.lines if line[0] != "metric"]

    def alarms(self) -> list[str]:
        return self.log.alarms()

    def figures(self) -> list[tuple[str, dict[str, float]]]:
        return [(name, dict(facts)) for level, name, facts in self.log.lines if level == "metric"]  # type: ignore[arg-type]


class Published:
    """Figures, instead of CloudWatch's lines."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, float]]] = []

    def publish(self, dimensions: dict[str, str], figures: dict[str, float]) -> None:
        self.got.append((dict(dimensions), dict(figures)))


class Real:
    """What Lambda would send to CloudWatch."""

    FRAME = frozenset({"level", "location", "message", "timestamp", "service", "severity"})

    def __init__(self, out: pytest.CaptureFixture[str]) -> None:
        self.published, self._out, self._text = Published(), out, ""
        self.log = PowertoolsLog("contract", "INFO", self.published)  # type: ignore[arg-type]

    def raw(self) -> list[dict[str, Any]]:
        self._text += self._out.readouterr().out
        return [json.loads(line) for line in self._text.splitlines()]

    def lines(self) -> list[Line]:
        return [
            (line["level"].lower(), line["message"], {k: v for k, v in line.items() if k not in self.FRAME})
            for line in self.raw()
        ]

    def alarms(self) -> list[str]:
        return [dimensions["alarm"] for dimensions, _ in self.published.got if "alarm" in dimensions]

    def figures(self) -> list[tuple[str, dict[str, float]]]:
        return [(dimensions["chain"], figures) for dimensions, figures in self.published.got if "chain" in dimensions]


@pytest.fixture
def real(capsys: pytest.CaptureFixture[str]) -> Real:
    """A real log."""
    return Real(capsys)


@pytest.fixture(params=["fake", "powertools"])
def written(request: pytest.FixtureRequest) -> Written:
    """A log of either kind."""
    if request.param == "fake":
        return Fake()
    made: Real = request.getfixturevalue("real")
    return made


LEVELS: dict[str, Callable[[Log], Callable[..., None]]] = {
    "info": lambda log: log.info,
    "warning": lambda log: log.warning,
    "error": lambda log: log.error,
}


@pytest.mark.parametrize("level", list(LEVELS))
def test_facts_stand_in_the_line_by_their_names(written: Written, level: str) -> None:
    """Numbers as numbers, text as text, in the line of that level."""
    LEVELS[level](written.log)("stale_head", chain="anvil", head=7, amount="123456789012345678901234567890")
    assert written.lines() == [
        (level, "stale_head", {"chain": "anvil", "head": 7, "amount": "123456789012345678901234567890"})
    ]


@pytest.mark.parametrize("level", list(LEVELS))
def test_an_error_is_an_alarm_and_nothing_else_is(written: Written, level: str) -> None:
    """Once, under its name."""
    LEVELS[level](written.log)("gas_station_low", chain="anvil")
    assert written.alarms() == (["gas_station_low"] if level == "error" else [])


@pytest.mark.parametrize("name", list(ALARMS))
def test_every_alarm_of_the_table_can_be_raised(written: Written, name: str) -> None:
    """And carries its facts."""
    written.log.error(name, chain="anvil")
    assert (written.alarms(), written.lines()) == ([name], [("error", name, {"chain": "anvil"})])


def broken(text: str) -> Exception:
    """Return an exception that was raised here."""
    try:
        raise ValueError(text)
    except ValueError as exc:
        return exc


@pytest.mark.parametrize("level", list(LEVELS))
def test_an_exception_is_told_by_its_type_and_place(written: Written, level: str) -> None:
    """Its own words may quote whoever called."""
    LEVELS[level](written.log)("pass_broken", error=broken(f"the caller sent {CANARY}"))
    ((_, _, facts),) = written.lines()
    assert facts["error"].startswith("ValueError at test_log.py:")
    assert CANARY not in str(written.lines())


def test_a_cause_is_told_too(written: Written) -> None:
    """By type and place as well."""
    try:
        raise Busy from broken(CANARY)
    except Busy as exc:
        written.log.warning("pass_failed", error=exc)
    ((_, _, facts),) = written.lines()
    assert facts["error"].startswith("Busy at test_log.py:")
    assert ", after ValueError at test_log.py:" in facts["error"]
    assert CANARY not in str(facts)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://node.example/v3/0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abcdefgh", "eyJhbGciOiJIUzI1NiJ9"),
        ("ctrip_live1_0123456789abcdefghij", "0123456789abcdefghij"),
        ("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "MDEyMzQ1Njc4OTAx"),
        ("password=hunter2hunter2", "hunter2hunter2"),
        ("test test test test test test test test test test test junk", "test test test"),
        ("xprv" + "9" * 107, "9" * 100),
        ("private_key: 0x" + "ab" * 32, "ab" * 32),
    ],
)
@pytest.mark.parametrize("level", list(LEVELS))
def test_secrets_are_masked_wherever_they_stand(written: Written, level: str, text: str, secret: str) -> None:
    """In a fact of any name."""
    LEVELS[level](written.log)("treasury_refused", error=text, where=f"said: {text}")
    assert secret not in json.dumps(written.lines())
    assert "***" in json.dumps(written.lines())


def test_a_fact_is_bounded(written: Written) -> None:
    """A line is no place for a whole answer."""
    written.log.info("apart", error="x y " * 5_000)
    ((_, _, facts),) = written.lines()
    assert len(facts["error"]) == LONGEST


class Chatty:
    """An object that shows a secret when it is printed."""

    def __str__(self) -> str:
        return "password=hunter2hunter2"


def test_an_object_is_no_fact_but_its_masked_text(written: Written) -> None:
    """Also one within a list."""
    written.log.info("apart", error=Chatty(), what=["password=hunter2hunter2"])
    assert "hunter2" not in json.dumps(written.lines())


@pytest.mark.parametrize("value", [0, -1, True, False, 2**70, 1.5])
def test_numbers_stay_numbers(written: Written, value: float) -> None:
    """However large."""
    written.log.info("apart", count=value)
    ((_, _, facts),) = written.lines()
    assert (facts["count"], type(facts["count"])) == (value, type(value))


def test_figures_of_a_chain_are_no_lines(written: Written) -> None:
    """They are published under the chain's name."""
    written.log.measure("anvil", passes=3, open_payments=12)
    assert (written.lines(), written.figures()) == ([], [("anvil", {"passes": 3, "open_payments": 12})])


# --- where the fake is stricter


@pytest.mark.parametrize("level", list(LEVELS))
def test_a_fact_that_nobody_allowed_is_dropped_and_named(real: Real, level: str) -> None:
    """Its name shows what is missing from the table; its value might be anything."""
    LEVELS[level](real.log)("stale_head", chain="anvil", metadata=CANARY, password=CANARY)
    assert real.lines() == [(level, "stale_head", {"chain": "anvil", "dropped": ["metadata", "password"]})]


@pytest.mark.parametrize("level", list(LEVELS))
def test_the_fake_refuses_a_fact_that_nobody_allowed(level: str) -> None:
    """So that the test of whatever gives it fails, also where the code under test catches every exception."""
    fake = Fake()

    def catches_everything() -> None:
        try:
            LEVELS[level](fake.log)("stale_head", metadata=CANARY)
        except Exception:  # as a pass does with one payment's trouble
            fake.log.warning("apart")

    with pytest.raises(Undecided, match="metadata"):
        catches_everything()
    assert fake.lines() == []


def test_an_alarm_without_a_name_is_raised_for_real_and_refused_by_the_fake(real: Real) -> None:
    """Nothing is lost, and somebody is called; a test of the code that raises it fails."""
    real.log.error("brand_new", chain="anvil")
    assert real.lines() == [("error", "brand_new", {"chain": "anvil"}), ("error", UNNAMED, {"alarm": "brand_new"})]
    assert real.alarms() == [UNNAMED]
    with pytest.raises(Undecided, match="brand_new"):
        FakeLog().error("brand_new", chain="anvil")


def test_an_alarm_says_how_soon_somebody_must_look(real: Real) -> None:
    """In the line itself, beside its level."""
    for name in ALARMS:
        real.log.error(name)
    assert [line["severity"] for line in real.raw()] == [alarm.severity.value for alarm in ALARMS.values()]
