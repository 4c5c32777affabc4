"""Signs EVM transactions, by eth-account."""

from collections.abc import Callable
from typing import Any, Protocol

from eth_keys.datatypes import Signature

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.evm.addresses import checksum
from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.evm.transaction import Authorization, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.signer.eth_account_alone import account

_ACCOUNT = account()


class DigestKey(Protocol):
    """What signs as a private key of eth-keys does, wherever the key itself is."""

    def sign_msg_hash(self, digest: bytes) -> Signature:
        """Sign 32 bytes."""
        ...


def sign(key: bytes | DigestKey, transaction: Transaction, key_at: Callable[[str], bytes]) -> Signed:
    """Sign a transaction: of type 2, of type 4 with authorizations, or of the first type on chains without a base fee.

    `key` is a private key, or what signs digests like one. `key_at` returns the private key at a path: each
    authorization is signed by its own address.
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
    if isinstance(key, bytes):
        raw = bytes(_ACCOUNT.sign_transaction(fields, key).raw_transaction)
    else:
        from eth_account._utils.signing import sign_transaction_dict

        # What `Account.sign_transaction` calls with the key that it has read.
        *_, raw = sign_transaction_dict(key, fields)  # type: ignore[arg-type]
    return Signed("0x" + raw.hex(), "0x" + keccak(raw).hex())


def _authorization(key: bytes, wanted: Authorization, chain_id: int) -> Any:
    if not chain_id:
        raise SigningRefused("an authorization for chain 0 holds on every chain")
    fields = {"chainId": chain_id, "address": checksum(wanted.delegate), "nonce": wanted.nonce}
    return _ACCOUNT.sign_authorization(fields, key)
