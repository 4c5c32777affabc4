"""Balances of many addresses at exactly one block, in as few calls as the node bears.

Four ways, of which the first that works is remembered per endpoint: a deployless call of `Probe` (no contract needed),
a call to it by state override, Multicall3, and a batch of single calls. Each answer names its own block, so that a node
on another fork is noticed.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ctrip.chains.evm.codec import BALANCE_OF, TOTAL_SUPPLY, account, block, octets, pinned, quantity, topic, word
from ctrip.chains.evm.endpoints import GARBAGE, TRIES, Endpoint
from ctrip.chains.evm.errors import Missing, Reverted, TooMuch, Unreachable, Unsupported
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.errors import Refused

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
# NUMBER and BLOCKHASH tell of the parent chain there: Arbitrum One, Nova, Sepolia.
FOREIGN_BLOCKHASH = frozenset({42161, 42170, 421614})
# EIP-3860; the argument is wrapped in two words and padded to a third.
_INIT_CODE_BYTES = 49_152
_ABI_BYTES = 96
_PER_ADDRESS, _PER_GROUP = 20, 22
OVERRIDE_MOST, MULTICALL_MOST, BATCH_MOST, HEIGHT_MOST = 5_000, 500, 400, 500
# Nobody's: the last twenty bytes of keccak("ctrip.probe").
_STAND_IN = "0x428fbfbf192c5e66e03f921ca4e93093c84e1488"
# Below this many addresses a refusal is not about size: the next way is tried.
_LEAST = 8
_UNKNOWN = 2**256 - 1


class OtherFork(Missing):
    """The answer stands on another block than the one that was asked for."""


class Blind(Refused):
    """The node reads the newest state, and none that is named by a block's hash."""


@dataclass(slots=True)
class Answer:
    """Balances of as many holdings, from the first, as answered; their tokens' supplies; where it stands, if proven."""

    balances: list[int | None]
    supplies: dict[str, int | None] = field(default_factory=dict)
    stands_on: tuple[int, bytes] | None = None


# The first two ways of `_WAYS`, as the parameters of a call at a height.
_BY_HEIGHT: tuple[Callable[[str, str], list[Any]], ...] = (
    lambda code, height: [{"data": code}, height],
    lambda code, height: [{"to": _STAND_IN}, height, {_STAND_IN: {"code": code}}],
)

Way = Callable[[Endpoint, Block, Sequence[BalanceQuery]], Answer]


