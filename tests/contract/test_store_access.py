"""Merchants, keys, admins, limits and seals: what the fakes and the real stores have in common."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.admins import Admin, Role, Session
from ctrip.domain.audit import Origin, broken, holds
from ctrip.domain.errors import AlreadyExists, Stale
from ctrip.domain.merchants.access import AccountKey, ApiKey, Brand, KeyVersion, Limits, Merchant, Scope
from ctrip.domain.payments.payment import Custody, Policy
from ctrip.ports.admins import AdminChange, TokenKey
from ctrip.ports.audit import AuditCheckpoint
from ctrip.ports.events import EventFilter
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.merchants import AccessChange
from ctrip.services.admins.manage_admins import admin_record
from ctrip.services.merchants.manage_merchants import merchant_record
from tests.support.objects import NOW, creation, delivery, payment
from tests.support.stores import Stage, Stores, refused
from tests.world import XPUB, XPUB2

WHO = Origin("admin:1", "192.0.2.7", "r-1")
SECOND = 1_000_000


def merchant(number: int = 1, **given: Any) -> Merchant:
    fields: dict[str, Any] = {"name": "Ä", "account": number, "xpub": "", "webhook_secrets": ("s1", "s2")}
    return Merchant(id=f"mer_{number}", created_at=NOW, updated_at=NOW, **(fields | given))


def key(number: int = 1, **given: Any) -> ApiKey:
    fields: dict[str, Any] = {
        "merchant_id": "mer_1",
        "name": "shop",
        "scopes": frozenset({Scope.PAYMENTS_READ, Scope.ADMIN}),
        "versions": (
            KeyVersion(digest="d2", encrypted="s2", created_at=NOW),
            KeyVersion(digest="", encrypted="s1", created_at=NOW - 9, expires_at=NOW + 5),
        ),
        "allowed_ips": ("192.0.2.0/24", "2001:db8::1"),
        "signed_only": True,
    }
    return ApiKey(id=f"key{number}", **(fields | given))


def change(before: Merchant | None, after: Merchant, **more: Any) -> AccessChange:
    audit = merchant_record(before, after, "merchant.updated", WHO)
    return AccessChange(merchant=(before, replace(after, audit_head=audit.hash)), audit=audit, **more)


def made(stores: Stores, number: int = 1, **given: Any) -> Merchant:
    asked = change(None, merchant(number, **given))
    stores.access.change(asked)
    return asked.merchant[1]


def admin(number: int = 1, **given: Any) -> Admin:
    fields: dict[str, Any] = {"email": f"a{number}@x.example", "name": "A", "role": Role.OWNER, "password": "$argon2"}
    return Admin(id=f"adm_{number}", created_at=NOW, updated_at=NOW, **(fields | given))


def admin_change(before: Admin | None, after: Admin, **more: Any) -> AdminChange:
    return AdminChange(admin=(before, after), audit=admin_record(before, after, "admin.updated", WHO), **more)


class TestMerchants:
    """Merchants and their keys."""

    def test_a_logo_is_written_with_its_merchant_and_stays_until_it_is_replaced(self, stores: Stores) -> None:
        """The largest, byte for byte; a change that says nothing of it leaves it, and a stale one too."""
        first = made(stores)
        assert stores.access.logo(first.id) == b""
        second = replace(first, version=2, brand=Brand(shop_name="Coffee to go", logo="image/png"))
        stores.access.change(change(first, second, logo=bytes(range(256)) * 256))
        with pytest.raises(Stale):
            stores.access.change(change(first, replace(first, version=2), logo=b"stale"))
        now = stores.access.merchant(first.id)
        assert now is not None
        assert now.brand == second.brand
        stores.access.change(change(now, replace(now, version=3)))
        assert stores.access.logo(first.id) == bytes(range(256)) * 256

    def test_a_merchant_comes_back_as_it_was_stored(self, stores: Stores) -> None:
        """With its limits, its policy and the end of its audit chain."""
        assert stores.access.merchant("mer_1") is None
        first = made(stores, limits=Limits(calls_per_second=7), policy=Policy(tolerance_per_mille=3))
        assert stores.access.merchant("mer_1") == first
        second = change(first, replace(first, name="B", version=2))
        stores.access.change(second)
        assert stores.access.merchant("mer_1") == second.merchant[1]

    def test_a_merchant_is_made_once(self, stores: Stores) -> None:
        """A second one of the same id is refused, and changes nothing."""
        first = made(stores)
        assert refused(lambda: made(stores, name="other"), AlreadyExists).key == "merchant"
        assert stores.access.merchant("mer_1") == first

    def test_of_two_changes_of_one_version_one_is_stale(self, stores: Stores) -> None:
        """The chain of records stays whole."""
        first = made(stores)
        after = replace(first, name="B", version=2)
        stores.access.change(change(first, after))
        refused(lambda: stores.access.change(change(first, replace(after, name="C"))), Stale)
        chain = stores.access.audit("mer_1")
        assert [each.version for each in chain] == [1, 2]
        assert all(map(holds, chain))
        assert broken(chain) is None
        assert [each.version for each in stores.access.audit("mer_1", after=1)] == [2]
        assert [each.version for each in stores.access.audit("mer_1", limit=1)] == [1]
        assert stores.access.audit("nobody") == []

    def test_a_merchant_waits_until_it_is_provisioned(self, stores: Stores) -> None:
        """And no two have one account."""
        first, second = made(stores, 1, account=5), made(stores, 2, account=5)
        assert stores.access.waiting() == ["mer_1", "mer_2"]
        keyed = change(first, replace(first, xpub=XPUB, key_signature="30aa", version=2))
        stores.access.change(keyed)
        assert stores.access.waiting() == ["mer_1", "mer_2"]
        assert stores.access.waiting("mer_1") == ["mer_2"]
        ready = change(keyed.merchant[1], replace(keyed.merchant[1], discovered=True, version=3))
        stores.access.change(ready)
        assert stores.access.waiting() == ["mer_2"]
        anew = change(ready.merchant[1], replace(ready.merchant[1], discovered=False, version=4))
        stores.access.change(anew)
        assert stores.access.waiting() == ["mer_1", "mer_2"]
        late = change(second, replace(second, xpub=XPUB2, version=2))
        assert refused(lambda: stores.access.change(late), AlreadyExists).key == "account"
        assert [stores.access.holder(account) for account in (5, 99)] == ["mer_1", None]

    def test_an_own_key_belongs_to_one_merchant(self, stores: Stores) -> None:
        """And a merchant that brings one waits for the signer to vouch for it."""
        own = {"xpub": XPUB, "policy": Policy(custody=Custody.XPUB), "account": 0}
        made(stores, 1, **own)
        assert stores.access.waiting() == ["mer_1"]
        assert refused(lambda: made(stores, 2, **own), AlreadyExists).key == "xpub"
        assert stores.access.merchant("mer_2") is None
        # Neither may a merchant of ours get what somebody brought, however it came to its account.
        waiting = made(stores, 3)
        late = change(waiting, replace(waiting, xpub=XPUB, version=2))
        assert refused(lambda: stores.access.change(late), AlreadyExists).key == "xpub"

    def test_a_version_of_a_key_is_signed_once(self, stores: Stores) -> None:
        """Whatever became of the merchant: a row that lost its signature gets no second one for the version."""
        own = {"xpub": XPUB, "policy": Policy(custody=Custody.XPUB), "account": 0}
        held = made(stores, 1, **own)

        def changed(version: int, **fields: Any) -> Merchant:
            asked = change(held, replace(held, version=version, **fields))
            stores.access.change(asked)
            return asked.merchant[1]

        held = changed(2, key_signature="30aa")
        held = changed(3, name="other terms")
        held = changed(4, key_signature="")
        for fields in ({"key_signature": "30bb"}, {"key_signature": "30aa", "xpub": XPUB2}):
            assert refused(lambda fields=fields: changed(5, **fields), AlreadyExists).key == "signature"
        assert stores.access.merchant("mer_1") == held
        # The same version of another merchant, and the next one of this merchant, are others.
        made(stores, 2, xpub=XPUB2, key_signature="30cc")
        held = changed(5, key_signature="30dd", key_version=2)
        assert stores.access.merchant("mer_1") == held

    def test_a_key_of_another_curve_is_one_merchants_and_is_signed_once(self, stores: Stores) -> None:
        """What a merchant brings for another kind of chain; what is of our own wallet claims nothing."""
        own = {"xpub": XPUB, "policy": Policy(custody=Custody.XPUB), "account": 0}
        held, version = made(stores, 1, **own), 1

        def put(xpub: str, signature: str) -> None:
            nonlocal held, version
            key = AccountKey(curve="tron", xpub=xpub, signature=signature)
            asked = change(held, replace(held, version=version + 1, more_keys=(key,)))
            stores.access.change(asked)
            held, version = asked.merchant[1], version + 1

        put(XPUB2, "")
        put(XPUB2, "30aa")
        put(XPUB2, "")
        assert refused(lambda: put(XPUB2, "30bb"), AlreadyExists).key == "signature"
        assert stores.access.merchant("mer_1") == held
        assert refused(lambda: made(stores, 2, **(own | {"xpub": XPUB2})), AlreadyExists).key == "xpub"
        ours = made(stores, 3)
        key = AccountKey(curve="tron", xpub=XPUB2, signature="30cc")
        stores.access.change(change(ours, replace(ours, version=2, more_keys=(key,))))

    def test_merchants_are_listed_by_id(self, stores: Stores) -> None:
        """Each stands in the list once, as it was stored last, and the list goes on after any id."""
        held = {number: made(stores, number) for number in (3, 1, 2)}
        stores.access.change(change(held[1], replace(held[1], name="newer", version=2)))
        assert [(each.id, each.name) for each in stores.access.merchants("", 2)] == [("mer_1", "newer"), ("mer_2", "Ä")]
        assert [each.id for each in stores.access.merchants("mer_2", 9)] == ["mer_3"]
        assert stores.access.merchants("mer_3", 9) == []

    def test_a_key_commits_with_its_merchants_record(self, stores: Stores) -> None:
        """It comes back whole, is listed with its merchant, and a stale change of it changes nothing."""
        first = made(stores)
        assert stores.access.api_key("key1") is None
        assert stores.access.keys_of("mer_1") == []
        second = change(first, replace(first, version=2), key=(None, key()))
        stores.access.change(second)
        assert stores.access.api_key("key1") == key()
        third = change(second.merchant[1], replace(second.merchant[1], version=3), key=(None, key(2)))
        stores.access.change(third)
        assert stores.access.keys_of("mer_1") == [key(), key(2)]
        now = third.merchant[1]
        ended = replace(key(), enabled=False, version=2)
        stores.access.change(change(now, replace(now, version=4), key=(key(), ended)))
        now = replace(now, version=4)
        refused(lambda: stores.access.change(change(now, replace(now, version=5), key=(key(), ended))), Stale)
        assert stores.access.merchant("mer_1").version == 4  # type: ignore[union-attr]

    def test_the_last_use_of_a_key_is_noted(self, stores: Stores) -> None:
        """The newest note counts; a key that was never used has none."""
        stores.access.used("key1", NOW)
        stores.access.used("key1", NOW + 5)
        assert stores.access.last_used(["key1", "key2"]) == {"key1": NOW + 5}
        assert stores.access.last_used([]) == {}

    def test_an_idempotency_key_remembers_its_answer(self, stores: Stores) -> None:
        """For its owner and route alone; a second change under it is refused whole."""
        asked = Idempotency("admin:1", "POST /x", "k#1", "hash")
        stores.access.change(change(None, merchant(), idempotency=asked, answer='{"a":1}'))
        assert stores.access.remembered("admin:1", "POST /x", "k#1") == Remembered("hash", answer='{"a":1}')
        assert stores.access.remembered("admin:2", "POST /x", "k#1") is None
        again = change(None, merchant(2), idempotency=asked, answer="{}")
        assert refused(lambda: stores.access.change(again), AlreadyExists).key == "idempotency"
        assert stores.access.merchant("mer_2") is None


class TestLimits:
    """Buckets, places, nonces and attempts."""

    def test_a_bucket_empties_and_fills_again(self, stores: Stores) -> None:
        """Ten tokens a second: ten at once, then one each tenth; another merchant's is its own."""
        now = NOW * 1000

        def take(at: int, who: str = "mer_1") -> int | None:
            return stores.limits.take_tokens(who, cost=SECOND // 10, depth=SECOND, now=at)

        assert [take(now) for _ in range(10)] == [None] * 10
        assert take(now) == now + SECOND
        assert take(now, "mer_2") is None
        assert take(now + SECOND // 10) is None
        assert take(now + SECOND // 10) is not None
        assert [take(now + 9 * SECOND) for _ in range(11)].count(None) == 10

    def test_a_bucket_gives_no_more_to_many_at_once(self, stores: Stores) -> None:
        """However they race."""
        with ThreadPoolExecutor(10) as pool:
            taken = list(
                pool.map(
                    lambda _: stores.limits.take_tokens("m", cost=SECOND // 20, depth=SECOND, now=NOW * 1000), range(40)
                )
            )
        assert taken.count(None) <= 20

    def test_places_are_given_up_to_the_most(self, stores: Stores) -> None:
        """Per merchant and chain, until somebody counts anew, or nobody has for long."""

        def take(chain: str = "anvil", at: int = NOW, count: int = 4) -> bool:
            return stores.limits.take_places("mer_1", chain, count=count, most=10, now=at)

        assert [take(), take(), take()] == [True, True, False]
        assert take(count=2)
        assert not take(count=1)
        assert take("sepolia")
        stores.limits.count_places("anvil", {"mer_1": 9, "mer_2": 3}, NOW)
        assert not take(count=2)
        assert take(count=1)
        assert not take(at=NOW + 800_000, count=1)
        assert take(at=NOW + 900_000)

    def test_a_nonce_is_used_once(self, stores: Stores) -> None:
        """Per key; long after its timestamp could be accepted it may come again."""

        def spend(who: str, at: int = NOW, key: str = "k1") -> bool:
            return stores.limits.spend_nonce(key, "n" * 16, by=who, now=at)

        assert [spend("r1"), spend("r2"), spend("r3", NOW + 600_000)] == [True, False, False]
        assert spend("r4", key="k2")
        assert spend("r5", NOW + 662_000)

    def test_attempts_are_counted_per_window(self, stores: Stores) -> None:
        """And taken back."""
        assert [stores.limits.attempt("account:a", 5, NOW) for _ in range(3)] == [1, 2, 3]
        stores.limits.forgive("account:a", 5)
        assert stores.limits.attempt("account:a", 5, NOW) == 3
        assert stores.limits.attempt("account:a", 6, NOW) == 1
        assert stores.limits.attempt("account:b", 5, NOW) == 1


class TestAdmins:
    """Admins, sessions, token keys."""

    def test_an_admin_comes_back_and_is_found_by_address(self, stores: Stores) -> None:
        """As stored last."""
        assert stores.admins.admin("adm_1") is None
        assert stores.admins.by_email("a1@x.example") is None
        stores.admins.change(admin_change(None, admin(totp="s", totp_on=True, totp_step=9)))
        first = stores.admins.admin("adm_1")
        assert first == admin(totp="s", totp_on=True, totp_step=9)
        assert stores.admins.by_email("a1@x.example") == "adm_1"
        stores.admins.change(admin_change(first, replace(first, role=Role.VIEWER, version=2)))
        assert stores.admins.admin("adm_1").role is Role.VIEWER  # type: ignore[union-attr]
        refused(lambda: stores.admins.change(admin_change(first, replace(first, version=2))), Stale)
        assert [each.version for each in stores.access.audit("adm_1")] == [1, 2]

    def test_an_address_and_an_id_are_one_admins(self, stores: Stores) -> None:
        """A second is refused whole."""
        stores.admins.change(admin_change(None, admin()))
        twin = admin_change(None, admin(2, email="a1@x.example"))
        assert refused(lambda: stores.admins.change(twin), AlreadyExists).key == "email"
        assert stores.admins.admin("adm_2") is None
        again = admin_change(None, admin(email="b@x.example"))
        assert refused(lambda: stores.admins.change(again), AlreadyExists).key == "admin"
        stores.admins.change(admin_change(None, admin(3)))
        assert [each.id for each in stores.admins.admins("", 9)] == ["adm_1", "adm_3"]
        assert [each.id for each in stores.admins.admins("adm_1", 9)] == ["adm_3"]

    def test_an_admins_change_remembers_its_answer(self, stores: Stores) -> None:
        """Where the merchants' are, too."""
        asked = Idempotency("admin:1", "POST /users", "k", "h")
        stores.admins.change(admin_change(None, admin(), idempotency=asked, answer="{}"))
        assert stores.access.remembered("admin:1", "POST /users", "k") == Remembered("h", answer="{}")
        twice = admin_change(None, admin(2), idempotency=asked)
        assert refused(lambda: stores.admins.change(twice), AlreadyExists).key == "idempotency"

    def test_a_session_moves_on_once(self, stores: Stores) -> None:
        """Of two that follow the same version one is stale."""
        first = Session(id="s1", admin_id="adm_1", digest="d1", created_at=NOW, expires_at=NOW + 5)
        assert stores.admins.session("s1") is None
        stores.admins.save_session(None, first)
        assert refused(lambda: stores.admins.save_session(None, first), AlreadyExists).key == "session"
        second = replace(first, digest="d2", version=2)
        stores.admins.save_session(first, second)
        refused(lambda: stores.admins.save_session(first, replace(second, digest="d3")), Stale)
        assert stores.admins.session("s1") == second

    def test_token_keys_come_newest_first(self, stores: Stores) -> None:
        """And no more than five."""
        assert stores.admins.token_keys() == []
        for number in range(7):
            stores.admins.put_token_key(TokenKey(f"01{number}", f"sealed{number}", NOW + number))
        assert [each.id for each in stores.admins.token_keys()] == ["016", "015", "014", "013", "012"]


class TestCheckpoints:
    """The hourly seals."""

    def test_an_hour_is_sealed_once(self, stores: Stores) -> None:
        """With all its heads; the newest is found."""
        leaves = sorted(f"p{number} 1 {'a' * 64}" for number in range(2_500))
        first = AuditCheckpoint(hour="2026-01-31T12", count=len(leaves), root="r", previous="", hash="h1")
        assert stores.checkpoints.last() is None
        stores.checkpoints.put(first, leaves)
        assert stores.checkpoints.leaves(first) == leaves
        late = replace(first, root="x")
        assert refused(lambda: stores.checkpoints.put(late, leaves[:5]), AlreadyExists).key == "checkpoint"
        assert stores.checkpoints.checkpoint(first.hour) == first
        assert stores.checkpoints.leaves(first) == leaves
        second = replace(first, hour="2026-01-31T13", previous="h1", hash="h2", count=0)
        stores.checkpoints.put(second, [])
        assert stores.checkpoints.last() == second
        assert stores.checkpoints.checkpoint("2026-01-31T12") == first
        assert stores.checkpoints.leaves(second) == []
        assert stores.checkpoints.checkpoint("2026-01-31T14") is None


class TestFeed:
    """The feed of events."""

    def test_events_are_read_page_by_page_in_either_order(self, stores: Stores) -> None:
        """Each once, delivered or not; after an event, of a type, another merchant's never."""
        commits = [
            creation(
                payment(
                    id=f"p{number}",
                    created_at=NOW + number,
                    updated_at=NOW + number,
                    webhook_url=None if number == 4 else "https://shop.example/hooks",
                )
            )
            for number in range(7)
        ]
        for commit in [*commits, creation(payment(id="foreign", merchant_id="mer_9"))]:
            stores.payments.commit(commit)
        ulids = [commit.event.ulid for commit in commits if commit.event]
        for commit in commits[1::2]:  # these have been delivered
            assert commit.event
            stores.events.record(delivery(commit.event.ulid), due_index=False)

        def walk(**asked: Any) -> list[str]:
            found, position = [], None
            while True:
                page = stores.events.page("mer_1", EventFilter(limit=3, position=position, **asked))
                found += [event.ulid for event in page.events]
                if (position := page.position) is None:
                    return found

        assert walk(newest_first=False) == ulids
        assert walk() == ulids[::-1]
        assert walk(newest_first=False, after=ulids[2]) == ulids[3:]
        assert walk(after=ulids[2]) == ulids[:2:-1]
        assert walk(type="payment.created") == ulids[::-1]
        assert walk(type="payment.paid") == []
        assert walk(after=ulids[-1]) == []
        assert walk(created_after=NOW + 2, created_before=NOW + 4, newest_first=False) == ulids[2:5]
        assert walk(created_before=NOW + 1) == ulids[1::-1]
        assert walk(created_after=NOW + 99) == walk(created_before=-5) == []
        assert [each.ulid for each in stores.events.named("mer_1", [ulids[4], "nothing", ulids[1]])] == [
            ulids[4],
            ulids[1],
        ]
        assert stores.events.payments_between("mer_1", NOW + 1, NOW + 3) == {"p1", "p2"}
        assert stores.payments.events_of("p3") == [ulids[3]]
        assert stores.payments.heads(["p3", "gone"]) == {"p3": (1, commits[3].after.audit_head)}

    def test_a_page_of_more_than_a_megabyte_is_short_and_goes_on(self, stores: Stores) -> None:
        """DynamoDB ends a page by itself; nobody is told that nothing follows."""
        text = "".join(hashlib.sha512(f"{number}".encode()).hexdigest() for number in range(220))
        noise = tuple((f"k{number}", text[number * 500 : number * 500 + 500]) for number in range(56))
        made = [
            creation(
                payment(
                    id=f"p{number:02d}",
                    metadata=noise,
                    created_at=NOW + number,
                    updated_at=NOW + number,
                    webhook_url="https://shop.example/hooks",
                )
            )
            for number in range(150)
        ]
        for commit in made:
            stores.payments.commit(commit)

        def walk(*, newest_first: bool) -> list[str]:
            found, position = [], None
            while True:
                page = stores.events.page("mer_1", EventFilter(limit=100, position=position, newest_first=newest_first))
                found += [str(event.payment_id) for event in page.events]
                if (position := page.position) is None:
                    return found

        ids = [commit.after.id for commit in made]
        assert walk(newest_first=False) == ids
        assert walk(newest_first=True) == ids[::-1]
        assert stores.events.payments_between("mer_1", NOW, NOW + 1_000) == set(ids)

    def test_what_is_too_young_is_not_shown_yet(self, stores: Stores) -> None:
        """Whoever follows the feed must not see the later of two first."""
        for number in range(4):
            stores.payments.commit(creation(payment(id=f"p{number}", updated_at=NOW + number)))
        page = stores.events.page("mer_1", EventFilter(newest_first=False, until=NOW + 2))
        assert [event.payment_id for event in page.events] == ["p0", "p1"]


def test_a_revoked_key_leaves_its_merchants_list_after_a_while(stage: Stage) -> None:
    """Its row in the list ends in ninety days; a good key has a row without an end, and the key itself stays."""
    stores = stage.stores()
    first = made(stores)
    second = change(first, replace(first, version=2), key=(None, key()))
    stores.access.change(second)

    def ends() -> dict[str, bool]:
        rows = stage.client.query(
            TableName=stage.table("access"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "KEYS#mer_1"}},
        )["Items"]
        return {
            row["sk"]["S"]: int(row["ttl"]["N"]) == NOW // 1000 + 90 * 86_400 if "ttl" in row else False for row in rows
        }

    assert ends() == {"key1": False}
    ended = replace(key(), enabled=False, version=2)
    now = second.merchant[1]
    stores.access.change(change(now, replace(now, version=3), key=(key(), ended)))
    assert ends() == {"key1": True}
    assert stores.access.api_key("key1") == ended
