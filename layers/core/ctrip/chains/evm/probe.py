"""Balances of many addresses at exactly one block, in as few calls as the node bears.

Four ways, of which the first that works is remembered per endpoint: a deployless call of `Probe` (no contract needed),
a call to it by state override, Multicall3, and a batch of single calls. Each answer names its own block, so that a node
on another fork is noticed.
"""

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ctrip.chains.evm.codec import BALANCE_OF, TOTAL_SUPPLY, account, block, octets, pinned, quantity, topic, word
from ctrip.chains.evm.endpoints import GARBAGE, Endpoint
from ctrip.chains.evm.errors import Missing, Reverted, TooMuch, Unreachable, Unsupported
from ctrip.domain.chain import Block, Holding
from ctrip.domain.errors import Refused

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
# NUMBER and BLOCKHASH tell of the parent chain there: Arbitrum One, Nova, Sepolia.
FOREIGN_BLOCKHASH = frozenset({42161, 42170, 421614})
# EIP-3860; the argument is wrapped in two words and padded to a third.
_INIT_CODE_BYTES = 49_152
_ABI_BYTES = 96
_PER_ADDRESS, _PER_GROUP = 20, 22
OVERRIDE_MOST, MULTICALL_MOST, BATCH_MOST = 5_000, 500, 400
# Nobody's: the last twenty bytes of keccak("ctrip.probe").
_STAND_IN = "0x428fbfbf192c5e66e03f921ca4e93093c84e1488"
# Below this many addresses a refusal is not about size: the next way is tried.
_LEAST = 8
_UNKNOWN = 2**256 - 1


class OtherFork(Missing):
    """The answer stands on another block than the one that was asked for."""


@dataclass(slots=True)
class Answer:
    """Balances of as many holdings, from the first, as answered; their tokens' supplies; where it stands, if proven."""

    balances: list[int | None]
    supplies: dict[str, int | None] = field(default_factory=dict)
    stands_on: tuple[int, bytes] | None = None


Way = Callable[[Endpoint, Block, Sequence[Holding]], Answer]


class Prober:
    """Reads balances from one endpoint at a time."""

    def __init__(self, chain_id: int) -> None:
        self._fork_proof = chain_id not in FOREIGN_BLOCKHASH

    def read(self, endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> list[int | None]:
        """Return the balances in the order asked; None where the node's answer says nothing certain."""
        order = sorted(range(len(wanted)), key=lambda index: wanted[index].token or "")
        result: list[int | None] = [None] * len(wanted)
        done = 0
        while done < len(order):
            answer = self._read_some(endpoint, at, [wanted[index] for index in order[done:]])
            for index, balance in zip(order[done:], answer.balances, strict=False):
                result[index] = _within(balance, wanted[index].token, answer.supplies)
            done += len(answer.balances)
        return result

    def _read_some(self, endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> Answer:
        """Answer for a part from the front, by the first way that works from the remembered one on."""
        refusal: Refused = Unsupported(f"{endpoint.name}: no way to read balances")
        first = endpoint.traits.get("probe", 0)
        for number, (name, way, most) in enumerate(_WAYS[first:], first):
            try:
                answer = _shrinking(endpoint, name, most, functools.partial(way, endpoint, at), wanted)
            except Refused as exc:
                refusal = exc
                continue
            self._prove(answer, at)
            endpoint.traits["probe"] = number
            return answer
        raise refusal

    def _prove(self, answer: Answer, at: Block) -> None:
        if answer.stands_on is None or not self._fork_proof or at.number == 0:
            return
        number, parent = answer.stands_on
        if number != at.number or parent != octets(at.parent):
            raise OtherFork(f"answer stands on block {number}, not on {at.number} {at.hash}")


def _shrinking(
    endpoint: Endpoint, name: str, most: int, ask: Callable[[Sequence[Holding]], Answer], wanted: Sequence[Holding]
) -> Answer:
    window = endpoint.window(name, most)
    while True:
        part = wanted[: window.size]
        try:
            answer = ask(part)
            if not answer.balances:
                raise TooMuch(f"{endpoint.name}: not even one address answered")
        except Unsupported:
            raise
        except Refused:
            if not window.shrink(len(part), _LEAST):
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


def _groups(wanted: Sequence[Holding]) -> list[tuple[str | None, list[Holding]]]:
    groups: list[tuple[str | None, list[Holding]]] = []
    for holding in wanted:
        if not groups or groups[-1][0] != holding.token:
            groups.append((holding.token, []))
        groups[-1][1].append(holding)
    return groups


def _pack(groups: Iterable[tuple[str | None, list[Holding]]]) -> str:
    """Write the argument of `Probe` as hex, without its ABI frame."""
    return "".join(
        (account(token)[2:] if token else "0" * 40)
        + f"{len(members):04x}"
        + "".join(account(member.address)[2:] for member in members)
        for token, members in groups
    )


def deployless(endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> Answer:
    """Ask by a call without `to`, whose data is `Probe` and what is wanted."""
    extra = (len(_groups(wanted)) - 1) * _PER_GROUP
    wanted = wanted[: max(1, deployless_most() - -(-extra // _PER_ADDRESS))]
    return _run_probe(endpoint, wanted, lambda code: [{"data": code}, pinned(at)])


def overridden(endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> Answer:
    """Ask by a call to an address that is given `Probe`'s code for as long as the call lasts: no limit on init code."""
    return _run_probe(endpoint, wanted, lambda code: [{"to": _STAND_IN}, pinned(at), {_STAND_IN: {"code": code}}])


def _run_probe(endpoint: Endpoint, wanted: Sequence[Holding], call: Callable[[str], list[Any]]) -> Answer:
    """Run `Probe` with its argument behind it; it reads its own code, so it does not matter how it came to run."""
    groups = _groups(wanted)
    packed = _pack(groups)
    size = len(packed) // 2
    code = f"{_probe_code()}{32:064x}{size:064x}{packed}{'00' * (-size % 32)}"
    try:
        return _unpack(octets(endpoint.call("eth_call", call(code))), groups)
    except Reverted as exc:  # the probe itself cannot revert: the node spoke of gas or size
        raise TooMuch(str(exc)) from exc
    except GARBAGE as exc:
        raise Unsupported(f"{endpoint.name}: the probe is not answered as one") from exc


def _unpack(data: bytes, groups: Sequence[tuple[str | None, list[Holding]]]) -> Answer:
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


def multicall(endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> Answer:
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


def _coin(item: Holding) -> tuple[str, str]:
    return MULTICALL3, "0x4d2301cc" + topic(item.address)[2:]  # getEthBalance


def _tokens(wanted: Sequence[Holding]) -> list[str]:
    return list(dict.fromkeys(holding.token for holding in wanted if holding.token))


# --- single calls, batched


def singly(endpoint: Endpoint, at: Block, wanted: Sequence[Holding]) -> Answer:
    """Ask one call for each balance, in one batch, with the block's header for proof."""
    tokens, where = _tokens(wanted), pinned(at)
    calls: list[tuple[str, list[Any]]] = [("eth_getBlockByHash", [at.hash, False])]
    calls += [("eth_call", [{"to": token, "data": TOTAL_SUPPLY}, where]) for token in tokens]
    for item in wanted:
        if item.token is None:
            calls.append(("eth_getBalance", [item.address, where]))
        else:
            calls.append(("eth_call", [{"to": item.token, "data": BALANCE_OF + topic(item.address)[2:]}, where]))
    header, *answers = endpoint.batch(calls)
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
