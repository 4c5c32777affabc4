"""The one shape of every error, as a view."""

from typing import Annotated, NotRequired, TypedDict

from ctrip.views.fields import Digits, Id, Shape
from functions.http.error_codes import CODES, FIELD_CODES


class FieldProblem(TypedDict):
    """One field that is wrong."""

    field: str
    code: Annotated[str, Shape(values=tuple(sorted(FIELD_CODES)))]
    detail: str


class Problem(TypedDict):
    """Every error has this shape."""

    detail: Annotated[str, "A sentence for a person."]
    code: Annotated[str, "Stable; what a program goes by.", Shape(values=tuple(sorted(CODES)))]
    errors: list[FieldProblem]
    request_id: str
    available: NotRequired[
        Annotated[Digits, "What can be paid out, in base units, with `insufficient_balance`; else absent."]
    ]
    payment_id: NotRequired[Annotated[Id, "Of the payment that holds the order, with `order_id_in_use`; else absent."]]
