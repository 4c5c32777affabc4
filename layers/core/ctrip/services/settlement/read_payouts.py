"""Read settlements and refunds."""

from dataclasses import dataclass

from ctrip.domain.errors import NotFound
from ctrip.domain.settlement.deposits import UnmatchedDeposit, unmatched_deposits
from ctrip.domain.settlement.payout import Payout, PayoutKind, PayoutState
from ctrip.ports.payouts import PayoutStore
from ctrip.services.payments.read_payment import PaymentReader
from ctrip.views.payouts import (
    AssignmentPage,
    PayoutList,
    RefundPage,
    RefundView,
    SettlementPage,
    SettlementView,
    UnmatchedDepositPage,
    assignment_view,
    payout_csv,
    payout_view,
    refund_view,
    settlement_view,
    unmatched_view,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFilter:
    """Which of a merchant's payouts to list."""

    status: PayoutState | None = None
    cursor: str | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class PayoutReader:
    """Reads payouts, each merchant its own, and operators those that are not over."""

    payouts: PayoutStore
    payments: PaymentReader

    def settlement(self, merchant_id: str, payout_id: str) -> SettlementView:
        """Show a settlement; raises `NotFound`."""
        payout = self.payouts.payout(merchant_id, payout_id)
        if payout is None or payout.kind is not PayoutKind.SETTLEMENT:
            raise NotFound(f"There is no settlement {payout_id[:64]}.", code="payout_not_found")
        return settlement_view(payout)

    def settlements(self, merchant_id: str, wanted: PayoutFilter) -> SettlementPage:
        """List a merchant's settlements, newest first; a page may be short where a status is asked for."""
        found, cursor = self._page(merchant_id, PayoutKind.SETTLEMENT, wanted)
        return {"data": [settlement_view(each) for each in found], "next_cursor": cursor}

    def refund(self, merchant_id: str, payout_id: str) -> RefundView:
        """Show a refund; raises `NotFound`."""
        payout = self.payouts.payout(merchant_id, payout_id)
        if payout is None or payout.kind is not PayoutKind.REFUND:
            raise NotFound(f"There is no refund {payout_id[:64]}.", code="payout_not_found")
        return refund_view(payout)

    def every_refund(self, merchant_id: str, wanted: PayoutFilter) -> RefundPage:
        """List a merchant's refunds of all payments, newest first; a page may be short where a status is asked for."""
        found, cursor = self._page(merchant_id, PayoutKind.REFUND, wanted)
        return {"data": [refund_view(each) for each in found], "next_cursor": cursor}

    def export(self, merchant_id: str, kind: PayoutKind, wanted: PayoutFilter) -> tuple[str, str | None]:
        """Write a page of a merchant's settlements or refunds as CSV; return it with the cursor of the next."""
        found, cursor = self._page(merchant_id, kind, wanted)
        return payout_csv(found), cursor

    def _page(self, merchant_id: str, kind: PayoutKind, wanted: PayoutFilter) -> tuple[list[Payout], str | None]:
        page = self.payouts.page(merchant_id, kind, wanted.cursor, wanted.limit)
        return [each for each in page.payouts if wanted.status in (None, each.state)], page.cursor

    def refunds(self, merchant_id: str, payment_id: str) -> RefundPage:
        """List the refunds of a payment, newest first; raises `NotFound`."""
        payment = self.payments.find(merchant_id, payment_id)
        return {"data": [refund_view(each) for each in self.payouts.of_payment(payment.id)], "next_cursor": None}

    def unmatched(self, merchant_id: str, cursor: str | None, limit: int) -> UnmatchedDepositPage:
        """List a merchant's unmatched deposits of which something is left, those of a payment together."""
        payments, following = self.payments.payments.unmatched(merchant_id, cursor, limit)
        data = []
        for each in (deposit for payment in payments for deposit in unmatched_deposits(payment)):
            gone = self.payouts.refunded(each.payment.id, each.chain, each.token_id or "native")
            if gone.total < each.amount:
                data.append(unmatched_view(each, gone))
        return {"data": data, "next_cursor": following}

    def assignments(self, merchant_id: str, cursor: str | None, limit: int) -> AssignmentPage:
        """List a merchant's assignments, newest first."""
        page = self.payouts.page(merchant_id, PayoutKind.ASSIGNMENT, cursor, limit)
        return {"data": [assignment_view(each) for each in page.payouts], "next_cursor": page.cursor}

    def deposit(self, merchant_id: str, deposit_id: str) -> UnmatchedDeposit:
        """Fetch an unmatched deposit; raises `NotFound`."""
        payment_id, _, number = deposit_id.partition(".")
        try:
            payment = self.payments.find(merchant_id, payment_id)
        except NotFound:
            payment = None
        deposits = unmatched_deposits(payment) if payment else []
        found = next((each for each in deposits if str(each.number) == number), None)
        if found is None:
            raise NotFound(f"There is no unmatched deposit {deposit_id[:64]}.", code="deposit_not_found")
        return found

    def unfinished(self, status: PayoutState | None = None) -> PayoutList:
        """List the payouts of all merchants that are not over, or those of a status, oldest first."""
        return {"data": [payout_view(each) for each in self._unfinished(status)], "next_cursor": None}

    def export_unfinished(self, status: PayoutState | None = None) -> str:
        """Write the payouts of all merchants that are not over, or those of a status, as CSV."""
        return payout_csv(self._unfinished(status))

    def _unfinished(self, status: PayoutState | None) -> list[Payout]:
        # The instructions first: one whose transfer is named meanwhile is found twice and never not at all.
        found = {each.id: each for each in (*self.payouts.instructions(), *self.payouts.unfinished())}
        wanted = [each for each in found.values() if status in (None, each.state)]
        return sorted(wanted, key=lambda each: (each.created_at, each.id))
