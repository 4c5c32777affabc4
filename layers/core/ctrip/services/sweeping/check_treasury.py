"""Check a chain's treasury before a process first sweeps to it: here a node and the signer are at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.sweeping.treasury import OPERATOR, OPERATORS_OWN, operators_own
from ctrip.ports.chain import ChainReader
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.signing import Signer

AGAIN_MS = 300_000  # after which it is asked again whether batches can be sent


class Sweeper(Protocol):
    """Sweeps one chain's deposits."""

    def sweep(self, asset_key: str) -> int:
        """Take each payment of an asset a step further; return how many transactions were sent."""
        ...


@dataclass(slots=True, kw_only=True)
class CheckedSweeper:
    """Sweeps one chain to a treasury that was checked; `may_be_contract` lets it have code.

    `sweeper` makes one for a treasury (empty: none) with an operator that sends batches, or with none; `cannot_collect`
    says why a chain has none.

    A treasury that is refused stops sweeping, with an alarm and a reason that `/health/ready` shows, and nothing else:
    payments go on to `paid`, and what waits is swept once the setting is right. A node that does not answer is no
    verdict: the job fails, and is tried again. What goes to merchants' own treasuries is swept whatever becomes of it.
    """

    network: Network
    reader: ChainReader
    signer: Signer
    money: MoneyStore
    log: Log
    treasury: str
    may_be_contract: bool
    sweeper: Callable[[str, str], Sweeper]
    cannot_collect: Callable[[str, str], str]
    clock: Clock
    _trusted: bool = False
    _operator: str = ""
    _asked_at: int | None = None

    def sweep(self, asset_key: str) -> int:
        """Sweep an asset; return how many transactions were sent: without a treasury only to merchants' own."""
        if not self.treasury:
            self.log.warning("sweeping_off", chain=self.network.name)
        if not self.treasury or not self._check():
            return self.sweeper("", "").sweep(asset_key)
        return self.sweeper(self.treasury, self._collector()).sweep(asset_key)

    def _check(self) -> bool:
        if self._trusted:
            return True
        refused = self._wrong()
        if refused:
            self.money.note_sweeping(self.network.name, self.treasury, refused)
            self.log.error("treasury_refused", chain=self.network.name, address=self.treasury, error=refused)
        self._trusted = refused is None
        return self._trusted

    def _collector(self) -> str:
        """Return the operator that sends batches, empty where payments are swept alone; asked again now and then.

        Contracts that are there stay as they are; those that are missing may be deployed, and nodes exchanged.
        """
        now = self.clock.now()
        if self._operator or (self._asked_at is not None and now - self._asked_at < AGAIN_MS):
            return self._operator
        operator = self.signer.operators_address(self.network.kind, OPERATOR[1])
        alone = self.cannot_collect(self.treasury, operator)
        self.money.note_sweeping(self.network.name, self.treasury, "", alone)
        self._operator, self._asked_at = "" if alone else operator, now
        told = {"chain": self.network.name, "address": operator}
        if alone:
            self.log.warning("tokens_are_swept_alone", **told, error=alone)
        else:
            self.log.info("tokens_are_swept_in_batches", **told)
        return self._operator

    def _wrong(self) -> str | None:
        own = {index: self.signer.operators_address(self.network.kind, index) for index in OPERATORS_OWN}
        if ours := operators_own(rules_of(self.network), self.treasury, own):
            return ours
        if not self.may_be_contract and self.reader.has_code(self.treasury):
            return (
                f"{self.treasury} has code: it is a contract, or delegates to one. Where that is meant, "
                f"set CTRIP_TREASURY_CONTRACT to {self.network.name}"
            )
        return None
