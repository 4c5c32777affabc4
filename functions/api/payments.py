"""Payments: create, read, list, cancel, accept."""

import hashlib
import json
import re
from datetime import datetime

from chalice import Response
from chalice.app import Request

from ctrip import bootstrap
from ctrip.domain.access import Scope
from ctrip.domain.errors import InvalidField
from ctrip.domain.payment import Status
from ctrip.ports import Idempotency, PaymentFilter
from ctrip.services.create_payment import ROUTE
from ctrip.services.replay import Answer
from functions.api.http import Resource, answer, base_url, body_of, caller, query_of
from functions.api.models import PaymentRequest, parse

routes = Resource(__name__)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_FILTERS = frozenset({"status", "chain", "order_id", "created_after", "created_before", "limit", "cursor"})


@routes.on("POST", "/api/v1/payments")
def create(request: Request) -> Response:
    """Create a payment."""
    who = caller(request, Scope.PAYMENTS_WRITE)
    body = body_of(request)
    wanted = parse(PaymentRequest, body).command()
    key = idempotency_of(request, who.merchant.id, ROUTE, body)
    return answered(bootstrap.creator().create(who.merchant, wanted, base_url(request), key), 201)


@routes.on("GET", "/api/v1/payments/{payment_id}")
def read(request: Request, payment_id: str) -> Response:
    """Show one payment."""
    who = caller(request, Scope.PAYMENTS_READ)
    return answer(bootstrap.reader().one(who.merchant.id, payment_id))


@routes.on("GET", "/api/v1/payments")
def listing(request: Request) -> Response:
    """List payments, newest first."""
    who = caller(request, Scope.PAYMENTS_READ)
    query = query_of(request, _FILTERS)
    wanted = PaymentFilter(
        status=_status(query.get("status")),
        chain=query.get("chain"),
        created_after=_time(query, "created_after"),
        created_before=_time(query, "created_before"),
        limit=_limit(query.get("limit", "20")),
        cursor=query.get("cursor"),
    )
    return answer(bootstrap.reader().page(who.merchant.id, wanted, query.get("order_id")))


@routes.on("POST", "/api/v1/payments/{payment_id}/cancel")
def cancel(request: Request, payment_id: str) -> Response:
    """Cancel a payment that nothing but dust has reached."""
    who = caller(request, Scope.PAYMENTS_WRITE)
    route = f"POST /api/v1/payments/{payment_id}/cancel"
    done = bootstrap.closer().cancel(who.merchant.id, payment_id, idempotency_of(request, who.merchant.id, route, {}))
    return answered(done, 200)


@routes.on("POST", "/api/v1/payments/{payment_id}/accept")
def accept(request: Request, payment_id: str) -> Response:
    """Accept a late or held payment by hand."""
    who = caller(request, Scope.PAYMENTS_WRITE)
    return answer(bootstrap.closer().accept(who.merchant.id, payment_id))


def answered(made: Answer, status: int) -> Response:
    """Answer, and say so when it is a replay."""
    return answer(made.view, status=status, headers={"Idempotent-Replayed": "true"} if made.replayed else None)


def idempotency_of(request: Request, merchant_id: str, route: str, body: dict[str, object]) -> Idempotency | None:
    """Read the Idempotency-Key header, bound to the merchant, the route and the body's meaning."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidField("Idempotency-Key", "invalid_value", "must be 1 to 255 visible ASCII characters")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Idempotency(merchant_id, route, key, hashlib.sha256(canonical.encode()).hexdigest())


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError:
        raise InvalidField("status", "invalid_value", f"must be one of {', '.join(Status)}") from None


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= 100:
        raise InvalidField("limit", "invalid_value", "must be a number from 1 to 100")
    return int(text)


def _time(query: dict[str, str], name: str) -> int | None:
    if name not in query:
        return None
    problem = InvalidField(name, "invalid_value", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    try:
        at = datetime.fromisoformat(query[name].replace(" ", "+"))
    except ValueError:
        raise problem from None
    if at.tzinfo is None:
        raise problem
    return int(at.timestamp()) * 1000 + at.microsecond // 1000
