"""Settlements and refunds, wired: ask, decide, read, and where settlements go."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.settlement.ask_payout import PayoutAsker
    from ctrip.services.settlement.check_address import AddressCheck
    from ctrip.services.settlement.claim_refund import RefundClaims
    from ctrip.services.settlement.decide_payout import PayoutDecider
    from ctrip.services.settlement.name_transfer import TransferNamer
    from ctrip.services.settlement.payout_events import PayoutReporter
    from ctrip.services.settlement.read_payouts import PayoutReader
    from ctrip.services.settlement.schedules import SettlementSchedules
    from ctrip.services.settlement.settlement_address import SettlementAddresses
    from ctrip.services.shared.once import Once


class Settlement:
    """The services of settlements and refunds."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def asker(self) -> "PayoutAsker":
        """Build what takes requests for settlements and refunds."""
        return self.asker_of("api")

    def asker_of(self, actor: str) -> "PayoutAsker":
        """Build the same for one kind of actor: merchants by the API, or the worker in their place."""
        from ctrip.services.settlement.ask_payout import PayoutAsker
        from ctrip.services.settlement.note_costs import PayoutFloor

        stage, on = self._stage, self._on
        return PayoutAsker(
            networks=on.networks,
            rules=on.settings.payouts,
            check=self._check,
            floor=PayoutFloor(on.money, on.clock),
            local=on.settings.local,
            reader=stage.payments.reader,
            payouts=on.payouts,
            ledger=stage.ledger.reader,
            clock=on.clock,
            ids=on.ids,
            jobs=stage.notifying(actor),
            reporter=self._reporter_of(actor),
            once=self._once,
        )

    @cached_property
    def schedules(self) -> "SettlementSchedules":
        """Build what sets and shows when settlements are asked for by themselves."""
        from ctrip.services.settlement.schedules import SettlementSchedules

        on, jobs = self._on, self._stage.notifying("api")
        return SettlementSchedules(networks=on.networks, payouts=on.payouts, clock=on.clock, jobs=jobs)

    @cached_property
    def decider(self) -> "PayoutDecider":
        """Build what approves, rejects and cancels payouts."""
        from ctrip.services.settlement.decide_payout import PayoutDecider

        stage, on = self._stage, self._on
        return PayoutDecider(
            payouts=on.payouts,
            money=on.money,
            clock=on.clock,
            jobs=stage.notifying("api"),
            log=on.log("api"),
            reporter=self._reporter,
            once=self._once,
        )

    @cached_property
    def claims(self) -> "RefundClaims":
        """Build what takes the addresses that payers name."""
        from ctrip.services.settlement.claim_refund import RefundClaims

        stage, on = self._stage, self._on
        return RefundClaims(
            networks=on.networks,
            payouts=on.payouts,
            check=self._check,
            clock=on.clock,
            jobs=stage.notifying("api"),
            reporter=self._reporter,
        )

    @cached_property
    def namer(self) -> "TransferNamer":
        """Build what takes the hashes of transfers that people have sent."""
        from ctrip.services.settlement.name_transfer import TransferNamer

        stage, on = self._stage, self._on
        return TransferNamer(
            payouts=on.payouts,
            decider=self.decider,
            clock=on.clock,
            jobs=stage.notifying("api"),
            log=on.log("api"),
            once=self._once,
        )

    @cached_property
    def reader(self) -> "PayoutReader":
        """Build what reads settlements and refunds."""
        from ctrip.services.settlement.read_payouts import PayoutReader

        return PayoutReader(self._on.payouts, self._stage.payments.reader)

    @cached_property
    def addresses(self) -> "SettlementAddresses":
        """Build what sets and shows where settlements go."""
        from ctrip.services.merchants.manage_merchants import find_merchant
        from ctrip.services.settlement.settlement_address import SettlementAddresses

        stage, on = self._stage, self._on
        return SettlementAddresses(
            networks=on.networks,
            check=self._check,
            payouts=on.payouts,
            merchant=lambda merchant_id: find_merchant(on.access, merchant_id),
            clock=on.clock,
            jobs=stage.notifying("api"),
            reporter=self._reporter,
            delay_ms=on.settings.address_delay_seconds * 1000,
        )

    # -- what several of them share

    @property
    def _check(self) -> "AddressCheck":
        from ctrip.services.settlement.check_address import AddressCheck

        return AddressCheck(self._on.payments, self._on.settings.treasuries)

    @property
    def _reporter(self) -> "PayoutReporter":
        return self._reporter_of("api")

    def _reporter_of(self, actor: str) -> "PayoutReporter":
        from ctrip.services.settlement.payout_events import PayoutReporter

        return PayoutReporter(self._stage.recorder(actor))

    @property
    def _once(self) -> "Once":
        from ctrip.services.shared.once import Once

        return Once(self._on.payouts)
