"""How a merchant's shop looks on the pages that its payers see: name, logo, colour, contact, and who may embed them."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from ctrip.domain.bounds import Count, Text
from ctrip.domain.errors import InvalidField
from ctrip.domain.merchants.access import Brand
from ctrip.domain.urls import is_web_address

LOGO_BYTES = 64 * 1024
LOGO_SIDE = 2_048  # pixels: a small file can hold a picture that no browser should unpack
SHOP_NAME = Text(1, 60)
CONTACT = Text(1, 200)
ORIGINS = Count(10)
PNG, WEBP = "image/png", "image/webp"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xaeB`\x82"
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}", re.ASCII)
# What a Content-Security-Policy takes as one source: nothing that could end it, or begin another directive.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?", re.ASCII)


def checked_brand(
    *, name: str | None, colour: str | None, contact: str | None, origins: Iterable[str], plain_http: bool
) -> Brand:
    """Make a brand of what was asked for; raises `InvalidField`. On the local stage origins may be `plain_http`."""
    if name is not None and not SHOP_NAME.admits(name):
        raise InvalidField("name", "invalid_value", SHOP_NAME.words)
    folded = (colour or "").lower()
    if folded and not _COLOUR.fullmatch(folded):
        raise InvalidField("colour", "invalid_colour", 'must be a colour such as "#1d4ed8"')
    if contact is not None and not (_MAIL.fullmatch(contact) or is_web_address(contact, plain_http=False)):
        raise InvalidField("contact", "invalid_contact", "must be an e-mail address or an https address")
    if contact is not None and not CONTACT.admits(contact):
        raise InvalidField("contact", "invalid_value", CONTACT.words)
    listed = tuple(dict.fromkeys(_origin(each, plain_http=plain_http) for each in origins))
    if not ORIGINS.admits(listed):
        raise InvalidField("origins", "invalid_value", ORIGINS.words)
    return Brand(shop_name=name or "", colour=folded, contact=contact or "", origins=listed)


def logo_type(picture: bytes) -> str:
    """Return the media type of a logo by its own first bytes, whatever it is called; raises `InvalidField`."""
    if len(picture) > LOGO_BYTES:
        raise InvalidField("logo", "invalid_logo", f"must have at most {LOGO_BYTES} bytes")
    kind, size = (PNG, _png_size(picture)) if picture.startswith(_PNG_START) else (WEBP, _webp_size(picture))
    if size is None:
        raise InvalidField("logo", "invalid_logo", "must be a PNG or a WebP picture")
    if not all(0 < side <= LOGO_SIDE for side in size):
        raise InvalidField("logo", "invalid_logo", f"must be at most {LOGO_SIDE} pixels wide and high")
    return kind


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour: at least 4.5 to 1, as WCAG counts contrast."""
    light = _luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def contact_link(contact: str) -> str:
    """Return the address that a click on a contact opens."""
    return f"mailto:{contact}" if _MAIL.fullmatch(contact) else contact


def _luminance(colour: str) -> float:
    """Compute the relative luminance of an sRGB colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _origin(text: str, *, plain_http: bool) -> str:
    folded = text.lower()
    if _ORIGIN.fullmatch(folded) and is_web_address(folded, plain_http=plain_http) and not urlsplit(folded).path:
        return folded
    raise InvalidField("origins", "invalid_origin", 'must be origins such as "https://shop.example"')


def _png_size(picture: bytes) -> tuple[int, int] | None:
    if picture[8:16] != b"\x00\x00\x00\rIHDR" or not picture.endswith(_PNG_END):
        return None
    return int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])


def _webp_size(picture: bytes) -> tuple[int, int] | None:
    whole = len(picture) >= 30 and int.from_bytes(picture[4:8], "little") + 8 == len(picture)
    if not whole or picture[:4] != b"RIFF" or picture[8:12] != b"WEBP":
        return None
    kind = picture[12:16]
    if kind == b"VP8 " and picture[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(picture[26:28], "little") & 0x3FFF, int.from_bytes(picture[28:30], "little") & 0x3FFF
    if kind == b"VP8L" and picture[20] == 0x2F:
        bits = int.from_bytes(picture[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(picture[24:27], "little") + 1, int.from_bytes(picture[27:30], "little") + 1
    return None
