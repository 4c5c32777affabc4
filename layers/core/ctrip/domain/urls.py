"""What counts as a web address: of a merchant, where the gateway calls or sends people; of a node."""

import re
from urllib.parse import urlsplit

LONGEST = 2048
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}", re.ASCII)


def is_web_address(url: str, *, plain_http: bool) -> bool:
    """Say whether it is an https address without credentials; with `plain_http` http and IPv6 hosts pass too."""
    try:
        if not _is_printable(url):
            return False
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or not (_HOST.fullmatch(host) or (plain_http and ":" in host)):
        return False
    schemes = ("https", "http") if plain_http else ("https",)
    return parts.scheme in schemes and parts.username is None and parts.password is None


def is_node_address(url: str) -> bool:
    """Say whether it is an http or https address of a node; it may hold credentials, and name a host in a network."""
    try:
        parts = urlsplit(url)
        return _is_printable(url) and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_printable(url: str) -> bool:
    return len(url) <= LONGEST and url.isascii() and not any(c <= " " or c in "\\\x7f" for c in url)
