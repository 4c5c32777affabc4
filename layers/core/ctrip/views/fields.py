"""The types that fields of several views have, and what is described of a field beside its type.

A text within `Annotated` is the field's description, and a `Shape` is what JSON Schema says of its values.
`functions/http/shapes` makes the description of the API of both; nothing reads them while a request is answered.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from ctrip.domain.chains.kinds import KINDS


class Shape(NamedTuple):
    """What the values of a field look like, beyond their type.

    `values` are those of today: more may come. `pattern` is described to everybody; `checked` is a pattern that the
    tests alone hold answers to. A field that is `untyped` is described without a type.
    """

    title: str = ""
    description: str = ""
    pattern: str = ""
    checked: str = ""
    format: str = ""
    values: type[StrEnum] | tuple[str, ...] = ()
    examples: tuple[int | str, ...] = ()
    untyped: bool = False


Amount = Annotated[
    int,
    Shape(
        untyped=True,
        title="Integer of base units",
        description="A JSON integer of base units, however large. It has no type here, because generated clients give "
        "an integer a size, beyond which they round or wrap: read `<name>_str`, the same number as text.",
        examples=(12_500_000,),
    ),
]
# What a payer has not chosen yet; it has no type either, so that null is among what it may be.
AmountIfChosen = Annotated[
    int | None,
    Shape(
        untyped=True,
        title="Integer of base units",
        description="A JSON integer of base units, however large, or null: nothing is chosen yet. It has no type here, "
        "because generated clients give an integer a size, beyond which they round or wrap: read `<name>_str`.",
        examples=(12_500_000,),
    ),
]
Digits = Annotated[str, Shape(pattern=r"^[0-9]{1,78}$", description="Base units, as text: exact in every language.")]
Decimal = Annotated[str, Shape(pattern=r"^[0-9]+(\.[0-9]+)?$", description="Whole units.")]
Id = Annotated[str, Shape(description="A UUID.", examples=("8c0a4f0e-9a55-4b0e-9a5d-2f7c0a4f0e9a",))]
# Another kind of chain writes hashes and addresses in another way: their pattern is not described.
Hash = Annotated[
    str,
    Shape(
        checked=r"^(0x)?[0-9a-f]{64}$",
        description="Of a transaction or a block, in hexadecimal digits on EVM chains.",
        examples=("0x88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe6a713944b",),
    ),
]
Address = Annotated[
    str,
    Shape(
        checked=f"^({'|'.join(each.address.pattern for each in KINDS.values())})$",
        description="On EVM chains in EIP-55; on Tron in base58, which begins with T: small and capital letters count.",
        examples=("0x70997970C51812dc3A010C7d01b50e0d17dc79C8",),
    ),
]
Time = Annotated[str, Shape(format="date-time")]
# What may outgrow the 32 bits that an integer has in Java, Go and Rust. JavaScript makes a BigInt of it: so no others.
Long = Annotated[int, Shape(format="int64")]
NextCursor = Annotated[str | None, "`cursor` of the next page; null: there is none."]


def rfc3339(at: int) -> str:
    """Format unix milliseconds in UTC."""
    return f"{datetime.fromtimestamp(at // 1000, UTC).isoformat()[:19]}.{at % 1000:03d}Z"


def rfc3339_if(at: int | None) -> str | None:
    """Format unix milliseconds in UTC, None where there are none."""
    return None if at is None else rfc3339(at)
