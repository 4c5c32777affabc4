"""Balances of many addresses at exactly the newest final block, in as few requests as a node bears.

Two ways: a batch of JSON-RPC on final blocks, where the entry names one, bracketed by the block's header; else calls of
`TronProbe`, each of which names the block it began at. A node answers from its newest final block alone, and that one
may change while it answers. So a call is believed only where something that was read after it still shows the block:
the next call, or the newest header. What is not proven is unknown.
"""

import functools
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources

from ctrip.chains.shared.endpoints import GARBAGE, Window
from ctrip.chains.shared.errors import Gone, Missing, Slow, Suspended, TooMuch, Unreachable, Unsupported
from ctrip.chains.tron import codec
from ctrip.chains.tron.endpoints import Endpoint, RpcCall
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.chains.tron.addresses import decoded
from ctrip.domain.errors import ChainError, Refused, Unavailable

UNKNOWN = 2**256 - 1
# What a call may hold of the coin, and of a token, and what is asked first. Seen: 10,000 of the coin in one call; of
# USDT 500 always, 1,000 three times of four.
COIN_MOST, COIN_FIRST = 10_000, 10_000
TOKEN_MOST, TOKEN_FIRST = 1_000, 500
SLOW_LEAST = 100  # a smaller question is not late for its size
RPC_MOST = 10_000  # addresses in a batch; seen with as many of the coin and of a token
_RPC_REST_MS = 60_000
_COIN = b"\0" * 20


@dataclass(slots=True)
class _Part:
    """Places of one asset's addresses that are asked together; `alone`: without another asset's."""

    token: str | None
    places: list[int]
    alone: bool = False


@dataclass(slots=True)
class _Pass:
    """Balances as far as they are proven, and those that a later reading is to prove."""

    wanted: Sequence[BalanceQuery]
    found: list[int | None]
    proven: bool = False
    waiting: dict[int, int | None] = field(default_factory=dict)

    def prove(self) -> None:
        """Believe what waits."""
        self.proven = self.proven or bool(self.waiting)
        for place, balance in self.waiting.items():
            self.found[place] = balance
        self.waiting = {}


def balances(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery], now: int) -> list[int | None]:
    """Return balances at `at`; None is unknown, also all that was not read before the next block came.

    Raises `Gone` where the endpoint is past that block already, and `Missing` where it is before it.
    """
    if not wanted:
        return []
    if endpoint.has_solid_rpc and now >= endpoint.traits.get("no rpc until", 0):
        try:
            return _by_rpc(endpoint, at, wanted)
        except Suspended:
            raise
        except (Refused, Unreachable):
            endpoint.traits["no rpc until"] = now + _RPC_REST_MS  # the other way may still work
        except Missing:
            # Another block may have come. Or else its JSON-RPC is not on final blocks, or stands still.
            if endpoint.head() != at:
                raise
            endpoint.traits["no rpc until"] = now + _RPC_REST_MS
    return _by_probe(endpoint, at, wanted)


def held_since(endpoint: Endpoint, at: Block, holding: BalanceQuery) -> int | None:
    """Return one balance at a final block that is `at` or comes after it; None is unknown."""
    number, parent, values = _run_probe(endpoint, [(holding.token, [holding.address])])
    if number < at.number:
        raise Missing(f"{endpoint.name}: its newest final block is {number}, before {at.number}")
    if number == at.number and parent != at.parent:
        raise Missing(f"{endpoint.name}: has another block {number}")
    return _believed(values, holding.token)[0]


# -- calls of the probe


