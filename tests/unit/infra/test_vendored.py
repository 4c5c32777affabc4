"""What the pages load that is not ours: laid from npm, held to its hash, and served."""

from pathlib import Path

import pytest

from ctrip.pages import render
from infra.tools import vendored
from infra.tools.errors import Refused
from infra.tools.process import ROOT


def laid(folder: Path) -> list[Path]:
    """Lay the files into a folder."""
    return vendored.lay(lambda _: None, folder)


def test_each_file_is_laid_as_recorded_and_a_changed_one_laid_again(tmp_path: Path) -> None:
    """Whatever stands there: nobody edits it."""
    paths = laid(tmp_path)
    assert [path.name for path in paths] == [each.name for each in vendored.FILES]
    before = paths[0].read_bytes()
    paths[0].write_bytes(b"alert(1)")
    laid(tmp_path)
    assert paths[0].read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(each.name for each in vendored.FILES)


def test_a_file_of_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither laid nor served."""
    first = vendored.FILES[0]
    other = vendored.File(first.package, first.version, first.path, first.name, "0" * 64)
    monkeypatch.setattr(vendored, "FILES", (other,))
    with pytest.raises(Refused, match="is not the file whose hash is recorded"):
        laid(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_file_is_one_that_the_pages_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its exact name; and none of them is in the repository."""
    vendored.lay(lambda _: None)
    for each in vendored.FILES:
        if each.path == "LICENSE":  # it lies beside what it is of, and no page loads it
            continue
        assert render.asset(each.name) == (vendored.FOLDER / each.name).read_text()
    assert str(vendored.FOLDER.relative_to(ROOT)) + "/" in (ROOT / ".gitignore").read_text().split()
    assert render.asset("../vendored/htmx.min.js") is None
