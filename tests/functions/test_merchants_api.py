"""Merchants, their keys and limits, through the admin API and their own (threats 15 and 16; audit, idempotency)."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.admins import Role
from ctrip.domain.audit import broken
from ctrip.domain.errors import Busy, Contended
from ctrip.domain.merchants.access import Limits, Scope
from ctrip.domain.payments.payment import Status, Tier
from ctrip.services.audit import checkpoint_audit as seal_audit
from ctrip.services.audit.checkpoint_audit import AuditCheckpointer, AuditVerifier, hour_of
from ctrip.services.merchants.discover_account import AccountDiscoverer
from ctrip.services.merchants.limit_calls import CallLimiter
from ctrip.services.merchants.provision_merchant import AccountProvisioner, WaitingProvisioner
from tests.functions.conftest import KEY, Api, add_key
from tests.world import _WALLET, AUTHORITY, NETWORK, put_merchant

XPUB = _WALLET.account_xpub("evm", 77)
OTHER = "ctrip_otherkey01_0123456789abcdefghijkl"


def provision(api: Api) -> list[str]:
    """Do what the function `provision` does, with the signer's end in memory."""
    access, world = api.world.stores.access, api.world
    signer = AccountProvisioner(
        access=access, account_xpub=_WALLET.account_xpub, authority=lambda: AUTHORITY, clock=world.clock
    )
    discoverer = AccountDiscoverer(
        networks={"anvil": NETWORK}, open_chain=lambda name: world.chain, access=access, clock=world.clock
    )
    return WaitingProvisioner(access, signer, discoverer, world.log).run()


def merchant(api: Api, **wanted: Any) -> Any:
    """Make a merchant over the admin API."""
    answer = api.admin("POST", "/merchants", {"name": "Shop 2", **wanted})
    assert answer.status_code == 201, answer.body
    return answer.json


def key_of(api: Api, merchant_id: str, *scopes: Scope, **more: Any) -> Any:
    """Make a merchant's key over the admin API."""
    asked = {"name": "k", "scopes": [scope.value for scope in scopes or tuple(Scope)], **more}
    answer = api.admin("POST", f"/merchants/{merchant_id}/keys", asked)
    assert answer.status_code == 201, answer.body
    return answer.json


