"""Networks and tokens that can be paid with."""

from typing import Literal

from functions.schemas.shared import Address, Id, Long, NextCursor, Shown


class Token(Shown):
    """A token that can be paid with."""

    id: Id
    chain: str
    symbol: str
    address: Address
    decimals: int
    confirmations: int


class TokenPage(Shown):
    """Tokens."""

    data: list[Token]
    next_cursor: NextCursor


class Chain(Shown):
    """A network that can be paid on."""

    id: str
    name: str
    kind: Literal["evm", "tron"]
    chain_id: Long
    symbol: str
    decimals: int
    confirmations: int
    explorer: str
    tokens: list[Token]


class ChainPage(Shown):
    """Networks."""

    data: list[Chain]
    next_cursor: NextCursor
