"""A merchant's settlements and refunds, and where settlements go."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import CSV, answer, answered, base_url, table
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.payouts import DestinationRequest, RefundRequest, ScheduleRequest, SettlementRequest

routes = Resource(__name__)
ADDRESS = "/api/v1/settlement-addresses/{chain}"
SCHEDULES = "/api/v1/settlement-schedules"
REFUNDS = "/api/v1/payments/{payment_id}/refunds"
OF_REQUESTS = (
    *("unsupported_chain", "token_not_found", "insufficient_balance"),
    *("balance_changed", "too_many_payouts"),
)
OF_DECISIONS = ("payout_not_found", "payout_not_changeable", "payout_changed")


@routes.on(
    "POST",
    "/api/v1/settlements",
    requires=Scope.SETTLEMENTS,
    body="payouts.SettlementRequest",
    response="Settlement",
    status=201,
    codes=(*OF_REQUESTS, "settlement_address_missing", "nothing_to_settle"),
)
def create_settlement(call: Call) -> Response:
    """Ask for a settlement to the settlement address: its amount is set aside at once."""
    body: SettlementRequest = call.body
    asker = stage().settlement.asker
    return answered(asker.settle(call.merchant, body.command(), call.origin, call.idempotency), 201)


@routes.on(
    "GET", "/api/v1/settlements", requires=Scope.SETTLEMENTS, query="payouts.PayoutQuery", response="SettlementPage"
)
def list_settlements(call: Call) -> Response:
    """List settlements, newest first."""
    return answer(stage().settlement.reader.settlements(call.merchant.id, call.query.filtered()))


@routes.on("GET", "/api/v1/settlements.csv", requires=Scope.SETTLEMENTS, query="payouts.PayoutQuery", media=CSV)
def export_settlements(call: Call) -> Response:
    """Export settlements as CSV, newest first; the header `X-Next-Cursor` leads to the next page."""
    from ctrip.domain.settlement.payout import PayoutKind

    exported = stage().settlement.reader.export(call.merchant.id, PayoutKind.SETTLEMENT, call.query.filtered())
    return table(exported[0], "settlements.csv", {"X-Next-Cursor": exported[1]} if exported[1] else None)


@routes.on(
    "GET",
    "/api/v1/settlements/{settlement_id}",
    requires=Scope.SETTLEMENTS,
    response="Settlement",
    codes=("payout_not_found",),
)
def read_settlement(call: Call, settlement_id: str) -> Response:
    """Show one settlement."""
    return answer(stage().settlement.reader.settlement(call.merchant.id, settlement_id))


@routes.on(
    "POST",
    "/api/v1/settlements/{settlement_id}/cancel",
    requires=Scope.SETTLEMENTS,
    response="Settlement",
    codes=OF_DECISIONS,
)
def cancel_settlement(call: Call, settlement_id: str) -> Response:
    """Cancel a settlement that waits for approval; its amount can be asked for again."""
    from ctrip.domain.settlement.payout import PayoutKind

    decider = stage().settlement.decider
    kind = PayoutKind.SETTLEMENT
    return answered(decider.cancel(call.merchant.id, settlement_id, kind, call.origin, call.idempotency))


@routes.on(
    "GET",
    ADDRESS,
    requires=Scope.SETTLEMENTS,
    response="SettlementDestination",
    codes=("unsupported_chain", "settlement_address_not_found"),
)
def read_settlement_address(call: Call, chain: str) -> Response:
    """Show where the settlements of a chain go."""
    return answer(stage().settlement.addresses.show(call.merchant.id, chain))


@routes.on(
    "PUT",
    ADDRESS,
    requires=Scope.SETTLEMENTS,
    body="payouts.DestinationRequest",
    response="SettlementDestination",
    codes=("unsupported_chain", "payout_changed", "operator_required"),
)
def set_settlement_address(call: Call, chain: str) -> Response:
    """Set where the settlements of a chain go: the first address counts at once, another after a delay."""
    body: DestinationRequest = call.body
    return answer(stage().settlement.addresses.set(call.merchant.id, chain, body.address, call.origin))


@routes.on("GET", SCHEDULES, requires=Scope.SETTLEMENTS, response="SchedulePage")
def list_settlement_schedules(call: Call) -> Response:
    """List when settlements are asked for by themselves."""
    return answer(stage().settlement.schedules.all(call.merchant.id))


@routes.on(
    "PUT",
    f"{SCHEDULES}/{{chain}}",
    requires=Scope.SETTLEMENTS,
    body="payouts.ScheduleRequest",
    response="Schedule",
    codes=("unsupported_chain", "token_not_found", "payout_changed"),
)
def set_settlement_schedule(call: Call, chain: str) -> Response:
    """Set when settlements of an asset are asked for by themselves; it replaces what was set before."""
    body: ScheduleRequest = call.body
    return answer(stage().settlement.schedules.set(call.merchant.id, chain, body.command()))


@routes.on(
    "POST",
    REFUNDS,
    requires=Scope.SETTLEMENTS,
    body="payouts.RefundRequest",
    response="Refund",
    status=201,
    codes=(*OF_REQUESTS, "payment_not_found"),
)
def create_refund(call: Call, payment_id: str) -> Response:
    """Ask for a refund of what came for a payment: its amount is set aside at once."""
    body: RefundRequest = call.body
    asker, base = stage().settlement.asker, base_url(call.request)
    return answered(asker.refund(call.merchant, payment_id, body.command(), call.origin, call.idempotency, base), 201)


@routes.on("GET", REFUNDS, requires=Scope.SETTLEMENTS, response="RefundPage", codes=("payment_not_found",))
def list_refunds(call: Call, payment_id: str) -> Response:
    """List the refunds of a payment, newest first."""
    return answer(stage().settlement.reader.refunds(call.merchant.id, payment_id))


@routes.on(
    "POST",
    f"{REFUNDS}/{{refund_id}}/cancel",
    requires=Scope.SETTLEMENTS,
    response="Refund",
    codes=(*OF_DECISIONS, "payment_not_found"),
)
def cancel_refund(call: Call, payment_id: str, refund_id: str) -> Response:
    """Cancel a refund that waits for approval; its amount can be asked for again."""
    from ctrip.domain.settlement.payout import PayoutKind

    payment = stage().payments.reader.find(call.merchant.id, payment_id)
    decider, kind = stage().settlement.decider, PayoutKind.REFUND
    made = decider.cancel(payment.merchant_id, refund_id, kind, call.origin, call.idempotency, payment_id=payment.id)
    return answered(made)
