"""The workers' part of settlements and refunds, wired: book, send, end; and the signer's guard of the treasury."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.settlement.book_payouts import PayoutBooker
    from ctrip.services.settlement.complete_payout import PayoutCompleter
    from ctrip.services.settlement.follow_payouts import PayoutEnder
    from ctrip.services.settlement.guard_payouts import PayoutGuard
    from ctrip.services.settlement.pay_out import PayoutWorker
    from ctrip.services.settlement.payout_events import PayoutReporter
    from ctrip.services.settlement.send_payouts import PayoutSender
    from ctrip.services.sweeping.send_transactions import TransactionSender


class Payouts:
    """What becomes of payouts after they were asked for."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def worker(self) -> "PayoutWorker":
        """Build what takes payouts a step further."""
        from ctrip.services.settlement.ask_scheduled import ScheduledAsker
        from ctrip.services.settlement.note_costs import CostNoting
        from ctrip.services.settlement.pay_out import PayoutWorker
        from ctrip.services.settlement.vouch_addresses import AddressVouching

        on = self._on
        return PayoutWorker(
            payouts=on.payouts,
            booker=self._booker,
            addresses=AddressVouching(on.payouts, on.signer, on.log("settle")),
            named=self._completing("settle"),
            sender=lambda name: self._sender(name) if name in on.networks else None,
            scheduled=ScheduledAsker(
                networks=on.networks,
                access=on.access,
                payouts=on.payouts,
                asker=self._stage.settlement.asker_of("settle"),
                clock=on.clock,
                log=on.log("settle"),
            ),
            costs=CostNoting(
                networks=[each for each in on.networks.values() if on.settings.treasury_of(each)],
                transfers=lambda name: self._transactions(name).transfers,
                money=on.money,
                clock=on.clock,
                log=on.log("settle"),
            ),
            log=on.log("settle"),
        )

    @cached_property
    def completer(self) -> "PayoutCompleter":
        """Build what completes payouts that a person has sent."""
        return self._completing("cli")

    def _completing(self, actor: str) -> "PayoutCompleter":
        from ctrip.services.settlement.complete_payout import PayoutCompleter

        on, stage = self._on, self._stage
        return PayoutCompleter(
            networks=on.networks,
            open_chain=on.chain,
            treasury_of=on.settings.treasury_of,
            payouts=on.payouts,
            decider=stage.settlement.decider,
            clock=on.clock,
            jobs=stage.notifying(actor),
            log=on.log(actor),
            reporter=self._reporter(actor),
        )

    @cached_property
    def ender(self) -> "PayoutEnder":
        """Build what ends payouts whose transaction is final, within a scanner's pass."""
        from ctrip.services.settlement.follow_payouts import PayoutEnder

        on, stage = self._on, self._stage
        return PayoutEnder(
            payouts=on.payouts,
            money=on.money,
            clock=on.clock,
            jobs=stage.notifying("scan"),
            log=on.log("scan"),
            reporter=self._reporter("scan"),
        )

    @cached_property
    def guard(self) -> "PayoutGuard":
        """Build the signer's guard of the treasury."""
        from ctrip.services.settlement.guard_payouts import PayoutGuard

        on = self._on
        return PayoutGuard(
            payouts=on.payouts,
            book=on.signer_book,
            authority=on.authority,
            rules=on.settings.payouts,
            clock=on.clock,
            local=on.settings.local,
            delay_ms=on.settings.address_delay_seconds * 1000,
        )

    @cached_property
    def _booker(self) -> "PayoutBooker":
        from ctrip.services.settlement.book_payouts import PayoutBooker

        on, stage = self._on, self._stage
        return PayoutBooker(
            payouts=on.payouts,
            ledger=stage.ledger.keeper,
            clock=on.clock,
            jobs=stage.notifying("settle"),
            log=on.log("settle"),
            reporter=self._reporter("settle"),
        )

    def _sender(self, name: str) -> "PayoutSender":
        from ctrip.services.settlement.send_payouts import PayoutSender
        from ctrip.services.settlement.treasury_funds import TreasuryFunds

        on, stage, network = self._on, self._stage, self._stage.network(name)
        treasury = on.settings.treasury_of(network)
        return PayoutSender(
            network=network,
            treasury=treasury,
            payouts=on.payouts,
            money=on.money,
            clock=on.clock,
            jobs=stage.notifying("settle"),
            access=on.access,
            log=on.log("settle"),
            reporter=self._reporter("settle"),
            failing=self._booker,
            funds=TreasuryFunds(chain=name, treasury=treasury, money=on.money, clock=on.clock),
            sender=lambda: self._transactions(name),
        )

    def _transactions(self, name: str) -> "TransactionSender":
        from ctrip.bootstrap.kinds import adapters_of
        from ctrip.services.sweeping.send_transactions import TransactionSender

        on, network = self._on, self._stage.network(name)
        chain, log = on.chain(name), on.log("settle")
        return TransactionSender(
            network=network,
            chain=chain,
            money=on.money,
            signer=on.signer,
            clock=on.clock,
            log=log,
            transfers=adapters_of(network).transfers(network, chain, on.clock, log),
        )

    def _reporter(self, actor: str) -> "PayoutReporter":
        from ctrip.services.settlement.payout_events import PayoutReporter

        return PayoutReporter(self._stage.recorder(actor))
