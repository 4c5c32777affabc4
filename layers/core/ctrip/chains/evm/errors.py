"""What EVM nodes answer when they refuse, translated once into the gateway's errors.

The tree is the one of `ctrip.chains.shared.errors`, and of a broadcast:

BroadcastRejected
├── Underpriced    the price, with the least that the node asks for where it names one (see `ctrip.domain.errors`)
├── Known          the node holds exactly these bytes already
└── BadSignature   the bytes are no validly signed transaction, for any node
A refusal in words that stand in no table is plain `Refused` (or `BroadcastRejected`): nothing is concluded from it.
"""

import re
from typing import Any

from ctrip.chains.evm.prices import is_price, minimum
from ctrip.chains.shared.errors import (
    Gone,
    Missing,
    NotJudged,
    Reverted,
    Slow,
    TooMuch,
    Unreachable,
    Unsupported,
    clean,
)
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Underpriced

__all__ = [
    "BadSignature",
    "Gone",
    "Known",
    "Missing",
    "NotJudged",
    "Reverted",
    "Slow",
    "TooMuch",
    "Unreachable",
    "Unsupported",
    "clean",
    "translate",
]

# 3 is geth's "execution reverted"; the rest is JSON-RPC 2.0, EIP-1474, and EIP-1898 for blocks that are not held.
_REVERTED, _METHOD_NOT_FOUND, _INTERNAL = 3, -32601, -32603
SEND = "eth_sendRawTransaction"


class Known(BroadcastRejected):
    """The node holds these bytes already."""


class BadSignature(BroadcastRejected):
    """No node would take these bytes."""


# First match wins. Wording changes between releases: it steers what is asked next, and decides nothing about money.
_SAYINGS: tuple[tuple[type[ChainError], tuple[str, ...]], ...] = (
    (
        # First of all, as the rest of such a sentence is a contract's own: it must not look like a node's trouble.
        Reverted,
        (r"^\W*(vm execution error\W+)?(execution )?reverted", r"VM Exception while processing transaction: rever"),
    ),
    (
        TooMuch,  # before the rate limits, whose words are the same
        (
            r"batch\w*.{0,40}(too (large|big|many|long)|limit|size|exceed|max)",  # geth, Nethermind, gateways
            r"(too (large|big|many|long)|limit\w*|exceed\w*|max\w*|more than|at most|up to).{0,40}batch",
            r"batch\w* .{0,30}(not|n't|un)\W?(supported|allowed|enabled)|batch\w*.{0,20}disabled",
        ),
    ),
    (
        Unreachable,
        (
            r"rate.?limit|too many requests|request rate exceeded",  # Infura, Ankr, public endpoints
            r"throughput|compute units|daily|monthly|per.second|quota|credits|over capacity",  # Alchemy, QuickNode
            r"unauthorized|api key|forbidden|must be authenticated",
            r"no (backend|upstream|healthy)|(backend|upstream)s? .{0,30}(healthy|available|failed)",  # balancers
        ),
    ),
    (
        Missing,  # the node is behind
        (
            r"beyond (the )?current head",  # geth, to a range of logs
            r"invalid block tag.{0,120}latest block number",  # hardhat, to an unknown hash too
            r"greater than (the )?current height",  # ethereumjs, to a block and to a range of logs
        ),
    ),
    (
        TooMuch,
        (
            r"out of gas|gas limit|gas required exceeds|gas cap|intrinsic gas",  # geth, reth, Anvil
            r"max (init)?code ?size|init ?code ?size|code ?size ?limit",  # geth, Erigon: EIP-170, EIP-3860
            r"Create(InitCode|Contract)SizeLimit",  # reth, Anvil
            r"execution (aborted|timeout)|timed? ?out|context deadline|query timeout",  # geth
            r"(response|result|payload|entity|body|request|answer) ?(is |size )?too (large|big)",
            r"(response|content) size|body limit|too (large|big) (a )?(request|response|answer)",
            r"more than \d+ (results|logs)|returned more than",  # Infura
            r"too many (logs|results|blocks|topics|addresses)",
            r"max results|limited to|exceeds? (the )?max|limit exceeded|exceed\w* limit",  # Alchemy, BSC
            r"(exceed\w*|max\w*|limit\w*|over|up to).{0,30}range|up to an? \d+",  # QuickNode, Alchemy
            r"range.{0,30}(too|limit|exceed|max|greater|larger|wide|over \d)|at most \d+ blocks",  # Erigon, Ankr
        ),
    ),
    (Unsupported, (r"method .{0,60}(not|n't) ",)),  # every client, in its own words
    (
        Gone,
        (
            r"missing trie node|state (\S+ )?(is )?not available|historical state|pruned|archive|ancient",  # geth
            r"(history|old state).{0,30}(not available|unavailable)|distance to target block exceeds",  # reth
        ),
    ),
    (
        Missing,
        (
            r"(header|block|blockhash|hash)[^.]{0,90}not found|unknown block",  # geth, Erigon, Nethermind
            r"not (currently )?canonical|BlockNotFound|no state",  # geth, reth
        ),
    ),
    (
        Unsupported,
        (r"not (supported|available|whitelisted|allowed|implemented|enabled)|unsupported|does not exist",),
    ),
    (Reverted, (r"revert|invalid opcode|InvalidFEOpcode|stack underflow",)),  # geth, Anvil
)
_WORDS = tuple((re.compile("|".join(phrases), re.IGNORECASE), kind) for kind, phrases in _SAYINGS)

