"""Masks what must not reach a log, in every line of every library: the last net, not the first.

The first is to log facts (`ctrip.aws.log`). A line is masked where `logging` makes it, so that no logger, handler or
library, now or later, has to take part. Hashes of transactions look like private keys, and stay; what stands under a
name such as `private_key` does not.
"""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from traceback import walk_tb
from typing import Any

from ctrip.domain.errors import ConfigurationError

HIDDEN = "***"
FRAMES = 5


class Told(Exception):
    """A failure whose message is safe to show: type and place, nothing of what the caller sent."""


def install() -> None:
    """Mask every line from now on; a second time changes nothing."""
    factory = logging.getLogRecordFactory()
    if getattr(factory, "masks", False):
        return

    def masked(
        name: str,
        level: int,
        path: str,
        line: int,
        msg: object,
        args: Any,
        exc_info: Any = None,
        func: str | None = None,
        sinfo: str | None = None,
        **more: Any,
    ) -> logging.LogRecord:
        error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
        message = _message(msg, args)
        if isinstance(error, BaseException):
            message = f"{message} [{told(error)}]"
        return factory(name, level, path, line, message, (), None, func, sinfo, **more)

    masked.masks = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(masked)


def told(error: BaseException) -> str:
    """Say what failed and where: an exception's own message may quote the caller, its type and place do not.

    What a stage is refused for is ours to say, and somebody has to read it.
    """
    if isinstance(error, Told):
        return str(error)
    text = f"{type(error).__name__} at {place(error)}"
    if isinstance(error, ConfigurationError):
        text = f"{text}: {mask(str(error))}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{text}, after {type(cause).__name__} at {place(cause)}" if cause else text