class Prober:
    """Reads balances from one endpoint at a time."""

    def __init__(self, chain_id: int) -> None:
        self._fork_proof = chain_id not in FOREIGN_BLOCKHASH

    def some(self, endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return balances of a part of `wanted`, from the front; None where the node's answer says nothing certain."""
        answer = self._first_that_works(endpoint, at, wanted)
        return [
            _within(balance, holding.token, answer.supplies)
            for holding, balance in zip(wanted, answer.balances, strict=False)
        ]

    def _first_that_works(self, endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> Answer:
        """Answer for a part from the front, by the first way that works from the remembered one on."""
        refusals: list[Refused] = []
        first = endpoint.traits.get("probe", 0)
        for number, (name, way, most) in enumerate(_WAYS[first:], first):
            try:
                answer = _shrinking(endpoint, name, most, functools.partial(way, endpoint, at), wanted)
            except Refused as exc:
                refusals.append(exc)
                continue
            self._prove(answer, at)
            endpoint.traits["probe"] = number
            return answer
        if not any(isinstance(refusal, TooMuch) for refusal in refusals) and _reads_only_the_newest(endpoint):
            raise Blind(f"{endpoint.name}: cannot read at a block hash: {refusals[-1]}") from refusals[-1]
        raise refusals[-1]

    def at_heights(self, endpoint: Endpoint, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the coin's balances of addresses at heights, many addresses of one height in one call.

        What the node does not hold is left out. Heights are not hashes: it serves explanations, never decisions.
        """
        heights: dict[int, list[str]] = {}
        for address, height in sorted(wanted):
            heights.setdefault(height, []).append(address)
        found: dict[tuple[str, int], int] = {}
        shared = [
            (height, some[start : start + HEIGHT_MOST])
            for height, some in heights.items()
            if len(some) > 1 and endpoint.traits.get("probe", 0) < len(_BY_HEIGHT)
            for start in range(0, len(some), HEIGHT_MOST)
        ]
        calls = [_height_call(endpoint, height, some) for height, some in shared]
        for (height, some), answer in zip(shared, endpoint.batch(calls), strict=True):
            if isinstance(answer, str):
                found |= {(address, height): each for address, each in self._at_height(height, some, answer).items()}
            elif isinstance(answer, Missing):
                heights.pop(height, None)
        rest = [pair for pair in sorted(wanted) if pair not in found and pair[1] in heights]
        answers = endpoint.batch([("eth_getBalance", [address, hex(height)]) for address, height in rest])
        return found | {pair: quantity(each) for pair, each in zip(rest, answers, strict=True) if isinstance(each, str)}

    def _at_height(self, height: int, addresses: Sequence[str], answer: str) -> dict[str, int]:
        try:
            read = _unpack(octets(answer), [(None, [BalanceQuery(address, None) for address in addresses])])
        except GARBAGE:
            return {}
        if self._fork_proof and read.stands_on is not None and read.stands_on[0] != height:
            return {}
        return {
            address: balance
            for address, balance in zip(addresses, read.balances, strict=False)
            if balance is not None and balance != _UNKNOWN
        }

    def _prove(self, answer: Answer, at: Block) -> None:
        if answer.stands_on is None or not self._fork_proof or at.number == 0:
            return
        number, parent = answer.stands_on
        if number != at.number or parent != octets(at.parent):
            raise OtherFork(f"answer stands on block {number}, not on {at.number} {at.hash}")


def order(wanted: Sequence[BalanceQuery]) -> list[int]:
    """Return the places of what is wanted in the order to ask: an asset's addresses together."""
    return sorted(range(len(wanted)), key=lambda place: wanted[place].token or "")


def _reads_only_the_newest(endpoint: Endpoint) -> bool:
    """Make sure that it is the hash that a node minds: it has refused every way to read there."""
    try:
        return quantity(endpoint.call("eth_getBalance", [_STAND_IN, "latest"])) >= 0
    except Refused:
        return False


def _shrinking(
    endpoint: Endpoint,
    name: str,
    most: int,
    ask: Callable[[Sequence[BalanceQuery]], Answer],
    wanted: Sequence[BalanceQuery],
) -> Answer:
    """Ask for less as long as the node finds it too much; where the least is too much, size was not the matter."""
    window = endpoint.window(name, most)
    kept = window.kept()
    while True:
        part = wanted[: window.size]
        try:
            answer = ask(part)
            if not answer.balances:
                raise TooMuch(f"{endpoint.name}: not even one address answered")
        except TooMuch:
            if not window.shrink(len(part), _LEAST):
                window.put_back(kept)
                raise
            continue
        if len(answer.balances) < len(part):  # full, or out of gas: the next question is of this size
            window.size = len(answer.balances)
        window.fits()
        return answer


def _within(balance: int | None, token: str | None, supplies: dict[str, int | None]) -> int | None:
    if balance is None or balance == _UNKNOWN:
        return None
    if token is None:
        return balance
    supply = supplies.get(token)
    return balance if supply is not None and balance <= supply else None


# --- Probe, deployless


@functools.cache
def _probe_code() -> str:
    text = resources.files("ctrip").joinpath("contracts", "Probe.json").read_text()
    return str(json.loads(text)["bytecode"])


@functools.cache
def deployless_most() -> int:
    """Return how many addresses of one asset fit into one call."""
    code = len(_probe_code()) // 2 - 1
    return (_INIT_CODE_BYTES - code - _ABI_BYTES - _PER_GROUP) // _PER_ADDRESS


def _groups(wanted: Sequence[BalanceQuery]) -> list[tuple[str | None, list[BalanceQuery]]]:
    groups: list[tuple[str | None, list[BalanceQuery]]] = []
    for holding in wanted:
        if not groups or groups[-1][0] != holding.token:
            groups.append((holding.token, []))
        groups[-1][1].append(holding)
    return groups


def _pack(groups: Iterable[tuple[str | None, list[BalanceQuery]]]) -> str:
    """Write the argument of `Probe` as hex, without its ABI frame."""
    return "".join(
        (account(token)[2:] if token else "0" * 40)
        + f"{len(members):04x}"
        + "".join(account(member.address)[2:] for member in members)
        for token, members in groups
    )


def deployless(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> Answer:
    """Ask by a call without `to`, whose data is `Probe` and what is wanted."""
    extra = (len(_groups(wanted)) - 1) * _PER_GROUP
    wanted = wanted[: max(1, deployless_most() - -(-extra // _PER_ADDRESS))]
    return _run_probe(endpoint, wanted, lambda code: [{"data": code}, pinned(at)])


def overridden(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> Answer:
    """Ask by a call to an address that is given `Probe`'s code for as long as the call lasts: no limit on init code."""
    return _run_probe(endpoint, wanted, lambda code: [{"to": _STAND_IN}, pinned(at), {_STAND_IN: {"code": code}}])


def _run_probe(endpoint: Endpoint, wanted: Sequence[BalanceQuery], call: Callable[[str], list[Any]]) -> Answer:
    """Run `Probe` with its argument behind it; it reads its own code, so it does not matter how it came to run."""
    groups = _groups(wanted)
    try:
        return _unpack(octets(endpoint.call("eth_call", call(_code(groups)))), groups)
    except Reverted as exc:  # the probe itself cannot revert: the node spoke of gas or size
        raise TooMuch(str(exc)) from exc
    except GARBAGE as exc:
        raise Unsupported(f"{endpoint.name}: the probe is not answered as one") from exc


def _code(groups: Sequence[tuple[str | None, list[BalanceQuery]]]) -> str:
    packed = _pack(groups)
    size = len(packed) // 2
    return f"{_probe_code()}{32:064x}{size:064x}{packed}{'00' * (-size % 32)}"


def _height_call(endpoint: Endpoint, height: int, addresses: Sequence[str]) -> tuple[str, list[Any]]:
    code = _code([(None, [BalanceQuery(address, None) for address in addresses])])
    return "eth_call", _BY_HEIGHT[endpoint.traits.get("probe", 0)](code, hex(height))


def _unpack(data: bytes, groups: Sequence[tuple[str | None, list[BalanceQuery]]]) -> Answer:
    """Read `Probe`'s answer; raises `ValueError` or `IndexError` where it is not one."""
    left, position = int.from_bytes(data[64:66]), 66
    answer = Answer([], {}, (int.from_bytes(data[:32]), data[32:64]))

    def value() -> int | None:
        nonlocal position
        length = data[position]
        position += 1
        if length == 0xFF:
            return None
        if length > 32 or position + length > len(data):
            raise ValueError("not a probe's answer")
        position += length
        return int.from_bytes(data[position - length : position])

    for token, members in groups:
        if not left:
            break
        if token is not None:
            answer.supplies[token] = value()
        for _ in members[:left]:
            answer.balances.append(value())
        left -= min(left, len(members))
    return answer


# --- Multicall3


def multicall(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> Answer:
    """Ask Multicall3, where it is deployed."""
    if "multicall3" not in endpoint.traits:
        endpoint.traits["multicall3"] = len(octets(endpoint.call("eth_getCode", [MULTICALL3, "latest"]))) > 0
    if not endpoint.traits["multicall3"]:
        raise Unsupported(f"{endpoint.name}: no Multicall3")
    tokens = _tokens(wanted)
    calls = [
        (MULTICALL3, "0x42cbb15c"),
        (MULTICALL3, f"0xee82ac5e{max(0, at.number - 1):064x}"),
    ]  # getBlockNumber, getBlockHash
    calls += [(token, TOTAL_SUPPLY) for token in tokens]
    calls += [(item.token, BALANCE_OF + topic(item.address)[2:]) if item.token else _coin(item) for item in wanted]
    frame = encode(["(address,bool,bytes)[]"], [[(target, True, octets(data)) for target, data in calls]])
    try:
        returned = octets(
            endpoint.call("eth_call", [{"to": MULTICALL3, "data": "0x82ad56cb" + frame.hex()}, pinned(at)])
        )
        (answers,) = decode(["(bool,bytes)[]"], returned)
    except Reverted as exc:
        raise TooMuch(str(exc)) from exc
    except (DecodingError, *GARBAGE) as exc:
        raise Unsupported(f"{endpoint.name}: not Multicall3's answer") from exc
    words = [int.from_bytes(data[:32]) if success and len(data) >= 32 else None for success, data in answers]
    if len(words) != len(calls) or words[0] is None or words[1] is None:
        raise Unsupported(f"{endpoint.name}: not Multicall3's answer")
    supplies = dict(zip(tokens, words[2:], strict=False))
    return Answer(words[2 + len(tokens) :], supplies, (words[0], words[1].to_bytes(32)))


def _coin(item: BalanceQuery) -> tuple[str, str]:
    return MULTICALL3, "0x4d2301cc" + topic(item.address)[2:]  # getEthBalance


def _tokens(wanted: Sequence[BalanceQuery]) -> list[str]:
    return list(dict.fromkeys(holding.token for holding in wanted if holding.token))


# --- single calls, batched


def singly(endpoint: Endpoint, at: Block, wanted: Sequence[BalanceQuery]) -> Answer:
    """Ask one call for each balance, in one batch, with the block's header for proof."""
    tokens, where = _tokens(wanted), pinned(at)
    calls: list[tuple[str, list[Any]]] = [("eth_getBlockByHash", [at.hash, False])]
    calls += [("eth_call", [{"to": token, "data": TOTAL_SUPPLY}, where]) for token in tokens]
    for item in wanted:
        if item.token is None:
            calls.append(("eth_getBalance", [item.address, where]))
        else:
            calls.append(("eth_call", [{"to": item.token, "data": BALANCE_OF + topic(item.address)[2:]}, where]))
    header, *answers = _steady(endpoint, calls)
    if isinstance(header, Exception):
        raise header
    if header is None or block(header) != at:
        raise OtherFork(f"{endpoint.name}: does not hold block {at.hash}")
    values = [_single(method, answer) for (method, _), answer in zip(calls[1:], answers, strict=True)]
    balances = values[len(tokens) :]
    errors = [answer for answer in answers if isinstance(answer, Refused) and not isinstance(answer, Reverted)]
    if errors and all(balance is None for balance in balances):
        raise errors[0]
    return Answer(balances, dict(zip(tokens, values, strict=False)))


def _steady(endpoint: Endpoint, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    """Ask in batches; what a balancer's lagging node does not hold is asked again, and so is the header."""
    answers = endpoint.steady(calls)
    for _ in range(TRIES - 1):
        if answers[0] is not None:
            break
        answers[0] = endpoint.batch(calls[:1])[0]
    return answers


def _single(method: str, answer: Any) -> int | None:
    if isinstance(answer, Missing | Unreachable):
        raise answer
    if isinstance(answer, Exception):
        return None
    return quantity(answer) if method == "eth_getBalance" else word(answer)


_WAYS: tuple[tuple[str, Way, int], ...] = (
    ("deployless", deployless, deployless_most()),
    ("override", overridden, OVERRIDE_MOST),
    ("multicall3", multicall, MULTICALL_MOST),
    ("batch of balances", singly, BATCH_MOST),
)
