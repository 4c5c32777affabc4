"""Signs EVM transactions, by eth-account."""

from collections.abc import Callable
from typing import Any

from ctrip.domain.chains.chain import Signed
from ctrip.domain.chains.evm.addresses import checksum
from ctrip.domain.chains.evm.transaction import Authorization, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.signer.eth_account_alone import account

_ACCOUNT = account()


def sign(key: bytes, transaction: Transaction, key_at: Callable[[str], bytes]) -> Signed:
    """Sign a transaction: of type 2, of type 4 with authorizations, or of the first type on chains without a base fee.

    `key_at` returns the private key at a path: each authorization is signed by its own address.
    """
    fields: dict[str, Any] = {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": checksum(transaction.to),
        "value": transaction.value,
        "data": transaction.data,
        "gas": transaction.gas,
    }
    if transaction.legacy:
        fields["gasPrice"] = transaction.max_fee
    else:
        fields |= {"maxFeePerGas": transaction.max_fee, "maxPriorityFeePerGas": transaction.priority_fee, "type": 2}
    if transaction.authorizations:
        signed_by_each = [
            _authorization(key_at(each.path), each, transaction.chain_id) for each in transaction.authorizations
        ]
        fields |= {"type": 4, "authorizationList": signed_by_each}
    signed = _ACCOUNT.sign_transaction(fields, key)
    return Signed("0x" + signed.raw_transaction.hex().removeprefix("0x"), "0x" + signed.hash.hex().removeprefix("0x"))


def _authorization(key: bytes, wanted: Authorization, chain_id: int) -> Any:
    if not chain_id:
        raise SigningRefused("an authorization for chain 0 holds on every chain")
    fields = {"chainId": chain_id, "address": checksum(wanted.delegate), "nonce": wanted.nonce}
    return _ACCOUNT.sign_authorization(fields, key)
