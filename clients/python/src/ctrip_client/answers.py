"""Reading answers: a success as JSON, a refusal as an `ApiError`."""

from __future__ import annotations

from typing import Any

import httpx

from ctrip_client.errors import AnswerUnreadable, ApiError, FieldProblem, kind_of

_KNOWN = frozenset({"detail", "code", "errors", "request_id"})


def success(response: httpx.Response) -> Any:
    """Return the JSON of a success, None for an empty one; raises `ApiError` for every other status."""
    if not response.is_success:
        raise failure(response)
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise AnswerUnreadable("the answer is no JSON") from None


def failure(response: httpx.Response) -> ApiError:
    """Make the error of a status that is no success, also where a proxy answered in its own words."""
    body = _object(response)
    return kind_of(response.status_code)(
        response.status_code,
        str(body.get("code") or ""),
        str(body.get("detail") or "") or response.reason_phrase,
        tuple(_problem(each) for each in _objects(body.get("errors"))),
        str(body.get("request_id") or "") or response.headers.get("X-Request-Id", ""),
        {name: value for name, value in body.items() if name not in _KNOWN},
    )


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _problem(error: dict[str, Any]) -> FieldProblem:
    return FieldProblem(*(str(error.get(name, "")) for name in ("field", "code", "detail")))
