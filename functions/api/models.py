"""Request bodies, as pydantic models; their errors in our words."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ctrip.domain.errors import BadRequest, FieldError
from ctrip.services.create_payment import CreatePayment

M = TypeVar("M", bound=BaseModel)
Url = Annotated[str, StringConstraints(max_length=2048)]
_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing"}
_WORDS = {"extra_forbidden": "is not a field of this request", "missing": "is required"}


class PaymentRequest(BaseModel):
    """The body of `POST /api/v1/payments`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    chain: Annotated[str, StringConstraints(min_length=3, max_length=20)]
    amount: int | str | None = None
    amount_decimal: str | None = None
    token_id: Annotated[str, StringConstraints(pattern=_UUID)] | None = None
    asset: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None
    order_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    metadata: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=64)],
            Annotated[str, StringConstraints(max_length=500)],
        ],
        Field(max_length=20),
    ] = {}
    description: Annotated[str, StringConstraints(max_length=500)] | None = None
    expires_in: Annotated[int, Field(ge=60, le=86_400)] | None = None
    webhook_url: Url | None = None
    success_url: Url | None = None
    cancel_url: Url | None = None

    def command(self) -> CreatePayment:
        """Say it in the service's terms."""
        fields = self.model_dump(exclude={"metadata", "token_id"})
        token = self.token_id.lower() if self.token_id else None
        return CreatePayment(**fields, token_id=token, metadata=tuple(self.metadata.items()))


def parse(model: type[M], body: dict[str, Any]) -> M:
    """Validate a body; raises `BadRequest` naming every field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        errors = _field_errors(exc)
        raise BadRequest(f"{errors[0].field}: {errors[0].detail}", code="invalid_field", errors=errors) from None


def _field_errors(exc: ValidationError) -> tuple[FieldError, ...]:
    found: dict[str, FieldError] = {}
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        location = [str(part) for part in error["loc"]]
        name = ".".join(location[:2] if location[0] == "metadata" else location[:1])[:128]
        kind = error["type"]
        words = _WORDS.get(kind, error["msg"][0].lower() + error["msg"][1:])
        found.setdefault(name, FieldError(name, _CODES.get(kind, "invalid_value"), words))
    return tuple(found.values())
