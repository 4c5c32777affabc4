"""What every route shares: who may call it, reading a request strictly, answering, and one shape for every error."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from chalice import Response
from chalice.app import Blueprint, Request
from pydantic import BaseModel

from ctrip import bootstrap
from ctrip.domain.admins import Permission
from ctrip.domain.audit import Origin
from ctrip.domain.errors import (
    BadRequest,
    Busy,
    ConfigurationError,
    FieldError,
    InvalidField,
    NotFound,
    Refusal,
    TooLarge,
    UnsupportedMedia,
)
from ctrip.domain.merchants.access import Merchant, Scope
from ctrip.domain.merchants.signing import SignedRequest
from ctrip.domain.text import is_whole, whole
from ctrip.ports import Idempotency
from ctrip.services.admins.sign_in import SignedIn
from ctrip.services.merchants.authenticate import Caller
from ctrip.services.shared.once import Answer
from functions.api.models import NoBody, NoQuery, parse

BODY_BYTES = 32 * 1024
BODY_DEPTH = 5
JSON = "application/json"
HTML = "text/html"
CHANGES = ("POST", "PATCH", "PUT", "DELETE")
# HTTP takes the spaces at both ends of a header away.
_KEY = re.compile(r"(?=.{1,255}\Z)[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_REPLACED = "\ufffd"
LONGEST_NUMBER = 100  # digits; no field takes as many
_CHALICE_CODES = {"MethodNotAllowedError": "method_not_allowed", "UnsupportedMediaType": "unsupported_media_type"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route as data: what is enforced, and what the description of the API is made from.

    `may` is the scope of a merchant's key, or the permission of an admin; `signed_in` asks for any admin. `answers`
    names a model of `functions.api.schemas`, None for an answer without a body; `codes` are refusals of its own.
    """

    name: str
    method: str
    path: str
    summary: str
    may: Scope | Permission | None = None
    signed_in: bool = False
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: str | None = None
    status: int = 200
    codes: tuple[str, ...] = ()
    media: str = JSON

    @property
    def needs_body(self) -> bool:
        """Whether a field of its body is required."""
        return self.body is not None and any(field.is_required() for field in self.body.model_fields.values())

    @property
    def of_merchants(self) -> bool:
        """Whether a merchant's key opens it."""
        return isinstance(self.may, Scope)

    @property
    def of_admins(self) -> bool:
        """Whether an admin's token opens it."""
        return self.signed_in or isinstance(self.may, Permission)

    @property
    def open(self) -> bool:
        """Whether anybody may call it."""
        return not (self.of_merchants or self.of_admins)

    @property
    def idempotent(self) -> bool:
        """Whether an idempotency key makes it happen once."""
        return self.method == "POST" and self.may is not None


OPERATIONS: list[Operation] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: who makes it, and what came with it, read and validated by the operation's own models."""

    request: Request
    origin: Origin
    caller: Caller | None = None
    admin: SignedIn | None = None
    body: Any = None
    query: Any = None
    idempotency: Idempotency | None = None

    @property
    def merchant(self) -> Merchant:
        """The merchant whose key was verified."""
        assert self.caller is not None
        return self.caller.merchant

    @property
    def user(self) -> SignedIn:
        """The admin whose token was verified."""
        assert self.admin is not None
        return self.admin


class Resource(Blueprint):
    """A blueprint whose views take a call and never raise."""

    def on(
        self, method: str, path: str, *, cors: bool = False, **described: Any
    ) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        """Register a view: it is called with the call and the path's parameters. `described`: see `Operation`."""

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
        return _unexpected(request, exc)


def received(operation: Operation, request: Request) -> Call:
    """Verify who calls, then read what came; nothing of the body is parsed for a stranger."""
    _refuse_what_is_no_text(operation, request)
    caller, admin = _who(operation, request)
    who = caller or admin
    origin = who.origin if who else Origin("", address_of(request), request_id(request))
    if caller is not None and operation.method in CHANGES:
        bootstrap.limiter().admit(caller.merchant)
    query = None
    if operation.query is not None or not operation.open:
        query = parse(operation.query or NoQuery, query_of(request))
    body, idempotency = None, None
    if operation.method in CHANGES:
        raw = body_of(request) if _raw(request) or operation.needs_body else {}
        body = parse(operation.body or NoBody, raw)
        if operation.idempotent:
            owner = caller.merchant.id if caller else origin.actor
            idempotency = idempotency_of(request, owner, f"{operation.method} {path_of(request).rstrip('/')}", raw)
    return Call(
        request=request, origin=origin, caller=caller, admin=admin, body=body, query=query, idempotency=idempotency
    )


