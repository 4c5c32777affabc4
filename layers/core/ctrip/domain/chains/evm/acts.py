"""What an EVM transaction would do: what its signer checks before it signs."""

from dataclasses import replace

from ctrip.domain.chains.acts import Act, Grant, Unsigned
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.evm.pay_call import APPROVE_SELECTOR, PAY_SELECTOR, parse_approve, parse_pay
from ctrip.domain.chains.evm.sweep_call import BATCH_SELECTOR, parse_sweep
from ctrip.domain.chains.evm.transaction import NO_CALL, Transaction, read_transfer, slot_of
from ctrip.domain.errors import SigningRefused


def act_of(network: Network, sender: str, transaction: Unsigned) -> Act:
    """Say what a transaction would do; raises `SigningRefused` for another chain's."""
    if not isinstance(transaction, Transaction) or transaction.chain_id != network.chain_id:
        raise SigningRefused("the transaction is another chain's")
    return replace(_act(sender, transaction), slot=slot_of(transaction.nonce))


def _act(sender: str, transaction: Transaction) -> Act:
    most = transaction.gas * transaction.max_fee
    if transaction.authorizations or transaction.data.startswith(BATCH_SELECTOR):
        return _batch(transaction, most)
    if transaction.data.startswith((PAY_SELECTOR, APPROVE_SELECTOR)):
        return _of_treasury(transaction, most)
    if transaction.data == NO_CALL:
        to_itself = transaction.to.lower() == sender.lower()
        idle = to_itself and transaction.value == 0
        return Act(transaction.to, None, transaction.value, most, idle=idle, amount=transaction.value)
    try:
        to, amount = read_transfer(transaction.data)
    except SigningRefused as exc:
        return Act(transaction.to, transaction.to, transaction.value, most, unclear=str(exc))
    return Act(to, transaction.to, transaction.value, most, amount=amount)


def _of_treasury(transaction: Transaction, most: int) -> Act:
    """Read what a treasury alone may do: pay many, or let the contract that does take a token."""
    if (call := parse_pay(transaction.data)) is not None:
        amount = sum(each for _, each in call.payments)
        told = "it pays many at once"
        return Act(transaction.to, call.token, transaction.value, most, unclear=told, amount=amount, pays=call.payments)
    spender, told = parse_approve(transaction.data) or "", "the call is not an ERC-20 transfer"
    return Act(transaction.to, transaction.to, transaction.value, most, unclear=told, spender=spender)


def _batch(transaction: Transaction, most: int) -> Act:
    """Read the call of a batcher; an authorization goes with nothing else, and with an operator's own fee only."""
    call = parse_sweep(transaction.data)
    if call is None or transaction.legacy:
        raise SigningRefused("the call is not a batch of sweeps")
    grants = tuple(Grant(each.path, each.address, each.delegate) for each in transaction.authorizations)
    return Act(transaction.to, call.token, transaction.value, most, collects=True, grants=grants)
