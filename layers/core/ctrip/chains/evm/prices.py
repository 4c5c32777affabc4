"""What nodes answer to a transaction whose price they refuse, and the least that they ask for, where they name it.

The words were read from geth, Bor, BSC, Erigon, reth, Nethermind, Besu, Parity, Arbitrum, Metis, Avalanche, hardhat,
ganache and ethereumjs. They are hints: whoever raises a price for them bounds it.
"""

import re
from decimal import Decimal

# "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)": the price is too high for the node, never too low.
_TOO_HIGH = re.compile(
    r"exceeds? the configured cap|fee cap exceeded|insufficient (funds|balance)|nonce too low|higher than max fee",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"underpriced|tip needed"  # geth and its family, Erigon, reth, Besu, hardhat, ganache
    r"|(fee|price|tip)\b[^.]{0,60}below[^.]{0,40}minimum"  # geth since 1.15, Besu, Hedera
    r"|(fee|price|tip|pergas)\b[^.]{0,60}too low|FeeTooLow|replacement gas too low"  # Nethermind, hardhat, ethereumjs
    r"|(fee|price|fee cap|pergas)\b[^.]{0,40}less than[^.]{0,40}base ?fee"  # geth, Besu, ganache, Astar
    r"|could not replace existing tx|ReplacementNotAllowed|insufficient gas price to replace"  # Erigon, Nethermind
    r"|not pay the minimum gas price|unacceptable gas price"  # ethereumjs, zkSync
    r"|gas tip cap \(?\d+\)? < "  # Avalanche
    r"|transaction (with|which has) (the )?same nonce",  # Parity, Klaytn
    re.IGNORECASE,
)
_AMOUNT = r"\s*['\"(=:]*\s*(?P<amount>\d{1,30}(?:\.\d{1,18})?)(?!\d)['\")]*\s*(?P<unit>gwei|wei)?"
_TIP_OVER_BASE = re.compile(
    r"too low \d+ < (?P<tip>\d{1,30}), BaseFee: (?P<base>\d{1,30})", re.IGNORECASE
)  # Nethermind
_QUEUED = re.compile(r"< (?P<queued>\d{1,30}) queued \+ (?P<percent>\d{1,3})%", re.IGNORECASE)  # geth's blob pool
_NAMED = tuple(
    re.compile(words + _AMOUNT, re.IGNORECASE)
    for words in (
        r"minimum needed",  # geth, Bor, BSC
        r"tip needed",  # geth and BSC until 2024
        r"needs to be higher than",  # Nethermind
        r"minimum gas price (?:of|is)?",  # ethereumjs, Hedera
        r"minimal",  # Parity
        r"pool gas tip cap",  # Avalanche
        r"use at least tx\.gasPrice",  # Metis
        r"of at least",  # hardhat, to a replacement
        r"baseFeePerGas of",  # hardhat
        r"\bmin",  # ethereumjs, to a replacement
        r"minimum(?: (?:fee|tip|price|is|of)){0,3}",
        r"baseFee(?:PerGas)?",  # geth, Arbitrum, Nethermind; the least useful of them, so the last
    )
)


def is_price(text: str) -> bool:
    """Say whether a refusal is about a price that is too low."""
    return _PRICE.search(text) is not None and _TOO_HIGH.search(text) is None


def minimum(text: str) -> int | None:
    """Return the least fee per gas in wei that a refusal names; None where it names none."""
    if found := _TIP_OVER_BASE.search(text):
        return int(found["tip"]) + int(found["base"])
    if found := _QUEUED.search(text):
        return -(-int(found["queued"]) * (100 + int(found["percent"])) // 100)
    for words in _NAMED:
        amounts = [_wei(each["amount"], each["unit"]) for each in words.finditer(text)]
        if amounts:
            # Of a tip and a fee, each with its own minimum, the fee is the larger one.
            return (max(amounts) + ("higher than" in words.pattern)) or None
    return None


def _wei(amount: str, unit: str | None) -> int:
    return int(Decimal(amount) * (10**9 if (unit or "").lower() == "gwei" else 1))
