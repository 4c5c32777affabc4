"""An EVM transaction, unsigned, and what it costs; and the call that a deposit address makes, an ERC-20 transfer."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ctrip.domain.errors import SigningRefused

NO_CALL = "0x"
NATIVE_GAS = 21_000
AUTHORIZATION_GAS = 25_000  # EIP-7702: of each authorization, before what is given back
SLOT_DIGITS = 12  # so that slots sort as their nonces do
_TRANSFER = "0xa9059cbb"


def slot_of(nonce: int) -> str:
    """Write a nonce as a slot."""
    return f"{nonce:0{SLOT_DIGITS}d}"


@dataclass(frozen=True, slots=True)
class Fees:
    """Current fees of a chain, in base units per gas; `legacy` chains have no base fee."""

    base: int
    priority: int
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """What a chain holds of an address: its code (0x where there is none) and how many transactions it has sent."""

    code: str
    nonce: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a contract, to be tried and not sent."""

    sender: str
    to: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """An unsigned EIP-7702 authorization: the address at `path`, at its `nonce`, is to delegate to `delegate`.

    It is of its transaction's own chain: one for chain 0 holds everywhere, and is never made.
    """

    path: str
    address: str
    delegate: str
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An unsigned transaction; `max_fee` and `priority_fee` are base units per gas.

    With authorizations it is of type 4 (EIP-7702).
    """

    kind: ClassVar[str] = "evm"

    chain_id: int
    nonce: int
    to: str
    value: int
    data: str = NO_CALL
    gas: int
    max_fee: int
    priority_fee: int
    legacy: bool = False
    authorizations: tuple[Authorization, ...] = ()

    def fields(self) -> dict[str, Any]:
        """Return what the signer function is sent."""
        return asdict(self)


def read_transaction(fields: dict[str, Any]) -> Transaction:
    """Read what `fields` gave."""
    authorizations = tuple(Authorization(**each) for each in fields.get("authorizations", ()))
    return Transaction(**(fields | {"authorizations": authorizations}))


def transfer_data(to: str, amount: int) -> str:
    """Encode ERC-20 `transfer(address,uint256)`."""
    return f"{_TRANSFER}{to.lower().removeprefix('0x'):0>64}{amount:064x}"


def transfer_destination(data: str) -> str:
    """Read the recipient of an ERC-20 `transfer`; raises `SigningRefused` for any other call."""
    return read_transfer(data)[0]


def read_transfer(data: str) -> tuple[str, int]:
    """Read recipient and amount of an ERC-20 `transfer`; raises `SigningRefused` for any other call."""
    if not data.startswith(_TRANSFER) or len(data) != 138 or data[10:34].strip("0"):
        raise SigningRefused("the call is not an ERC-20 transfer")
    return "0x" + data[34:74], int(data[74:], 16)
