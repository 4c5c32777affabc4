"""The state that transactions read and change: balances and contracts in the machine, accounts and stakes beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from infra.tron.accounts import TRX, Account, Network, Versions
from infra.tron.evm import Evm
from infra.tron.options import Options
from infra.tron.wire import BANDWIDTH, ENERGY

Edit = Callable[[int], None]


@dataclass(slots=True)
class World:
    """The newest state, with all that was before. `factors` are contracts' energy factors, in ten-thousandths."""

    evm: Evm
    options: Options
    accounts: Versions[bytes, Account] = field(default_factory=Versions)
    loans: Versions[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=Versions)
    factors: dict[bytes, int] = field(default_factory=dict)
    _edits: list[tuple[int, Edit]] = field(default_factory=list)

    def network(self, version: int | None = None) -> Network:
        """Return what all have staked."""
        held = [account for _, account in self.accounts.items(version)]
        mine = [sum(each.staked[resource] for each in held) // TRX for resource in (BANDWIDTH, ENERGY)]
        return Network(self.options.byte_weight + mine[BANDWIDTH], self.options.energy_weight + mine[ENERGY])

    def edit(self, change: Edit) -> None:
        """Change the state outside of any transaction, for good: a fork takes it along."""
        version = self.evm.step()
        change(version)
        self._edits.append((version, change))

    def back_to(self, version: int) -> None:
        """Undo every transaction after a version."""
        self.evm.back_to(version)
        self.accounts.cut(version)
        self.loans.cut(version)
        lost = [change for made, change in self._edits if made > version]
        self._edits = [each for each in self._edits if each[0] <= version]
        for change in lost:
            self.edit(change)

    def grant(self, address: bytes, amount: int, time: int) -> None:
        """Give an account TRX out of nothing, as a first block would."""

        def change(version: int) -> None:
            self.evm.credit(address, amount)
            self.activate(address, version, time)

        self.edit(change)

    def place(self, address: bytes, code: str, time: int) -> None:
        """Put a contract at an address."""

        def change(version: int) -> None:
            self.evm.place(address, code)
            self.contract(address, version, time)

        self.edit(change)

    def contract(self, address: bytes, version: int, time: int) -> None:
        """Make a contract's account of an address."""
        self.accounts.put(address, version, Account(created=time, contract=True))

    def activate(self, address: bytes, version: int, time: int) -> None:
        """Make an account of an address that is none yet."""
        if self.accounts.get(address) is None:
            self.accounts.put(address, version, Account(created=time))

    def is_contract(self, address: bytes, version: int | None = None) -> bool:
        """Whether a contract stands at an address: one that another contract has made is known to the machine alone."""
        held = self.accounts.get(address, version)
        return (held is not None and held.contract) or self.evm.has_code(address, version)