def place(error: BaseException) -> str:
    """Name the innermost places that an exception came through, the first one first."""
    places = [f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{line}" for frame, line in walk_tb(error.__traceback__)]
    return " < ".join(reversed(places[-FRAMES:])) or "nowhere"


def bare(error: Exception) -> Told:
    """Return an exception of the same name that says type and place alone, without cause or context."""
    kind = type(type(error).__name__, (Told,), {"__doc__": Told.__doc__})
    return kind(told(error))  # type: ignore[no-any-return]


def mask(text: str) -> str:
    """Mask what looks like a credential, a private key, a mnemonic or a provider's address, wherever it stands."""
    if _HARMLESS.fullmatch(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _URL.sub(_url, text)
    return _PATH.sub(lambda found: _target(found[0]), text)


def mask_field(name: str, value: object) -> object:
    """Mask a value by its name, and by its looks; containers keep their shape."""
    if value is None or (is_secret(name) and not isinstance(value, Mapping)):
        return None if value is None else HIDDEN
    match value:
        case bool() | int() | float():
            return value
        case str():
            return mask(value)
        case BaseException():
            return told(value)
        case Mapping():
            return {str(key): mask_field(str(key), held) for key, held in value.items()}
        case list() | tuple() | set() | frozenset():
            return [mask_field("", held) for held in value]
        case bytes() | bytearray():
            return mask(value.decode(errors="replace"))
    return mask(str(value))


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a field of that name is never shown, whatever it holds: `signingSecret`, `X-Api-Key`, `totp`."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    return bool(_SECRET_NAME.search(plain)) and not _PUBLIC_NAME.search(plain)


_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secrets?|mnemonic|seed|tokens?|authorization|cookies?|totp|otp|jwt"
    r"|credentials?|private|priv|xprv|plaintext|apikey)(?:_|$)|(?:^|_)keys?$|^codes?$|(?:recovery|backup|login)_codes?$"
)
# What is about a secret and none itself.
_PUBLIC_NAME = re.compile(r"_(?:id|ids|at|count|address|symbol)$|^public_keys?$")

# What most fields hold, and no rule below would change: UUIDs, ids of events, times, levels, names of ours.
_HARMLESS = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:[a-z]{3}_)?[0-9A-HJKMNP-TV-Z]{26}|[0-9T:,.+Z -]{1,40}|[A-Z]{1,10}"
    r"|(?!ct[a-z]{2}_|ctrip_|whsec_)[a-z]{1,20}(?:[_.][a-z]{1,20}){0,3}"
)
_NAMES = (
    r"(?:pass(?:word|wd|phrase)|secret(?!smanager)|mnemonic|seed|private[_-]?key|priv[_-]?key|api[_-]?key"
    r"|signing[_-]?key|totp|otp|cookie|credential|token(?![_-](?:id|address)))"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Our own: API keys keep their id, which is public and names the one to revoke.
    (re.compile(r"(ctrip_[0-9a-z]{1,64}_)[0-9A-Za-z_-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"((?:whsec|ct[a-z]{2})_)[A-Za-z0-9+/=_-]{8,}"), rf"\1{HIDDEN}"),
    # A JSON object in base64: tokens of every kind begin so.
    (re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"), HIDDEN),
    (re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{4,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # A value after a name: quoted up to its quote, else up to what ends a word.
    (re.compile(rf"({_NAMES}[\w-]{{0,40}}['\"]?\s*[:=]\s*b?)(['\"])(?:(?!\2).)+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(rf"({_NAMES}[\w-]{{0,40}}['\"]?\s*[:=]\s*)[^\s,;&'\"}}\]]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(key['\"]?\s*[:=]\s*['\"]?)(?:0x)?[0-9a-f]{64}\b", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b[xyztuv]p(?:rv|ub)[1-9A-HJ-NP-Za-km-z]{60,}"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.DOTALL), HIDDEN),
    # BIP-39: twelve words and more, each of three to eight letters. Prose has a shorter or a longer one before that.
    (re.compile(r"\b[a-z]{3,8}(?:[\s,'\"]+[a-z]{3,8}\b){11,}"), HIDDEN),
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>\\]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/:.~%*-])/[^\s'\"<>()]+")
_UUID_OR_HEX = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WORDS = re.compile(r"[a-z._-]*")
_KEY_LENGTH = 16


def _url(found: re.Match[str]) -> str:
    scheme, rest = found[0].split("://", 1)
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    who, at, host = rest[:end].rpartition("@")
    return f"{scheme}://{HIDDEN + at if who or at else ''}{host}{_target(rest[end:])}"


def _target(target: str) -> str:
    """Mask the parts of a path that look like a provider's key, and every value of a query."""
    path, question, query = target.partition("#")[0].partition("?")
    shown = "/".join(HIDDEN if _like_a_key(part) else part for part in path.split("/"))
    values = "&".join(f"{pair.partition('=')[0]}={HIDDEN}" if "=" in pair else HIDDEN for pair in query.split("&"))
    return shown + (question + values if question else "")


def _like_a_key(part: str) -> bool:
    return len(part) >= _KEY_LENGTH and not _UUID_OR_HEX.fullmatch(part) and not _WORDS.fullmatch(part)


def _message(msg: object, args: Any) -> object:
    if isinstance(msg, Mapping):
        return mask_field("", msg)
    if isinstance(msg, BaseException):
        return told(msg)
    if not args:
        return mask(str(msg))
    # A single mapping is spelt by name: logging itself unwraps it only later.
    held = args[0] if isinstance(args, tuple) and len(args) == 1 and isinstance(args[0], Mapping) else args
    if isinstance(held, Mapping):
        shown: Any = {name: HIDDEN if is_secret(str(name)) else _plain(value) for name, value in held.items()}
    else:
        shown = tuple(map(_plain, held if isinstance(held, tuple) else (held,)))
    try:
        return mask(str(msg) % shown)
    except Exception:  # a line that cannot be spelt is still a line; logging would print the arguments instead
        return mask(str(msg))


def _plain(value: object) -> object:
    return told(value) if isinstance(value, BaseException) else value
