"""Check a chain's treasury before a process first sweeps to it: here a node and the signer are at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.sweeping.treasury import OPERATORS_ACCOUNT, own_address
from ctrip.ports import ChainReader, Log, MoneyStore, Signer


class Sweeper(Protocol):
    """Sweeps one chain's deposits."""

    def sweep(self, asset_key: str) -> int:
        """Take each payment of an asset a step further; return how many transactions were sent."""
        ...


@dataclass(slots=True, kw_only=True)
class CheckedSweeper:
    """Sweeps one chain to a treasury that was checked; `may_be_contract` lets it have code.

    A treasury that is refused stops sweeping, with an alarm and a reason that `/health/ready` shows, and nothing else:
    payments go on to `paid`, and what waits is swept once the setting is right. A node that does not answer is no
    verdict: the job fails, and is tried again.
    """

    network: Network
    reader: ChainReader
    signer: Signer
    money: MoneyStore
    log: Log
    treasury: str
    may_be_contract: bool
    sweeper: Callable[[], Sweeper]
    _trusted: bool = False

    def sweep(self, asset_key: str) -> int:
        """Sweep an asset; return how many transactions were sent, 0 where the treasury is none or refused."""
        if not self.treasury:
            self.log.warning("sweeping_off", chain=self.network.name)
            return 0
        return self.sweeper().sweep(asset_key) if self._check() else 0

    def _check(self) -> bool:
        if self._trusted:
            return True
        refused = self._wrong()
        self.money.note_sweeping(self.network.name, self.treasury, refused or "")
        if refused:
            self.log.error("treasury_refused", chain=self.network.name, address=self.treasury, error=refused)
        self._trusted = refused is None
        return self._trusted

    def _wrong(self) -> str | None:
        if ours := own_address(
            rules_of(self.network),
            self.treasury,
            OPERATORS_ACCOUNT,
            self.signer.account_xpub(self.network.kind, OPERATORS_ACCOUNT),
        ):
            return ours
        if not self.may_be_contract and self.reader.has_code(self.treasury):
            return (
                f"{self.treasury} has code: it is a contract, or delegates to one. Where that is meant, "
                f"set CTRIP_TREASURY_CONTRACT to {self.network.name}"
            )
        return None
