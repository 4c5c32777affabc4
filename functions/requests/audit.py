"""Requests about the audit trail."""

from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
)

from functions.http.models import Limit, Query, digits


class AuditQuery(Query):
    """Of what: a payment, a merchant, a user, or a chain's reconciliation; exactly one."""

    payment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    merchant_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    user_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    chain: Annotated[str, StringConstraints(max_length=64)] | None = None
    after: Annotated[Annotated[int, Field(ge=0, le=999_999)], BeforeValidator(digits)] = Field(
        0, description="Only versions after this one."
    )
    limit: Limit = 100
