"""Routes: a view gets a call that is authorised, read and validated, and whatever it raises becomes an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from chalice import Response
from chalice.app import Blueprint, Request

from ctrip.bootstrap import stage
from ctrip.domain.audit import Origin
from ctrip.domain.errors import (
    Busy,
    Refusal,
)
from ctrip.domain.merchants.access import Merchant
from ctrip.ports.idempotency import Idempotency
from functions.http.answers import FORM, address_of, path_of, problem, request_id, unexpected
from functions.http.credentials import authenticated
from functions.http.operation import CHANGES, OPERATIONS, Auth, Operation
from functions.http.reading import body_of, form_of, idempotency_of, query_of, raw_body, refuse_half_characters

if TYPE_CHECKING:
    from ctrip.services.admins.sign_in import SignedIn
    from ctrip.services.merchants.authenticate import Caller


PAYER = "payer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: who makes it, and what came with it, read and validated by the operation's own models."""

    request: Request
    origin: Origin
    caller: "Caller | None" = None
    admin: "SignedIn | None" = None
    body: Any = None
    query: Any = None
    idempotency: Idempotency | None = None

    @property
    def merchant(self) -> Merchant:
        """The merchant whose key was verified."""
        assert self.caller is not None
        return self.caller.merchant

    @property
    def user(self) -> "SignedIn":
        """The admin whose token was verified."""
        assert self.admin is not None
        return self.admin


class Resource(Blueprint):
    """A blueprint whose views take a call and never raise."""

    def on(
        self,
        method: str,
        path: str,
        *,
        cors: bool = False,
        body: str | None = None,
        query: str | None = None,
        **described: Any,
    ) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        """Register a view: it is called with the call and the path's parameters.

        `body` and `query` name models of `functions.requests`, with their modules; `described`: see `Operation`.
        """
        described |= {"body_model": body, "query_model": query}

        def register(view: Callable[..., Response]) -> Callable[..., Response]:
            summary = (view.__doc__ or "").strip().split("\n")[0]
            operation = Operation(name=view.__name__, method=method, path=path, summary=summary, **described)
            OPERATIONS.append(operation)

            @wraps(view)
            def handler(**parameters: str) -> Response:
                request: Request = self.current_request
                return guarded(request, lambda: view(received(operation, request), **parameters))

            self.route(path, methods=[method], cors=cors, content_types=["*/*"], name=view.__name__)(handler)
            return view

        return register


def guarded(request: Request, view: Callable[[], Response]) -> Response:
    """Turn whatever a view raises into an answer."""
    try:
        return view()
    except Refusal as exc:
        headers = {"Retry-After": str(exc.retry_after)} if exc.retry_after else None
        return problem(request, exc.status, exc.code, exc.detail, exc.errors, exc.extra, headers)
    except Busy as exc:
        return problem(request, 503, "busy", exc.detail, headers={"Retry-After": str(exc.retry_after)})
    except Exception as exc:
        return unexpected(request, exc)


def received(operation: Operation, request: Request) -> Call:
    """Verify who calls, then read what came; nothing of the body is parsed for a stranger."""
    refuse_half_characters(request, path_only=operation.auth is Auth.NONE)
    caller, admin = authenticated(operation, request)
    who = caller or admin
    # Whoever changes something without a key is a payer, on a page that the shop gave out: a record names somebody.
    origin = who.origin if who else Origin(PAYER, address_of(request), request_id(request))
    if caller is not None and operation.method in CHANGES:
        stage().merchants.limiter.admit(caller.merchant)
    # Here, as every start reads this module: see `Operation`.
    from functions.http.models import NoBody, NoQuery, parse

    query = None
    if operation.query is not None or operation.auth is not Auth.NONE:
        query = parse(operation.query or NoQuery, query_of(request))
    body, idempotency = None, None
    if operation.method in CHANGES:
        raw = {}
        if operation.takes == FORM:
            raw = form_of(request)
        elif raw_body(request) or operation.needs_body:
            raw = body_of(request, operation.body_bytes)
        body = parse(operation.body or NoBody, raw)
        if operation.idempotent:
            owner = caller.merchant.id if caller else origin.actor
            idempotency = idempotency_of(request, owner, f"{operation.method} {path_of(request).rstrip('/')}", raw)
    return Call(
        request=request, origin=origin, caller=caller, admin=admin, body=body, query=query, idempotency=idempotency
    )
