"""Who calls: a merchant's key, a signed request, or an admin's token."""

from typing import TYPE_CHECKING

from chalice.app import Request

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from ctrip.domain.merchants.access import Scope
from ctrip.domain.merchants.signing import SignedRequest
from functions.http.answers import address_of, path_of, request_id
from functions.http.operation import Auth, Operation
from functions.http.reading import raw_body

if TYPE_CHECKING:
    from ctrip.services.admins.sign_in import SignedIn
    from ctrip.services.merchants.authenticate import Caller


def authenticated(operation: Operation, request: Request) -> "tuple[Caller | None, SignedIn | None]":
    """Verify who calls an operation, and that they may; nobody where it is open to all."""
    if operation.auth is Auth.NONE:
        return None, None
    header = request.headers.get("authorization")
    address, asked = address_of(request), request_id(request)
    if operation.auth is Auth.ADMIN:
        admin = stage().admins.sessions.authenticate(header or "", address, asked)
        return None, admin.may(operation.requires) if isinstance(operation.requires, Permission) else admin
    assert isinstance(operation.requires, Scope)
    if header is None and "x-key-id" in request.headers:
        caller = stage().merchants.authenticator.signed(*_signed(request), address, asked)
    else:
        caller = stage().merchants.authenticator.bearer(header or "", address, asked)
    return caller.may(operation.requires), None


def _signed(request: Request) -> tuple[SignedRequest, str]:
    headers, pairs = request.headers, request.query_params
    signed = SignedRequest(
        method=request.method,
        path=path_of(request),
        query=tuple((name, value) for name in pairs for value in pairs.getlist(name)) if pairs else (),
        key_id=headers.get("x-key-id", ""),
        timestamp=headers.get("x-timestamp", ""),
        nonce=headers.get("x-nonce", ""),
        body=raw_body(request),
    )
    return signed, headers.get("x-signature", "")