def _who(operation: Operation, request: Request) -> tuple[Caller | None, SignedIn | None]:
    if operation.open:
        return None, None
    header = request.headers.get("authorization")
    address, asked = address_of(request), request_id(request)
    if operation.of_admins:
        admin = bootstrap.doorkeeper().authenticate(header or "", address, asked)
        return None, admin.may(operation.may) if isinstance(operation.may, Permission) else admin
    assert isinstance(operation.may, Scope)
    if header is None and "x-key-id" in request.headers:
        caller = bootstrap.authenticator().signed(*_signed(request), address, asked)
    else:
        caller = bootstrap.authenticator().bearer(header or "", address, asked)
    return caller.may(operation.may), None


def _signed(request: Request) -> tuple[SignedRequest, str]:
    headers, pairs = request.headers, request.query_params
    signed = SignedRequest(
        method=request.method,
        path=path_of(request),
        query=tuple((name, value) for name in pairs for value in pairs.getlist(name)) if pairs else (),
        key_id=headers.get("x-key-id", ""),
        timestamp=headers.get("x-timestamp", ""),
        nonce=headers.get("x-nonce", ""),
        body=_raw(request),
    )
    return signed, headers.get("x-signature", "")


def answer(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON; nobody but the caller is to keep it."""
    # As UTF-8 and not as escapes: Lambda's answer may have six megabytes, and an escape has six characters.
    text = whole(json.dumps(body, separators=(",", ":"), ensure_ascii=False))
    return Response(
        text, headers={"Content-Type": JSON, "Cache-Control": "no-store", **(headers or {})}, status_code=status
    )


def answered(made: Answer, status: int = 200) -> Response:
    """Answer, and say so when it is a replay."""
    return answer(made.view, status=status, headers={"Idempotent-Replayed": "true"} if made.replayed else None)


def nothing() -> Response:
    """Answer that it is done, and that there is nothing to show."""
    return Response("", status_code=204, headers={"Content-Type": JSON, "Cache-Control": "no-store"})


def problem(
    request: Request | None,
    status: int,
    code: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    extra: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Answer with the one shape that every error has."""
    body = {
        "detail": detail,
        "code": code,
        "errors": [{"field": e.field, "code": e.code, "detail": e.detail} for e in errors],
        "request_id": request_id(request),
        **(extra or {}),
    }
    return answer(body, status=status, headers=headers)


def request_id(request: Request | None) -> str:
    """Return API Gateway's id of the request."""
    return str(request.context.get("requestId", "")) if request else ""


def address_of(request: Request) -> str:
    """Return the address that the call came from, as API Gateway saw it."""
    return str((request.context.get("identity") or {}).get("sourceIp") or "")


def path_of(request: Request) -> str:
    """Return the path behind the public base address: API Gateway may put a stage or a base path before it."""
    asked = str(request.to_original_event().get("path") or request.context["path"])
    depth = request.path.rstrip("/").count("/") + (1 if asked.endswith("/") else 0)
    return "/" + "/".join(asked.split("/")[-depth:]) if depth else "/"


def shape(request: Request | None, get_response: Callable[[Any], Response]) -> Response:
    """Give Chalice's own errors our shape, and every answer its request id."""
    response = get_response(request)
    if response.status_code >= 400 and isinstance(response.body, dict):
        code = _CHALICE_CODES.get(str(response.body.get("Code")), "internal_error")
        detail = (
            str(response.body.get("Message", "")) if code != "internal_error" else "Something went wrong on our side."
        )
        response = problem(request, response.status_code, code, detail)
    response.headers["X-Request-Id"] = request_id(request)
    return response


def body_of(request: Request) -> dict[str, Any]:
    """Read a JSON object strictly: no duplicate keys, no floats, no NaN, at most 32 KiB and five levels deep."""
    media = request.headers.get("content-type", JSON).split(";")[0].strip().lower()
    if media != JSON:
        raise UnsupportedMedia(f"The body must be {JSON}.")
    raw = _raw(request)
    if len(raw) > BODY_BYTES:
        raise TooLarge(f"The body is larger than {BODY_BYTES} bytes.")
    try:
        text = raw.decode()
        body = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None
    if _REPLACED in text:
        # API Gateway hands a body on as text: bytes that are no UTF-8 have become this, and could be any others.
        raise BadRequest("The body is not UTF-8, or holds the character U+FFFD in its place.", code="invalid_json")
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    if _depth(body, BODY_DEPTH) > BODY_DEPTH:
        raise BadRequest(f"The body is nested more than {BODY_DEPTH} levels deep.", code="invalid_json")
    if "\\u" in text:  # bytes that are UTF-8 hold no half of a surrogate pair; an escape may
        for name, value in body.items():
            _require_whole(name, value)
    return body


def query_of(request: Request) -> dict[str, Any]:
    """Read query parameters; a repeated one is refused."""
    query = request.query_params
    if query is None:
        return {}
    for name in query:
        if len(query.getlist(name)) > 1:
            raise InvalidField(name[:64], "repeated_parameter", "may be given once")
    return {name: query[name] for name in query}


def idempotency_of(request: Request, owner: str, route: str, body: dict[str, object]) -> Idempotency | None:
    """Read the Idempotency-Key header, bound to its owner, the route and the body's meaning."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidField("Idempotency-Key", "invalid_value", "must be 1 to 255 printable ASCII characters")
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return Idempotency(owner, route, key, hashlib.sha256(canonical.encode()).hexdigest())


def base_url(request: Request) -> str:
    """Return the public base address: as configured, else as this request reached us."""
    if configured := bootstrap.settings().public_url:
        return configured.rstrip("/")
    host = request.headers.get("host", "")
    stage = f"/{request.context.get('stage')}" if host.endswith(".amazonaws.com") else ""
    return f"{request.headers.get('x-forwarded-proto', 'http')}://{host}{stage}"


def _raw(request: Request) -> bytes:
    try:
        raw = request.raw_body
        return raw if isinstance(raw, bytes) else raw.encode()
    except UnicodeEncodeError:
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None


def _refuse_what_is_no_text(operation: Operation, request: Request) -> None:
    """Refuse names and values of the request line and the headers that UTF-8 cannot carry.

    Lambda's event is JSON, whose escapes can name half of a surrogate pair.
    """
    if not all(map(is_whole, (request.uri_params or {}).values())):
        raise NotFound("There is nothing at this address.")
    if operation.open:
        return
    if (pairs := request.query_params) is not None:
        for name in pairs:
            _require_whole(name, pairs.getlist(name))
    for name, value in request.headers.items():
        _require_whole(name, value)


def _require_whole(name: str, value: Any) -> None:
    if not is_whole(name) or not _all_whole(value):
        raise InvalidField(whole(name)[:64], "invalid_value", "holds half of a surrogate pair, which is no text")


def _all_whole(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_whole, value)) and all(map(_all_whole, value.values()))
    return (
        all(map(_all_whole, value)) if isinstance(value, list) else is_whole(value) if isinstance(value, str) else True
    )


def _unexpected(request: Request | None, exc: Exception) -> Response:
    if isinstance(exc, ConfigurationError):
        raise exc  # a stage that may not start says why, in its log
    frame = exc.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}" if frame else ""
    # The message may quote what the caller sent; the type and the place do not.
    bootstrap.log("api").error("request_failed", kind=type(exc).__name__, where=where, request_id=request_id(request))
    return problem(request, 500, "internal_error", "Something went wrong on our side.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidField(whole(twice)[:64], "duplicate_key", "appears twice")
    return body


class Inexact:
    """A number that is no integer; no field accepts one, so validation names the field it came in."""


def _integer(text: str) -> int | Inexact:
    return int(text) if len(text) <= LONGEST_NUMBER else Inexact()


def _no_float(_: str) -> Inexact:
    return Inexact()


def _depth(value: Any, left: int) -> int:
    if left < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, left - 1) for item in inner), default=0)
