"""What the ledger knows of accounts beside their balances, at every version of it.

Bandwidth and energy that were used come back over a day, evenly; what an account may use follows from its stake.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from infra.tron.parameters import PARAMETERS
from infra.tron.wire import BANDWIDTH, Permission

DAY = 86_400_000
TRX = 1_000_000
FREE_BYTES = PARAMETERS["getFreeNetLimit"] or 0
TOTAL_BYTES = PARAMETERS["getTotalNetLimit"] or 0
TOTAL_ENERGY = PARAMETERS["getTotalEnergyCurrentLimit"] or 0

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a resource was used at a time, in unix milliseconds."""

    amount: int = 0
    at: int = 0

    def now(self, time: int) -> int:
        """Return what has not come back yet."""
        left = DAY - (time - self.at)
        return self.amount * min(left, DAY) // DAY if left > 0 else 0

    def plus(self, amount: int, time: int) -> Usage:
        """Return the usage once more was used."""
        return Usage(self.now(time) + amount, time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An activated account. Stakes are sun: its own, what it has lent of them, and what others lend to it."""

    created: int
    free: Usage = Usage()
    bytes_used: Usage = Usage()
    energy_used: Usage = Usage()
    staked: tuple[int, int] = (0, 0)
    lent: tuple[int, int] = (0, 0)
    borrowed: tuple[int, int] = (0, 0)
    permissions: tuple[Permission, ...] = ()
    contract: bool = False

    def stake(self, resource: int) -> int:
        """Return the stake that it may use itself."""
        return self.staked[resource] - self.lent[resource] + self.borrowed[resource]

    def signers(self, address: bytes) -> Permission:
        """Return who signs for it: its own key, unless it has said otherwise."""
        return self.permissions[0] if self.permissions else Permission(((address, 1),))

    def with_stake(self, field: str, resource: int, change: int) -> Account:
        """Return it with one of its stakes changed."""
        held = list(getattr(self, field))
        held[resource] += change
        return replace(self, **{field: tuple(held)})  # type: ignore[arg-type]


class Versions(Generic[K, V]):
    """Values by key, each as it was at every version."""

    def __init__(self) -> None:
        self._held: dict[K, list[tuple[int, V | None]]] = {}

    def get(self, key: K, version: int | None = None) -> V | None:
        """Return a value at a version, or the newest; None where there was none."""
        held = self._held.get(key, [])
        place = len(held) if version is None else bisect_right(held, version, key=lambda each: each[0])
        return held[place - 1][1] if place else None

    def put(self, key: K, version: int, value: V | None) -> None:
        """Set a value from a version on."""
        held = self._held.setdefault(key, [])
        if held and held[-1][0] == version:
            held.pop()
        held.append((version, value))

    def items(self, version: int | None = None) -> list[tuple[K, V]]:
        """Return all that there was at a version."""
        found = ((key, self.get(key, version)) for key in self._held)
        return [(key, value) for key, value in found if value is not None]

    def cut(self, version: int) -> None:
        """Forget what came after a version."""
        for held in self._held.values():
            while held and held[-1][0] > version:
                held.pop()


@dataclass(frozen=True, slots=True)
class Network:
    """What all have staked, in TRX: a share of it is the same share of the network's bytes and energy."""

    byte_weight: int
    energy_weight: int

    def weight(self, resource: int) -> int:
        """Return the stake of all for one resource."""
        return self.byte_weight if resource == BANDWIDTH else self.energy_weight

    def limit(self, account: Account, resource: int) -> int:
        """Return how much of a resource an account may use in a day."""
        total = TOTAL_BYTES if resource == BANDWIDTH else TOTAL_ENERGY
        return account.stake(resource) // TRX * total // self.weight(resource)
