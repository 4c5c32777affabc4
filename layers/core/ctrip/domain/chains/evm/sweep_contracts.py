"""The contracts that sweep tokens by EIP-7702, and the one that pays many: their addresses and their code.

`SweepBatcher` calls many deposit addresses for its operator; each of them delegates to `SweepDelegate`, which pays its
treasury. Both are created by the deterministic deployer, so that their addresses follow from (treasury, operator): on
every chain the same, whoever pays for the deployment. `PayoutBatcher` pays many recipients for its treasury, from which
alone its address follows. The artefacts are compiled from `Sweep.sol` and `Payout.sol` in `infra/contracts`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from ctrip.domain.chains.evm.addresses import checksum
from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.evm.sweep_call import word

# Source: github.com/Arachnid/deterministic-deployment-proxy. It takes a salt and creation code, and calls CREATE2.
DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
_SALT = bytes(32)
_DESIGNATOR = "0xef0100"  # EIP-7702: the code of a delegated address is this and the delegate's address


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

    def __iter__(self) -> Iterator[Creation]:
        """Yield them in that order."""
        return iter((self.batcher, self.delegate))


@lru_cache(maxsize=64)
def sweep_pair(treasury: str, operator: str) -> SweepPair:
    """Return the contracts of a treasury and an operator."""
    batcher = _creation("SweepBatcher", operator=operator)
    return SweepPair(batcher, _creation("SweepDelegate", treasury=treasury, batcher=batcher.address))


@lru_cache(maxsize=64)
def payout_batcher(treasury: str) -> Creation:
    """Return the contract that pays many recipients for a treasury."""
    return _creation("PayoutBatcher", treasury=treasury)


def delegated_to(code: str) -> str | None:
    """Return the delegate of an address by its code, in lower case; None where it delegates to nobody."""
    return "0x" + code[8:].lower() if code.startswith(_DESIGNATOR) and len(code) == 48 else None


def is_sweep_delegate(code: str) -> bool:
    """Whether code is a `SweepDelegate`'s, of whatever treasury and batcher: those of an older pair are ours too."""
    artefact = _artefact("SweepDelegate")
    return len(code) == len(artefact.runtime) and _filled(code, artefact.places, {}) == artefact.runtime


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
    code = artefact.bytecode + "".join(map(word, immutables.values()))
    digest = keccak(bytes.fromhex(code.removeprefix("0x")))
    place = keccak(b"\xff" + bytes.fromhex(DEPLOYER[2:]) + _SALT + digest)[-20:]
    return Creation(name, checksum(place.hex()), code, _filled(artefact.runtime, artefact.places, immutables))


def _filled(code: str, places: dict[str, list[int]], immutables: dict[str, str]) -> str:
    """Put each immutable's word into code, zero where there is none for it."""
    for name, offsets in places.items():
        for at in (2 + 2 * offset for offset in offsets):
            code = code[:at] + word(immutables.get(name, "")) + code[at + 64 :]
    return code
