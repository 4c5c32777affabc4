"""The views' typed dictionaries as pydantic reads them: what is described of a field, and what an answer may be."""

from typing import Annotated, Any, NotRequired, TypedDict, is_typeddict

import pytest
from pydantic import TypeAdapter, ValidationError

from ctrip.views import admins, audit, chains, checkout, events, health, merchants, payments
from ctrip.views.fields import Address, Amount, Digits, Hash, Id, Long, Shape, Time
from functions.http.portable import Untitled
from functions.http.shapes import name_of, shape_of
from functions.pages import description

MODULES = (admins, audit, chains, checkout, events, health, merchants, payments)


class _PartView(TypedDict):
    """A part."""

    name: str


class _WholeView(TypedDict):
    """All that a view may hold."""

    amount: Amount
    amount_str: Annotated[Digits, "Digits of its own."]
    mood: Annotated[str, Shape(values=("good", "bad")), "How it is."]
    block: Annotated[Long | None, "Null: none."]
    at: Time
    parts: list[_PartView]
    holder: NotRequired[Annotated[Id, "Whose it is."]]


class _FoundView(TypedDict):
    """What another kind of chain writes in another way."""

    hash: Hash
    address: Address


GOOD: dict[str, Any] = {
    "amount": 2**255,
    "amount_str": str(2**255),
    "mood": "good",
    "block": None,
    "at": "2026-01-31T12:00:00.000Z",
    "parts": [{"name": "a"}],
}


def described() -> dict[str, Any]:
    """The schema of the view above."""
    return TypeAdapter(shape_of(_WholeView)).json_schema(schema_generator=Untitled, mode="serialization")


def test_a_fields_own_words_stand_before_those_of_its_type() -> None:
    """And a type's other words stay."""
    fields = described()["properties"]
    assert fields["amount_str"] == {
        "type": "string",
        "pattern": "^[0-9]{1,78}$",
        "description": "Digits of its own.",
    }
    assert fields["holder"]["description"] == "Whose it is."
    assert fields["holder"]["examples"] == ["8c0a4f0e-9a55-4b0e-9a5d-2f7c0a4f0e9a"]
    assert fields["mood"] == {"type": "string", "enum": ["good", "bad"], "description": "How it is."}
    assert fields["block"]["description"] == "Null: none."
    assert fields["block"]["anyOf"][0] == {"type": "integer", "format": "int64"}


def test_what_is_not_required_may_be_absent_and_nothing_else() -> None:
    """The schema is named as the view is, without its ending."""
    made = described()
    assert (made["title"], made["description"]) == ("_Whole", "All that a view may hold.")
    assert set(made["required"]) == set(made["properties"]) - {"holder"}
    assert name_of(payments.PaymentView) == "Payment"


@pytest.mark.parametrize(
    "wrong",
    [
        {"more": 1},
        {"amount": -1},
        {"amount_str": "1e9"},
        {"mood": "ugly"},
        {"block": "x"},
        {"at": "2026-01-31T12:00:00"},
        {"at": "yesterday"},
        {"parts": [{"name": "a", "more": 1}]},
        {"parts": [{}]},
        {"holder": None},
    ],
    ids="-".join,
)
def test_an_answer_that_differs_from_its_view_is_found(wrong: dict[str, Any]) -> None:
    """The tests hold every answer to its view: a field too many, one too few, and one of another kind."""
    held = TypeAdapter(shape_of(_WholeView))
    held.validate_python(GOOD)
    with pytest.raises(ValidationError):
        held.validate_python(GOOD | wrong)


def test_addresses_and_hashes_are_held_to_a_pattern_that_is_not_described() -> None:
    """Another kind of chain writes them in another way."""
    held, good = TypeAdapter(shape_of(_FoundView)), {"hash": "0x" + "a" * 64, "address": "0x" + "A" * 40}
    held.validate_python(good)
    assert [each for each in held.json_schema()["properties"].values() if "pattern" in each] == []
    for name, value in good.items():
        with pytest.raises(ValidationError):
            held.validate_python(good | {name: value[:-1]})


def test_every_view_says_what_it_is_and_is_described_by_its_own_name() -> None:
    """A view's docstring is the description of its schema; no two views have one name."""
    views = {
        each
        for module in MODULES
        for each in vars(module).values()
        if is_typeddict(each) and not each.__name__.startswith("_")
    }
    assert len({name_of(each) for each in views}) == len(views) > 25
    for view in views:
        assert (view.__doc__ or "").endswith(".")
        assert description.VIEWS[name_of(view)] is view
