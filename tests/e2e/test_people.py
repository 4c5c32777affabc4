"""Merchants, keys and users over HTTP, on real tables, KMS and a real signer; and money paid to what they made."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pyotp
import pytest
from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator

from ctrip.domain.payments.payment import Custody
from ctrip_client import Client
from infra.stack import tokens, wallet
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually


class Admin:
    """Somebody who uses the admin API."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.http = httpx.Client(base_url=f"{about['api_url']}/admin/api", timeout=10, trust_env=False)
        self.session = self.http.post("/login", json=about["admin"]).raise_for_status().json()
        self.http.headers["Authorization"] = f"Bearer {self.session['access_token']}"

    def merchant(self, **wanted: Any) -> dict[str, Any]:
        """Make a merchant, and wait until it is active."""
        made = self.http.post("/merchants", json={"name": "Made here", **wanted}).raise_for_status().json()

        def active() -> dict[str, Any] | None:
            now = self.http.get(f"/merchants/{made['id']}").json()
            return now if now["status"] == "active" else None

        return dict(eventually(active, 20, "its account")) | {"webhook_secret": made["webhook_secret"]}

    def key(self, merchant_id: str, *scopes: str, **more: Any) -> dict[str, Any]:
        """Make a merchant's key."""
        body = {"name": "k", "scopes": list(scopes or ("payments:read", "payments:write")), **more}
        return dict(self.http.post(f"/merchants/{merchant_id}/keys", json=body).raise_for_status().json())


@pytest.fixture(scope="session")
def admin(shop: Shop) -> Iterator[Admin]:
    """The seeded owner, signed in."""
    signed_in = Admin(shop.gateway.about)
    yield signed_in
    signed_in.http.close()


def client(shop: Shop, key: dict[str, Any]) -> Client:
    """A merchant's client with a key."""
    return Client(shop.gateway.about["api_url"], api_key=key["api_key"])


def test_a_new_merchant_is_paid_at_its_own_account(shop: Shop, admin: Admin) -> None:
    """Provisioned by the signer within seconds, and its addresses follow from the mnemonic at its own account."""
    merchant = admin.merchant(tolerance_per_mille=10)
    assert merchant["account_path"] != "m/44'/60'/1'"
    with client(shop, admin.key(merchant["id"])) as shop2:
        made = shop2.payments.create(chain="anvil", amount=10**15)
        assert made.derivation_path.startswith(f"{merchant['account_path']}/0/")
        assert wallet.derive(made.derivation_path).address == made.address
        shop.pay({"id": made.id, "address": made.address, "amount": made.amount, "token_id": None, "chain": "anvil"})
        settled = eventually(lambda: (p := shop2.payments.get(made.id)).status == "settled" and p, 60, "settled")
        assert settled.sweeps
    assert shop.http.get(f"/api/v1/payments/{made.id}").status_code == 404


def test_a_merchants_own_key_is_paid_and_never_swept(shop: Shop, admin: Admin) -> None:
    """Custody `xpub`: the coin stays where only the merchant's own wallet reaches it, and the payment is settled."""
    mine = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(wallet.ANVIL_MNEMONIC).Generate()).DerivePath(
        f"m/44'/60'/{int(time.time()) % 2**30}'"
    )
    merchant = admin.merchant(xpub=mine.PublicKey().ToExtended())
    assert (merchant["custody"], merchant["status"]) == ("xpub", "active")
    before = shop.treasury("ETH")
    with client(shop, admin.key(merchant["id"])) as own:
        made = own.payments.create(chain="anvil", amount=10**15)
        assert made.derivation_path == f"M/0/{made.derivation_path.rsplit('/', 1)[1]}"
        shop.pay({"id": made.id, "address": made.address, "amount": made.amount, "token_id": None, "chain": "anvil"})
        settled = eventually(lambda: (p := own.payments.get(made.id)).status == "settled" and p, 60, "settled")
        assert settled.sweeps == ()
    assert shop.balance(made.address, "ETH") == 10**15
    assert shop.treasury("ETH") >= before


