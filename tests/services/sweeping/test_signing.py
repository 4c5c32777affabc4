"""The signer compares before it signs: threat 3, each row swapped."""

from dataclasses import replace
from functools import partial

import pytest
from eth_account import Account

from ctrip.aws.signer import answer_call
from ctrip.chains.evm.gas import bumped
from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.evm.transaction import Transaction, transfer_data, transfer_destination
from ctrip.domain.errors import SigningRefused
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.services.merchants.provision_merchant import AccountProvisioner
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from ctrip.signer.authority import KeyAuthority
from ctrip.signer.wallet import MnemonicWallet
from tests.world import NETWORK, World

MNEMONIC = "abandon " * 11 + "about"
WALLET = MnemonicWallet(MNEMONIC)
at = partial(WALLET.address, "evm")
TREASURY = "0x00000000000000000000000000000000000000AA"
THIEF = "0x00000000000000000000000000000000000000EE"
TOKEN = "0x00000000000000000000000000000000000000cc"
DEPOSIT = "m/44'/60'/1'/0/7"
STATION = "m/44'/60'/0'/0/1"
CAP = 10**16
CHEAP = replace(NETWORK, chain_id=1, testnet=True, gas_funding_cap=CAP, fee_cap=CAP)
DEAR = replace(CHEAP, name="dear", chain_id=137, gas_funding_cap=50 * CAP, fee_cap=80 * CAP)
SIGNER = GuardedSigner(
    lambda: WALLET, {"anvil": TREASURY, "dear": TREASURY}, {"anvil": CHEAP, "dear": DEAR}, lambda: False
)
SWEEP = Transaction(chain_id=1, nonce=0, to=TREASURY, value=5, gas=21_000, max_fee=100, priority_fee=100)
GAS = replace(SWEEP, to=at(DEPOSIT), value=CAP)


def sign(
    signer: GuardedSigner, path: str, sender: str, transaction: Transaction, recipient_path: str | None = None
) -> Signed:
    """Ask for a signature on the network that has the transaction's chain id."""
    name = next((each.name for each in signer.networks.values() if each.chain_id == transaction.chain_id), "unknown")
    return signer.sign(name, path, sender, transaction, recipient_path=recipient_path)


def test_a_sweep_to_the_treasury_is_signed_by_the_deposits_own_key():
    """The recovered sender is the address at the path, for both fee kinds."""
    for transaction in (SWEEP, replace(SWEEP, legacy=True)):
        signed = sign(SIGNER, DEPOSIT, at(DEPOSIT), transaction)
        assert Account.recover_transaction(signed.raw) == at(DEPOSIT)


def test_a_token_sweep_and_gas_for_an_own_address_are_signed():
    """The two other things it does."""
    token = replace(SWEEP, to=TOKEN, value=0, data=transfer_data(TREASURY, 99))
    sign(SIGNER, DEPOSIT, at(DEPOSIT), token)
    sign(SIGNER, STATION, at(STATION), GAS, recipient_path=DEPOSIT)


def test_each_chain_has_its_own_treasury_and_a_chain_without_one_is_not_swept():
    """The signer goes by the chain id that it signs for."""
    base, optimism = (replace(CHEAP, name=name, chain_id=number) for name, number in (("base", 8453), ("optimism", 10)))
    networks = {each.name: each for each in (CHEAP, base, optimism)}
    signer = replace(SIGNER, treasuries={"anvil": TREASURY, "base": TOKEN}, networks=networks)
    sender = at(DEPOSIT)
    sign(signer, DEPOSIT, sender, SWEEP)
    sign(signer, DEPOSIT, sender, replace(SWEEP, chain_id=8453, to=TOKEN))
    for chain_id, to in ((1, TOKEN), (8453, TREASURY), (10, TREASURY), (10, TOKEN)):
        with pytest.raises(SigningRefused):
            sign(signer, DEPOSIT, sender, replace(SWEEP, chain_id=chain_id, to=to))


