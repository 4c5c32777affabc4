"""What a Tron transaction would do: what its signer checks before it signs."""

import re

from ctrip.domain.chains.acts import Act, Unsigned
from ctrip.domain.chains.tron import addresses
from ctrip.domain.chains.tron.transaction import Transaction
from ctrip.domain.errors import SigningRefused

_TRANSFER = "a9059cbb"
_WORD = 64  # hexadecimal digits
# Digits alone, each of which is signed: blanks are skipped where octets are read, so that what is signed would be
# shorter than what is compared here, and the contract would read another amount.
_CALL = re.compile(rf"{_TRANSFER}0{{24}}([0-9a-f]{{40}})([0-9a-f]{{{_WORD}}})", re.ASCII)


def act_of(sender: str, transaction: Unsigned) -> Act:
    """Say what a transaction would do; raises `SigningRefused` for another kind's or another sender's."""
    if not isinstance(transaction, Transaction):
        raise SigningRefused("the transaction is another chain's")
    if transaction.sender != sender:
        raise SigningRefused("the transaction is another sender's")
    slot = transaction.slot
    if transaction.lends or transaction.takes_back:
        return _lending(transaction)
    if not transaction.data:
        return Act(transaction.to, None, transaction.amount, 0, amount=transaction.amount, slot=slot)
    to, amount = _read_transfer(transaction.data)
    if to is None:
        told = "the call is not a TRC-20 transfer"
        return Act(transaction.to, transaction.to, transaction.amount, transaction.fee_limit, unclear=told, slot=slot)
    return Act(to, transaction.to, transaction.amount, transaction.fee_limit, amount=amount, slot=slot)


def _lending(transaction: Transaction) -> Act:
    """Say what a transaction does that lends energy, or takes it back: it moves nothing, and has no other part."""
    if transaction.data or transaction.fee_limit or (transaction.lends and transaction.takes_back):
        raise SigningRefused("the transaction says more than what is understood of it")
    told = "the transaction lends energy" if transaction.lends else "the transaction takes energy back"
    return Act(transaction.to, None, 0, 0, unclear=told, lends=True, slot=transaction.slot)


def transfer_data(to: str, amount: int) -> str:
    """Write the call of a TRC-20 transfer; the word of an address holds its 20 octets alone."""
    return f"{_TRANSFER}{addresses.decoded(to).hex():0>{_WORD}}{amount:0{_WORD}x}"


def _read_transfer(data: str) -> tuple[str | None, int]:
    """Read the call of a TRC-20 transfer; of any other the address is None."""
    found = _CALL.fullmatch(data)
    return (addresses.encoded(bytes.fromhex(found[1])), int(found[2], 16)) if found else (None, 0)
