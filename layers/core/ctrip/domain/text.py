"""Text that UTF-8 can carry, and names that were mistyped.

JSON and Lambda's events can name half of a surrogate pair, which Python keeps in a str and no encoder takes.
"""

import re
from collections.abc import Iterable

# As long as a chain's name may be; the keys of providers are longer.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,23}", re.ASCII)


def is_whole(text: str) -> bool:
    """Say whether UTF-8 can carry a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(text: str) -> str:
    """Return a text that UTF-8 can carry: half of a surrogate pair becomes a question mark."""
    return text if is_whole(text) else text.encode("utf-8", "replace").decode()


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a mistyped one is most like, as a question in brackets; empty where none is alike."""
    import difflib  # here: only a refusal needs it, and each function imports this module

    found = difflib.get_close_matches(name.strip(), list(known), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def quoted(name: str) -> str:
    """Quote a mistyped name in a message; what is no name could be an address with a key in it, and is not repeated."""
    return repr(name) if _NAME.fullmatch(name) else "something that is no name"
