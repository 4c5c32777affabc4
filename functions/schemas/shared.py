"""What the schemas of answers share: their base, the types of their fields, and the shape of errors."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from functions.http.error_codes import CODES, FIELD_CODES


class Shown(BaseModel):
    """What every answer has in common; clients ignore fields that they do not know, the tests do not."""

    model_config = ConfigDict(extra="forbid")


_AMOUNT = {
    "title": "Integer of base units",
    "description": "A JSON integer of base units, however large. It has no type here, because generated clients give "
    "an integer a size, beyond which they round or wrap: read `<name>_str`, the same number as text.",
    "examples": [12_500_000],
}
_ADDRESS = {
    "type": "string",
    "description": "On EVM chains in EIP-55.",
    "examples": ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
}
_HASH = {
    "type": "string",
    "description": "Of a transaction or a block, in hexadecimal digits on EVM chains.",
    "examples": ["0x88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe6a713944b"],
}

Amount = Annotated[int, Field(ge=0), WithJsonSchema(_AMOUNT)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,78}$", description="Base units, as text: exact in every language.")]
Decimal = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="Whole units.")]
Id = Annotated[str, Field(description="A UUID.", examples=["8c0a4f0e-9a55-4b0e-9a5d-2f7c0a4f0e9a"])]
# What tests hold answers to. It is not described: another kind of chain writes them in another way.
Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$"), WithJsonSchema(_HASH)]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$"), WithJsonSchema(_ADDRESS)]
# What may outgrow the 32 bits that an integer has in Java, Go and Rust. JavaScript makes a BigInt of it: so no others.
Long = Annotated[int, Field(json_schema_extra={"format": "int64"})]
NextCursor = Annotated[str | None, Field(description="`cursor` of the next page; null: there is none.")]


class FieldProblem(Shown):
    """One field that is wrong."""

    field: str
    code: Annotated[str, Field(json_schema_extra={"enum": sorted(FIELD_CODES)})]
    detail: str


class Problem(Shown):
    """Every error has this shape."""

    detail: str = Field(description="A sentence for a person.")
    code: Annotated[
        str, Field(description="Stable; what a program goes by.", json_schema_extra={"enum": sorted(CODES)})
    ]
    errors: list[FieldProblem]
    request_id: str
    payment_id: Id = Field("", description="Of the payment that holds the order, with `order_id_in_use`; else absent.")