@pytest.mark.parametrize(
    "path", ["m/44'/60'/0'/0/1", "m/44'/60'/0'/0/2", DEPOSIT, "m/44'/60'/1'/0/0", "m/44'/60'/1'/0/99"]
)
def test_a_treasury_that_is_an_address_of_our_own_is_refused(path):
    """The gas station's, the operator's, and those of the merchant whose deposit would be swept."""
    own = at(path)
    signer = replace(SIGNER, treasuries={"anvil": own.lower()})
    with pytest.raises(SigningRefused, match="own address"):
        sign(signer, DEPOSIT, at(DEPOSIT), replace(SWEEP, to=own))


def test_the_operators_first_address_may_be_the_treasury():
    """A hot wallet of the same mnemonic, as the local stage has it."""
    hot = at("m/44'/60'/0'/0/0")
    signer = replace(SIGNER, treasuries={"anvil": hot})
    sign(signer, DEPOSIT, at(DEPOSIT), replace(SWEEP, to=hot))


@pytest.mark.parametrize(
    ("path", "sender", "transaction", "recipient"),
    [
        (DEPOSIT, THIEF, SWEEP, None),  # the address in the table was swapped
        ("m/44'/60'/2'/0/7", at(DEPOSIT), SWEEP, None),  # the path was
        (DEPOSIT, at(DEPOSIT), replace(SWEEP, to=THIEF), None),  # the treasury was
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=TOKEN, value=0, data=transfer_data(THIEF, 9)),
            None,
        ),
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=TOKEN, data=transfer_data(TREASURY, 9)),
            None,
        ),  # with coin
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=TREASURY, data="0x095ea7b3" + "0" * 128),
            None,
        ),  # approve
        (DEPOSIT, at(DEPOSIT), replace(SWEEP, to=TREASURY, data="0xa9059cbb"), None),  # cut short
        (DEPOSIT, at(DEPOSIT), replace(SWEEP, max_fee=CAP), None),  # all of it for the fee
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=at(DEPOSIT)),
            None,
        ),  # to itself, with coin
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=at(DEPOSIT), value=0, data="0x00"),
            None,
        ),
        (
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=THIEF, value=0),
            None,
        ),  # nothing, but not to itself
        (DEPOSIT, at(DEPOSIT), replace(SWEEP, chain_id=5), None),  # a chain that is not enabled
        (STATION, at(STATION), GAS, None),
        (STATION, at(STATION), replace(GAS, to=THIEF), DEPOSIT),
        (STATION, at(STATION), replace(GAS, value=CAP + 1), DEPOSIT),
        (STATION, at(STATION), replace(GAS, to=at(STATION)), STATION),
        (STATION, at(STATION), replace(GAS, data=transfer_data(TREASURY, 1)), DEPOSIT),
        ("m/44'/60'/0'/0/0", at("m/44'/60'/0'/0/0"), SWEEP, None),  # the treasury's own key
        ("m/44'/60'/1'/1/7", at(DEPOSIT), SWEEP, None),
        ("m/44'/60'/1/0/7", at(DEPOSIT), SWEEP, None),
        ("m/44'/60'/1'/0/7/../8", at(DEPOSIT), SWEEP, None),
    ],
)
def test_anything_else_is_refused(path, sender, transaction, recipient):
    """Nothing is signed, and the caller hears why."""
    with pytest.raises(SigningRefused):
        sign(SIGNER, path, sender, transaction, recipient_path=recipient)


def test_a_nonce_is_used_for_nothing():
    """What cancels a sweep: no coin, no data, to the sender itself."""
    for to in (at(DEPOSIT), at(DEPOSIT).lower()):
        cancelling = replace(SWEEP, to=to, value=0)
        signed = sign(SIGNER, DEPOSIT, at(DEPOSIT), cancelling)
        assert Account.recover_transaction(signed.raw) == at(DEPOSIT)


def test_a_transaction_that_was_made_for_another_chain_than_the_one_named_is_refused():
    """The caps and the treasury are the named chain's; what is signed must be valid there alone."""
    with pytest.raises(SigningRefused, match="another chain's"):
        SIGNER.sign("dear", DEPOSIT, at(DEPOSIT), SWEEP)


