"""What nodes say when they refuse, translated once into the gateway's errors.

Refused
├── TooMuch        ask for less: range, size, gas or time
├── Unsupported    the node has no such method, or keeps it from us
└── Reverted       the call itself fails; every honest node would say the same
Unavailable
├── Unreachable    no usable answer came: connection, time-out, rate limit, garbage; counts against the endpoint
└── Missing        the node does not hold that block or its state; another may
"""

import re
from typing import Any

from ctrip.domain.errors import BroadcastRejected, ChainError, NotHeld, Refused, Unavailable

# 3 is geth's "execution reverted"; the rest is JSON-RPC 2.0, EIP-1474, and EIP-1898 for blocks that are not held.
_REVERTED, _METHOD_NOT_FOUND = 3, -32601


class TooMuch(Refused):
    """The node would answer a smaller question."""


class Unsupported(Refused):
    """The node does not offer this method."""


class Reverted(Refused):
    """The call reverted."""


class Unreachable(Unavailable):
    """No usable answer came."""


class Missing(NotHeld):
    """The node does not hold that block or state."""


# First match wins. Wording changes between releases: it steers what is asked next, and decides nothing about money.
_SAYINGS: tuple[tuple[type[ChainError], tuple[str, ...]], ...] = (
    (
        Unreachable,
        (
            r"rate.?limit|too many requests|request rate exceeded",  # Infura, Ankr, public endpoints
            r"throughput|compute units|daily request|capacity|quota",  # Alchemy, QuickNode
            r"unauthorized|api key|forbidden|must be authenticated",
        ),
    ),
    (
        TooMuch,
        (
            r"out of gas|gas limit|gas required exceeds|gas cap|intrinsic gas",  # geth, reth, Anvil
            r"max (init)?code ?size|init ?code ?size|code ?size ?limit",  # geth, Erigon: EIP-170, EIP-3860
            r"Create(InitCode|Contract)SizeLimit",  # reth, Anvil
            r"execution (aborted|timeout)|timed? ?out|context deadline|query timeout",  # geth
            r"batch (too large|limit|size)|too many (requests )?in.*batch",  # geth, Nethermind, gateways
            r"response (is )?too (large|big)|(request entity|payload) too large|(response|content) size|body limit",
            r"more than \d+ (results|logs)|returned more than|too many (logs|results|blocks)|max results",  # Infura
            r"block range|range (is )?too (large|wide)|range limit|limited to|query exceeds",  # Erigon, QuickNode
            r"up to an? \d+|exceeds? (the )?max|limit exceeded",  # Alchemy, BSC
        ),
    ),
    (Unsupported, (r"method .{0,60}(not|n't) ",)),  # every client, in its own words
    (
        Missing,
        (
            r"(header|block|blockhash|hash)[^.]{0,90}not found|unknown block",  # geth, Erigon, Nethermind
            r"not (currently )?canonical|BlockNotFound",  # geth, reth
            r"missing trie node|(state|history) (is )?not available|historical state|pruned|archive|ancient|no state",
        ),
    ),
    (
        Unsupported,
        (r"not (supported|available|whitelisted|allowed|implemented|enabled)|unsupported|does not exist",),
    ),
    (Reverted, (r"revert|invalid opcode|InvalidFEOpcode|stack underflow",)),  # geth, Anvil
)
_WORDS = tuple((re.compile("|".join(phrases), re.IGNORECASE), kind) for kind, phrases in _SAYINGS)

# Where the words say nothing: many nodes give one code to everything, so the words come first.
_BY_CODE: dict[int, type[ChainError]] = {
    -32001: Missing,  # resource not found
    -32002: Missing,  # resource unavailable
    -32004: Unsupported,  # method not supported
    -32005: TooMuch,  # limit exceeded
    -32603: Unreachable,  # internal error
}

# What nodes say to bytes that they hold already: geth, Erigon, Nethermind, Besu, reth, Anvil, Arbitrum.
_HELD = re.compile(
    r"already ?known|already imported|known transaction|already in (the )?(mem)?pool|already exists|tx already",
    re.IGNORECASE,
)


def translate(error: Any, method: str, secret: str = "") -> ChainError:
    """Turn a JSON-RPC error object into the error to raise; `secret` is struck out of its text."""
    details = error if isinstance(error, dict) else {"message": str(error)}
    code, text = details.get("code"), f"{details.get('message', '')} {_data(details)}".strip()
    sentence = f"{method}: {_clean(text, secret)} ({code})"
    kind = _kind(code, text)
    if method == "eth_sendRawTransaction" and (kind is not Unreachable or _HELD.search(text)):
        return BroadcastRejected(sentence)
    return kind(sentence)


def held(error: ChainError) -> bool:
    """Say whether a refused broadcast means that the node has the transaction."""
    return _HELD.search(str(error)) is not None


def _kind(code: object, text: str) -> type[ChainError]:
    if code in (_REVERTED, _METHOD_NOT_FOUND):
        return Reverted if code == _REVERTED else Unsupported
    for words, kind in _WORDS:
        if words.search(text):
            return kind
    return _BY_CODE.get(code if isinstance(code, int) else 0, Refused)


def _data(details: dict[str, Any]) -> str:
    """Return what nodes hide in `data`: a sentence (Nethermind, Parity), not the bytes of a revert."""
    data = details.get("data")
    return data if isinstance(data, str) and not data.startswith("0x") else ""


def _clean(text: str, secret: str) -> str:
    shown = text.replace(secret, "***") if secret else text
    return re.sub(r"[^\x20-\x7e]+", " ", shown)[:200]
