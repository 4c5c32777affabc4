"""What is reported of settlements and refunds."""

from dataclasses import dataclass

from ctrip.domain.settlement.payout import ADDRESS_EVENT, Payout
from ctrip.domain.settlement.reservation import SettlementAddress
from ctrip.domain.webhooks.events import Event, Subject, SubjectKind
from ctrip.services.shared.recording import Recorder
from ctrip.views.payouts import address_event_body, payout_event_body


@dataclass(frozen=True, slots=True)
class PayoutReporter:
    """Builds the events of payouts, which commit with what they report."""

    recorder: Recorder

    def event(self, what: str, payout: Payout, request_id: str = "") -> Event:
        """Report what has become of a payout."""
        name, at = f"{payout.kind}.{what}", payout.updated_at
        return self.recorder.of_merchant(
            name,
            Subject(SubjectKind(payout.kind.value), payout.id),
            payout.merchant_id,
            at,
            lambda ulid: payout_event_body(name, ulid, payout, at),
            request_id=request_id,
        )

    def address(self, address: SettlementAddress, at: int, request_id: str = "") -> Event:
        """Report that somebody has set where settlements go."""
        name = ADDRESS_EVENT
        return self.recorder.of_merchant(
            name,
            Subject(SubjectKind.SETTLEMENT, address.chain),
            address.merchant_id,
            at,
            lambda ulid: address_event_body(name, ulid, address, at),
            request_id=request_id,
        )
