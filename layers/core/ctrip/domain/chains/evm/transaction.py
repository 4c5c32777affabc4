"""An EVM transaction, unsigned, and what it costs; and the one call that ours make, an ERC-20 transfer."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ctrip.domain.errors import SigningRefused

NO_CALL = "0x"
_TRANSFER = "0xa9059cbb"


@dataclass(frozen=True, slots=True)
class Fees:
    """Current fees of a chain, in base units per gas; `legacy` chains have no base fee."""

    base: int
    priority: int
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An unsigned transaction; `max_fee` and `priority_fee` are base units per gas."""

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

    def fields(self) -> dict[str, Any]:
        """Return what the signer function is sent."""
        return asdict(self)


def transfer_data(to: str, amount: int) -> str:
    """Encode ERC-20 `transfer(address,uint256)`."""
    return f"{_TRANSFER}{to.lower().removeprefix('0x'):0>64}{amount:064x}"


def transfer_destination(data: str) -> str:
    """Read the recipient of an ERC-20 `transfer`; raises `SigningRefused` for any other call."""
    if not data.startswith(_TRANSFER) or len(data) != 138:
        raise SigningRefused("the call is not an ERC-20 transfer")
    return "0x" + data[34:74]
