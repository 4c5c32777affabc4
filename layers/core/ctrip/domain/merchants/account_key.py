"""Reads the extended public key that a merchant brings, and tells whoever brings something else what it is.

Nothing is ever repeated: somebody may have pasted a private key, or the words of a wallet.
"""

import re

from ctrip.domain.chains.bip32 import ACCOUNT_DEPTH, HARDENED, ExtendedKey
from ctrip.domain.chains.kinds import FIRST, ChainRules

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"  # what is copied from a page may bring these with it
_LONGEST_WORD = 12
_WORDS = 9  # wallets have 12 to 24, of which somebody may have pasted a part
_SECRET = "keep it secret, and give the extended public key of an account, which begins with xpub"  # noqa: S105
_BITCOIN = "give the extended public key of an account at {account}, which begins with xpub"

_WHAT_IT_IS = tuple(
    (re.compile(pattern, re.ASCII | re.DOTALL), words)
    for pattern, words in (
        (r".*\b[A-Za-z]prv[1-9A-HJ-NP-Za-km-z]{20}.*", f"is a private key, which can spend the money: {_SECRET}"),
        (r"(0x)?[0-9a-fA-F]{64}", f"may be a private key, which can spend the money: {_SECRET}"),
        (r"[5KL][1-9A-HJ-NP-Za-km-z]{50,51}", f"is a private key, which can spend the money: {_SECRET}"),
        (r"(0x)?[0-9a-fA-F]{40}", "is an address; addresses are derived from an account's key, which begins with xpub"),
        (r"(0x)?0[234]([0-9a-fA-F]{64}){1,2}", "is the key of one address; the key of an account begins with xpub"),
        (r"[mM](/[0-9]+['hH]?)*/?", "is a path; give the extended public key at it, which begins with xpub"),
        (
            r".*[(\[/].*",
            "is an output descriptor, or a key with its path: give the key alone, from xpub up to the next / or )",
        ),
        (r"[yzYZ]pub.*", f"is a key of a Bitcoin wallet (ypub, zpub): {_BITCOIN}"),
        (r"[tuvUV]pub.*", f"is a key for Bitcoin's test network (tpub, upub, vpub): {_BITCOIN}"),
        (r"X[Pp][Uu][Bb].*|xPUB.*", "has had its letters changed between small and capital: paste it as it was shown"),
        (r".*\s.*", "has white space inside: paste it as one word"),
        (r"(?!xpub).*", "does not begin with xpub, as the extended public key of an account does"),
    )
)
_LEVELS = {
    0: "is a wallet's master key; give the key of an account below it ({account})",
    1: "lies above the accounts (m/44'); give the key of an account ({account})",
    2: "lies above the accounts ({coin}); give the key of an account ({account})",
    4: "lies below the account ({account}/0); give the key of the account itself ({account})",
    5: "is the key of one address; give the key of the account ({account})",
}
_FAR_BELOW = "lies far below an account; give the key of one ({account})"
_NOT_HARDENED = "is not of an account: its last step is not hardened; give that of an account ({account})"


def parse_account_xpub(text: str, rules: ChainRules = FIRST) -> str:
    """Check a merchant's own extended public key of an account (m/44'/coin'/n'); raises ValueError with what is wrong.

    A key tells its depth and its own number, not its coin or its purpose: only its addresses do.
    """
    coin = f"m/44'/{rules.coin_type}'"
    paths = {"coin": coin, "account": f"{coin}/n'"}
    stripped = text.strip(f"{_INVISIBLE} \t\r\n").strip().strip(_INVISIBLE)
    if problem := _what_it_is(stripped):
        raise ValueError(problem.format(**paths))
    key = ExtendedKey.parse(stripped)
    if key.depth != ACCOUNT_DEPTH:
        raise ValueError(_LEVELS.get(key.depth, _FAR_BELOW).format(**paths))
    if key.number < HARDENED:
        raise ValueError(_NOT_HARDENED.format(**paths))
    return stripped


def _what_it_is(text: str) -> str | None:
    if not text:
        return "is empty; give the extended public key of an account, which begins with xpub"
    words = [word for part in re.split(r"[\s,;]+", text) if (word := part.strip("0123456789.:()"))]
    if len(words) >= _WORDS and max(map(len, words)) <= _LONGEST_WORD:
        return f"looks like the words of a wallet, which can spend the money: {_SECRET}"
    return next((words for pattern, words in _WHAT_IT_IS if pattern.fullmatch(text)), None)
