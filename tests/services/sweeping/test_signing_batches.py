"""What the operator signs: batches through the published contracts, and nothing else; each row swapped."""

from dataclasses import replace

import pytest
import rlp
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_keys import keys
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from ctrip.aws.signer import answer_call
from ctrip.domain.chains.evm.sweep_call import SweepCall, sweep_data
from ctrip.domain.chains.evm.sweep_contracts import sweep_pair
from ctrip.domain.chains.evm.transaction import Authorization, Transaction, transfer_data
from ctrip.domain.errors import SigningRefused
from tests.services.sweeping.test_signing import CAP, DEPOSIT, SIGNER, STATION, THIEF, TOKEN, TREASURY, at, sign

OPERATOR = "m/44'/60'/0'/0/2"
OTHER = "m/44'/60'/2'/0/0"
PAIR = sweep_pair(TREASURY, at(OPERATOR))
FOREIGN = sweep_pair(THIEF, at(OPERATOR))
CALL = SweepCall(TOKEN, (at(DEPOSIT), at(OTHER)), 60_000)
AUTHORIZATIONS = tuple(
    Authorization(path=path, address=at(path), delegate=PAIR.delegate.address, nonce=nonce)
    for path, nonce in ((DEPOSIT, 0), (OTHER, 3))
)
BATCH = Transaction(
    chain_id=1,
    nonce=9,
    to=PAIR.batcher.address,
    value=0,
    data=sweep_data(CALL),
    gas=300_000,
    max_fee=100,
    priority_fee=1,
    authorizations=AUTHORIZATIONS,
)
FIRST = AUTHORIZATIONS[0]


def authority(signed):
    """Recover who signed an authorization, from the bytes of EIP-7702 itself."""
    message = b"\x05" + rlp.encode([signed["chainId"], HexBytes(signed["address"]), signed["nonce"]])
    signature = keys.Signature(vrs=(signed["yParity"], signed["r"], signed["s"]))
    return signature.recover_public_key_from_msg_hash(keccak(message)).to_checksum_address()


def test_a_batch_is_signed_by_the_operator_and_each_authorization_by_its_own_address():
    """For the transaction's own chain, and at the nonce that was asked for."""
    signed = sign(SIGNER, OPERATOR, at(OPERATOR), BATCH)
    assert Account.recover_transaction(signed.raw) == at(OPERATOR)
    read = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    assert (read["type"], read["nonce"], read["value"], HexBytes(read["data"]).hex()) == (4, 9, 0, BATCH.data[2:])
    each = read["authorizationList"]
    assert [(one["chainId"], one["nonce"]) for one in each] == [(1, 0), (1, 3)]
    assert {HexBytes(one["address"]) for one in each} == {HexBytes(PAIR.delegate.address)}
    assert [authority(one) for one in each] == [at(DEPOSIT), at(OTHER)]
    assert signed.tx_hash == "0x" + keccak(HexBytes(signed.raw)).hex()


def test_a_batch_of_addresses_that_delegate_already_is_of_type_2():
    signed = sign(SIGNER, OPERATOR, at(OPERATOR), replace(BATCH, authorizations=()))
    assert HexBytes(signed.raw)[0] == 2


def test_a_batch_travels_to_the_signer_and_back():
    """Both ends of the call read and write the authorizations alike."""
    request = {
        "op": "sign",
        "chain": "anvil",
        "path": OPERATOR,
        "sender": at(OPERATOR),
        "recipient_path": None,
        "kind": "evm",
        "transaction": BATCH.fields(),
    }
    assert answer_call(request, SIGNER, None)["raw"] == sign(SIGNER, OPERATOR, at(OPERATOR), BATCH).raw


def test_the_operator_uses_a_nonce_for_nothing():
    """That is how a batch is cancelled."""
    sign(SIGNER, OPERATOR, at(OPERATOR), replace(BATCH, to=at(OPERATOR), data="0x", gas=21_000, authorizations=()))


