"""The calls that pay many in one transaction: `pay` of a `PayoutBatcher`, and the approval of a token that it needs."""

import re
from dataclasses import dataclass

from ctrip.domain.chains.evm.sweep_call import word

PAY_SELECTOR = "0x20889f31"  # pay(address,(address,uint256)[],uint256)
APPROVE_SELECTOR = "0x095ea7b3"  # approve(address,uint256)
ALLOWANCE_SELECTOR = "0xdd62ed3e"  # allowance(address,address)
WHOLE = 2**256 - 1  # approved once: the contract takes for the treasury alone, and what it asks for
_CALL = re.compile(PAY_SELECTOR + r"(?:[0-9a-f]{64}){4,}", re.ASCII)
_APPROVAL = re.compile(APPROVE_SELECTOR + r"(?:[0-9a-f]{64}){2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PayCall:
    """One call of a batcher of payouts: who is paid how much of a token, or of the coin (None), for so much gas."""

    token: str | None
    payments: tuple[tuple[str, int], ...]
    gas_each: int


def pay_data(call: PayCall) -> str:
    """Encode `pay(address,(address,uint256)[],uint256)`."""
    words = [word(call.token or ""), f"{96:064x}", f"{call.gas_each:064x}", f"{len(call.payments):064x}"]
    words += [each for to, amount in call.payments for each in (word(to), f"{amount:064x}")]
    return PAY_SELECTOR + "".join(words)


def parse_pay(data: str) -> PayCall | None:
    """Read a batcher's call; None for anything that `pay_data` does not write."""
    if not _CALL.fullmatch(data):
        return None
    words = [data[at : at + 64] for at in range(10, len(data), 64)]
    pairs = zip(words[4::2], words[5::2], strict=False)
    payments = tuple(("0x" + to[24:], int(amount, 16)) for to, amount in pairs)
    token = "0x" + words[0][24:]
    call = PayCall(token if int(token, 16) else None, payments, int(words[2], 16))
    return call if pay_data(call) == data else None


def approve_data(spender: str, amount: int = WHOLE) -> str:
    """Encode ERC-20 `approve(address,uint256)`."""
    return f"{APPROVE_SELECTOR}{word(spender)}{amount:064x}"


def parse_approve(data: str) -> str | None:
    """Read who may take all of a token; None for anything that `approve_data` does not write."""
    if not _APPROVAL.fullmatch(data):
        return None
    spender = "0x" + data[34:74]
    return spender if approve_data(spender) == data else None


def allowance_data(owner: str, spender: str) -> str:
    """Encode ERC-20 `allowance(address,address)`."""
    return f"{ALLOWANCE_SELECTOR}{word(owner)}{word(spender)}"
