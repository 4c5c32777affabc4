"""Stored documents: compressed with what they have in common, and readable for ever."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from ctrip.store import dictionary
from ctrip.store.database import document, read_document


@given(st.text())
def test_any_text_survives(text: str) -> None:
    """Whatever is stored is read back, long or short, in any script."""
    assert dictionary.decompress(dictionary.compress(text)) == text
    assert read_document({"doc": document(text)}, "doc") == text


def test_a_long_document_survives() -> None:
    """Also one far larger than the window."""
    text = "".join(f'{{"tx_hash":"0x{number * 7919:064x}"}}' for number in range(5_000))
    assert read_document({"doc": document(text)}, "doc") == text


def test_what_older_versions_stored_stays_readable() -> None:
    """Plain text, and zlib without a dictionary."""
    text = '{"chain":"anvil","amount":"5"}'
    assert read_document({"doc": {"S": text}}, "doc") == text
    assert read_document({"doc": {"B": zlib.compress(text.encode())}}, "doc") == text


def test_a_dictionary_is_never_changed() -> None:
    """Whoever changes a letter of it can read nothing that was stored before: add another one instead."""
    assert {zlib.adler32(each) for each in dictionary.ALL} == {CHECKSUM}
    packed = dictionary.compress("payment")
    assert int.from_bytes(packed[2:6]) == CHECKSUM == zlib.adler32(dictionary.NEWEST)


CHECKSUM = 0x74893C9
