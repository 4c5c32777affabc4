"""How a merchant's shop looks on the pages of its payers, over the admin API and on the pages themselves."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest

from ctrip.domain.merchants.brand import LOGO_BYTES, _luminance, ink_on
from tests.functions.conftest import Api
from tests.support.pictures import png, webp

SHOP = {
    "name": "Café Ω <b>",
    "colour": "#0F766E",
    "contact": "help@shop.example",
    "origins": ["https://shop.example", "HTTPS://Pay.shop.example:8443"],
}


def coded(picture: bytes) -> str:
    return b64encode(picture).decode()


def brand(api: Api, **wanted: Any) -> Any:
    """Set the brand of the merchant that the API's key is of."""
    return api.admin("PUT", "/merchants/m1/brand", wanted)


def page(api: Api, payment: dict[str, Any]) -> Any:
    return api.call("GET", f"/pay/{payment['id']}", key=None)


def ancestors(answer: Any) -> str:
    found = re.search(r"frame-ancestors ([^;]*)$", answer.headers["Content-Security-Policy"])
    assert found
    return found[1]


def test_a_brand_is_on_the_pages_from_then_on(api: Api) -> None:
    """Name, picture, colours and contact, escaped, from addresses that change with them; who may embed the page."""
    made = api.create(order_id="A-17")
    before = page(api, made)
    assert ">Shop<" in before.body.decode() or "shop-name" in before.body.decode()
    assert (ancestors(before), "style.css" in before.body.decode()) == ("'none'", False)
    picture = png()
    view = brand(api, **SHOP, logo=coded(picture)).json
    assert view["brand"] == {
        "name": "Café Ω <b>",
        "colour": "#0f766e",
        "contact": "help@shop.example",
        "origins": ["https://shop.example", "https://pay.shop.example:8443"],
        "logo": "image/png",
    }
    after = page(api, made)
    text = after.body.decode()
    assert "Café Ω &lt;b&gt;</p>" in text
    assert 'href="mailto:help@shop.example"' in text
    assert "Order A-17" in text
    assert ancestors(after) == "https://shop.example https://pay.shop.example:8443"
    policy = re.sub("frame-ancestors.*", "", before.headers["Content-Security-Policy"])
    assert after.headers["Content-Security-Policy"].startswith(policy)
    assert "style=" not in text.replace("stylesheet", "")
    logo, style = (re.search(rf'"\.\.(/brands/m1/{each}\?v=\d+)"', text) for each in ("logo", r"style\.css"))
    assert logo
    assert style
    served = api.call("GET", logo[1], key=None, Accept="image/avif,image/webp,*/*;q=0.8")
    assert (served.status_code, served.headers["Content-Type"], served.body) == (200, "image/png", picture)
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in served.headers["Content-Security-Policy"]
    colours = api.call("GET", style[1], key=None)
    assert colours.body.decode() == ":root{--accent:#0f766e;--on-accent:#ffffff}"
    assert colours.headers["Content-Type"] == "text/css; charset=utf-8"


