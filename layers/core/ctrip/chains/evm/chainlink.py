"""Chainlink's price feeds, read on the networks that the stage talks to anyway.

Source of the calls and of their answers: docs.chain.link/data-feeds/api-reference and .../l2-sequencer-feeds, of
November 2026. `latestRoundData()` answers five words: round, answer, started, updated, round again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block
from ctrip.domain.errors import ChainError, SourceOut
from ctrip.domain.prices.agreement import Quote
from ctrip.domain.prices.feed import FEED_DECIMALS, GRACE_SECONDS, LATE_SECONDS, ChainFeeds, Feed
from ctrip.domain.prices.rate import written
from ctrip.ports.rates import Quoted
from ctrip.ports.runtime import Clock

NAME = "chainlink"
# keccak256 of the signatures, the first four bytes.
LATEST_ROUND, DESCRIPTION, DECIMALS = "0xfeaf968c", "0x7284e416", "0x313ce567"
_WORD = 32
_LONGEST_DESCRIPTION = 100
UP = 0  # a sequencer feed's answer while it is up

Answers = Sequence[bytes | None]


class Node(Protocol):
    """What is asked of a network."""

    network: Network

    def head(self) -> Block:
        """Return the newest block."""
        ...

    def latest(self, calls: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """Call contracts (address, data) at the newest block, in order; None where one does not answer."""
        ...


class FeedsOfChain:
    """One network's feeds; what each contract calls itself is asked once."""

    def __init__(self, node: Node, feeds: ChainFeeds, clock: Clock) -> None:
        self.feeds = feeds
        self._node, self._clock = node, clock
        self._checked: dict[str, str] = {}  # by symbol, why the feed is not read; empty where it is

    def quotes(self, symbols: Iterable[str]) -> Quoted:
        """Return what its feeds say; raises `ChainError` or `SourceOut` where the network cannot be asked."""
        wanted = [self.feeds.feeds[symbol] for symbol in symbols]
        now = self._clock.now()
        self._check_head(now)
        calls = [(feed.address, LATEST_ROUND) for feed in wanted]
        new = [feed for feed in wanted if feed.symbol not in self._checked]
        calls += [(feed.address, data) for feed in new for data in (DESCRIPTION, DECIMALS)]
        uptime = [(self.feeds.sequencer, LATEST_ROUND)] if self.feeds.sequencer else []
        answers = self._node.latest([*calls, *uptime])
        if uptime:
            _check_sequencer(answers[-1], now)
        told = answers[len(wanted) :]
        for place, feed in enumerate(new):
            self._check(feed, told[2 * place], told[2 * place + 1])
        return self._read(wanted, answers)

    def _read(self, wanted: Sequence[Feed], answers: Answers) -> Quoted:
        quotes, failed = {}, {}
        for feed, answer in zip(wanted, answers, strict=False):
            try:
                quotes[feed.symbol] = _quote(feed, answer, self._checked.get(feed.symbol, "it does not say what it is"))
            except ValueError as exc:
                failed[feed.symbol] = f"{exc}, on {self._node.network.name}"
        return Quoted(quotes, failed)

    def _check_head(self, now: int) -> None:
        """Refuse a network that stands still: its feeds do too, and look young for as long as their heartbeat lasts."""
        age = (now - self._node.head().time) // 1000
        if age > self._node.network.head_age_alarm:
            raise SourceOut(f"the newest block of {self._node.network.name} is {age} s old")

    def _check(self, feed: Feed, description: bytes | None, decimals: bytes | None) -> None:
        if description is None or decimals is None:
            return  # asked again the next time
        if (name := _text(description)) not in feed.descriptions:
            self._checked[feed.symbol] = f"the contract calls itself {name!r}" if name else "the contract has no name"
        elif int.from_bytes(decimals) != FEED_DECIMALS or len(decimals) != _WORD:
            self._checked[feed.symbol] = f"the contract has other decimals than {FEED_DECIMALS}"
        else:
            self._checked[feed.symbol] = ""


class Chainlink:
    """All networks' feeds as one source; which of them is asked makes no difference to a rate."""

    name = NAME

    def __init__(self, chains: Sequence[FeedsOfChain]) -> None:
        self._chains = chains

    def quotes(self, symbols: Collection[str]) -> Quoted:
        """Return the feeds' answers, of the first network that has one; raises `SourceOut` where no network answers."""
        quotes, failed, down = dict[str, Quote](), dict[str, str](), list[str]()
        asked = 0
        for chain in self._chains:
            wanted = [symbol for symbol in symbols if symbol in chain.feeds.feeds and symbol not in quotes]
            if not wanted:
                continue
            asked += 1
            try:
                found = chain.quotes(wanted)
            except (ChainError, SourceOut) as exc:
                down.append(str(exc))
                failed |= dict.fromkeys(wanted, str(exc))
                continue
            quotes |= found.quotes
            failed |= found.failed
        if down and len(down) == asked:
            raise SourceOut(down[0])
        return Quoted(quotes, _without(failed, quotes))


def _without(failed: Mapping[str, str], quotes: Collection[str]) -> dict[str, str]:
    return {symbol: reason for symbol, reason in failed.items() if symbol not in quotes}


def _quote(feed: Feed, answer: bytes | None, problem: str) -> Quote:
    if problem:
        raise ValueError(problem)
    value, _, updated = _round(answer)
    if value <= 0 or not updated:
        raise ValueError("the feed has no answer")
    price = written(Decimal(value).scaleb(-FEED_DECIMALS))
    return Quote(NAME, feed.symbol, price, updated * 1000, (feed.heartbeat + LATE_SECONDS) * 1000)


def _check_sequencer(answer: bytes | None, now: int) -> None:
    try:
        status, started, _ = _round(answer)
    except ValueError as exc:
        raise SourceOut("the rollup's uptime feed does not answer") from exc
    if status != UP or not started:
        raise SourceOut("the rollup's sequencer is down")
    if (since := now // 1000 - started) <= GRACE_SECONDS:
        raise SourceOut(f"the rollup's sequencer is back for {since} s only")


def _round(answer: bytes | None) -> tuple[int, int, int]:
    """Read the answer and when the round was started and updated, in unix seconds."""
    if answer is None or len(answer) != 5 * _WORD:
        raise ValueError("the feed does not answer")
    words = [answer[start : start + _WORD] for start in range(0, len(answer), _WORD)]
    return int.from_bytes(words[1], signed=True), int.from_bytes(words[2]), int.from_bytes(words[3])


def _text(answer: bytes) -> str:
    """Read a returned string, which is short; empty where it is none."""
    length = int.from_bytes(answer[_WORD : 2 * _WORD])
    held = answer[2 * _WORD : 2 * _WORD + length]
    if length > _LONGEST_DESCRIPTION or len(held) != length or int.from_bytes(answer[:_WORD]) != _WORD:
        return ""
    return held.decode("ascii", "replace")
