"""What requests may hold, as pydantic models: they validate, and the description of the API is made from them."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ctrip.domain.admins import Role
from ctrip.domain.errors import BadRequest, FieldError
from ctrip.domain.merchants.access import Scope
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.payments.payment import Late, Status
from ctrip.services.merchants.manage_merchants import Terms
from ctrip.services.payments.create_payment import CreatePayment

M = TypeVar("M", bound=BaseModel)
EVENT_TYPES = r"^[a-z_]{3,20}\.[a-z_]{3,30}$"
_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_DIGITS = r"^[0-9]{1,78}$"
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+ -][0-9]{2}:[0-9]{2})", re.ASCII
)
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing"}
_AMOUNTS = {
    "amount": "must be an integer or a string of digits, from 1 to 2^256-1",
    "amount_decimal": 'must be a decimal string such as "12.50"',
}
_OUT_OF_RANGE = ("greater_than_equal", "less_than_equal", "string_pattern_mismatch")
_WORDS = {"extra_forbidden": "is not a field of this request", "missing": "is required"}


def _milliseconds(value: object) -> int:
    problem = PydanticCustomError("time", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise problem
    try:
        at = datetime.fromisoformat(value.upper().replace("T", " ", 1).replace(" ", "T", 1).replace(" ", "+"))
        return int(at.timestamp()) * 1000 + at.microsecond // 1000
    except (ValueError, OverflowError):
        raise problem from None


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,6}", value, re.ASCII):
        raise PydanticCustomError("digits", "must be a number")
    return int(value) if isinstance(value, str) else value


def _listed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("unique", "names something twice")
    return values


class Strict(BaseModel):
    """What every request has in common: unknown fields are refused, and nothing is converted on the way."""

    # Built when first used: a cold start pays for the models of its own call alone.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def example(**fields: Any) -> ConfigDict:
    """Show one request that is taken as it stands."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class NoBody(Strict):
    """A call without a body; an empty object is one too."""


class NoQuery(Strict):
    """A call without query parameters."""


Url = Annotated[str, StringConstraints(max_length=2048)]
Time = Annotated[int, BeforeValidator(_milliseconds), WithJsonSchema({"type": "string", "format": "date-time"})]
Chain = Annotated[str, StringConstraints(min_length=3, max_length=20)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Limit = Annotated[Annotated[int, Field(ge=1, le=100)], BeforeValidator(_digits)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=320)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Digits6 = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
# JSON has no tuples, sets or enums: lists and texts are read as them, and nothing else is.
Scopes = Annotated[
    tuple[Annotated[Scope, Field(strict=False)], ...], Field(strict=False, min_length=1), AfterValidator(_listed)
]
Ips = Annotated[tuple[Annotated[str, StringConstraints(max_length=43)], ...], Field(strict=False, max_length=20)]


class PaymentRequest(Strict):
    """Ask for a payment. Give `amount` or `amount_decimal`, and at most one of `token_id` and `asset`."""

    model_config = example(chain="anvil", asset="USDC", amount_decimal="12.50", metadata={"cart": "1042"})

    chain: Chain = Field(description="The network, by its id.")
    # Integers are taken as well, and not described: what a generated client makes of a choice sends nothing, or rounds.
    amount: Annotated[
        Annotated[int, Field(ge=1, le=MAX_AMOUNT)] | Annotated[str, StringConstraints(pattern=_DIGITS)] | None,
        WithJsonSchema({"type": "string", "pattern": _DIGITS}),
    ] = Field(None, description="What is due, in base units, as text, which no language rounds; 1 to 2^256-1.")
    amount_decimal: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}(\.[0-9]{1,78})?$")] | None = Field(
        None, description="What is due, in whole units."
    )
    token_id: Annotated[str, StringConstraints(pattern=_UUID)] | None = Field(
        None, description="The token; without one, and without `asset`, the chain's coin."
    )
    asset: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = Field(
        None, description="The coin or token by its symbol on the chain."
    )
    order_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="Yours; an order has one live payment."
    )
    metadata: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=64)],
            Annotated[str, StringConstraints(max_length=500)],
        ],
        Field(max_length=20),
    ] = Field({}, description="Yours; comes back in answers and events.")
    description: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        None, description="Shown to the payer."
    )
    expires_in: Annotated[int, Field(ge=60, le=86_400)] | None = Field(None, description="Seconds until it expires.")
    webhook_url: Url | None = Field(None, description="Where this payment's events go; https.")
    success_url: Url | None = Field(None, description="Where the payer returns once it is confirmed; https.")
    cancel_url: Url | None = Field(None, description="Where the payer returns who gave up; https.")

    def command(self) -> CreatePayment:
        """Say it in the service's terms."""
        fields = self.model_dump(exclude={"metadata", "token_id"})
        token = self.token_id.lower() if self.token_id else None
        return CreatePayment(**fields, token_id=token, metadata=tuple(self.metadata.items()))


class Paged(Strict):
    """What every list takes."""

    limit: Limit = Field(20, description="At most this many; a page may be shorter while `next_cursor` is set.")
    cursor: Cursor | None = Field(None, description="The `next_cursor` of the page before.")


class PaymentQuery(Paged):
    """Filters of a list of payments; together, all hold."""

    status: Annotated[Status, Field(strict=False)] | None = None
    chain: Annotated[str, StringConstraints(max_length=64)] | None = None
    order_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    created_after: Time | None = None
    created_before: Time | None = None


class AdminPaymentQuery(PaymentQuery):
    """Filters of a list of one merchant's payments."""

    merchant_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class TransferQuery(Paged):
    """Which transfers."""


class TokenQuery(Paged):
    """Which tokens."""

    chain: Annotated[str, StringConstraints(max_length=64)] | None = None