def test_a_brand_is_replaced_but_a_logo_stays_until_it_is_taken_away(api: Api) -> None:
    """What is left out is gone; null takes the picture too, and the address of the old one changes."""
    made, picture = api.create(), webp()
    assert brand(api, **SHOP, logo=coded(picture)).json["brand"]["logo"] == "image/webp"
    first = re.search(r"logo\?v=(\d+)", page(api, made).body.decode())
    kept = brand(api, colour="#FFFFFF").json["brand"]
    assert kept == {"name": None, "colour": "#ffffff", "contact": None, "origins": [], "logo": "image/webp"}
    assert api.call("GET", "/brands/m1/logo", key=None, Accept="*/*").body == picture
    second = re.search(r"logo\?v=(\d+)", page(api, made).body.decode())
    assert first
    assert second
    assert first[1] != second[1]
    assert ancestors(page(api, made)) == "'none'"
    assert brand(api, logo=None).json["brand"]["logo"] is None
    assert api.call("GET", "/brands/m1/logo", key=None, Accept="*/*").status_code == 404
    assert "<img" not in page(api, made).body.decode()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        *(
            ({"colour": each}, "colour", "invalid_colour")
            for each in ("red", "#fff", "#0f766", "#0f766g", "#\uff10f766e", "}a{b:c")
        ),
        ({"colour": "#0f766e;"}, "colour", "invalid_value"),
        ({"name": ""}, "name", "invalid_value"),
        ({"name": "x" * 61}, "name", "invalid_value"),
        *(
            ({"contact": each}, "contact", "invalid_contact")
            for each in (
                "javascript:alert(1)",
                "http://shop.example",
                "a@b",
                "a b@shop.example",
                "help@shop.example?bcc=x",
            )
        ),
        *(
            ({"origins": [each]}, "origins", "invalid_origin")
            for each in (
                "*",
                "https://*.shop.example",
                "https://shop.example/",
                "https://shop.example; script-src *",
                "https://shop.example https://evil.example",
                "https://a@shop.example",
                "'self'",
                "data:",
                "shop.example",
                "https://sh\u00f6p.example",
                "https://shop.example:0",
            )
        ),
        ({"logo": coded(png(padding=LOGO_BYTES))}, "logo", "invalid_value"),
        ({"origins": [f"https://s{n}.example" for n in range(11)]}, "origins", "invalid_value"),
        *(
            ({"logo": each}, "logo", "invalid_logo")
            for each in (
                "not base64!",
                coded(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
                coded(b"GIF89a" + bytes(40)),
                coded(b"\xff\xd8\xff\xe0" + bytes(40)),
                coded(png() + b"<script>alert(1)</script>"),
                coded(b"\x89PNG\r\n\x1a\n" + b"<svg>" * 9),
                coded(png(width=2049)),
                coded(webp(height=4096)),
                coded(webp(kind=b"VP8X", width=3000)),
                coded(webp() + b"more"),
                coded(webp(kind=b"EVIL")),
                coded(b"RIFF"),
            )
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(api: Api, change: dict[str, Any], field: str, code: str) -> None:
    """By its own bytes, whatever it is called; nothing changes."""
    refused = brand(api, **SHOP, logo=coded(png())).json and brand(api, **(SHOP | change))
    assert refused.status_code == 400, refused.body
    assert (refused.json["errors"][0]["field"].split(".")[0], refused.json["errors"][0]["code"]) == (field, code)
    assert api.admin("GET", "/merchants/m1").json["brand"]["logo"] == "image/png"


def test_the_largest_logo_fits_into_a_request(api: Api) -> None:
    """64 KiB as base64 with everything else; a byte more, or a larger body, is refused. Others' bodies stay small."""
    size = len(png(padding=1)) - 1
    assert brand(api, **SHOP, logo=coded(png(padding=LOGO_BYTES - size))).status_code == 200
    assert brand(api, **SHOP, logo=coded(png(padding=LOGO_BYTES - size + 1))).status_code == 400
    assert brand(api, **SHOP, logo="A" * 96 * 1024).status_code == 413
    assert api.admin("PATCH", "/merchants/m1", {"name": "A" * 40_000}).status_code == 413


@pytest.mark.parametrize("picture", [webp(kind=each) for each in (b"VP8 ", b"VP8L", b"VP8X")], ids=str)
def test_every_kind_of_webp_is_taken(api: Api, picture: bytes) -> None:
    assert brand(api, logo=coded(picture)).json["brand"]["logo"] == "image/webp"


def test_what_is_written_on_a_colour_can_be_read() -> None:
    """At least 4.5 to 1 on every colour there is: black or white, whichever is better."""
    steps = (0, 51, 102, 119, 128, 153, 204, 255)
    for red in steps:
        for green in steps:
            for blue in steps:
                colour = f"#{red:02x}{green:02x}{blue:02x}"
                lights = sorted((_luminance(colour), _luminance(ink_on(colour))))
                assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, colour
    assert (ink_on("#ffff00"), ink_on("#00008b")) == ("#000000", "#ffffff")


def test_a_change_of_a_brand_is_audited_with_its_picture(api: Api) -> None:
    """Each picture by its digest: another one of the same type is another record."""
    for picture in (png(), png(colour=b"\x00\x00\x00")):
        brand(api, **SHOP, logo=coded(picture))
    trail = api.admin("GET", "/audit?merchant_id=m1").json["data"]
    last = [each for each in trail if each["action"] == "merchant.brand"]
    digests = [each["after"]["logo"] for each in last]
    assert (len(last), len(set(digests)), {len(each) for each in digests}) == (2, 2, {64})


def test_a_merchant_that_nobody_knows_has_no_brand(api: Api) -> None:
    for path in ("/brands/nobody/logo", "/brands/nobody/style.css"):
        answer = api.call("GET", path, key=None, Accept="*/*")
        assert (answer.status_code, answer.json["code"]) == (404, "merchant_not_found")
    assert api.admin("PUT", "/merchants/nobody/brand", SHOP).status_code == 404
