"""Operations: each route as data, from which it is enforced, described and tested."""

from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ctrip.domain.admins import Permission
from ctrip.domain.merchants.access import Scope
from functions.http.answers import JSON
from functions.http.reading import BODY_BYTES

if TYPE_CHECKING:
    from pydantic import BaseModel

CHANGES = ("POST", "PATCH", "PUT", "DELETE")


class Auth(Enum):
    """Who may call an operation: anybody, whoever holds a merchant's key, or an admin who has signed in."""

    NONE = "none"
    MERCHANT = "merchant"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route as data: what is enforced, and what the description of the API is made from.

    `body_model` and `query_model` name models of `functions.requests`, with their modules. They are loaded by the first
    call that needs them, and pydantic with them: most functions never do, and each of them reads this table.
    `requires` is the scope of a merchant's key, or the permission of an admin; `signed_in` asks for any admin.
    `response` is the described name of a view, None for an answer without a body; `codes` are refusals of its own.
    `media` is what it answers, `takes` what its body is written in: JSON, or the fields of a page's form.
    `translated`: it speaks the payer's language, by the parameter `lang` or the browser's languages.
    `leads_on`: it may send a browser to another page. `body_bytes` is how large its body may be.
    """

    name: str
    method: str
    path: str
    summary: str
    requires: Scope | Permission | None = None
    signed_in: bool = False
    body_model: str | None = None
    query_model: str | None = None
    response: str | None = None
    status: int = 200
    codes: tuple[str, ...] = ()
    media: str = JSON
    takes: str = JSON
    translated: bool = False
    leads_on: bool = False
    body_bytes: int = BODY_BYTES

    @property
    def body(self) -> "type[BaseModel] | None":
        """The model of its body."""
        return _model(self.body_model) if self.body_model else None

    @property
    def query(self) -> "type[BaseModel] | None":
        """The model of its query."""
        return _model(self.query_model) if self.query_model else None

    @property
    def needs_body(self) -> bool:
        """Whether a field of its body is required."""
        return self.body is not None and any(field.is_required() for field in self.body.model_fields.values())

    @property
    def auth(self) -> Auth:
        """Who must show who they are."""
        if isinstance(self.requires, Scope):
            return Auth.MERCHANT
        return Auth.ADMIN if self.signed_in or self.requires else Auth.NONE

    @property
    def idempotent(self) -> bool:
        """Whether an idempotency key makes it happen once."""
        return self.method == "POST" and self.requires is not None


OPERATIONS: list[Operation] = []


@cache
def _model(name: str) -> "type[BaseModel]":
    module, own = name.split(".")
    return cast("type[BaseModel]", getattr(import_module(f"functions.requests.{module}"), own))