def otherwise_spelt(xpub: str) -> str:
    """Spell the same key and chain code with another parent's fingerprint."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for character in xpub:
        number = number * 58 + digits.index(character)
    raw = bytearray(number.to_bytes(82, "big")[:78])
    raw[5] ^= 1
    whole = bytes(raw) + hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, spelt = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        spelt = digits[digit] + spelt
    return spelt


# -- merchants


def test_a_merchant_gets_its_account_from_the_signer_alone(api: Api) -> None:
    """Until then it is `provisioning`, and its payments are refused; its webhook secret is shown once."""
    made = merchant(api, expires_in=600, tolerance_per_mille=5)
    assert (made["status"], made["xpub"], made["account_path"]) == ("provisioning", None, "m/44'/60'/1'")
    assert made["webhook_secret"].startswith("whsec_")
    assert api.world.jobs.provisions == 1
    key = key_of(api, made["id"])["api_key"]
    early = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}, key=key)
    assert (early.status_code, early.json["code"]) == (409, "merchant_provisioning")
    # The account number 1 is the test merchant's already: the next one is taken, the failed one goes on waiting.
    assert provision(api) == []
    assert "provisioning_failed" in api.world.log.alarms()
    second = merchant(api)
    assert second["account_path"] == "m/44'/60'/2'"
    assert provision(api) == [second["id"]]
    assert provision(api) == []
    shown = api.admin("GET", f"/merchants/{second['id']}").json
    assert (shown["status"], shown["xpub"]) == ("active", _WALLET.account_xpub("evm", 2))
    key = key_of(api, second["id"])["api_key"]
    paid = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}, key=key).json
    assert paid["derivation_path"] == "m/44'/60'/2'/0/0"
    assert _WALLET.address("evm", "m/44'/60'/2'/0/0") == paid["address"]


def test_a_merchants_own_key_receives_and_nothing_is_swept(api: Api) -> None:
    """Custody `xpub`: addresses of its own account, settled when paid, no sweep, no signer."""
    made = merchant(api, xpub=XPUB)
    assert (made["status"], made["custody"], made["account_path"]) == ("provisioning", "xpub", None)
    assert api.world.jobs.provisions == 1
    assert provision(api) == [made["id"]]
    assert api.admin("GET", f"/merchants/{made['id']}").json["status"] == "active"
    key = key_of(api, made["id"])["api_key"]
    payment = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000}, key=key).json
    assert payment["derivation_path"] == "M/0/0"
    assert payment["address"] == _WALLET.address("evm", "m/44'/60'/77'/0/0")
    world = api.world
    world.chain.deposit(payment["address"], 1000)
    world.step(4)
    world.settle(8)
    held = world.payment(payment["id"])
    assert (held.status, held.tier, held.own.sweeps) == (Status.SETTLED, Tier.MONITORED, ())
    assert world.jobs.sweeps == []
    types = [event.type for event in world.stores.events.named(made["id"], world.stores.payments.events_of(held.id))]
    assert types[-2:] == ["payment.paid", "payment.settled"]
    # The money is the merchant's own: that it moves it is nobody's alarm.
    world.chain.burn(payment["address"], 1000)
    world.step(2)
    shown = api.call("GET", f"/api/v1/payments/{payment['id']}", key=key).json
    assert (shown["status"], shown["exceptions"], shown["fulfillable"]) == ("settled", [], True)
    assert (shown["amount_received"], world.log.alarms()) == (1000, [])


@pytest.mark.parametrize(
    "xpub",
    [
        "x" * 111,
        XPUB[:-1] + ("1" if XPUB[-1] != "1" else "2"),
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
        "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
        "0" * 111,
        "z" * 120,
        "abandon " * 11 + "about",
        f"wpkh([d34db33f/84h/0h/0h]{XPUB}/0/*)",
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
        "1" + XPUB,
    ],
)
def test_an_own_key_must_be_that_of_an_account(api: Api, xpub: str) -> None:
    """Not a private one, whose text is not repeated; not a master key; not a mistyped one; nothing else either."""
    answer = api.admin("POST", "/merchants", {"name": "n", "xpub": xpub})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "xpub")
    assert answer.json["errors"][0]["code"] == "invalid_xpub"
    assert xpub not in answer.body.decode()


def test_white_space_around_an_own_key_is_left_out(api: Api) -> None:
    """It is stored as if it had come without, and so is in use from then on."""
    assert merchant(api, xpub=f" {XPUB}\n")["xpub"] == XPUB
    answer = api.admin("POST", "/merchants", {"name": "n", "xpub": f"{XPUB} "})
    assert answer.json["errors"][0]["code"] == "xpub_in_use"


def test_an_own_key_belongs_to_one_merchant(api: Api) -> None:
    """Two merchants would share their addresses."""
    merchant(api, xpub=XPUB)
    hot = api.admin("GET", "/merchants/m1").json["xpub"]
    for taken in (XPUB, otherwise_spelt(XPUB), hot):
        answer = api.admin("POST", "/merchants", {"name": "n", "xpub": taken})
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "xpub_in_use")


def test_a_merchants_terms_change_for_new_payments(api: Api) -> None:
    """Those that exist keep theirs; what is left out stays; what is wrong is named."""
    before = api.create()
    changed = api.admin("PATCH", "/merchants/m1", {"expires_in": 120, "confirmations": 9, "late": "review"})
    assert (changed.json["expires_in"], changed.json["confirmations"], changed.json["late"]) == (120, 9, "review")
    api.world.clock.at += 31_000
    after = api.create()
    assert (before["required_confirmations"], after["required_confirmations"]) == (3, 9)
    renamed = api.admin("PATCH", "/merchants/m1", {"name": "Another"}).json
    assert (renamed["name"], renamed["expires_in"]) == ("Another", 120)
    for wrong in (
        {"expires_in": 59},
        {"tolerance_per_mille": 101},
        {"late": "never"},
        {"custody": "hot"},
        {"name": ""},
    ):
        answer = api.admin("PATCH", "/merchants/m1", wrong)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, next(iter(wrong)))


def test_merchants_are_listed_page_by_page(api: Api) -> None:
    """Each once."""
    made = {merchant(api, name=f"Shop {number}")["id"] for number in range(3)} | {"m1"}
    found, cursor = [], ""
    while cursor is not None:
        page = api.admin("GET", f"/merchants?limit=2{f'&cursor={cursor}' if cursor else ''}").json
        found += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(made)


# -- keys


def test_a_key_has_two_versions_while_it_is_rotated(api: Api) -> None:
    """The old secrets go on for the overlap, those before them end at once; with none they end now."""
    first = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}).json
    second = api.call("POST", f"/api/v1/keys/{first['id']}/rotate", {"overlap_seconds": 60}).json
    assert len(second["versions"]) == 2
    api.world.clock.at += 31_000

    def good(*keys: Any) -> list[int]:
        return [api.call("GET", "/api/v1/chains", key=key["api_key"]).status_code for key in keys]

    assert good(first, second) == [200, 200]
    third = api.call("POST", f"/api/v1/keys/{first['id']}/rotate").json
    api.world.clock.at += 31_000
    assert good(first, second, third) == [401, 200, 200]
    fourth = api.call("POST", f"/api/v1/keys/{first['id']}/rotate", {"overlap_seconds": 0}).json
    assert len(fourth["versions"]) == 1
    api.world.clock.at += 31_000
    assert good(first, second, third, fourth) == [401, 401, 401, 200]
    assert api.call("DELETE", f"/api/v1/keys/{first['id']}").status_code == 204
    assert api.call("DELETE", f"/api/v1/keys/{first['id']}").status_code == 204
    api.world.clock.at += 31_000
    assert good(fourth) == [401]
    again = api.call("POST", f"/api/v1/keys/{first['id']}/rotate")
    assert (again.status_code, again.json["code"]) == (409, "key_not_usable")


def test_a_rotated_key_ends_with_its_overlap(api: Api) -> None:
    """To the millisecond, also where the key is remembered."""
    first = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}).json
    api.call("POST", f"/api/v1/keys/{first['id']}/rotate", {"overlap_seconds": 10})
    api.world.clock.at += 9_999
    assert api.call("GET", "/api/v1/chains", key=first["api_key"]).status_code == 200
    api.world.clock.at += 1
    assert api.call("GET", "/api/v1/chains", key=first["api_key"]).status_code == 401


def test_keys_are_listed_newest_first_page_by_page(api: Api) -> None:
    """With the parameters that every list takes."""
    made = ["testkey001"]
    for number in range(4):
        api.world.clock.at += 1_000
        made.insert(0, api.call("POST", "/api/v1/keys", {"name": f"k{number}", "scopes": ["payments:read"]}).json["id"])
    found, cursor = [], ""
    while cursor is not None:
        page = api.call("GET", f"/api/v1/keys?limit=2{f'&cursor={cursor}' if cursor else ''}").json
        found += [key["id"] for key in page["data"]]
        cursor = page["next_cursor"]
    assert found == made
    since = api.call("GET", "/api/v1/keys").json["data"][1]["created_at"]
    later = api.call("GET", f"/api/v1/keys?created_after={since}").json["data"]
    assert [key["id"] for key in later] == made[:2]
    assert api.call("GET", "/api/v1/keys?cursor=nobody").json["errors"][0]["code"] == "invalid_cursor"


def test_a_key_grants_no_more_than_it_has(api: Api) -> None:
    """A key that manages keys cannot make itself an heir with other scopes."""
    narrow = "ctrip_narrowkey1_0123456789abcdefghijkl"
    add_key(api.world, narrow, frozenset({Scope.ADMIN, Scope.PAYMENTS_READ}))
    beyond = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:write"]}, key=narrow)
    assert (beyond.status_code, beyond.json["code"]) == (403, "forbidden")
    assert api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}, key=narrow).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["payments:read", "payments:read"]}, "scopes"),
        ({"scopes": "payments:read"}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"allowed_ips": ["nonsense"]}, "allowed_ips"),
        ({"allowed_ips": ["192.0.2.1/24"]}, "allowed_ips"),
        ({"allowed_ips": ["192.0.2.1"] * 21}, "allowed_ips"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"signed_only": "yes"}, "signed_only"),
    ],
)
def test_a_wrong_key_names_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    """400, and nothing is made."""
    answer = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"], **change})
    assert (answer.status_code, [each["field"] for each in answer.json["errors"]]) == (400, [field])
    assert len(api.call("GET", "/api/v1/keys").json["data"]) == 1


def test_a_key_hands_out_nothing_that_outreaches_it(api: Api) -> None:
    """Neither by making a key nor by rotating one: no scope, no place and no day beyond its own."""
    strong = "ctrip_strongkey1_0123456789abcdefghijkl"
    add_key(api.world, strong, frozenset({Scope.PAYMENTS_READ, Scope.PAYMENTS_WRITE}))
    narrow = "ctrip_narrowkey1_0123456789abcdefghijkl"
    add_key(api.world, narrow, frozenset({Scope.ADMIN}))
    refused = api.call("POST", "/api/v1/keys/strongkey1/rotate", key=narrow)
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    ends = api.world.clock.now() + 3_600_000
    bound = "ctrip_boundkey01_0123456789abcdefghijkl"
    add_key(api.world, bound, frozenset(Scope), allowed_ips=("127.0.0.0/8",), expires_at=ends)
    body = {"name": "n", "scopes": ["payments:read"]}
    inside = {"allowed_ips": ["127.0.0.1", "127.1.0.0/16"], "expires_at": "2025-10-09T09:00:00Z"}
    assert api.call("POST", "/api/v1/keys", body | inside, key=bound).status_code == 201
    for change in (
        {"allowed_ips": []},
        {"allowed_ips": ["127.0.0.1", "192.0.2.1"]},
        {"allowed_ips": ["0.0.0.0/0"]},
        {"expires_at": None},
        {"expires_at": "2025-10-10T09:00:00Z"},
    ):
        assert api.call("POST", "/api/v1/keys", body | inside | change, key=bound).status_code == 403, change
    assert api.call("POST", "/api/v1/keys/strongkey1/rotate", key=bound).status_code == 403


def test_a_fresh_secret_is_good_at_once(api: Api) -> None:
    """Also where the key has just been used and is remembered."""
    first = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}).json
    assert api.call("GET", "/api/v1/chains", key=first["api_key"]).status_code == 200
    api.world.clock.at += 1_000
    second = api.call("POST", f"/api/v1/keys/{first['id']}/rotate", {"overlap_seconds": 0}).json
    assert api.call("GET", "/api/v1/chains", key=second["api_key"]).status_code == 200
    assert api.call("GET", "/api/v1/chains", key=first["api_key"]).status_code == 401


def test_the_last_use_is_told(api: Api) -> None:
    """To ten minutes, and without a write for each call."""
    api.call("GET", "/api/v1/chains")
    [shown] = api.call("GET", "/api/v1/keys").json["data"]
    assert shown["last_used_at"] == "2025-10-09T08:53:20.000Z"
    api.world.clock.at += 599_999
    api.call("GET", "/api/v1/chains")
    assert api.call("GET", "/api/v1/keys").json["data"][0]["last_used_at"] == shown["last_used_at"]
    api.world.clock.at += 1
    api.call("GET", "/api/v1/chains")
    assert api.call("GET", "/api/v1/keys").json["data"][0]["last_used_at"] > shown["last_used_at"]


def test_a_merchant_has_so_many_keys(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoked ones do not count."""
    monkeypatch.setattr("ctrip.services.merchants.manage_keys.MOST_KEYS", 2)
    made = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}).json
    full = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]})
    assert (full.status_code, full.json["code"]) == (409, "too_many_keys")
    api.call("DELETE", f"/api/v1/keys/{made['id']}")
    assert api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"]}).status_code == 201


