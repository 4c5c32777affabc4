"""Operations: each route as data, from which it is enforced, described and tested."""

from dataclasses import dataclass

from pydantic import BaseModel

from ctrip.domain.admins import Permission
from ctrip.domain.merchants.access import Scope
from functions.http.answers import JSON

CHANGES = ("POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route as data: what is enforced, and what the description of the API is made from.

    `may` is the scope of a merchant's key, or the permission of an admin; `signed_in` asks for any admin. `answers`
    is the described name of a view, None for an answer without a body; `codes` are refusals of its own.
    """

    name: str
    method: str
    path: str
    summary: str
    requires: Scope | Permission | None = None
    signed_in: bool = False
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    response: str | None = None
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
        return isinstance(self.requires, Scope)

    @property
    def of_admins(self) -> bool:
        """Whether an admin's token opens it."""
        return self.signed_in or isinstance(self.requires, Permission)

    @property
    def open(self) -> bool:
        """Whether anybody may call it."""
        return not (self.of_merchants or self.of_admins)

    @property
    def idempotent(self) -> bool:
        """Whether an idempotency key makes it happen once."""
        return self.method == "POST" and self.requires is not None


OPERATIONS: list[Operation] = []
