"""Signed requests, by the published vectors and for all inputs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip_client.signing import canonical_request, encode_query, new_nonce, sign_request

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "signing.json").read_text(encoding="utf-8")
)
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
# What UTF-8 can spell: everything but lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
queries = st.lists(st.tuples(texts, texts), max_size=8)


def body_of(vector: dict[str, Any]) -> bytes:
    """Return the raw body."""
    return base64.b64decode(vector["body_base64"]) if "body_base64" in vector else vector["body"].encode()


def request_of(vector: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Return what is signed of the request itself."""
    return vector["method"], vector["path"], [(name, value) for name, value in vector["query"]], body_of(vector)


def by_the_letter(vector: dict[str, Any]) -> str:
    """Spell the contract's sentence without any code of the client's, to check the file itself."""

    def encoded(text: str) -> str:
        return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in text.encode())

    pairs = sorted((encoded(name), encoded(value)) for name, value in vector["query"])
    query = "&".join("=".join(pair) for pair in pairs)
    return (
        "v1\n" + vector["method"].upper() + "\n" + vector["path"] + "\n" + query + "\n" + vector["key_id"] + "\n"
        + str(vector["timestamp"]) + "\n" + vector["nonce"] + "\n" + hashlib.sha256(body_of(vector)).hexdigest()
    )  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_published_vectors_follow_the_contract(vector: dict[str, Any]) -> None:
    """Each vector's text and signature come out of the contract's sentence."""
    assert vector["canonical"] == by_the_letter(vector)
    assert (
        vector["signature"] == hmac.new(vector["secret"].encode(), vector["canonical"].encode(), "sha256").hexdigest()
    )
    assert 16 <= len(vector["nonce"]) <= 64


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_client_signs_as_published(vector: dict[str, Any]) -> None:
    """The client's text and headers are those of the vectors."""
    about = {name: vector[name] for name in ("key_id", "timestamp", "nonce")}
    assert canonical_request(*request_of(vector), **about) == vector["canonical"]
    assert sign_request(*request_of(vector), **about, secret=vector["secret"]) == {
        "X-Key-Id": vector["key_id"],
        "X-Timestamp": str(vector["timestamp"]),
        "X-Nonce": vector["nonce"],
        "X-Signature": vector["signature"],
    }


def test_vectors_have_names_of_their_own() -> None:
    """A failure points at one vector."""
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) > 20


@given(queries.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_the_order_of_a_query_does_not_matter(either: tuple[list[tuple[str, str]], list[tuple[str, str]]]) -> None:
    """Whoever hands the parameters on may shuffle them."""
    assert encode_query(either[0]) == encode_query(either[1])


@given(queries)
def test_an_encoded_query_reads_back(pairs: list[tuple[str, str]]) -> None:
    """Nothing is lost or made up, so that two queries never share a signature."""
    encoded = encode_query(pairs)
    assert encoded.isascii()
    assert " " not in encoded
    assert "+" not in encoded
    pairs_read = [tuple(part.split("=")) for part in encoded.split("&")] if pairs else []
    assert all(len(pair) == 2 for pair in pairs_read)
    assert sorted(parse_qsl(encoded, keep_blank_values=True)) == sorted(pairs)


@given(st.sampled_from(VECTORS), st.data())
def test_every_part_of_a_request_is_signed(vector: dict[str, Any], data: st.DataObject) -> None:
    """Whatever is changed, the signature is another."""
    method, path, query, body = request_of(vector)
    about: dict[str, Any] = {name: vector[name] for name in ("key_id", "timestamp", "nonce", "secret")}
    part = data.draw(st.sampled_from(["method", "path", "query", "body", *about]))
    changed = {
        "method": lambda: sign_request(method + "X", path, query, body, **about),
        "path": lambda: sign_request(method, path + "x", query, body, **about),
        "query": lambda: sign_request(method, path, [*query, ("x", "")], body, **about),
        "body": lambda: sign_request(method, path, query, _flipped(body, data), **about),
        "timestamp": lambda: sign_request(method, path, query, body, **about | {"timestamp": about["timestamp"] + 1}),
    }
    other = changed.get(part, lambda: sign_request(method, path, query, body, **about | {part: about[part] + "x"}))
    assert other()["X-Signature"] != vector["signature"]


def test_nonces_are_long_enough_and_never_the_same() -> None:
    """16 to 64 characters, used once."""
    nonces = {new_nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(16 <= len(nonce) <= 64 for nonce in nonces)


def _flipped(body: bytes, data: st.DataObject) -> bytes:
    if not body:
        return b"x"
    at = data.draw(st.integers(0, len(body) - 1))
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