# -- idempotency of what is no creation of a payment


def test_a_repeated_key_makes_one_key_without_its_secrets(api: Api) -> None:
    """The secrets of the first answer are null in the second; another body is refused."""
    body = {"name": "n", "scopes": ["payments:read"]}
    first = api.call("POST", "/api/v1/keys", body, Idempotency_Key="k")
    again = api.call("POST", "/api/v1/keys", body, Idempotency_Key="k")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json == first.json | {"api_key": None, "signing_secret": None}
    other = api.call("POST", "/api/v1/keys", body | {"name": "m"}, Idempotency_Key="k")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert len(api.call("GET", "/api/v1/keys").json["data"]) == 2
    rotate = f"/api/v1/keys/{first.json['id']}/rotate"
    rotated = api.call("POST", rotate, Idempotency_Key="k")
    assert rotated.json["api_key"]
    assert api.call("POST", rotate, Idempotency_Key="k").json == rotated.json | {
        "api_key": None,
        "signing_secret": None,
    }


def test_a_repeated_key_makes_one_merchant(api: Api) -> None:
    """And shows its webhook secret once."""
    first = api.admin("POST", "/merchants", {"name": "n"}, Idempotency_Key="k")
    again = api.admin("POST", "/merchants", {"name": "n"}, Idempotency_Key="k")
    assert again.json == first.json | {"webhook_secret": None}
    assert len(api.admin("GET", "/merchants").json["data"]) == 2


