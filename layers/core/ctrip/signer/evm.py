"""Signs EVM transactions, by eth-account."""

from typing import Any

from ctrip.domain.chains.chain import Signed
from ctrip.domain.chains.evm.addresses import checksum
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.signer.eth_account_alone import account

_ACCOUNT = account()


def sign(key: bytes, transaction: Transaction) -> Signed:
    """Sign a transaction: of type 2, or of the first type on chains without a base fee."""
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
    signed = _ACCOUNT.sign_transaction(fields, key)
    return Signed("0x" + signed.raw_transaction.hex().removeprefix("0x"), "0x" + signed.hash.hex().removeprefix("0x"))