def test_a_wallet_in_use_gets_no_used_address(up: Up, shop: Shop) -> None:
    """The operator sees what lies at its first addresses and is asked; payments begin behind what was used."""
    seed = Bip39SeedGenerator(wallet.ANVIL_MNEMONIC).Generate()
    path = f"m/44'/60'/{2**30 + int(time.time()) % 2**30}'"
    xpub = Bip32Slip10Secp256k1.FromSeed(seed).DerivePath(path).PublicKey().ToExtended()
    addresses = [wallet.derive(f"{path}/0/{index}", wallet.ANVIL_MNEMONIC).address for index in range(7)]
    rpc_url, usdc = shop.chain["rpc_url"], shop.chain["tokens"]["USDC"]["address"]
    tokens.mined(rpc_url, tokens.pay(rpc_url, 3, addresses[0], 10**18))
    tokens.mined(rpc_url, tokens.pay(rpc_url, 3, addresses[6], 7_000_000, usdc))

    code, _, said = up.ctrip_said("merchants", "create", "Used", "--xpub", xpub)
    assert code == 130
    assert [address for address in addresses if address in said] == addresses[:3]
    assert "1 ETH" in said
    assert "nothing, never used" in said
    assert "Are they the merchant's?" in said
    code, _, said = up.ctrip_said(
        "merchants", "create", "Used", "--xpub", xpub[:-1] + ("1" if xpub[-1] != "1" else "2"), "--yes"
    )
    assert (code, said.count("\n")) == (1, 1)

    merchant = up.ctrip("merchants", "create", "Used", "--xpub", xpub, "--yes")
    assert merchant["status"] == "active"
    key = up.ctrip("keys", "create", merchant["id"], "till", "--scope", "payments:read", "--scope", "payments:write")
    with client(shop, key) as till:
        made = [till.payments.create(chain="anvil", amount=10**15) for _ in range(3)]
    assert [int(each.derivation_path.rsplit("/", 1)[1]) for each in made] == [7, 8, 9]
    again = up.ctrip("merchants", "discover", merchant["id"])
    assert again["status"] == "provisioning"
    eventually(lambda: up.ctrip("merchants", "show", merchant["id"])["status"] == "active", 20, "the discovery")
    with client(shop, key) as till:
        more = till.payments.create(chain="anvil", amount=10**15)
    assert int(more.derivation_path.rsplit("/", 1)[1]) > 9


def test_a_swapped_extended_key_gives_no_address_out(up: Up, shop: Shop, admin: Admin, behind: Tables) -> None:
    """Whoever can write a merchant's row cannot redirect its payers, neither with a key nor with another's row."""
    mine, other = admin.merchant(), admin.merchant()
    keys = {each["id"]: admin.key(each["id"]) for each in (mine, other)}
    assert up.ctrip("verifying-key")["verifying_key"] == wallet.verifying_key()
    first, second = behind.access.merchant(mine["id"]), behind.access.merchant(other["id"])
    assert first
    assert second
    seed = Bip39SeedGenerator(wallet.ANVIL_MNEMONIC).Generate()
    thief = Bip32Slip10Secp256k1.FromSeed(seed).DerivePath("m/44'/60'/77'").PublicKey().ToExtended()
    swaps = [
        {"xpub": thief},
        {"xpub": second.xpub, "key_signature": second.key_signature},
        {"xpub": second.xpub, "key_signature": second.key_signature, "account": second.account},
        {"xpub": thief, "key_signature": "", "policy": replace(first.policy, custody=Custody.XPUB)},
        {"xpub": thief, "key_version": 2},
        {"xpub": thief, "key_version": 2, "key_signature": "", "policy": replace(first.policy, custody=Custody.XPUB)},
    ]

    def create() -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {keys[mine['id']]['api_key']}"}
        url = f"{shop.gateway.about['api_url']}/api/v1/payments"
        answer = httpx.post(url, json={"chain": "anvil", "amount": 1}, headers=headers, trust_env=False)
        return answer.status_code, answer.json().get("code", "")

    assert create() == (201, "")
    for swap in swaps:
        behind.overwrite(replace(first, **swap))
        eventually(lambda: create() == (409, "merchant_key_unverified"), 10, "the refusal")
        # Nor does the signer vouch for it afterwards.
        assert up.invoke("signer", {"op": "provision", "merchant": mine["id"]}).json()["refused"]
        assert create() == (409, "merchant_key_unverified")
    behind.overwrite(first)
    eventually(lambda: create() == (201, ""), 10, "the right key")


