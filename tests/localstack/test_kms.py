"""Keys in KMS: LocalStack's signs the digest that it is given, which moto's does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account import Account

from ctrip.aws.kms_keys import KmsKey
from ctrip.domain.chains.evm.transaction import Transaction
from ctrip.signer.outside_keys import OutsideKey, WalletWithOutsideKeys
from ctrip.signer.wallet import MnemonicWallet
from infra.stack import wallet
from tests.localstack.cloud import Cloud

STATION = "m/44'/60'/0'/0/1"
GIFT = Transaction(
    chain_id=31337,
    nonce=0,
    to="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    value=1,
    gas=21_000,
    max_fee=10**9,
    priority_fee=1,
)


@pytest.fixture
def key(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key on secp256k1 in LocalStack, gone afterwards; its id."""
    kms = cloud.client("kms")
    made: str = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    monkeypatch.setattr("ctrip.aws.kms_keys.client", lambda *_: kms)
    yield made
    kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)


def test_a_transaction_signed_in_kms_is_its_keys_own(key: str) -> None:
    """Many times: half of what KMS signs has the higher s, and half of the points are the other one."""
    ours = WalletWithOutsideKeys(MnemonicWallet(wallet.LOCAL_MNEMONIC), {1: OutsideKey(KmsKey(key))})
    address = ours.address("evm", STATION)
    for _ in range(16):
        signed = ours.sign("evm", STATION, GIFT)
        assert Account.recover_transaction(signed.raw) == address
