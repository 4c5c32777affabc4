"""docs/localstack.md names where each thing is proven."""

from __future__ import annotations

import re

import pytest

from infra.tools.process import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PAGE = (ROOT / "docs" / "localstack.md").read_text()


@pytest.mark.parametrize(("path", "test"), _NAMED.findall(PAGE))
def test_what_it_names_is_there(path: str, test: str) -> None:
    """A proof that was renamed or removed is missed here."""
    source = (ROOT / path).read_text()
    assert not test or f"def {test}(" in source


def test_each_row_of_what_cannot_be_shown_names_a_proof() -> None:
    """No row says only that something is not shown."""
    rows = PAGE.split("## What it cannot show")[1].splitlines()[4:]
    assert len(rows) >= 10
    assert not [row for row in rows if row and not (_NAMED.search(row) or "`ctrip " in row or "`make " in row)]