def test_a_transaction_of_an_unknown_kind_is_refused_over_the_wire():
    """What cannot be read is not signed."""
    request = {"op": "sign", "chain": "anvil", "kind": "other", "path": DEPOSIT, "sender": THIEF}
    answer = answer_call(
        request | {"recipient_path": None, "transaction": {}}, SIGNER, World().stage.merchants.provisioner
    )
    assert answer == {"refused": "there is no such chain kind"}


def test_each_chain_has_caps_of_its_own():
    """31 gwei is dear on one chain and usual on another; the transaction's chain id says which caps hold."""
    fee = CAP // 21_000 + 1
    for sender, transaction, recipient in (
        (DEPOSIT, replace(SWEEP, max_fee=fee), None),
        (STATION, replace(GAS, value=CAP + 1), DEPOSIT),
    ):
        with pytest.raises(SigningRefused):
            sign(SIGNER, sender, at(sender), transaction, recipient_path=recipient)
        sign(SIGNER, sender, at(sender), replace(transaction, chain_id=137), recipient_path=recipient)


def test_for_a_main_network_nothing_is_signed_until_the_backup_has_been_read_back():
    """Neither a sweep nor gas money; on a test network both are."""
    backed_up = False
    main = {"anvil": replace(CHEAP, testnet=False)}
    signer = GuardedSigner(lambda: WALLET, {"anvil": TREASURY}, main, lambda: backed_up)
    for path, transaction, recipient in ((DEPOSIT, SWEEP, None), (STATION, GAS, DEPOSIT)):
        with pytest.raises(SigningRefused, match="ctrip wallet verify"):
            sign(signer, path, at(path), transaction, recipient)
        sign(SIGNER, path, at(path), transaction, recipient)
    backed_up = True
    sign(signer, DEPOSIT, at(DEPOSIT), SWEEP)


def test_without_a_treasury_nothing_is_swept():
    """An empty setting is not an address."""
    with pytest.raises(SigningRefused, match="treasury"):
        sign(
            GuardedSigner(lambda: WALLET, {}, {"anvil": CHEAP}, lambda: True),
            DEPOSIT,
            at(DEPOSIT),
            replace(SWEEP, to=""),
        )


def test_over_the_wire_a_refusal_is_an_answer():
    """The function does not fail, and says no more than the reason."""
    request = {"op": "sign", "chain": "anvil", "kind": "evm", "path": DEPOSIT, "sender": THIEF, "recipient_path": None}
    transaction = SWEEP.fields()
    world = World(account=7, xpub="")
    authority = KeyAuthority(MNEMONIC)
    provisioner = AccountProvisioner(
        access=world.stores.access, account_xpub=SIGNER.account_xpub, authority=lambda: authority, clock=world.clock
    )
    assert answer_call(request | {"transaction": transaction}, SIGNER, provisioner) == {
        "refused": "the sender is not the address at its path"
    }
    assert answer_call({"op": "xpub", "kind": "evm", "account": 1}, SIGNER, provisioner)["xpub"].startswith("xpub")
    key = answer_call({"op": "verifying_key"}, SIGNER, provisioner)["verifying_key"]
    assert answer_call({"op": "provision", "merchant": "m1"}, SIGNER, provisioner) == {}
    assert answer_call({"op": "provision", "merchant": "nobody"}, SIGNER, provisioner)["refused"]
    provisioned = world.stores.access.merchant("m1")
    assert provisioned is not None
    assert provisioned.xpub == WALLET.account_xpub("evm", 7)
    assert verify_extended_key(provisioned, key)


def test_transfer_calls_are_read_as_they_are_written():
    """Recipient in, recipient out."""
    assert transfer_destination(transfer_data(TREASURY, 2**256 - 1)) == TREASURY.lower()


def test_a_replacement_raises_the_fee_by_at_least_an_eighth():
    """Rounded up, also for a fee of one."""
    for fee in (1, 7, 8, 9, 10**9 + 1):
        assert bumped(fee) * 8 >= fee * 9