def test_an_admins_repeated_cancel_answers_the_same(api: Api) -> None:
    """The event is the merchant's, the key the admin's."""
    payment = api.create()
    first = api.admin("POST", f"/payments/{payment['id']}/cancel", Idempotency_Key="k")
    again = api.admin("POST", f"/payments/{payment['id']}/cancel", Idempotency_Key="k")
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("who", ["merchant", "admin"])
def test_of_two_cancels_side_by_side_with_one_key_the_later_is_a_replay(
    api: Api, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """The other one commits between this one's look at the key and its look at the payment."""
    payment, store = api.create(), api.world.stores.payments
    api.token()
    real, others = store.remembered, []

    def cancel() -> Any:
        if who == "admin":
            return api.admin("POST", f"/payments/{payment['id']}/cancel", Idempotency_Key="k")
        return api.call("POST", f"/api/v1/payments/{payment['id']}/cancel", Idempotency_Key="k")

    def slow(*asked: str) -> Any:
        found = real(*asked)
        monkeypatch.setattr(store, "remembered", real)
        others.append(cancel())
        return found

    monkeypatch.setattr(store, "remembered", slow)
    late = cancel()
    assert (late.status_code, late.json) == (200, others[0].json)
    assert late.headers["Idempotent-Replayed"] == "true"


def test_accepting_twice_with_one_key_answers_the_same(api: Api) -> None:
    """Whatever became of the payment in between."""
    world = api.world
    payment = api.create(expires_in=60)
    world.step(120)
    world.chain.deposit(payment["address"], 400)
    world.step(5)
    assert api.call("GET", f"/api/v1/payments/{payment['id']}").json["exceptions"] == ["late"]
    first = api.call("POST", f"/api/v1/payments/{payment['id']}/accept", Idempotency_Key="k")
    assert first.status_code == 200
    world.settle()
    assert api.call("GET", f"/api/v1/payments/{payment['id']}").json["status"] == "paid"
    again = api.call("POST", f"/api/v1/payments/{payment['id']}/accept", Idempotency_Key="k")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    fresh = api.call("POST", f"/api/v1/payments/{payment['id']}/accept", Idempotency_Key="other")
    assert (fresh.status_code, fresh.json["code"]) == (409, "payment_not_acceptable")


@pytest.mark.parametrize("path", ["/api/v1/payments", "/api/v1/keys"])
def test_conflicts_that_outlast_our_patience_are_told(api: Api, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """With a key: 409 and when to come again; without one it is 503, as is a store that is short of breath."""
    body = {"chain": "anvil", "amount": 1} if path.endswith("payments") else {"name": "n", "scopes": ["payments:read"]}

    def failing(error: Exception) -> None:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr(api.world.stores.payments, "commit", fail)
        monkeypatch.setattr(api.world.stores.access, "change", fail)

    failing(Contended())
    told = api.call("POST", path, body, Idempotency_Key="k")
    assert (told.status_code, told.json["code"], told.headers["Retry-After"]) == (409, "idempotency_in_progress", "1")
    assert api.call("POST", path, body).status_code == 503
    failing(Busy())
    assert api.call("POST", path, body, Idempotency_Key="k").status_code == 503


# -- limits (threat 15)


def limited(api: Api, monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    """Give the stage these limits."""
    given = {"calls_per_second": 10_000, "open_payments": 10_000} | limits
    limiter = CallLimiter(api.world.stores.limits, api.world.clock, Limits(**given))
    api.stage.merchants.limiter = limiter
    api.stage.payments.creator = replace(api.stage.payments.creator, limiter=limiter)


def test_a_burst_at_twice_the_limit_is_cut_and_harms_nobody_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 of 40 calls in a second pass, the others are told when to come again; another merchant's all pass."""
    limited(api, monkeypatch, calls_per_second=20)
    put_merchant(api.world.stores.access, replace(api.world.merchant, id="m2", account=2, xpub=XPUB))
    add_key(api.world, OTHER, frozenset(Scope), "m2")
    body = {"chain": "anvil", "amount": 1}
    answers = [api.call("POST", "/api/v1/payments", body) for _ in range(40)]
    passed = [answer.status_code for answer in answers]
    assert (passed.count(201), passed.count(429)) == (20, 20)
    assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 429} == {"1"}
    assert {answer.json["code"] for answer in answers if answer.status_code == 429} == {"rate_limited"}
    assert {api.call("POST", "/api/v1/payments", body, key=OTHER).status_code for _ in range(15)} == {201}
    assert {api.call("GET", "/api/v1/payments").status_code for _ in range(5)} == {200}
    api.world.clock.at += 1_000
    assert api.call("POST", "/api/v1/payments", body).status_code == 201


def test_a_merchants_own_limit_goes_before_the_stages(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be lower, and is one bucket for every changing call."""
    limited(api, monkeypatch)
    api.admin("PATCH", "/merchants/m1", {"calls_per_second": 2, "open_payments": 1})
    api.world.clock.at += 31_000
    assert api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}).status_code == 201
    full = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1})
    assert (full.status_code, full.json["code"]) == (429, "too_many_open_payments")
    assert int(full.headers["Retry-After"]) >= 1
    cut = api.call("POST", "/api/v1/payments/x/cancel")
    assert (cut.status_code, cut.json["code"]) == (429, "rate_limited")


def test_an_order_that_is_in_use_takes_no_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked for."""
    limited(api, monkeypatch, open_payments=3)
    api.create(order_id="A1")
    again = {"chain": "anvil", "amount": 1, "order_id": "A1"}
    assert {api.call("POST", "/api/v1/payments", again).status_code for _ in range(9)} == {409}
    api.create()


def test_places_come_back_as_payments_close(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner counts what is open; what was cancelled makes room again."""
    limited(api, monkeypatch, open_payments=3)
    made = [api.create()["id"] for _ in range(3)]
    assert api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}).status_code == 429
    api.call("POST", f"/api/v1/payments/{made[0]}/cancel")
    api.world.step(1, seconds=61)
    assert api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}).status_code == 201
    assert api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1}).status_code == 429


# -- audit


def test_the_audit_trail_tells_who_did_what_from_where(api: Api) -> None:
    """Of a payment, a merchant and a user, with what was before and after; chained, and without a secret."""
    payment = api.create(order_id="A1")
    api.call("POST", f"/api/v1/payments/{payment['id']}/cancel")
    api.admin("PATCH", "/merchants/m1", {"tolerance_per_mille": 7})
    made = api.call("POST", "/api/v1/keys", {"name": "till", "scopes": ["payments:read"]}).json
    created, cancelled = api.admin("GET", f"/audit?payment_id={payment['id']}").json["data"]
    assert (created["action"], created["actor"], created["address"]) == (
        "payment.created",
        "key:testkey001",
        "127.0.0.1",
    )
    assert created["after"]["amount"] == "1000"
    assert (cancelled["before"], cancelled["after"]) == (
        {"status": "pending", "flags": []},
        {"status": "expired", "flags": ["manual"]},
    )
    assert cancelled["previous"] == created["hash"]
    trail = api.admin("GET", "/audit?merchant_id=m1").json["data"]
    [terms] = [each for each in trail if each["action"] == "merchant.updated"]
    owner = api.admin("GET", "/me").json["id"]
    assert (terms["actor"], terms["before"], terms["after"]) == (
        f"admin:{owner}",
        {"tolerance_per_mille": 0},
        {"tolerance_per_mille": 7},
    )
    assert trail[-1]["action"] == "key.created"
    assert trail[-1]["after"]["key"]["name"] == "till"
    for secret in (made["api_key"], made["signing_secret"]):
        assert secret not in json.dumps(trail)
    user = api.admin("GET", f"/audit?user_id={owner}").json["data"]
    assert [each["action"] for each in user] == ["admin.created", "admin.signed_in"]
    assert api.admin("GET", "/audit?merchant_id=m1&limit=1").json["next_after"] == 1
    for query in ("", "?merchant_id=m1&user_id=x"):
        assert api.admin("GET", f"/audit{query}").status_code == 400
    for query, code in (
        ("payment_id=x", "payment"),
        ("merchant_id=x", "merchant"),
        ("user_id=x", "user"),
        ("chain=x", "chain"),
    ):
        assert api.admin("GET", f"/audit?{query}").json["code"] == f"{code}_not_found"


def cipher(api: Api) -> AuditCheckpointer:
    """What seals the hours."""
    stores, world = api.world.stores, api.world
    return AuditCheckpointer(
        payments=stores.payments,
        events=stores.events,
        access=stores.access,
        admins=stores.admins,
        reconciliations=stores.reconciliations,
        chains=("anvil",),
        checkpoints=stores.checkpoints,
        clock=world.clock,
        log=world.log,
    )


def test_the_hours_are_sealed_and_a_changed_chain_shows(api: Api) -> None:
    """Each hour that is over, once; after an outage those between; a record changed, cut off or replaced is found."""
    payment = api.create()
    hour = hour_of(api.world.clock.now())
    assert cipher(api).run() != []  # the hour before
    assert cipher(api).run() == []
    api.world.clock.at += 3 * 3_600_000
    seals = cipher(api).run()
    assert seals[0].hour == hour
    assert len(seals) == 3
    assert [after.previous for after in seals[1:]] == [before.hash for before in seals[:-1]]
    stores, verifier = api.world.stores, AuditVerifier(api.world.stores.checkpoints)
    chain = stores.payments.audit(payment["id"])
    good = verifier.verify(payment["id"], chain, hour)
    assert (good.problem, good.covered) == (None, 1)
    assert verifier.verify("m1", stores.access.audit("m1"), hour).problem is None
    forged = replace(chain[0], body=chain[0].body.replace("1000", "9000"))
    assert broken([forged]) == 1
    assert verifier.verify(payment["id"], [forged], hour).problem
    # Whoever rewrites the whole chain keeps it consistent with itself, and not with the seal.
    from ctrip.domain.audit import _digest

    rewritten = replace(forged, hash=_digest("", forged.subject, 1, forged.body))
    assert broken([rewritten]) is None
    assert verifier.verify(payment["id"], [rewritten], hour).problem
    assert verifier.verify(payment["id"], [], hour).problem
    stores.checkpoints._leaves.clear()
    assert verifier.verify(payment["id"], chain, hour).problem
    told = [facts for _, message, facts in api.world.log.lines if message == "audit_checkpoint"]
    assert told[1]["root"] == seals[0].root


def test_an_outage_is_sealed_from_its_beginning(api: Api) -> None:
    """However long it was: what one run does not manage the next one does."""
    cipher(api).run()
    api.world.clock.at += 60 * 3_600_000
    first, second = cipher(api).run(), cipher(api).run()
    assert (len(first), len(second)) == (48, 12)
    assert [seal.previous for seal in second[1:]] == [seal.hash for seal in second[:-1]]
    assert second[0].previous == first[-1].hash
    # A seal that is replaced together with its heads no longer is what the next one follows.
    forged = replace(first[3], root=hashlib.sha256(b"").hexdigest())
    forged = replace(forged, hash=seal_audit._hash(forged.previous, forged.hour, forged.root))
    api.world.stores.checkpoints._checkpoints[forged.hour] = forged
    api.world.stores.checkpoints._leaves[forged.hour, forged.root] = [""]
    assert AuditVerifier(api.world.stores.checkpoints).verify("m1", [], forged.hour).problem


@pytest.mark.parametrize("path", ["merchants", "users", "payments"])
def test_an_endless_id_is_an_unknown_one(api: Api, path: str) -> None:
    """DynamoDB would refuse it as a key."""
    assert api.admin("GET", f"/{path}/{'a' * 2_100}").status_code == 404


# -- admin's payments and the feed


def test_an_admin_reads_and_decides_for_a_merchant(api: Api) -> None:
    """Lists need a merchant; cancelling tells the payment's own merchant."""
    payment = api.create(webhook_url="https://shop.example/hooks")
    assert api.admin("GET", "/payments").json["errors"][0]["field"] == "merchant_id"
    assert [each["id"] for each in api.admin("GET", "/payments?merchant_id=m1").json["data"]] == [payment["id"]]
    assert api.admin("GET", f"/payments/{payment['id']}").json["id"] == payment["id"]
    api.world.jobs.deliveries.clear()
    assert api.admin("POST", f"/payments/{payment['id']}/cancel").json["status"] == "expired"
    assert [job.merchant_id for job in api.world.jobs.deliveries] == ["m1"]


def test_the_feed_shows_events_as_the_webhooks_had_them(api: Api) -> None:
    """In either order, after an event, of a type, of a payment, page by page; a wrong parameter is named."""
    first, second = api.create(), api.create()
    api.world.clock.at += 5
    api.call("POST", f"/api/v1/payments/{first['id']}/cancel")

    assert api.call("GET", "/api/v1/events?type=payment.cancelled").json["data"] == []  # it is a second behind
    api.world.clock.at += 1_001

    def feed(query: str = "") -> list[tuple[str, str]]:
        found, cursor = [], None
        while True:
            page = api.call("GET", f"/api/v1/events?limit=1{query}{f'&cursor={cursor}' if cursor else ''}").json
            found += [(each["type"], each["payment_id"]) for each in page["data"]]
            if (cursor := page["next_cursor"]) is None:
                return found

    everything = [
        ("payment.created", first["id"]),
        ("payment.created", second["id"]),
        ("payment.cancelled", first["id"]),
    ]
    assert feed("&order=asc") == everything
    assert feed() == everything[::-1]
    assert feed(f"&payment_id={first['id']}&order=asc") == [everything[0], everything[2]]
    assert feed(f"&payment_id={first['id']}") == [everything[2], everything[0]]
    assert feed(f"&payment_id={first['id']}&type=payment.cancelled") == [everything[2]]
    assert feed("&type=payment.created&order=asc") == everything[:2]
    assert feed("&type=payment.paid") == []
    oldest = api.call("GET", "/api/v1/events?order=asc").json["data"][0]
    assert feed(f"&order=asc&after={oldest['id']}") == everything[1:]
    assert oldest == json.loads(api.world.stores.events.named("m1", [oldest["id"].removeprefix("evt_")])[0].body)
    for wrong in ("order=up", "after=evt_1", "cursor=x", "type=Payment", "limit=0", "nonsense=1"):
        answer = api.call("GET", f"/api/v1/events?{wrong}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, wrong.split("=")[0])


def test_an_event_names_the_call_that_made_it(api: Api) -> None:
    """And the record of the call does too, so that a request can be followed to its webhooks."""
    api.create()
    [event] = api.world.stores.events._state.events.values()
    [record] = api.world.stores.payments.audit(event.payment_id)
    assert event.request_id == json.loads(record.body).get("request_id", "")
    assert api.call("GET", "/api/v1/chains", key=KEY).headers["X-Request-Id"] == event.request_id


def test_a_key_for_another_kind_of_chain_is_refused_where_it_is_none(api: Api) -> None:
    """The answer names what is wrong; who may only look brings none."""
    own = merchant(api, xpub=XPUB)
    assert (own["other_xpubs"], api.admin("GET", "/merchants/m1").json["other_xpubs"]) == ({}, {})
    path = f"/merchants/{own['id']}/xpubs"
    for where, xpub, status, code in (
        (f"{path}/anvil", XPUB, 200, None),
        (f"{path}/anvil", _WALLET.account_xpub("evm", 78), 409, "merchant_has_key"),
        (f"{path}/tron", XPUB, 400, "unsupported_chain"),
        ("/merchants/m1/xpubs/anvil", XPUB, 409, "custody_not_xpub"),
        ("/merchants/nobody/xpubs/anvil", XPUB, 404, "merchant_not_found"),
    ):
        answer = api.admin("PUT", where, {"xpub": xpub})
        assert (answer.status_code, answer.json.get("code")) == (status, code), (where, answer.json)
    wrong = api.admin("PUT", f"{path}/anvil", {"xpub": "TWer2Ygk5TEheHp3TPuYeqxmB6SsGZmaL6"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "xpub")
    assert wrong.json["errors"][0]["code"] == "invalid_xpub"
    assert api.admin("PUT", f"{path}/anvil", {"xpub": XPUB}, role=Role.VIEWER).status_code == 403
