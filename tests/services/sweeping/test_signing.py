"""The signer compares before it signs: threat 3, each row swapped."""

from dataclasses import replace

import pytest
from eth_account import Account

from ctrip.aws.signer import answer_call
from ctrip.domain.chains.chain import Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.domain.sweeping.gas import bumped
from ctrip.domain.sweeping.sweep import transfer_data, transfer_destination
from ctrip.keys.authority import KeyAuthority
from ctrip.keys.wallet import MnemonicWallet
from ctrip.services.merchants.provision_merchant import AccountProvisioner
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from tests.world import NETWORK, World

MNEMONIC = "abandon " * 11 + "about"
WALLET = MnemonicWallet(MNEMONIC)
TREASURY = "0x00000000000000000000000000000000000000AA"
THIEF = "0x00000000000000000000000000000000000000EE"
TOKEN = "0x00000000000000000000000000000000000000cc"
DEPOSIT = "m/44'/60'/1'/0/7"
STATION = "m/44'/60'/0'/0/1"
CAP = 10**16
CHEAP = replace(NETWORK, chain_id=1, gas_funding_cap=CAP, fee_cap=CAP)
DEAR = replace(NETWORK, name="dear", chain_id=137, gas_funding_cap=50 * CAP, fee_cap=80 * CAP)
SIGNER = GuardedSigner(lambda: WALLET, {1: TREASURY, 137: TREASURY}, [CHEAP, DEAR])
SWEEP = Transaction(chain_id=1, nonce=0, to=TREASURY, value=5, gas=21_000, max_fee=100, priority_fee=100)
GAS = replace(SWEEP, to=WALLET.address(DEPOSIT), value=CAP)


def test_a_sweep_to_the_treasury_is_signed_by_the_deposits_own_key():
    """The recovered sender is the address at the path, for both fee kinds."""
    for transaction in (SWEEP, replace(SWEEP, legacy=True)):
        signed = SIGNER.sign(DEPOSIT, WALLET.address(DEPOSIT), transaction)
        assert Account.recover_transaction(signed.raw) == WALLET.address(DEPOSIT)


def test_a_token_sweep_and_gas_for_an_own_address_are_signed():
    """The two other things it does."""
    token = replace(SWEEP, to=TOKEN, value=0, data=transfer_data(TREASURY, 99))
    SIGNER.sign(DEPOSIT, WALLET.address(DEPOSIT), token)
    SIGNER.sign(STATION, WALLET.address(STATION), GAS, recipient_path=DEPOSIT)


def test_each_chain_has_its_own_treasury_and_a_chain_without_one_is_not_swept():
    """The signer goes by the chain id that it signs for."""
    base, optimism = (replace(CHEAP, name=name, chain_id=number) for name, number in (("base", 8453), ("optimism", 10)))
    signer = replace(SIGNER, treasuries={1: TREASURY, 8453: TOKEN}, networks=[CHEAP, base, optimism])
    sender = WALLET.address(DEPOSIT)
    signer.sign(DEPOSIT, sender, SWEEP)
    signer.sign(DEPOSIT, sender, replace(SWEEP, chain_id=8453, to=TOKEN))
    for chain_id, to in ((1, TOKEN), (8453, TREASURY), (10, TREASURY), (10, TOKEN)):
        with pytest.raises(SigningRefused):
            signer.sign(DEPOSIT, sender, replace(SWEEP, chain_id=chain_id, to=to))


@pytest.mark.parametrize(
    "path", ["m/44'/60'/0'/0/1", "m/44'/60'/0'/0/2", DEPOSIT, "m/44'/60'/1'/0/0", "m/44'/60'/1'/0/99"]
)
def test_a_treasury_that_is_an_address_of_our_own_is_refused(path):
    """The gas station's, the operator's, and those of the merchant whose deposit would be swept."""
    own = WALLET.address(path)
    signer = replace(SIGNER, treasuries={1: own.lower()})
    with pytest.raises(SigningRefused, match="own address"):
        signer.sign(DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=own))


def test_the_operators_first_address_may_be_the_treasury():
    """A hot wallet of the same mnemonic, as the local stage has it."""
    hot = WALLET.address("m/44'/60'/0'/0/0")
    signer = replace(SIGNER, treasuries={1: hot})
    signer.sign(DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=hot))


