"""What answers hold, as pydantic models: the description of the API is made from them, and tests hold answers to them.

The API itself does not load this package: what it answers is built by the views.
"""

from functions.schemas.admin import (
    AuditEntry,
    AuditPage,
    Merchant,
    MerchantPage,
    MerchantWithSecret,
    Session,
    Totp,
    User,
    UserPage,
    UserWithPassword,
)
from functions.schemas.chains import Chain, ChainPage, Token, TokenPage
from functions.schemas.events import Deposit, Event, EventPage, EventPayment
from functions.schemas.health import ChainHealth, Endpoint, Liveness, Readiness, Sweeping, Unready
from functions.schemas.keys import Key, KeyPage, KeyVersion, KeyWithSecrets
from functions.schemas.payments import CheckoutState, Payment, PaymentPage, Sweep, Transfer, TransferPage
from functions.schemas.shared import FieldProblem, Problem, Shown

__all__ = [
    "AuditEntry",
    "AuditPage",
    "Chain",
    "ChainHealth",
    "ChainPage",
    "CheckoutState",
    "Deposit",
    "Endpoint",
    "Event",
    "EventPage",
    "EventPayment",
    "FieldProblem",
    "Key",
    "KeyPage",
    "KeyVersion",
    "KeyWithSecrets",
    "Liveness",
    "Merchant",
    "MerchantPage",
    "MerchantWithSecret",
    "Payment",
    "PaymentPage",
    "Problem",
    "Readiness",
    "Session",
    "Shown",
    "Sweep",
    "Sweeping",
    "Token",
    "TokenPage",
    "Totp",
    "Transfer",
    "TransferPage",
    "Unready",
    "User",
    "UserPage",
    "UserWithPassword",
]
