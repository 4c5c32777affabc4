"""Answers: JSON, pages, and one shape for every error."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalice import Response
from chalice.app import Request

from ctrip.bootstrap import stage
from ctrip.domain.errors import (
    ConfigurationError,
    FieldError,
)
from ctrip.domain.text import whole
from ctrip.services.shared.once import Answer
from functions.http.problems import Problem

JSON = "application/json"


HTML = "text/html"


CSV = "text/csv"


FORM = "application/x-www-form-urlencoded"


_CHALICE_CODES = {"MethodNotAllowedError": "method_not_allowed", "UnsupportedMediaType": "unsupported_media_type"}


def answer(body: Mapping[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
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


def table(written: str, name: str, headers: dict[str, str] | None = None) -> Response:
    """Answer with CSV that a browser saves under a name."""
    own = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(written, headers={"Content-Type": f"{CSV}; charset=utf-8", **own, **(headers or {})})


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
    body: Problem = {
        "detail": detail,
        "code": code,
        "errors": [{"field": e.field, "code": e.code, "detail": e.detail} for e in errors],
        "request_id": request_id(request),
    }
    return answer({**body, **(extra or {})}, status=status, headers=headers)


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


def base_url(request: Request) -> str:
    """Return the public base address: as configured, else as this request reached us."""
    if configured := stage().settings.public_url:
        return configured.rstrip("/")
    host = request.headers.get("host", "")
    prefix = f"/{request.context.get('stage')}" if host.endswith(".amazonaws.com") else ""
    return f"{request.headers.get('x-forwarded-proto', 'http')}://{host}{prefix}"


def unexpected(request: Request | None, exc: Exception) -> Response:
    """Answer 500 and log the type and the place of a fault of ours."""
    if isinstance(exc, ConfigurationError):
        raise exc  # a stage that may not start says why, in its log
    frame = exc.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}" if frame else ""
    # The message may quote what the caller sent; the type and the place do not.
    stage().log("api").error("request_failed", kind=type(exc).__name__, where=where, request_id=request_id(request))
    return problem(request, 500, "internal_error", "Something went wrong on our side.")
