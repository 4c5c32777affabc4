"""What nodes are asked before a batch: codes, nonces, allowances, transfers that would fail, EIP-7702."""

from collections.abc import Sequence
from typing import Any

from ctrip.chains.evm.codec import octets, pinned, quantity, word
from ctrip.chains.evm.endpoints import TRIES, Endpoint
from ctrip.chains.shared.pool import Pool
from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.evm.pay_call import allowance_data
from ctrip.domain.chains.evm.transaction import AUTHORIZATION_GAS, NATIVE_GAS, Account, Call
from ctrip.domain.errors import ChainError, Refused

# A token that burns gas is refused after so much of it.
_CALL_GAS = 1_000_000


def accounts(pool: Pool[Endpoint], at: Block, addresses: Sequence[str]) -> list[Account]:
    """Return the code and the nonce of addresses at exactly that block, in the order asked."""
    calls = [
        (method, [each, pinned(at)]) for each in addresses for method in ("eth_getCode", "eth_getTransactionCount")
    ]

    def ask(endpoint: Endpoint) -> list[Account]:
        answers = _whole(endpoint.steady(calls))
        codes, nonces = answers[::2], answers[1::2]
        return [Account(_code(code), quantity(nonce)) for code, nonce in zip(codes, nonces, strict=True)]

    return pool.run(ask, state=True, tries=TRIES) if addresses else []


def refusals(pool: Pool[Endpoint], at: Block, wanted: Sequence[Call]) -> list[str | None]:
    """Say why calls of tokens would fail at that block, in the order asked; None where one would not.

    A token that says nothing has moved; what else it says must be true.
    """
    calls = [("eth_call", [_fields(each), pinned(at)]) for each in wanted]

    def ask(endpoint: Endpoint) -> list[str | None]:
        return [_refusal(answer) for answer in endpoint.steady(calls)]

    return pool.run(ask, state=True, tries=TRIES) if wanted else []


def allowance(pool: Pool[Endpoint], at: Block, token: str, owner: str, spender: str) -> int:
    """Return how much of a token somebody may take from its owner, at exactly that block."""
    call = {"to": token, "data": allowance_data(owner, spender)}

    def ask(endpoint: Endpoint) -> int:
        (answer,) = _whole(endpoint.steady([("eth_call", [call, pinned(at)])]))
        if (allowed := word(answer)) is None:
            raise Refused(f"{token} tells no allowance")
        return allowed

    return pool.run(ask, state=True, tries=TRIES)


def authorizes(pool: Pool[Endpoint], sender: str, delegate: str) -> bool:
    """Whether a transaction of type 4 (EIP-7702) is understood.

    One is estimated whose authorization nobody signed. A chain that knows it takes gas for it before it looks; a node
    that does not refuses it, or passes over what it does not know.
    """
    nobodys = {"chainId": "0x0", "address": delegate, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1"}
    call = {"from": sender, "to": sender, "value": "0x0", "authorizationList": [nobodys]}
    try:
        gas = pool.run(lambda endpoint: quantity(endpoint.call("eth_estimateGas", [call])))
    except Refused:
        return False
    return gas >= NATIVE_GAS + AUTHORIZATION_GAS


def _fields(call: Call) -> dict[str, str]:
    return {"from": call.sender, "to": call.to, "data": call.data, "gas": hex(_CALL_GAS)}


def _refusal(answer: Any) -> str | None:
    if isinstance(answer, Refused):
        return str(answer)
    if isinstance(answer, ChainError):
        raise answer
    said = octets(answer)
    return (
        None
        if not said or (len(said) >= 32 and int.from_bytes(said[:32]) == 1)
        else "the token says that it moved nothing"
    )


def _whole(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return answers


def _code(answer: str) -> str:
    return "0x" + octets(answer).hex()
