"""Where webhooks may go: a corpus of URLs and addresses that lead, or seem to lead, inside."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.webhooks.addresses import endpoint_problem, may_dial

REFUSED = (
    "http://shop.example/hooks",
    "ftp://shop.example/",
    "//shop.example/",
    "shop.example",
    "",
    "javascript:alert(1)",
    "https://",
    "https://user@shop.example/",
    "https://user:password@shop.example/",
    "https://shop.example:22/",
    "https://shop.example:0/",
    "https://shop.example:25/",
    "https://shop.example:80/",
    "https://shop.example:65536/",
    "https://shop.example/#@10.0.0.1",
    "https://shop.example/hooks#",
    "https://shop.example\\@10.0.0.1/",
    "https://shop\n.example/",
    "https://shop .example/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://shop.localhost/",
    "https://printer.local/",
    "https://vault.internal/",
    "https://metadata.google.internal/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://router.lan/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://169.254.43518/",
    "https://169.254.169.254/latest/meta-data/",
    "https://8.8.8.8/",
    "https://[::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[2606:4700::1111]/",
    "https://[fe80::1%25eth0]/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://shop.example\u3002com/",
    f"https://{'a' * 3000}.example/",
)
TAKEN = (
    "https://shop.example/hooks",
    "https://shop.example:443/hooks?source=ctrip",
    "https://hooks.shop.example:8443/",
    "https://a-b.shop.example:9000/x",
    "https://xn--bcher-kva.example/",
    "https://0x7f.shop.example/",
    "https://127.0.0.1.shop.example/",
)
INSIDE = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1"),
    *("192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "::169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::a9fe:a9fe", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1"),
    *("2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("ff0e::1", "nonsense", "", "127.1", "0x7f000001"),
)
OUTSIDE = ("93.184.216.34", "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1")


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_leads_inside_or_is_none_is_refused(url: str) -> None:
    """With words that go on after the field's name."""
    problem = endpoint_problem(url, loopback=False)
    assert problem is not None
    assert problem.startswith("must ")
    assert not problem.endswith(".")


@pytest.mark.parametrize("url", TAKEN)
def test_an_https_address_on_the_internet_is_taken(url: str) -> None:
    """Whatever its name looks like: only its addresses tell, and they are vetted when they are dialled."""
    assert endpoint_problem(url, loopback=False) is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/hooks", "http://localhost:9000/", "http://[::1]:9000/", "https://127.0.0.1:8443/"]
)
def test_this_machine_is_an_endpoint_of_the_local_stage_alone(url: str) -> None:
    """Anywhere else it would be the gateway's own."""
    assert endpoint_problem(url, loopback=True) is None
    assert endpoint_problem(url, loopback=False) is not None


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "[fe80::1]", "0x7f.1", "vault.internal"]
)
def test_the_local_stage_reaches_no_more_inside_than_this_machine(host: str) -> None:
    """A laptop's network is not the merchant's either."""
    assert endpoint_problem(f"http://{host}/", loopback=True) is not None


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_kept_for_special_purposes_is_never_dialled(address: str) -> None:
    """Private, link-local, shared, documentation, translated, multicast, a cloud's own."""
    assert not may_dial(address, loopback=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_dialled(address: str) -> None:
    """Also the neighbours of what is denied."""
    assert may_dial(address, loopback=False)
    assert may_dial(address, loopback=True)


@pytest.mark.parametrize("address", INSIDE)
def test_loopback_opens_loopback_alone(address: str) -> None:
    """The local stage's allowance is for 127.0.0.0/8 and ::1."""
    assert may_dial(address, loopback=True) is ((address.startswith("127.") and address != "127.1") or address == "::1")


@given(st.ip_addresses(v=4))
def test_no_private_ipv4_address_passes(address: IPv4Address) -> None:
    """The standard library's own lists are a subset of what is denied."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not may_dial(str(address), loopback=False)


@given(st.ip_addresses(v=6))
def test_no_private_ipv6_address_passes(address: IPv6Address) -> None:
    """The same of IPv6; where an IPv4 address is inside, it is not dialled by a detour."""
    inside = address.ipv4_mapped or address.sixtofour or address.teredo
    if not address.is_global or address.is_multicast or inside:
        assert not may_dial(str(address), loopback=False)


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    """Nothing raises: what is no address is refused, here nearly all of it."""
    problem = endpoint_problem(text, loopback=False)
    assert (problem is None) <= text.lower().startswith("https://")
    assert may_dial(text, loopback=False) <= (text.count(".") == 3 or ":" in text)
