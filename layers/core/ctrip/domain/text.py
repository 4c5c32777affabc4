"""Text that UTF-8 can carry.

JSON and Lambda's events can name half of a surrogate pair, which Python keeps in a str and no encoder takes.
"""


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