def test_a_key_is_narrowed_rotated_and_revoked(shop: Shop, admin: Admin) -> None:
    """Scopes hold, both versions work while it is rotated, and a revoked key is 401 within the cache's time."""
    merchant = shop.gateway.about["merchant"]["id"]
    key = admin.key(merchant, "payments:read")
    base = shop.gateway.about["api_url"]

    def status(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.get(f"{base}/api/v1/payments?limit=1", headers=headers, trust_env=False).status_code

    assert status(key["api_key"]) == 200
    refused = httpx.post(
        f"{base}/api/v1/payments",
        json={"chain": "anvil", "amount": 1},
        headers={"Authorization": f"Bearer {key['api_key']}"},
        trust_env=False,
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    path = f"/merchants/{merchant}/keys/{key['id']}"
    rotated = admin.http.post(f"{path}/rotate").raise_for_status().json()
    eventually(lambda: status(rotated["api_key"]) == 200, 10, "the new version")
    assert status(key["api_key"]) == 200
    assert admin.http.delete(path).status_code == 204
    eventually(lambda: {status(each["api_key"]) for each in (key, rotated)} == {401}, 10, "the revocation")


def test_a_second_factor_over_http(shop: Shop, admin: Admin) -> None:
    """A user is made, sets it up, and signs in with it; a reset takes it away."""
    email = f"{uuid.uuid4()}@ops.example"
    user = admin.http.post("/users", json={"email": email, "name": "n", "role": "viewer"}).raise_for_status().json()
    about = {"api_url": shop.gateway.about["api_url"], "admin": {"email": email, "password": user["password"]}}
    viewer = Admin(about)
    begun = viewer.http.post("/me/totp", json={"password": user["password"]}).raise_for_status().json()
    totp = pyotp.TOTP(begun["secret"])
    viewer.http.post("/me/totp/confirm", json={"code": totp.now()}).raise_for_status()
    login = {"email": email, "password": user["password"]}
    assert viewer.http.post("/login", json=login).status_code == 401
    nxt = totp.at(int(time.time()) + 30)  # the next one is taken too: clocks differ
    assert viewer.http.post("/login", json=login | {"code": nxt}).status_code == 200
    assert viewer.http.post("/merchants", json={"name": "n"}).status_code == 403
    reset = admin.http.post(f"/users/{user['id']}/reset").raise_for_status().json()
    assert viewer.http.get("/me").status_code == 401
    assert viewer.http.post("/login", json=login | {"password": reset["password"]}).status_code == 200


# What secrets begin with; the rest is random, and may hold any of these characters itself.
PREFIX = re.compile(r"^(ctrip_[a-z2-7]+_|ctsk_|ctrt_|whsec_)")


def test_a_stolen_table_is_no_credential(shop: Shop, admin: Admin, behind: Tables) -> None:
    """Threat 6 on real tables: of all that stands in `access`, nothing opens the API, and no secret stands in it."""
    made = admin.key(shop.gateway.about["merchant"]["id"], "payments:read", "admin:*")
    texts = behind.texts("access")
    about = shop.gateway.about["merchant"]
    secrets = (made["api_key"], made["signing_secret"], about["api_key"], about["signing_secret"])
    secrets += (about["webhook_secret"], shop.gateway.about["admin"]["password"], admin.session["refresh_token"])
    for secret in secrets:
        for part in (secret, PREFIX.sub("", secret)):
            assert not [text for text in texts if part in text], part[:6]
    base = shop.gateway.about["api_url"]
    with httpx.Client(base_url=base, timeout=10, trust_env=False) as thief:

        def tried(text: str) -> set[int]:
            found = set()
            for credential in (text, f"ctrip_{made['id']}_{text}", f"ctrt_{text}"):
                if credential.strip() and credential.isascii() and credential.isprintable():
                    headers = {"Authorization": f"Bearer {credential[:4000]}"}
                    found.add(thief.get("/api/v1/chains", headers=headers).status_code)
                    found.add(thief.get("/admin/api/me", headers=headers).status_code)
            return found

        with ThreadPoolExecutor(8) as pool:
            statuses = set().union(*pool.map(tried, sorted(texts)[:600]))
    assert statuses == {401}


def test_the_operators_command_line(up: Up, shop: Shop) -> None:
    """`ctrip` makes a merchant, a key and a user, which then work; a refusal is one line and exit code 1."""
    merchant = up.ctrip("merchants", "create", "By hand", "--tolerance-per-mille", "5")
    assert merchant["status"] == "active"
    key = up.ctrip("keys", "create", merchant["id"], "till", "--scope", "payments:read", "--scope", "payments:write")
    with client(shop, key) as till:
        assert till.payments.create(chain="anvil", amount=1).status == "pending"
    rotated = up.ctrip("keys", "rotate", merchant["id"], key["id"], "--overlap", "0")
    assert rotated["api_key"] != key["api_key"]
    assert up.ctrip("keys", "list", merchant["id"])[0]["id"] == key["id"]
    assert up.ctrip("merchants", "update", merchant["id"], "--name", "Renamed")["name"] == "Renamed"
    assert up.ctrip("merchants", "disable", merchant["id"])["status"] == "disabled"
    assert merchant["id"] in {each["id"] for each in up.ctrip("merchants", "list")}
    email = f"{uuid.uuid4()}@ops.example"
    made = up.ctrip("admins", "create", email, "--role", "viewer")
    Admin({"api_url": shop.gateway.about["api_url"], "admin": {"email": email, "password": made["password"]}})
    trail = up.ctrip("audit", "show", "merchant", merchant["id"])
    assert [each["action"] for each in trail][:3] == [
        "merchant.created",
        "merchant.provisioned",
        "merchant.discovered",
    ]
    assert trail[0]["actor"].startswith("operator:")
    assert "whole: 7 records" in up.ctrip_said("audit", "verify", "merchant", merchant["id"])[1]
    code, _, said = up.ctrip_said("merchants", "show", "nobody")
    assert (code, said.strip()) == (1, "ctrip: Merchant nobody not found.")
    code, _, said = up.ctrip_said("admins", "create", email, "--role", "viewer")
    assert (code, "already" in said) == (1, True)
    assert up.ctrip_said("keys", "create", merchant["id"], "n", "--scope", "nonsense")[0] == 2


def test_the_audit_is_sealed_and_verified(up: Up, shop: Shop, behind: Tables) -> None:
    """The function `seal` seals the hour before, and the command line holds chains against it."""
    merchant = shop.gateway.about["merchant"]["id"]
    # An hour that turns within the test would be the one that is sealed.
    eventually(lambda: 5 < time.time() % 3_600 < 3_540, 90, "an hour that lasts")
    payment = shop.ask(amount=1)
    shop.told(payment, "created")
    # As if it had been told an hour ago, and that hour were not sealed yet.
    behind.tell_again(merchant, payment["id"], ago_ms=3_600_000)
    behind.unseal()
    up.run("seal")
    checkpoint = eventually(behind.checkpoints.last, 20, "a checkpoint")
    for kind, subject in (("merchant", merchant), ("payment", payment["id"])):
        code, said, problem = up.ctrip_said("audit", "verify", kind, subject, "--hour", checkpoint.hour)
        assert (code, f"1 of them covered by the checkpoint of {checkpoint.hour}" in said) == (0, True), problem or said


def test_the_feed_is_read_from_where_one_left_off(shop: Shop) -> None:
    """Oldest first after an event, newest first by default; told or not, each event is there once."""
    first = shop.ask(amount=1)
    shop.told(first, "created")
    since = shop.receiver.of(first["id"])[0]["id"]
    second = shop.ask(amount=2)
    shop.http.post(f"/api/v1/payments/{second['id']}/cancel").raise_for_status()

    def feed(**asked: str) -> list[tuple[str, str]]:
        found, cursor = [], None
        while True:
            params = {"limit": "2", **asked} | ({"cursor": cursor} if cursor else {})
            page = shop.http.get("/api/v1/events", params=params).raise_for_status().json()
            found += [(each["type"], each["payment_id"]) for each in page["data"]]
            if not (cursor := page["next_cursor"]):
                return found

    mine = [("payment.created", second["id"]), ("payment.cancelled", second["id"])]

    def told() -> list[tuple[str, str]]:
        return [each for each in feed(after=since, order="asc") if each[1] == second["id"]]

    eventually(lambda: told() == mine, 10, "the feed, which is a second behind,")
    assert [each for each in feed(after=since) if each[1] == second["id"]] == mine[::-1]
    assert ("payment.created", first["id"]) not in feed(after=since)
    assert [each for each in feed(type="payment.cancelled", after=since) if each[1] == second["id"]] == mine[1:]


def test_a_request_can_be_followed_to_its_webhook(shop: Shop) -> None:
    """Its id stands in the answer, in the event, in the delivery's header and in the audit record."""
    answer = shop.http.post("/api/v1/payments", json={"chain": "anvil", "amount": 1, "webhook_url": shop.receiver.url})
    payment, asked = answer.json(), answer.headers["X-Request-Id"]
    shop.told(payment, "created")
    attempt = next(each for each in shop.receiver.attempts if each.request_id == asked)
    assert attempt.type == "payment.created"
