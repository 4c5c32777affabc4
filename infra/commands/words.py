"""Writes the catalogues of the pages' words anew from the sources: new messages are added, those that are gone removed.

What is to be translated is what `translatable("...")` marks in Python, and `_("...")` in a template.
"""

from __future__ import annotations

import argparse
import io
import sys

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from ctrip.pages.language import CATALOGUES, DEFAULT, LANGUAGES

SOURCES = CATALOGUES.parents[1]
_METHODS = [("views/**.py", "python"), ("pages/**.py", "python"), ("pages/**.html", "jinja2")]
_HEAD = (
    "# The words of cTrip's pages in {language}.\n"
    "# `make words` adds and removes messages; the translations are written here, by hand.\n"
)


def messages() -> Catalog:
    """Collect the messages of the sources, without their places: a moved line would change every catalogue."""
    found = Catalog()
    for name, _, message, comments, context in extract_from_dir(
        str(SOURCES), _METHODS, {"**": {"silent": "false"}}, keywords={"translatable": None, "_": None}
    ):
        del name, comments
        found.add(message, context=context)
    return found


def catalogue(tag: str) -> Catalog:
    """Read the catalogue of a language; an empty one where there is none yet."""
    path = CATALOGUES / f"{tag}.po"
    if not path.is_file():
        return Catalog(locale=tag)
    with path.open("rb") as source:
        return read_po(source, locale=tag, abort_invalid=True)


def written(tag: str, wanted: Catalog) -> str:
    """Return the text of a catalogue that has exactly the wanted messages."""
    old = catalogue(tag)
    new = Catalog(locale=tag, charset="utf-8")
    for message in wanted:
        if message.id:
            known = old.get(message.id)
            flags = ["python-brace-format"] if "{" in str(message.id) else []
            new.add(message.id, known.string if known else "", flags=flags)
    out = io.BytesIO()
    write_po(out, new, omit_header=True, sort_output=True, width=100)
    # A header of what gettext needs alone: a date in it would make each package another one.
    head = f'msgid ""\nmsgstr ""\n"Language: {tag}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return _HEAD.format(language=LANGUAGES[tag][0]) + head + out.getvalue().decode().strip() + "\n"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.words", description=__doc__)
    parser.parse_args()
    wanted = messages()
    for tag in LANGUAGES:
        if tag == DEFAULT:
            continue
        (CATALOGUES / f"{tag}.po").write_text(written(tag, wanted), encoding="utf-8")
        missing = [str(message.id) for message in catalogue(tag) if message.id and not message.string]
        print(f"{tag}: {len(missing)} of {len(wanted)} messages are not translated", *missing, sep="\n    ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
