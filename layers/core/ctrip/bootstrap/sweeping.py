"""Sweeping, wired; and the signer, the only holder of private keys."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.ports.transfers import Transfers
    from ctrip.services.sweeping.approve_sweep import SweepApprover
    from ctrip.services.sweeping.check_treasury import CheckedSweeper
    from ctrip.services.sweeping.read_sweeps import SweepReader
    from ctrip.services.sweeping.resume_sweeps import SweepResumer
    from ctrip.services.sweeping.sign_transaction import GuardedSigner
    from ctrip.services.sweeping.sweep_deposits import DepositSweeper


class Sweeping:
    """The services of sweeping."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters
        self._sweepers: dict[str, CheckedSweeper] = {}

    @cached_property
    def resumer(self) -> "SweepResumer":
        """Build the net under sweeping."""
        from ctrip.services.sweeping.resume_sweeps import SweepResumer

        on = self._on
        return SweepResumer(on.money, on.access, on.jobs, on.clock, tuple(on.networks))

    def sweeper(self, name: str) -> "CheckedSweeper":
        """Return one chain's sweeper, which checks its treasury first."""
        if name not in self._sweepers:
            self._sweepers[name] = self._checked(name)
        return self._sweepers[name]

    def _checked(self, name: str) -> "CheckedSweeper":
        from ctrip.services.sweeping.check_treasury import CheckedSweeper

        on = self._on
        return CheckedSweeper(
            network=self._stage.network(name),
            reader=on.chain(name),
            signer=on.signer,
            money=on.money,
            log=on.log("sweep"),
            treasury=on.settings.treasury_of(self._stage.network(name)),
            may_be_contract=on.settings.treasury_may_be_contract(name),
            sweeper=lambda treasury, operator: self.new_sweeper(name, operator, treasury),
            cannot_collect=lambda treasury, operator: self._transfers(name).cannot_collect(treasury, operator),
            clock=on.clock,
        )

    def _transfers(self, name: str) -> "Transfers":
        """Open what plans a chain's transactions."""
        from ctrip.bootstrap.kinds import adapters_of

        on, network = self._on, self._stage.network(name)
        return adapters_of(network).transfers(network, on.chain(name), on.clock, on.log("sweep"))

    def new_sweeper(self, name: str, operator: str = "", treasury: str | None = None) -> "DepositSweeper":
        """Build a chain's sweeper without the check of its treasury; with an operator it sends batches.

        To the stage's treasury, or another one; an empty one: only to merchants' own.
        """
        from ctrip.bootstrap.kinds import adapters_of
        from ctrip.services.sweeping.sweep_deposits import DepositSweeper

        on, network = self._on, self._stage.network(name)
        return DepositSweeper(
            network=network,
            chain=on.chain(name),
            payments=on.payments,
            money=on.money,
            signer=on.signer,
            clock=on.clock,
            log=on.log("sweep"),
            treasury=on.settings.treasury_of(network) if treasury is None else treasury,
            transfers=adapters_of(network).transfers,
            own_treasury=lambda merchant_id: self._own_treasury(merchant_id, name),
            operator=operator,
            policies=on.settings.sweeps.get(name, {}),
        )

    @cached_property
    def reader(self) -> "SweepReader":
        """Build what lists sweeps that are not over."""
        from ctrip.services.sweeping.read_sweeps import SweepReader

        on = self._on
        return SweepReader(
            networks=on.networks,
            policies=on.settings.sweeps,
            payments=on.payments,
            money=on.money,
            clock=on.clock,
        )

    @cached_property
    def approver(self) -> "SweepApprover":
        """Build what notes that a person has approved a sweep."""
        from ctrip.services.sweeping.approve_sweep import SweepApprover

        on, stage = self._on, self._stage
        return SweepApprover(
            payments=on.payments,
            access=on.access,
            sweeps=self.reader,
            jobs=stage.notifying("api"),
            clock=on.clock,
            log=on.log("api"),
            recorder=stage.recorder("api"),
            once=stage.once(),
        )

    def _own_treasury(self, merchant_id: str, chain: str) -> str:
        """Return a merchant's own treasury as the signer has taken it over, who compares; empty where there is none."""
        from ctrip.domain.settlement.reservation import current

        held = self._on.signer_book.vouched(merchant_id, chain)
        return current(held, self._on.clock.now()).address if held else ""

    @cached_property
    def signer(self) -> "GuardedSigner":
        """Build the signer; the mnemonic is read when it is first needed, once."""
        from ctrip.services.sweeping.account_holders import AccountHolders
        from ctrip.services.sweeping.sign_transaction import GuardedSigner

        on = self._on
        treasuries = {name: on.settings.treasury_of(network) for name, network in on.networks.items()}
        return GuardedSigner(
            on.wallet,
            treasuries,
            on.networks,
            on.backed_up,
            lambda: self._stage.payouts.guard,
            AccountHolders(on.access, on.wallet, lambda: on.authority().every_key).holder,
        )