# Where the words tell nothing: many nodes give one code to everything, so the words come first.
_BY_CODE: dict[int, type[ChainError]] = {
    -32001: Missing,  # resource not found
    -32002: Missing,  # resource unavailable
    -32004: Unsupported,  # method not supported
    _INTERNAL: Unreachable,
}

# Bytes that the node holds: geth, Erigon, Nethermind, Besu, reth, Anvil, Arbitrum, zkSync, ethereumjs, Polkadot.
_HELD = re.compile(
    r"already ?known|already ?imported|known transaction|already in the (mem|tx)? ?pool|already exists|tx already"
    r"|existing tx with same hash",
    re.IGNORECASE,
)
# geth, Nethermind, Besu, Erigon and Parity of a signature that does not fit the bytes or the chain.
_SIGNATURE = re.compile(
    r"invalid ?sender|(invalid|incorrect|bad)[ _]?(tx)?[ _]?signature|signature is (invalid|incorrect)"
    r"|invalid transaction v, r, s|invalid chain id for signer",
    re.IGNORECASE,
)
# Words of a service about what it offers to whom: no node of it looked at the transaction.
_SERVICE = re.compile(
    r"\b(plan|tier|subscription|upgrade)\b|no peer connection|not (whitelisted|enabled)", re.IGNORECASE
)


def translate(error: Any, method: str, secrets: tuple[str, ...] = ()) -> ChainError:
    """Turn a JSON-RPC error object into the error to raise; `secrets` are struck out of its text."""
    details = error if isinstance(error, dict) else {"message": str(error)}
    code, text = details.get("code"), f"{details.get('message', '')} {_data(details)}".strip()
    sentence = f"{method}: {clean(text, secrets)} ({code})"
    return _sending(code, text, sentence) if method == SEND else _kind(code, text)(sentence)


def _sending(code: object, text: str, sentence: str) -> ChainError:
    """Tell what a refused broadcast is about: the bytes, their price, the node itself, or something unknown."""
    if _HELD.search(text):
        return Known(sentence)
    if _SIGNATURE.search(text):
        return BadSignature(sentence)
    if is_price(text):
        return Underpriced(sentence, minimum(text))
    kind = _kind(code, text)
    if kind is Unreachable and code != _INTERNAL:
        return Unreachable(sentence)
    of_the_node = code in (_METHOD_NOT_FOUND, _INTERNAL, -32004) or _SERVICE.search(text)
    method = kind is Unsupported and re.search("method", text, re.IGNORECASE)
    return NotJudged(sentence) if of_the_node or method else BroadcastRejected(sentence)


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
    if isinstance(data, dict):  # hardhat
        data = data.get("message")
    return data if isinstance(data, str) and not data.startswith("0x") else ""
