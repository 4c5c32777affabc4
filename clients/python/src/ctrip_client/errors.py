"""Every error this client raises on purpose, as one tree.

CtripError
├── ApiError                 the gateway refused; carries status, code, detail, errors and request_id
│   ├── BadRequest           400, `errors` name the fields
│   ├── Unauthorized         401
│   ├── Forbidden            403
│   ├── NotFound             404, also what belongs to another merchant
│   ├── Conflict             409
│   ├── Unprocessable        422, the idempotency key came before with another body
│   ├── TooManyRequests      429
│   └── ServerError          500 to 599
├── ConnectionFailed         no answer came: refused, cut off, timed out
├── AnswerUnreadable         a success that does not hold what the API promises
└── WebhookRefused           a webhook that is not the gateway's, was changed on its way, or is old

What is wrong with an argument before anything is sent is a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class CtripError(Exception):
    """Base of every error in this tree."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One refused field: its dotted name, a stable code and a sentence."""

    field: str
    code: str
    detail: str


class ApiError(CtripError):
    """The gateway refused a request; act on `code`, show `detail` to a person.

    `extra` holds what a refusal adds, such as the `payment_id` of an order that has one; `code` is empty where
    something before the gateway answered.
    """

    def __init__(
        self,
        status: int,
        code: str = "",
        detail: str = "",
        errors: tuple[FieldProblem, ...] = (),
        request_id: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code, detail, errors, request_id, extra)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.extra = extra or {}

    def __str__(self) -> str:
        """Say it in one line."""
        line = " ".join(part for part in (str(self.status), self.code) if part) + f": {self.detail}"
        return f"{line} (request {self.request_id})" if self.request_id else line


class BadRequest(ApiError):
    """The request is malformed; `errors` name its fields."""


class Unauthorized(ApiError):
    """No valid credential came with the request."""


class Forbidden(ApiError):
    """The credential is valid and does not carry the scope."""


class NotFound(ApiError):
    """There is no such thing, or it is another merchant's."""


class Conflict(ApiError):
    """The state of things forbids it."""


class Unprocessable(ApiError):
    """The idempotency key came before with another body."""


class TooManyRequests(ApiError):
    """The gateway asks to slow down, and the retries did not outlast it."""


class ServerError(ApiError):
    """The gateway, or something before it, failed."""


class ConnectionFailed(CtripError):
    """No answer came; whether the request was done is unknown until it is tried again with the same idempotency key."""


class AnswerUnreadable(CtripError):
    """A success that does not hold what the API promises."""


class WebhookRefused(CtripError):
    """A webhook that is not the gateway's, was changed on its way, or is old."""


_KINDS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: TooManyRequests,
}


def kind_of(status: int) -> type[ApiError]:
    """Return the class for a status that is no success."""
    return _KINDS.get(status, ServerError if status >= 500 else ApiError)