@pytest.mark.parametrize(
    ("path", "sender", "transaction", "recipient"),
    [
        (DEPOSIT, THIEF, SWEEP, None),  # the address in the table was swapped
        ("m/44'/60'/2'/0/7", WALLET.address(DEPOSIT), SWEEP, None),  # the path was
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=THIEF), None),  # the treasury was
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=TOKEN, value=0, data=transfer_data(THIEF, 9)), None),
        (
            DEPOSIT,
            WALLET.address(DEPOSIT),
            replace(SWEEP, to=TOKEN, data=transfer_data(TREASURY, 9)),
            None,
        ),  # with coin
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=TREASURY, data="0x095ea7b3" + "0" * 128), None),  # approve
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=TREASURY, data="0xa9059cbb"), None),  # cut short
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, max_fee=CAP), None),  # all of it for the fee
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=WALLET.address(DEPOSIT)), None),  # to itself, with coin
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=WALLET.address(DEPOSIT), value=0, data="0x00"), None),
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=THIEF, value=0), None),  # nothing, but not to itself
        (DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, chain_id=5), None),  # a chain that is not enabled
        (STATION, WALLET.address(STATION), GAS, None),
        (STATION, WALLET.address(STATION), replace(GAS, to=THIEF), DEPOSIT),
        (STATION, WALLET.address(STATION), replace(GAS, value=CAP + 1), DEPOSIT),
        (STATION, WALLET.address(STATION), replace(GAS, to=WALLET.address(STATION)), STATION),
        (STATION, WALLET.address(STATION), replace(GAS, data=transfer_data(TREASURY, 1)), DEPOSIT),
        ("m/44'/60'/0'/0/0", WALLET.address("m/44'/60'/0'/0/0"), SWEEP, None),  # the treasury's own key
        ("m/44'/60'/1'/1/7", WALLET.address(DEPOSIT), SWEEP, None),
        ("m/44'/60'/1/0/7", WALLET.address(DEPOSIT), SWEEP, None),
        ("m/44'/60'/1'/0/7/../8", WALLET.address(DEPOSIT), SWEEP, None),
    ],
)
def test_anything_else_is_refused(path, sender, transaction, recipient):
    """Nothing is signed, and the caller hears why."""
    with pytest.raises(SigningRefused):
        SIGNER.sign(path, sender, transaction, recipient_path=recipient)


def test_a_nonce_is_used_for_nothing():
    """What cancels a sweep: no coin, no data, to the sender itself."""
    for to in (WALLET.address(DEPOSIT), WALLET.address(DEPOSIT).lower()):
        cancelling = replace(SWEEP, to=to, value=0)
        signed = SIGNER.sign(DEPOSIT, WALLET.address(DEPOSIT), cancelling)
        assert Account.recover_transaction(signed.raw) == WALLET.address(DEPOSIT)


def test_each_chain_has_caps_of_its_own():
    """31 gwei is dear on one chain and usual on another; the transaction's chain id says which caps hold."""
    fee = CAP // 21_000 + 1
    for sender, transaction, recipient in (
        (DEPOSIT, replace(SWEEP, max_fee=fee), None),
        (STATION, replace(GAS, value=CAP + 1), DEPOSIT),
    ):
        with pytest.raises(SigningRefused):
            SIGNER.sign(sender, WALLET.address(sender), transaction, recipient_path=recipient)
        SIGNER.sign(sender, WALLET.address(sender), replace(transaction, chain_id=137), recipient_path=recipient)


def test_without_a_treasury_nothing_is_swept():
    """An empty setting is not an address."""
    with pytest.raises(SigningRefused, match="treasury"):
        GuardedSigner(lambda: WALLET, {}, [CHEAP]).sign(DEPOSIT, WALLET.address(DEPOSIT), replace(SWEEP, to=""))


def test_over_the_wire_a_refusal_is_an_answer():
    """The function does not fail, and says no more than the reason."""
    request = {"op": "sign", "path": DEPOSIT, "sender": THIEF, "recipient_path": None}
    transaction = {name: getattr(SWEEP, name) for name in SWEEP.__slots__}
    world = World(account=7, xpub="")
    authority = KeyAuthority(MNEMONIC)
    provisioner = AccountProvisioner(
        access=world.stores.access, account_xpub=SIGNER.account_xpub, authority=lambda: authority, clock=world.clock
    )
    assert answer_call(request | {"transaction": transaction}, SIGNER, provisioner) == {
        "refused": "the sender is not the address at its path"
    }
    assert answer_call({"op": "xpub", "account": 1}, SIGNER, provisioner)["xpub"].startswith("xpub")
    key = answer_call({"op": "verifying_key"}, SIGNER, provisioner)["verifying_key"]
    assert answer_call({"op": "provision", "merchant": "m1"}, SIGNER, provisioner) == {}
    assert answer_call({"op": "provision", "merchant": "nobody"}, SIGNER, provisioner)["refused"]
    provisioned = world.stores.access.merchant("m1")
    assert provisioned is not None
    assert provisioned.xpub == WALLET.account_xpub(7)
    assert verify_extended_key(provisioned, key)


def test_transfer_calls_are_read_as_they_are_written():
    """Recipient in, recipient out."""
    assert transfer_destination(transfer_data(TREASURY, 2**256 - 1)) == TREASURY.lower()


def test_a_replacement_raises_the_fee_by_at_least_an_eighth():
    """Rounded up, also for a fee of one."""
    for fee in (1, 7, 8, 9, 10**9 + 1):
        assert bumped(fee) * 8 >= fee * 9
