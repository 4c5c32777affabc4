"""cTrip Serverless from Python: ask for payments, follow them, and verify the webhooks that tell of them."""

from ctrip_client.asynchronous import AsyncClient
from ctrip_client.calls import EventFilters, NewKey, NewPayment, PaymentFilters
from ctrip_client.errors import (
    AnswerUnreadable,
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    CtripError,
    FieldProblem,
    Forbidden,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
    WebhookRefused,
)
from ctrip_client.models import Chain, Event, IssuedKey, Key, Page, Payment, Sweep, Token, Transfer
from ctrip_client.signing import sign_request
from ctrip_client.sync import Client
from ctrip_client.version import __version__
from ctrip_client.webhooks import verify_plain_signature, verify_webhook

__all__ = [
    "AnswerUnreadable",
    "ApiError",
    "AsyncClient",
    "BadRequest",
    "Chain",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "CtripError",
    "Event",
    "EventFilters",
    "FieldProblem",
    "Forbidden",
    "IssuedKey",
    "Key",
    "NewKey",
    "NewPayment",
    "NotFound",
    "Page",
    "Payment",
    "PaymentFilters",
    "ServerError",
    "Sweep",
    "Token",
    "TooManyRequests",
    "Transfer",
    "Unauthorized",
    "Unprocessable",
    "WebhookRefused",
    "__version__",
    "sign_request",
    "verify_plain_signature",
    "verify_webhook",
]
