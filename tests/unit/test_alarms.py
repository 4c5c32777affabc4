"""The table of alarms: each ERROR line of the gateway is in it, and each name in it is logged."""

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctrip.aws.log import PowertoolsLog
from ctrip.domain.alarms import ALARMS, EVERY, UNNAMED, Severity, runbook
from ctrip.domain.payments import payment

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "core" / "ctrip").rglob("*.py"), ROOT / "app.py"]
# Where an alarm is passed on: its name stands where a step is made with `alarm=`, or where the log is called.
PASSED_ON = {("decide_payments.py", "step.alarm"), ("step.py", "alarm"), ("log.py", "message")}


def functions_of(path: Path) -> Iterator[ast.AST]:
    """Yield each function of a file, and the file for what stands outside of them."""
    tree = ast.parse(path.read_text())
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def constants() -> dict[str, str]:
    """Read the names that code gives instead of text: of the table itself, and of the holds."""
    table = ast.parse((ROOT / "layers/core/ctrip/domain/alarms.py").read_text())
    own = {
        ast.unparse(node.targets[0]): node.value.value
        for node in table.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    return own | {f"Hold.{each.name}": each.value for each in payment.Hold}


def names_in(value: ast.AST, scope: ast.AST, file: str = "") -> set[str]:
    """Resolve what names an alarm: text, a constant, or a variable that is set to these in the same function."""
    if isinstance(value, ast.Constant):
        return {str(value.value)} if value.value is not None else set()
    if isinstance(value, ast.IfExp):
        return names_in(value.body, scope, file) | names_in(value.orelse, scope, file)
    text = ast.unparse(value).removesuffix(".value")
    if text in constants():
        return {constants()[text]}
    if (file, text) in PASSED_ON:
        return set()
    set_to = [
        node.value for node in ast.walk(scope) if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == text
    ]
    assert set_to, f"nobody can tell which alarm {text} is"
    return set().union(*(names_in(each, scope, file) for each in set_to))


def is_error(node: ast.AST) -> bool:
    """Whether this is some log's `error`: of a field, a variable or a call that builds one, or of the log itself."""
    if not isinstance(node, ast.Attribute) or node.attr not in ("error", "critical", "exception"):
        return False
    held = node.value.func if isinstance(node.value, ast.Call) else node.value
    owner = held.attr if isinstance(held, ast.Attribute) else getattr(held, "id", "")
    return "log" in owner or "lines" in owner or owner in ("logging", "self")


def logged() -> set[str]:
    found: set[str] = set()
    for path in SOURCES:
        for scope in functions_of(path):
            for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
                if is_error(call.func):
                    found |= names_in(call.args[0], scope, path.name)
                if isinstance(scope, ast.FunctionDef):
                    found |= {n for k in call.keywords if k.arg == "alarm" for n in names_in(k.value, scope, path.name)}
    return found


def test_each_alarm_that_is_logged_is_in_the_table_and_each_in_the_table_is_logged() -> None:
    """A new ERROR line is a decision about its severity and its runbook; a name that nobody logs is left over."""
    assert logged() == set(ALARMS)


def test_no_alarm_is_passed_on_under_another_name() -> None:
    """A log's `error` is called where it stands: kept in a variable, its names would escape the table."""
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            assert not is_error(node) or id(node) in called, f"{path.name}:{getattr(node, 'lineno', 0)}"


def test_a_variable_that_names_no_alarm_is_found() -> None:
    """The reader above does not pass over what it cannot resolve."""
    scope = ast.parse("def f(log, name):\n    log.error(name)\n").body[0]
    with pytest.raises(AssertionError, match="which alarm name is"):
        names_in(ast.parse("name", mode="eval").body, scope)


@pytest.mark.parametrize("name", list(EVERY))
def test_each_alarm_says_what_it_means_and_what_to_do(name: str) -> None:
    """In a sentence each that fits a table."""
    alarm = EVERY[name]
    assert alarm.severity in Severity
    for text in (alarm.means, alarm.first):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("SQS")
        assert "\n" not in text
        assert "|" not in text
        assert 30 <= len(text) <= 160
    assert runbook().count(f"| `{name}` |") == 1


class Figures:
    """Remembers what would be published."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, float]]] = []

    def publish(self, dimensions: dict[str, str], figures: dict[str, float]) -> None:
        self.got.append((dict(dimensions), dict(figures)))


def test_an_alarm_that_the_table_lacks_is_logged_and_raises_one_that_somebody_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line under its own name, with its facts, and `unnamed_alarm` beside it, which names it."""
    figures = Figures()
    PowertoolsLog("alarms-test", "INFO", figures).error("brand_new_trouble", payment="p1")  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(word in lines[0] for word in ("brand_new_trouble", '"p1"', '"ERROR"'))
    assert all(word in lines[1] for word in (UNNAMED, '"brand_new_trouble"', '"ERROR"', '"page"'))
    assert figures.got == [({"alarm": UNNAMED}, {"alarms": 1.0})]
    assert logging.getLogger("ctrip.alarms-test").name


def test_a_known_alarm_is_one_line_with_its_severity_and_one_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """Under its own name."""
    figures = Figures()
    PowertoolsLog("alarms-test", "INFO", figures).error("gas_station_low", chain="anvil")  # type: ignore[arg-type]
    (line,) = capsys.readouterr().out.splitlines()
    assert all(word in line for word in ('"gas_station_low"', '"severity":"page"', '"anvil"'))
    assert figures.got == [({"alarm": "gas_station_low"}, {"alarms": 1.0})]