REFUSED = {
    "another sender": (OPERATOR, THIEF, BATCH),
    "a deposit address": (DEPOSIT, at(DEPOSIT), BATCH),
    "the gas station": (STATION, at(STATION), BATCH),
    "another key of the operator's": ("m/44'/60'/0'/0/3", at("m/44'/60'/0'/0/3"), BATCH),
    "a merchant's third address": ("m/44'/60'/1'/0/2", at("m/44'/60'/1'/0/2"), BATCH),
    "another contract": (OPERATOR, at(OPERATOR), replace(BATCH, to=THIEF)),
    "the delegate itself": (OPERATOR, at(OPERATOR), replace(BATCH, to=PAIR.delegate.address)),
    "with coin": (OPERATOR, at(OPERATOR), replace(BATCH, value=1)),
    "another call": (OPERATOR, at(OPERATOR), replace(BATCH, data=transfer_data(THIEF, 1), to=TOKEN)),
    "another call without authorizations": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, data=transfer_data(TREASURY, 1), to=TOKEN, authorizations=()),
    ),
    "no call": (OPERATOR, at(OPERATOR), replace(BATCH, data="0x")),
    "coin for a deposit address": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, to=at(DEPOSIT), data="0x", value=1, authorizations=()),
    ),
    "coin for the treasury": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, to=TREASURY, data="0x", value=1, authorizations=()),
    ),
    "a longer call": (OPERATOR, at(OPERATOR), replace(BATCH, data=BATCH.data + "00" * 32)),
    "without a base fee": (OPERATOR, at(OPERATOR), replace(BATCH, legacy=True)),
    "too dear": (OPERATOR, at(OPERATOR), replace(BATCH, max_fee=CAP)),
    "another treasury's delegate": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, delegate=FOREIGN.delegate.address),)),
    ),
    "anybody's delegate": (OPERATOR, at(OPERATOR), replace(BATCH, authorizations=(replace(FIRST, delegate=THIEF),))),
    "no delegate": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, delegate="0x" + "00" * 20),)),
    ),
    "the second of two": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(FIRST, replace(AUTHORIZATIONS[1], delegate=THIEF))),
    ),
    "an address that is not at its path": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, path=OTHER),)),
    ),
    "a path that is none of ours": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, path="m/44'/60'/1'/1/7"),)),
    ),
    "the gas station delegates": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, path=STATION, address=at(STATION)),)),
    ),
    "the treasury delegates": (
        OPERATOR,
        at(OPERATOR),
        replace(BATCH, authorizations=(replace(FIRST, path="m/44'/60'/0'/0/0", address=at("m/44'/60'/0'/0/0")),)),
    ),
    "a delegation beside a sweep": (
        DEPOSIT,
        at(DEPOSIT),
        replace(BATCH, to=TREASURY, data="0x", value=5, gas=60_000, authorizations=(FIRST,)),
    ),
    "for all chains": (OPERATOR, at(OPERATOR), replace(BATCH, chain_id=0)),
}


@pytest.mark.parametrize(("path", "sender", "transaction"), REFUSED.values(), ids=list(REFUSED))
def test_everything_else_is_refused(path, sender, transaction):
    with pytest.raises(SigningRefused):
        sign(SIGNER, path, sender, transaction)


def test_a_batch_goes_to_the_treasury_of_its_own_chain():
    """The pair of one treasury is a stranger where the chain has another, and where it has none."""
    for treasuries in ({"anvil": THIEF}, {}):
        with pytest.raises(SigningRefused):
            sign(replace(SIGNER, treasuries=treasuries), OPERATOR, at(OPERATOR), BATCH)


@pytest.mark.parametrize("path", [STATION, DEPOSIT, "m/44'/60'/0'/0/0", "m/44'/60'/0'/0/3"])
def test_no_other_key_is_an_operator_although_contracts_of_its_own_would_pay_the_treasury(path):
    """Their addresses follow from any sender; only one key is the operator's."""
    pair = sweep_pair(TREASURY, at(path))
    grants = tuple(replace(each, delegate=pair.delegate.address) for each in AUTHORIZATIONS)
    for authorizations in (grants, ()):
        batch = replace(BATCH, to=pair.batcher.address, authorizations=authorizations)
        with pytest.raises(SigningRefused, match="operator"):
            sign(SIGNER, path, at(path), batch)


def test_a_treasury_that_is_a_members_address_is_refused():
    own = at("m/44'/60'/2'/0/9")
    pair = sweep_pair(own, at(OPERATOR))
    transaction = replace(
        BATCH,
        to=pair.batcher.address,
        authorizations=tuple(replace(each, delegate=pair.delegate.address) for each in AUTHORIZATIONS),
    )
    with pytest.raises(SigningRefused, match="own address"):
        sign(replace(SIGNER, treasuries={"anvil": own}), OPERATOR, at(OPERATOR), transaction)


def test_three_hundred_members_fit_into_what_a_pool_takes():
    """Geth's takes no transaction of more than 128 KiB."""
    paths = [f"m/44'/60'/{1 + number % 3}'/0/{number}" for number in range(300)]
    grants = tuple(
        Authorization(path=path, address=at(path), delegate=PAIR.delegate.address, nonce=0) for path in paths
    )
    call = replace(CALL, accounts=tuple(each.address for each in grants))
    batch = replace(BATCH, data=sweep_data(call), authorizations=grants, gas=16_000_000)
    assert len(HexBytes(sign(SIGNER, OPERATOR, at(OPERATOR), batch).raw)) < 64 * 1024
