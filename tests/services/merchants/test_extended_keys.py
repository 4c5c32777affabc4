"""The signer vouches for each merchant's extended key; whoever changes the row redirects nobody's payers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.errors import Conflict, SigningRefused
from ctrip.domain.merchants import vouching as keys
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.vouching import key_statement, verify_extended_key
from ctrip.domain.payments.payment import Custody, Policy
from ctrip.ports.merchants import AccessChange
from ctrip.services.merchants.manage_merchants import merchant_record
from ctrip.services.merchants.provision_merchant import AccountProvisioner
from ctrip.signer.authority import KeyAuthority
from tests.world import _WALLET, AUTHORITY, ORIGIN, XPUB, XPUB2, World, put_merchant, signed

KEY = AUTHORITY.verifying_key
OWN = Policy(custody=Custody.XPUB)


def merchant(**fields: object) -> Merchant:
    held = Merchant(id="m2", name="Shop", account=2, xpub=XPUB2, webhook_secrets=("s",))
    return replace(held, **fields)


def provisioner(world: World, **more: object) -> AccountProvisioner:
    given = {"access": world.stores.access, "account_xpub": _WALLET.account_xpub, "clock": world.clock}
    return AccountProvisioner(**(given | {"authority": lambda: AUTHORITY} | more))


def stored(world: World, **fields: object) -> Merchant:
    """Store a merchant that waits for the signer."""
    held = merchant(**fields)
    audit = merchant_record(None, held, "test", ORIGIN)
    held = replace(held, audit_head=audit.hash)
    world.stores.access.change(AccessChange(merchant=(None, held), audit=audit))
    return held


def test_the_verifying_key_follows_from_the_mnemonic():
    """It is the same in every process, another one for another mnemonic, and none of an account's keys."""
    again = KeyAuthority("test test test test test test test test test test test junk")
    assert again.verifying_key == KEY
    assert again.sign(b"x") == AUTHORITY.sign(b"x")
    assert KeyAuthority("abandon " * 11 + "about").verifying_key != KEY


def test_what_the_signer_signed_is_verified():
    held = signed(merchant())
    assert verify_extended_key(held, KEY)
    # Terms, name and what else may change belong to no signature.
    assert verify_extended_key(replace(held, name="x", enabled=False, expires_in=60, version=9, account=7), KEY)
    assert verify_extended_key(replace(held, policy=Policy(confirmations=9, tolerance_per_mille=3)), KEY)


@pytest.mark.parametrize(
    "swap",
    [
        {"xpub": XPUB},
        {"id": "m3"},
        {"key_version": 2},
        {"policy": OWN},
        {"key_signature": ""},
        {"key_signature": "zz"},
        {"key_signature": "30"},
        {"key_signature": AUTHORITY.sign(b"something else")},
        {"key_signature": KeyAuthority("abandon " * 11 + "about").sign(key_statement(merchant()))},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_changed_row_is_not_verified_and_gives_no_address_out(swap):
    """Each field that was signed, swapped: an alarm, 409, and nothing is created."""
    world = World()
    held = signed(merchant())
    assert not verify_extended_key(replace(held, **swap), KEY)
    world.merchant = replace(held, **swap)
    with pytest.raises(Conflict) as refused:
        world.create()
    assert refused.value.code == "merchant_key_unverified"
    assert world.log.alarms() == ["extended_key_mismatch"]
    assert world.stores.access.indexes(world.merchant.id, "evm") == 0


@pytest.mark.parametrize("key", ["", "00", KEY[:-2], "zz", KeyAuthority("abandon " * 11 + "about").verifying_key])
def test_without_the_right_verifying_key_nobody_is_vouched_for(key):
    """A stage that lacks the setting creates no payment."""
    assert not verify_extended_key(signed(merchant()), key)


@given(st.integers(0, 600), st.integers(0, 7))
def test_no_flipped_bit_of_a_signature_is_taken(place, bit):
    held = signed(merchant())
    raw = bytearray.fromhex(held.key_signature)
    raw[place % len(raw)] ^= 1 << bit
    assert not verify_extended_key(replace(held, key_signature=raw.hex()), KEY)


def test_one_creation_in_many_pays_for_the_check(monkeypatch):
    """The result is remembered for as long as the content is the same."""
    world, asked = World(), []
    keys._verified.cache_clear()
    public = keys.PublicKey
    monkeypatch.setattr(keys, "PublicKey", lambda data: asked.append(data.hex()) or public(data))
    for _ in range(5):
        world.create()
    assert asked.count(KEY) == 1


@pytest.mark.parametrize(
    ("fields", "xpub"),
    [({"xpub": ""}, _WALLET.account_xpub("evm", 2)), ({"policy": OWN, "account": 0}, XPUB2)],
    ids=["ours", "its own"],
)
def test_the_signer_vouches_once_for_each_merchant(fields, xpub):
    """Its audit chain shows it; a second call changes nothing."""
    world = World()
    stored(world, **fields)
    for _ in range(2):
        provisioner(world).provision("m2")
        held = world.stores.access.merchant("m2")
        assert held
        assert (held.xpub, held.version, held.provisioning) == (xpub, 2, True)
        assert verify_extended_key(held, KEY)
    record = world.stores.access.audit("m2")[-1]
    assert '"action":"merchant.provisioned","actor":"signer"' in record.body
    assert held.key_signature in record.body


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"xpub": _WALLET.account_xpub("evm", 66)}, "not the one of its account"),
        ({"xpub": "", "account": 0}, "no account"),
        ({"xpub": "", "account": 1}, "another merchant has this"),
        ({"xpub": "", "key_version": 2}, "operator's command"),
        ({"xpub": XPUB2, "policy": OWN, "key_version": 2}, "operator's command"),
        ({"key_signature": "30aa"}, "not the signer's"),
    ],
)
def test_the_signer_refuses_what_it_may_not_vouch_for(fields, words):
    """A row that was changed before it came to the signer."""
    world = World()
    stored(world, **fields)
    with pytest.raises(SigningRefused, match=words):
        provisioner(world).provision("m2")


def test_a_row_that_lost_its_signature_gets_no_second_one():
    """Or somebody who can write the row would have the signer vouch for a key of theirs."""
    world = World()
    put_merchant(world.stores.access, merchant(policy=OWN, account=0))
    held = world.stores.access.merchant("m2")
    assert held
    world.stores.access._merchants["m2"] = replace(held, xpub=_WALLET.account_xpub("evm", 66), key_signature="")
    with pytest.raises(SigningRefused, match="signed before"):
        provisioner(world).provision("m2")


def test_a_verifying_key_of_another_mnemonic_stops_the_signer():
    """Nothing that it signs would be believed."""
    world = World()
    stored(world, xpub="")
    with pytest.raises(SigningRefused, match="CTRIP_VERIFYING_KEY"):
        provisioner(world, expected_key=KeyAuthority("abandon " * 11 + "about").verifying_key).provision("m2")
    provisioner(world, expected_key=KEY.upper()).provision("m2")
