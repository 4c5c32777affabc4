"""The contracts that sweep tokens by EIP-7702: where they stand, what code stands there, and the one call of ours.

`SweepBatcher` calls many deposit addresses for its operator; each of them delegates to `SweepDelegate`, which pays its
treasury. Both are created by the deterministic deployer, so that their addresses follow from (treasury, operator): on
every chain the same, whoever pays for the deployment. The artefacts are compiled from `infra/contracts/Sweep.sol`.
"""

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from ctrip.domain.chains.evm.addresses import checksum, keccak

# Source: github.com/Arachnid/deterministic-deployment-proxy. It takes a salt and creation code, and calls CREATE2.
DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_SALT = bytes(32)
_DESIGNATOR = "0xef0100"  # EIP-7702: the code of a delegated address is this and the delegate's address
_SWEEP = "0x55e08d1f"  # sweep(address,address[],uint256)
_SWEEP_CALL = re.compile(r"0x55e08d1f(?:[0-9a-f]{64}){4,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Creation:
    """A contract to be created, and what follows from it: its address, and the code that then stands there."""

    name: str
    address: str
    code: str
    runtime: str

    @property
    def call(self) -> str:
        """Return what the deterministic deployer is sent."""
        return "0x" + _SALT.hex() + self.code.removeprefix("0x")


@dataclass(frozen=True, slots=True)
class SweepPair:
    """The two contracts of one (treasury, operator), in the order in which they are deployed."""

    batcher: Creation
    delegate: Creation


@dataclass(frozen=True, slots=True)
class SweepCall:
    """One call of a batcher: each account is to send all of a token to the treasury, for at most so much gas."""

    token: str
    accounts: tuple[str, ...]
    gas_each: int


@lru_cache(maxsize=64)
def sweep_pair(treasury: str, operator: str) -> SweepPair:
    """Return the contracts of a treasury and an operator."""
    batcher = _creation("SweepBatcher", operator=operator)
    return SweepPair(batcher, _creation("SweepDelegate", treasury=treasury, batcher=batcher.address))


def delegated_to(code: str) -> str | None:
    """Return the delegate of an address by its code, in lower case; None where it delegates to nobody."""
    return "0x" + code[8:].lower() if code.startswith(_DESIGNATOR) and len(code) == 48 else None


def is_sweep_delegate(code: str) -> bool:
    """Whether code is a `SweepDelegate`'s, of whatever treasury and batcher: those of an older pair are ours too."""
    artefact = _artefact("SweepDelegate")
    return len(code) == len(artefact.runtime) and _filled(code, artefact.places, {}) == artefact.runtime


def sweep_data(call: SweepCall) -> str:
    """Encode `sweep(address,address[],uint256)`."""
    words = [_word(call.token), f"{96:064x}", f"{call.gas_each:064x}", f"{len(call.accounts):064x}"]
    return _SWEEP + "".join([*words, *map(_word, call.accounts)])


def parse_sweep(data: str) -> SweepCall | None:
    """Read a batcher's call; None for anything that `sweep_data` does not write."""
    if not _SWEEP_CALL.fullmatch(data):
        return None
    words = [data[at : at + 64] for at in range(10, len(data), 64)]
    call = SweepCall("0x" + words[0][24:], tuple("0x" + word[24:] for word in words[4:]), int(words[2], 16))
    return call if sweep_data(call) == data else None


@dataclass(frozen=True, slots=True)
class _Artefact:
    """What the compiler made; `places` are the offsets of the immutables' words in the code that is deployed."""

    bytecode: str
    runtime: str
    places: dict[str, list[int]]


@cache
def _artefact(name: str) -> _Artefact:
    read = json.loads(resources.files("ctrip").joinpath("contracts", f"{name}.json").read_text())
    return _Artefact(read["bytecode"], read["runtime"], read["immutables"])


def _creation(name: str, **immutables: str) -> Creation:
    artefact = _artefact(name)
    code = artefact.bytecode + "".join(map(_word, immutables.values()))
    digest = keccak(bytes.fromhex(code.removeprefix("0x")))
    place = keccak(b"\xff" + bytes.fromhex(DEPLOYER[2:]) + _SALT + digest)[-20:]
    return Creation(name, checksum(place.hex()), code, _filled(artefact.runtime, artefact.places, immutables))


def _filled(code: str, places: dict[str, list[int]], immutables: dict[str, str]) -> str:
    """Put each immutable's word into code, zero where there is none for it."""
    for name, offsets in places.items():
        for at in (2 + 2 * offset for offset in offsets):
            code = code[:at] + _word(immutables.get(name, "")) + code[at + 64 :]
    return code


def _word(address: str) -> str:
    return f"{address.lower().removeprefix('0x'):0>64}"
