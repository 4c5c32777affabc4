"""Reads `feeds.yaml`: price feeds by network, and which assets are stablecoins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ctrip import described
from ctrip.domain.errors import ConfigurationError
from ctrip.domain.prices.feed import ChainFeeds, Feed
from ctrip.domain.prices.peg import Peg


@dataclass(frozen=True, slots=True)
class Feeds:
    """What `feeds.yaml` holds: stablecoins and aliases by symbol, feeds by network."""

    pegs: Mapping[str, Peg]
    aliases: Mapping[str, str]
    chains: Mapping[str, ChainFeeds]


@cache
def feeds() -> Feeds:
    """Return all of it, read once."""
    return read(described.load("feeds"))


def read(held: Any) -> Feeds:
    """Read the file's document; raises `ConfigurationError` where a part is missing or unknown."""
    try:
        return Feeds(
            {symbol: Peg(**peg) for symbol, peg in held["pegs"].items()},
            dict(held["aliases"]),
            {name: _chain(entry) for name, entry in held["chains"].items()},
        )
    except (AttributeError, KeyError, TypeError) as exc:
        raise ConfigurationError(f"feeds.yaml cannot be read: {exc}") from exc


def _chain(entry: Any) -> ChainFeeds:
    return ChainFeeds(
        {symbol: _feed(symbol, **each) for symbol, each in entry["feeds"].items()}, entry.get("sequencer")
    )


def _feed(symbol: str, *, address: str, heartbeat: int, descriptions: Sequence[str] = ()) -> Feed:
    names = tuple(descriptions) or (f"{symbol} / USD",)
    return Feed(symbol=symbol, address=address, heartbeat=heartbeat, descriptions=names)
