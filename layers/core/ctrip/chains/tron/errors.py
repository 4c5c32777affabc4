"""What Tron's nodes answer when they refuse, translated once into the gateway's errors.

To the tree of `ctrip.chains.shared.errors` come:
NoSolidSide        it is Unavailable: the endpoint answers about what is not final only, which is never read
BroadcastRejected
└── Unclear        the code is the same for a transaction that was mined: whether it was is looked up
NotTaken           it is Unavailable: the node would take the same bytes later
"""

import re
from collections.abc import Iterable
from typing import Any

from ctrip.chains.shared.errors import Reverted, Suspended, TooMuch, Unreachable, Unsupported, clean
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Unavailable

REST_MS = 30_000  # what TronGrid asks for
_LONGEST_REST_MS = 600_000


class NoPath(Unsupported):
    """The node has no such path."""


class NoSolidSide(Unavailable):
    """The endpoint has no /walletsolidity."""


class Unclear(BroadcastRejected):
    """A refusal that a mined transaction gets too."""


class NotTaken(Unavailable):
    """The node takes no transaction at present."""


_ERROR_OF_TEXT = "08c379a0"  # the selector of Error(string)

# First match wins. Sources: java-tron 4.8.0 (its answers in tests/vectors/tron, its source where it says so), and what
# TronGrid documents of itself.
_SAYINGS: tuple[tuple[type[ChainError], str], ...] = (
    # First of all, as the rest of such a sentence is a contract's own: it must not look like a node's trouble.
    (Reverted, r"^\W*(class \S+ : )?(REVERT opcode|execution reverted)"),  # constant_revert
    (Refused, r"^\W*(CONTRACT_VALIDATE_ERROR )?smart contract is not exist"),  # constant_no_such_contract
    (Suspended, r"suspended for|frequency limit|exceeds? the .{0,20}limit\W*\(|daily|quota|rate.?limit"),  # TronGrid
    (Unreachable, r"lack of computing resources"),  # its own rate limiter (source: RateLimiterServlet)
    (TooMuch, r"OutOfTimeException|CPU timeout|AlreadyTimeOut|TimeOut"),  # constant_timeout
    (TooMuch, r"OutOfEnergyException|Not enough energy|OutOfMemoryException"),
    (TooMuch, r"body size is too big|request entity too large"),
    (TooMuch, r"query returned more than|exceed max|batch.{0,40}(too|limit|exceed|max)"),  # JSON-RPC (source)
    (Unsupported, r"does not support constant|is closed|lite ?fullnode|not (exist|available|supported)\W*$"),
    (Unsupported, r"does not exist/is not available|method .{0,60}not "),  # eth_getTransactionCount
    (Unreachable, r"unauthori|api key|forbidden"),
)
_WORDS = tuple((re.compile(words, re.IGNORECASE), kind) for kind, words in _SAYINGS)
_METHOD_NOT_FOUND, _TOO_MANY_RESULTS, _INTERNAL = -32601, -32005, -32603
_BY_CODE: dict[object, type[ChainError]] = {
    _METHOD_NOT_FOUND: Unsupported,
    _TOO_MANY_RESULTS: TooMuch,
    _INTERNAL: Unreachable,
}

# The codes of a broadcast; any other is a refusal of these bytes. Sources: `bc_*` in tests/vectors/tron, and
# java-tron's Wallet.broadcastTransaction for those that a node gives of itself.
TAKEN = frozenset({"SUCCESS", "DUP_TRANSACTION_ERROR"})
_CODES: tuple[tuple[type[ChainError], frozenset[str], str], ...] = (
    (
        NotTaken,
        frozenset({"SERVER_BUSY", "NO_CONNECTION", "NOT_ENOUGH_EFFECTIVE_CONNECTION", "BLOCK_UNSOLIDIFIED"}),
        "",
    ),
    # A mined transaction whose time is over answers "expired" (bc_mined_then_expired): expiry is looked at first.
    (
        Unclear,
        frozenset({"TRANSACTION_EXPIRATION_ERROR", "TAPOS_ERROR"}),
        "; it is unknown whether it was sent before, as one that was mined gets this answer too",
    ),
)


def readable(message: object) -> str:
    """Read a message, which some paths write in hexadecimal digits."""
    text = message if isinstance(message, str) else ""
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return text


def revert_words(message: str, answer: dict[str, Any], secrets: Iterable[str] = ()) -> str:
    """Say why a call failed: the node's words, and the contract's own reason where it gave one as Error(string)."""
    results = answer.get("constant_result")
    data = results[0] if isinstance(results, list) and results and isinstance(results[0], str) else ""
    reason = ""
    if data.startswith(_ERROR_OF_TEXT):
        length = int(data[72:136] or "0", 16) if re.fullmatch(r"[0-9a-f]*", data) else 0
        reason = readable(data[136 : 136 + 2 * min(length, 200)])
    return clean(": ".join(filter(None, (message or "the call fails", reason))), tuple(secrets))


def translate(text: str, where: str, secrets: Iterable[str] = (), code: object = None) -> ChainError:
    """Turn a node's words into the error to raise; `secrets` are struck out of it."""
    sentence = f"{where}: {clean(text, tuple(secrets))}"
    for words, kind in _WORDS:
        if words.search(text):
            return Suspended(sentence, _rest(text)) if kind is Suspended else kind(sentence)
    return _BY_CODE.get(code, Refused)(sentence)


def judged(code: object, message: str, secrets: Iterable[str] = ()) -> ChainError:
    """Turn the code and the words of a refused broadcast into the error to raise."""
    name = code if isinstance(code, str) else "no code"
    sentence = clean(f"{name}: {message}", tuple(secrets))
    for kind, codes, remark in _CODES:
        if name in codes:
            return kind(sentence + remark)
    return BroadcastRejected(sentence)


def judge(status: int, body: bytes) -> bytes:
    """Say what an HTTP status means; java-tron gives its own errors with status 200."""
    if status == 200:
        return body
    if status == 413:
        raise TooMuch("HTTP 413")
    if status in (404, 405):
        raise NoPath(f"HTTP {status}")
    text = body[:1000].decode(errors="replace")
    if status in (403, 429) or (status == 503 and re.search(r"suspend|limit|exceed", text, re.IGNORECASE)):
        raise Suspended(f"HTTP {status}", _rest(text))
    raise Unreachable(f"HTTP {status}")


def _rest(text: str) -> int:
    """Return how long to stay away: as long as the words say, half a minute at least."""
    found = re.search(r"suspended for (\d{1,6}) ?s", text)
    return min(max(int(found[1]) * 1000 if found else 0, REST_MS), _LONGEST_REST_MS)
