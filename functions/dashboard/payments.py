"""Payments: found, shown with everything that belongs to one, and decided."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import NotFound
from ctrip.domain.figures import REVIEWED
from ctrip.domain.payments.payment import Flag, Payment, Status
from ctrip.domain.settlement.deposits import unmatched_deposits
from ctrip.services.merchants.manage_merchants import find_merchant
from ctrip.services.payments.close_payment import DUST_PER_MILLE
from ctrip.views.audit import audit_view
from ctrip.views.payments import payment_view
from functions.dashboard import lists
from functions.dashboard.visit import Visit
from functions.http.answers import base_url

COLUMNS = (
    *("created_at", "id", "merchant_id", "order_id", "status", "exceptions", "chain", "symbol"),
    *("amount_decimal", "received_decimal", "amount_str", "amount_received_str", "decimals", "address"),
    *("expires_at", "paid_at", "settled_at"),
)
MOST_RECORDS = 100


def list_all(visit: Visit) -> Response:
    """List one merchant's payments; or, of all merchants, those that have a flag which people look for."""
    query, known = visit.query, lists.merchants()
    if query.find and (found := _found(query.find, query.merchant_id, known)) is not None:
        return visit.go(f"/payments/{found}")
    merchant = lists.chosen(query.merchant_id, known)
    rows, cursor = lists.page(visit, _reader(query, merchant))
    if query.format == "csv":
        flat = ({**each, "exceptions": " ".join(each["exceptions"])} for each in rows)
        return visit.csv("payments", COLUMNS, flat)
    return visit.show(
        "payments.html",
        rows=rows,
        next_cursor=cursor,
        merchants=known,
        merchant=merchant,
        names=lists.names(known),
        statuses=list(Status),
        reviews=REVIEWED,
        asked=query,
        unfound=query.find,
    )


def _reader(query: Any, merchant: dict[str, Any] | None) -> lists.Read:
    def reviewed(limit: int, cursor: str | None) -> lists.Rows:
        found, more = stage().figures.reader.reviewed(Flag(query.review), cursor, limit)
        return [{**payment_view(each), "merchant_id": each.merchant_id} for each in found], more

    def one_merchants(limit: int, cursor: str | None) -> lists.Rows:
        if merchant is None:
            return [], None
        found = stage().payments.reader.page(merchant["id"], query.filtered(limit, cursor), None)
        return [{**each, "merchant_id": merchant["id"]} for each in found["data"]], found["next_cursor"]

    return reviewed if query.review else one_merchants


def _found(text: str, merchant_id: str | None, known: list[dict[str, Any]]) -> str | None:
    """Find a payment by its id, its address or an order's id, of one merchant or of any that is known."""
    payments = stage().adapters.payments
    try:
        return stage().payments.reader.find(None, text.lower()).id
    except NotFound:
        pass
    if (owner := payments.by_address(text)) is not None:
        return owner
    asked = [merchant_id] if merchant_id else [each["id"] for each in known]
    return next((found for each in asked if (found := payments.by_order(each, text)) is not None), None)


def show(visit: Visit, payment_id: str) -> Response:
    """Show a payment: what came, what was reported and delivered, what was swept, and who did what."""
    reader = stage().payments.reader
    payment, head = reader.current(None, payment_id)
    network = stage().networks.get(payment.due.chain)
    return visit.show(
        "payment.html",
        payment=payment_view(payment, head=head),
        raw=payment,
        merchant_name=lists.name_of(payment.merchant_id),
        link=_explorer(network),
        events=stage().webhooks.of_payment.read(payment),
        refunds=stage().settlement.reader.refunds(payment.merchant_id, payment.id)["data"],
        deposits=unmatched_deposits(payment),
        standing=_standing(payment),
        audit=_audit(visit, payment.id),
        acceptable=_acceptable(payment),
        cancellable=_cancellable(payment),
        refundable=payment.seen.amount_received > 0,
    )


def _explorer(network: Any) -> Any:
    """Return what links a transaction to the network's explorer, where it has one."""
    if network is None or not network.explorer:
        return lambda _: ""
    return lambda tx_hash: rules_of(network).transaction_url(network, tx_hash)


def _standing(payment: Payment) -> Any:
    known = payment.due.chain in stage().networks
    return stage().sweeping.reader.of(payment) if known and payment.is_swept else None


def _audit(visit: Visit, payment_id: str) -> list[Any]:
    if not visit.may("audit:read"):
        return []
    records, _ = stage().audit.reader.page("payment_id", payment_id, 0, MOST_RECORDS)
    return [audit_view(each) for each in records][::-1]


def _acceptable(payment: Payment) -> bool:
    """Whether a person may accept it, as the service will judge."""
    waits = payment.is_expired or Flag.HELD in payment.flags
    came = payment.seen.amount_received > 0 or payment.own.credited > 0
    return waits and came and not payment.review.accept_requested


def _cancellable(payment: Payment) -> bool:
    return payment.is_open and payment.seen.amount_received <= payment.due.amount * DUST_PER_MILLE // 1000


def accept(visit: Visit, payment_id: str) -> Response:
    """Accept a late or held payment for its merchant."""
    stage().payments.closer.accept(None, payment_id, visit.origin, visit.idempotency)
    return visit.go(f"/payments/{payment_id}", "accepted")


def cancel(visit: Visit, payment_id: str) -> Response:
    """Cancel a payment for its merchant."""
    stage().payments.closer.cancel(None, payment_id, visit.origin, visit.idempotency)
    return visit.go(f"/payments/{payment_id}", "cancelled")


def refund(visit: Visit, payment_id: str) -> Response:
    """Ask for a refund of what came for a payment; without an address its payer gets a link on which to name one."""
    payment = stage().payments.reader.find(None, payment_id)
    merchant = find_merchant(stage().adapters.access, payment.merchant_id)
    asker, base = stage().settlement.asker, base_url(visit.request)
    made = asker.refund(merchant, payment.id, visit.form.command(), visit.origin, visit.idempotency, base)
    link = made.view.get("claim_url")
    if link:
        return visit.show("secret.html", title="Refund asked for", back=f"/payments/{payment.id}", claim_url=link)
    return visit.go(f"/payments/{payment_id}", "refund_asked")


def redeliver(visit: Visit, payment_id: str) -> Response:
    """Deliver one of a payment's events again."""
    payment = stage().payments.reader.find(None, payment_id)
    form = visit.form
    _redelivered(visit, payment.merchant_id, form.endpoint_id, form.delivery_id)
    return visit.go(f"/payments/{payment_id}", "redelivered")


def _redelivered(visit: Visit, merchant_id: str, endpoint_id: str, delivery_id: str) -> None:
    webhooks = stage().webhooks

    def do() -> dict[str, Any]:
        webhooks.redeliverer.one(merchant_id, endpoint_id, delivery_id)
        return {"queued": 1, "next_cursor": None}

    webhooks.endpoints.once(merchant_id, "endpoint.redelivered", visit.origin, visit.idempotency, do)
