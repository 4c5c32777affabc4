"""Small pictures, made by hand."""

import struct
import zlib


def png(width: int = 8, height: int = 8, *, padding: int = 0, colour: bytes = b"\x0f\x76\x6e") -> bytes:
    """A PNG picture of one colour; `padding` bytes of text make it larger."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\x00" + colour * width) * height)
    text = [(b"tEXt", b"Comment\x00" + b"x" * padding)] if padding else []
    chunks = [(b"IHDR", head), *text, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held)) for kind, held in chunks
    )


def webp(width: int = 16, height: int = 16, kind: bytes = b"VP8L") -> bytes:
    """The head of a WebP picture of each of its three kinds; nobody decodes it here."""
    if kind == b"VP8L":
        body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8)
    elif kind == b"VP8X":
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    else:
        body = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    body += bytes(len(body) % 2)
    held = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(held)) + held