def _by_probe(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
    done = _Pass(wanted, [None] * len(wanted))
    rest = _parts(wanted)
    while rest:
        chunk, left = _chunk(endpoint, rest)
        try:
            groups = [(part.token, [wanted[place].address for place in part.places]) for part in chunk]
            number, parent, values = _run_probe(endpoint, groups)
        except TooMuch as exc:
            rest = _smaller(endpoint, chunk, exc) + left
            continue
        except Slow:  # perhaps for its size: next time half of it is asked
            longest = max(chunk, key=lambda part: len(part.places))
            _window(endpoint, longest.token).shrink(len(longest.places), SLOW_LEAST)
            raise
        for part in chunk:
            _window(endpoint, part.token).fits()
        if not _stands_on(endpoint, at, number, parent, done):
            return done.found
        done.prove()
        done.waiting, rest = dict(_read(chunk, values)), left
    if done.waiting and endpoint.head() == at:
        done.prove()
    if not done.proven:
        raise Gone(f"{endpoint.name}: its newest final block is not {at.number} any more")
    return done.found


def _stands_on(endpoint: Endpoint, at: Block, number: int, parent: str, done: _Pass) -> bool:
    """Whether an answer began at that block; False where some are proven, and what is left must be asked elsewhere."""
    if number == at.number and (parent == at.parent or number == 0):
        return True
    if done.proven:
        return False
    told = f"{endpoint.name}: its newest final block is {number} after {parent[:16]}, not {at.number}"
    raise Gone(told) if number > at.number else Missing(told)


def _parts(wanted: Sequence[BalanceQuery]) -> list[_Part]:
    places: dict[str | None, list[int]] = {}
    for place, holding in enumerate(wanted):
        places.setdefault(holding.token, []).append(place)
    return [_Part(token, some) for token, some in places.items()]


def _window(endpoint: Endpoint, token: str | None) -> Window:
    if token is None:
        return endpoint.window("coin", COIN_MOST, COIN_FIRST)
    return endpoint.window(f"token {token}", TOKEN_MOST, TOKEN_FIRST)


def _chunk(endpoint: Endpoint, parts: list[_Part]) -> tuple[list[_Part], list[_Part]]:
    """Fill one call from the front, each asset by the share that its own window tells; return what is left too."""
    room, chunk, left = Fraction(1), list[_Part](), list[_Part]()
    for part in parts:
        size = _window(endpoint, part.token).size
        fitting = 0 if chunk and (part.alone or chunk[0].alone) else int(room * size)
        if taken := part.places[:fitting]:
            chunk.append(_Part(part.token, taken, part.alone))
            room -= Fraction(len(taken), size)
        if others := part.places[fitting:]:
            left.append(_Part(part.token, others, part.alone))
    return chunk, left


def _smaller(endpoint: Endpoint, chunk: list[_Part], problem: TooMuch) -> list[_Part]:
    """Divide what was too much: by asset first, as one of them may be to blame, then by half.

    A token of which a single address is too much stays unknown: the others do not starve.
    """
    if len(chunk) > 1:
        return [_Part(part.token, part.places, alone=True) for part in chunk]
    (part,) = chunk
    if _window(endpoint, part.token).shrink(len(part.places)):
        return chunk
    if part.token is None:
        raise problem
    return []


def _run_probe(
    endpoint: Endpoint, groups: Sequence[tuple[str | None, Sequence[str]]]
) -> tuple[int, str, list[tuple[int | None, list[int]]]]:
    """Call the probe; return the block's number, its parent's id, and each group's supply and values."""
    answer = endpoint.constant({"data": _probe_code() + _pack(groups)})
    try:
        (data,) = codec.rows(answer["constant_result"])
        words = codec.octets(data)
        if len(words) != 32 * (2 + sum(len(members) + (token is not None) for token, members in groups)):
            raise ValueError("not a probe's answer")
    except GARBAGE as exc:
        raise Unreachable(f"{endpoint.name}: the probe is not answered as one") from exc
    values = (int.from_bytes(words[start : start + 32]) for start in range(64, len(words), 32))
    read = [
        (next(values) if token is not None else None, list(itertools.islice(values, len(members))))
        for token, members in groups
    ]
    return int.from_bytes(words[:32]), words[32:64].hex(), read


def _read(chunk: Sequence[_Part], groups: Sequence[tuple[int | None, list[int]]]) -> Iterator[tuple[int, int | None]]:
    for part, group in zip(chunk, groups, strict=True):
        yield from zip(part.places, _believed([group], part.token), strict=True)


def _believed(groups: Sequence[tuple[int | None, list[int]]], token: str | None) -> list[int | None]:
    return [_within(value, token, supply) for supply, values in groups for value in values]


def _within(value: int | None, token: str | None, supply: int | None) -> int | None:
    """A balance above a token's supply is none, as all ones are, nor is any where the supply is unknown."""
    if value is None or token is None:
        return value
    return value if supply is not None and value <= supply < UNKNOWN else None


@functools.cache
def _probe_code() -> str:
    text = resources.files("ctrip").joinpath("contracts", "TronProbe.json").read_text()
    return str(json.loads(text)["bytecode"]).removeprefix("0x")


def _pack(groups: Sequence[tuple[str | None, Sequence[str]]]) -> str:
    return b"".join(
        (decoded(token) if token else _COIN) + len(members).to_bytes(4) + b"".join(map(decoded, members))
        for token, members in groups
    ).hex()


# -- JSON-RPC on final blocks


def _by_rpc(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
    endpoint.check_rpc()
    done = _Pass(wanted, [None] * len(wanted))
    window, start = endpoint.window("rpc balances", RPC_MOST), 0
    while start < len(wanted):
        part = wanted[start : start + window.size]
        try:
            found = _bracketed(endpoint, at, part, done)
        except TooMuch:
            if not window.shrink(len(part)):
                raise
            continue
        window.fits()
        if found is None:
            break
        done.waiting = dict(enumerate(found, start))
        done.prove()
        start += len(part)
    return done.found


def _bracketed(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery], done: _Pass) -> list[int | None] | None:
    """Ask in one batch whose first and last answers are the newest header; None where it has changed after others."""
    tokens = list(dict.fromkeys(holding.token for holding in wanted if holding.token))
    header: RpcCall = ("eth_getBlockByNumber", ["latest", False])
    calls = [_call(token, codec.TOTAL_SUPPLY) for token in tokens]
    calls += [
        _call(holding.token, codec.BALANCE_OF + codec.topic(holding.address))
        if holding.token
        else ("eth_getBalance", [codec.rpc_address(holding.address), "latest"])
        for holding in wanted
    ]
    first, *answers, last = endpoint.rpc_batch([header, *calls, header])
    for each in (first, last):
        if isinstance(each, ChainError):
            raise each
        stands = codec.rpc_block(each)
        if not _stands_on(endpoint, at, stands.number, stands.parent, done):
            return None
        if stands.hash != at.hash:
            raise Missing(f"{endpoint.name}: has another block {at.number}")
    _all_refused(answers)
    supplies = dict(zip(tokens, map(_word, answers), strict=False))
    return [
        _within(_word(answer) if holding.token else _coin(answer), holding.token, supplies.get(holding.token or ""))
        for holding, answer in zip(wanted, answers[len(tokens) :], strict=True)
    ]


def _all_refused(answers: Sequence[object]) -> None:
    """Raise where a node refuses every question for what it does not offer, or for their size."""
    refused = [each for each in answers if isinstance(each, TooMuch | Unsupported | Unavailable)]
    if answers and len(refused) == len(answers):
        raise refused[0]


def _call(token: str, data: str) -> RpcCall:
    return "eth_call", [{"to": codec.rpc_address(token), "data": f"0x{data}"}, "latest"]


def _word(answer: object) -> int | None:
    return None if isinstance(answer, ChainError) else codec.word(answer)


def _coin(answer: object) -> int | None:
    return None if isinstance(answer, ChainError) else codec.quantity(answer)
