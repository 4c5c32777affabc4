"""What every route shares: reading a request strictly, answering, and one shape for every error."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from chalice import Response
from chalice.app import Blueprint, Request

from ctrip import bootstrap
from ctrip.domain.access import Scope
from ctrip.domain.errors import (
    BadRequest,
    Busy,
    ConfigurationError,
    FieldError,
    InvalidField,
    Refusal,
    TooLarge,
    UnsupportedMedia,
)
from ctrip.services.authenticate import Caller

BODY_BYTES = 32 * 1024
BODY_DEPTH = 5
JSON = "application/json"
_CHALICE_CODES = {"MethodNotAllowedError": "method_not_allowed", "UnsupportedMediaType": "unsupported_media_type"}


class Resource(Blueprint):
    """A blueprint whose views take the request and never raise."""

    def on(
        self, method: str, path: str, *, cors: bool = False
    ) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        """Register a view: it is called with the request and the path's parameters."""

        def register(view: Callable[..., Response]) -> Callable[..., Response]:
            @wraps(view)
            def handler(**parameters: str) -> Response:
                request: Request = self.current_request
                try:
                    return view(request, **parameters)
                except Refusal as exc:
                    return problem(request, exc.status, exc.code, exc.detail, exc.errors, exc.extra)
                except Busy as exc:
                    return problem(request, 503, "busy", exc.detail, headers={"Retry-After": str(exc.retry_after)})
                except Exception as exc:
                    return _unexpected(request, exc)

            self.route(path, methods=[method], cors=cors, content_types=["*/*"], name=view.__name__)(handler)
            return view

        return register


def caller(request: Request, scope: Scope) -> Caller:
    """Require a verified API key that carries `scope`."""
    return bootstrap.authenticator().bearer(request.headers.get("authorization")).may(scope)


def answer(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, headers={"Content-Type": JSON, **(headers or {})}, status_code=status)


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
    raw = request.raw_body
    if len(raw) > BODY_BYTES:
        raise TooLarge(f"The body is larger than {BODY_BYTES} bytes.")
    try:
        body = json.loads(raw, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    if _depth(body, BODY_DEPTH) > BODY_DEPTH:
        raise BadRequest(f"The body is nested more than {BODY_DEPTH} levels deep.", code="invalid_json")
    return body


def query_of(request: Request, allowed: frozenset[str]) -> dict[str, str]:
    """Read query parameters; an unknown or repeated one is refused."""
    query = request.query_params
    if query is None:
        return {}
    values: dict[str, str] = {}
    for name in query:
        if name not in allowed:
            raise InvalidField(name, "unknown_parameter", "is not a parameter of this route")
        if len(query.getlist(name)) > 1:
            raise InvalidField(name, "repeated_parameter", "may be given once")
        values[name] = query[name]
    return values


def base_url(request: Request) -> str:
    """Return the public base address: as configured, else as this request reached us."""
    if configured := bootstrap.settings().public_url:
        return configured.rstrip("/")
    host = request.headers.get("host", "")
    stage = f"/{request.context.get('stage')}" if host.endswith(".amazonaws.com") else ""
    return f"{request.headers.get('x-forwarded-proto', 'http')}://{host}{stage}"


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
        raise InvalidField(twice[:64], "duplicate_key", "appears twice")
    return body


class Inexact:
    """A number that is no integer; no field accepts one, so validation names the field it came in."""


def _no_float(_: str) -> Inexact:
    return Inexact()


def _depth(value: Any, left: int) -> int:
    if left < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, left - 1) for item in inner), default=0)