class KeyQuery(Paged):
    """Filters of a list of keys."""

    created_after: Time | None = None
    created_before: Time | None = None


class EventQuery(Paged):
    """Filters of the feed of events."""

    order: Literal["asc", "desc"] = Field("desc", description="Oldest first, or newest first.")
    after: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Only what came after the event of this id."
    )
    type: Annotated[str, StringConstraints(pattern=EVENT_TYPES)] | None = None
    payment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    created_after: Time | None = None
    created_before: Time | None = None


class KeyRequest(Strict):
    """Ask for an API key."""

    model_config = example(name="shop backend", scopes=["payments:read", "payments:write"], allowed_ips=["203.0.113.7"])

    name: Name = Field(description="What it is for.")
    scopes: Scopes = Field(description="What it may do; at most what the caller's own key may.")
    signed_only: bool = Field(False, description="Whether it opens signed requests alone, and no bearer key exists.")
    allowed_ips: Ips = Field((), description="Addresses or networks that it may be used from; none: anywhere.")
    expires_at: Time | None = Field(None, description="When it ends.")


class RotationRequest(Strict):
    """Ask for a key's next secrets."""

    overlap_seconds: Annotated[int, Field(ge=0, le=604_800)] = Field(
        86_400, description="How long the secrets that are good now stay good; 0 where they have leaked."
    )


class MerchantFields(Strict):
    """What can be set of a merchant."""

    expires_in: Annotated[int, Field(ge=60, le=86_400)] | None = Field(None, description="Seconds a payment lives.")
    tolerance_per_mille: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How much may be missing of what is due, in thousandths."
    )
    monitoring_seconds: Annotated[int, Field(ge=0, le=2_592_000)] | None = Field(
        None, description="How long a payment is looked at after its deadline."
    )
    late: Annotated[Late, Field(strict=False)] | None = Field(
        None, description="Whether what completes late is accepted, or waits for review."
    )
    confirmations: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="Confirmations at least; never fewer than the chain's own."
    )
    calls_per_second: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="Changing calls a second; 0: as many as the stage gives."
    )
    open_payments: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Open payments on a chain; 0: as many as the stage gives."
    )


class MerchantRequest(MerchantFields):
    """Ask for a merchant."""

    model_config = example(name="Coffee to go", expires_in=900, tolerance_per_mille=5)

    name: Name
    xpub: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None,
        description="Its own extended public key of an account (m/44'/60'/n'), which begins with `xpub`; nothing is "
        "swept then, and a payment is settled when it is paid. A key does not tell which coin it is of: compare the "
        "first payment's address with the wallet's. Without one it gets an account of this stage's.",
    )

    def terms(self) -> Terms:
        """Say it in the service's terms."""
        return Terms(**self.model_dump(exclude={"xpub"}))


class MerchantPatch(MerchantFields):
    """Change a merchant; what is left out stays."""

    name: Name | None = None
    enabled: bool | None = Field(None, description="Whether its keys open anything, and new payments are made.")

    def terms(self) -> Terms:
        """Say it in the service's terms."""
        return Terms(**self.model_dump())


class Credentials(Strict):
    """Sign in; `code` where a second factor is set up."""

    email: Email
    password: Password
    code: Digits6 | None = None


class SessionRefresh(Strict):
    """Go on with a session."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class UserRequest(Strict):
    """Make a user of the admin API."""

    model_config = example(email="ada@ops.example", name="Ada", role="operator")

    email: Email
    name: Name
    role: Annotated[Role, Field(strict=False)]


class UserPatch(Strict):
    """Change a user; what is left out stays."""

    name: Name | None = None
    role: Annotated[Role, Field(strict=False)] | None = None
    enabled: bool | None = None


class PasswordChange(Strict):
    """Change one's own password."""

    password: Password
    new_password: Annotated[str, StringConstraints(min_length=12, max_length=256)]


class PasswordOnly(Strict):
    """Prove it with one's password."""

    password: Password


class CodeOnly(Strict):
    """Prove it with the authenticator app's code."""

    code: Digits6


class AuditQuery(Strict):
    """Of what: a payment's chain, a merchant's or a user's; exactly one."""

    payment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    merchant_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    user_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    after: Annotated[Annotated[int, Field(ge=0, le=999_999)], BeforeValidator(_digits)] = Field(
        0, description="Only versions after this one."
    )
    limit: Limit = 100


def parse(model: type[M], body: dict[str, Any]) -> M:
    """Validate a body or a query; raises `BadRequest` naming every field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        errors = _field_errors(exc, parameters=issubclass(model, Paged | NoQuery | TokenQuery | AuditQuery))
        raise BadRequest(f"{errors[0].field}: {errors[0].detail}", code="invalid_field", errors=errors) from None


def _field_errors(exc: ValidationError, *, parameters: bool) -> tuple[FieldError, ...]:
    found: dict[str, FieldError] = {}
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        location = [str(part) for part in error["loc"]] or ["body"]
        name = ".".join(location[:2] if location[0] == "metadata" else location[:1])[:128]
        kind = error["type"]
        words = _WORDS.get(kind, error["msg"][0].lower() + error["msg"][1:])
        code = _CODES.get(kind, "invalid_value")
        if name in _AMOUNTS and kind in _OUT_OF_RANGE:
            # One error for both spellings that the field takes, whichever of them was tried first.
            found[name] = FieldError(name, "invalid_amount", _AMOUNTS[name])
        if parameters and kind == "extra_forbidden":
            code, words = "unknown_parameter", "is not a parameter of this route"
        found.setdefault(name, FieldError(name, code, words))
    return tuple(found.values())
