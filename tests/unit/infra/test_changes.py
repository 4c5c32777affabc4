"""The page of likely changes names files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GENERATED = {"docs/configuration.md", ".env.example", "docs/payment-states.md", "docs/alarms.md"}


def test_every_file_that_the_page_of_changes_names_is_there() -> None:
    """A file that moved takes its name with it."""
    text = (ROOT / "docs" / "CHANGES.md").read_text()
    named = {each for each in re.findall(r"`([^`\s]+)`", text) if "/" in each or "." in each}
    named = {each.replace("core/", "layers/core/ctrip/", 1) if each.startswith("core/") else each for each in named}
    assert len(named) > 50
    assert named >= GENERATED
    assert not [each for each in sorted(named) if not (ROOT / each).exists()]


def test_the_page_holds_the_changes_that_come_again_and_again() -> None:
    """A row for each, with at least one file."""
    rows = [line for line in (ROOT / "docs" / "CHANGES.md").read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 18
    assert all(row.count("`") >= 4 for row in rows)
