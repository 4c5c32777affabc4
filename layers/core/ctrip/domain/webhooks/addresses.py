"""Where webhooks may go: https on public addresses, so that nobody has the gateway post into its own network.

A merchant chooses the URL, and the owner of its name chooses the IP addresses behind it, anew with each resolution.
So the URL is vetted when it is given, and the addresses each time that one is dialled (`ctrip.net.receivers`).
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from ctrip.domain.urls import is_web_address

HTTPS_PORT = 443
LEAST_PORT = 1024  # of the others: those below are other protocols', such as 22 and 25

# What IANA keeps for special purposes, and 168.63.129.16, which answers inside one cloud as 169.254.169.254 does in
# most. Source: the IANA IPv4 and IPv6 special-purpose address registries, 2026-11. `ipaddress.is_global` is not enough:
# it passes multicast, translations of IPv4 addresses (64:ff9b::/96) and 192.0.0.192, for example.
_DENIED_4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_UNICAST_6 = ip_network("2000::/3")  # all that is given out to the internet; mapped and translated IPv4 is outside
_DENIED_6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

_NAMES_INSIDE = frozenset(
    {
        *("localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "localdomain"),
        *("arpa", "onion"),
    }
)
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)", re.ASCII)


def endpoint_problem(url: str, *, loopback: bool) -> str | None:
    """Say what is wrong with the address of an endpoint, in words that go on after its name; None where nothing is.

    With `loopback`, for the local stage alone, plain http and this machine's own addresses pass too.
    """
    if not is_web_address(url, plain_http=loopback):
        return f"must be an {'http:// or https' if loopback else 'https'}:// address without a user name"
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port
    if parts.fragment or "#" in url:
        return "must not have a fragment (#)"
    if loopback and (host == "localhost" or _is_loopback(host)):
        return None
    if _is_literal(host):
        return "must name a host, not an IP address"
    last = host.rsplit(".", 1)[-1]
    if "." not in host or last in _NAMES_INSIDE:
        return "must name a host on the internet, with its whole domain"
    if port is not None and port != HTTPS_PORT and port < LEAST_PORT:
        return f"must use port {HTTPS_PORT}, or one from {LEAST_PORT} on"
    return None


def may_dial(address: str, *, loopback: bool) -> bool:
    """Say whether an IP address, as a resolver gives it, may be dialled: only a public one.

    With `loopback`, for the local stage alone, this machine's own too.
    """
    try:
        parsed = ip_address(address)
    except ValueError:  # with a zone (fe80::1%eth0), for example
        return False
    if loopback and parsed.is_loopback:
        return True
    if isinstance(parsed, IPv4Address):
        return not any(parsed in each for each in _DENIED_4)
    return parsed in _UNICAST_6 and not any(parsed in each for each in _DENIED_6)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_literal(host: str) -> bool:
    """Whether it is an IP address in any notation that resolvers take: 127.1, 2130706433, 0x7f.0.0.1, [::1]."""
    try:
        IPv6Address(host)
    except ValueError:
        return _NUMBER.fullmatch(host.rsplit(".", 1)[-1]) is not None
    return True
