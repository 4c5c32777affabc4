"""Merchants: make them, change their terms, switch them off; each change audited in the merchant's own chain."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ctrip.domain.audit import AuditRecord, Origin, record
from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import FIRST, ChainRules, account_path, rules_of
from ctrip.domain.errors import AlreadyExists, Conflict, CtripError, InvalidField, NotFound, Stale
from ctrip.domain.merchants.access import AccountKey, ApiKey, Limits, Merchant
from ctrip.domain.merchants.account_key import parse_account_xpub
from ctrip.domain.merchants.terms import Terms
from ctrip.domain.payments.payment import Custody, Policy
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.webhook import new_secret
from ctrip.ports.credentials import Cipher
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessChange, AccessStore
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.shared.choose_asset import chosen_network
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.endpoints import endpoint_view
from ctrip.views.merchants import MerchantPage, MerchantView, MerchantWithSecret, merchant_view

TRIES = 5
LONGEST_ID = 64  # a longer one is nobody's, and DynamoDB would refuse it as a key
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantManager:
    """Makes and changes merchants; it holds no key that could give one an account."""

    access: AccessStore
    cipher: Cipher
    jobs: Jobs
    clock: Clock
    ids: Ids
    networks: Mapping[str, Network] = field(default_factory=dict)

    def create(
        self,
        terms: Terms,
        xpub: str | None,
        origin: Origin,
        idempotency: Idempotency | None,
        *,
        custody: Custody | None = None,
    ) -> Answer:
        """Make a merchant; the answer holds its webhook secret, this once.

        Its custody stays for good: `xpub` with a key of its own, else `hot` or `direct`.

        It is `provisioning` until the signer has given it an account, or signed for its own `xpub`, and until the
        addresses that were used before are known.
        """
        kept = custody or (Custody.XPUB if xpub else Custody.HOT)
        if (kept is Custody.XPUB) is not bool(xpub):
            wrong = "excludes another field that was given" if xpub else "needs the merchant's own xpub"
            raise InvalidField("custody", "mutually_exclusive" if xpub else "invalid_value", wrong)
        return Once(self.access).run(idempotency, lambda: self._create(terms, xpub, kept, origin, idempotency))

    def _create(
        self, terms: Terms, xpub: str | None, custody: Custody, origin: Origin, idempotency: Idempotency | None
    ) -> Answer:
        merchant, secret = self._new(terms, xpub, custody)
        audit = merchant_record(None, merchant, "merchant.created", origin)
        merchant = replace(merchant, audit_head=audit.hash)
        shown: MerchantWithSecret = {**merchant_view(merchant), "webhook_secret": secret}
        change = AccessChange(
            merchant=(None, merchant),
            audit=audit,
            idempotency=idempotency,
            answer=json.dumps({**shown, "webhook_secret": None}),
        )
        try:
            self.access.change(change)
        except AlreadyExists as exc:
            if exc.key == "idempotency":
                raise
            raise InvalidField("xpub", "xpub_in_use", "belongs to another merchant already") from exc
        self.jobs.provision()
        return Answer(shown)

    def update(self, merchant_id: str, terms: Terms, origin: Origin) -> MerchantView:
        """Change a merchant's terms; payments that exist keep the policy that they were made under."""

        def change(merchant: Merchant) -> tuple[Merchant, str]:
            after = terms.applied(merchant)
            switched = after.enabled is not merchant.enabled
            action = "updated" if not switched else "enabled" if after.enabled else "disabled"
            return after, f"merchant.{action}"

        return merchant_view(change_merchant(self.access, merchant_id, change, origin, self.clock.now()))

    def add_key(self, merchant_id: str, chain: str, xpub: str, origin: Origin) -> MerchantView:
        """Take a merchant's own extended key for the chains of another kind; the same again changes nothing.

        It waits for the signer and is discovered as the first one was, and the chains of other kinds go on meanwhile.
        Raises `NotFound`, `BadRequest`, and `Conflict` where the key is not the merchant's to bring, or is there.
        """
        rules = rules_of(chosen_network(self.networks, chain))
        brought = AccountKey(curve=rules.curve, xpub=_own(xpub, rules))

        def change(merchant: Merchant) -> tuple[Merchant, str]:
            if not merchant.own_keys:
                told = "The merchant's custody is not xpub: its addresses are of this stage's wallet."
                raise Conflict(told, code="custody_not_xpub")
            held = merchant.key_on(rules.curve)
            if held is not None and held.xpub != brought.xpub:
                told = f"The merchant has an extended key for {chain} already, and has given out addresses of it."
                raise Conflict(told, code="merchant_has_key")
            if held is None and any(key.xpub == brought.xpub for key in merchant.keys):
                told = f"is the merchant's key for other chains; give that of {account_path(rules, 0)[:-2]}n'"
                raise InvalidField("xpub", "invalid_xpub", told)
            return (merchant.with_key(brought) if held is None else merchant), "merchant.key_added"

        now = find_merchant(self.access, merchant_id)
        after, _ = change(now)
        if after is now:
            return merchant_view(now)
        try:
            changed = change_merchant(self.access, merchant_id, change, origin, self.clock.now())
        except AlreadyExists as exc:
            raise InvalidField("xpub", "xpub_in_use", "belongs to another merchant already") from exc
        self.jobs.provision()
        return merchant_view(changed)

    def rediscover(self, merchant_id: str, origin: Origin) -> MerchantView:
        """Have a merchant's account discovered anew, after a restore say; it takes no payments until that is done."""

        def change(merchant: Merchant) -> tuple[Merchant, str]:
            for key in merchant.keys:
                merchant = merchant.with_key(replace(key, discovered=False))
            return merchant, "merchant.rediscovery"

        view = merchant_view(change_merchant(self.access, merchant_id, change, origin, self.clock.now()))
        self.jobs.provision()
        return view

    def one(self, merchant_id: str) -> MerchantView:
        """Show a merchant; raises `NotFound`."""
        return merchant_view(find_merchant(self.access, merchant_id))

    def page(self, after: str, limit: int) -> MerchantPage:
        """List merchants by id; `next_cursor` is the id to go on after."""
        found = self.access.merchants(after, limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return {"data": [merchant_view(each) for each in found[:limit]], "next_cursor": more}

    def _new(self, terms: Terms, xpub: str | None, custody: Custody) -> tuple[Merchant, str]:
        now, merchant_id = self.clock.now(), self.ids.uuid()
        secret = new_secret(self.ids.entropy(SECRET_BYTES))
        merchant = Merchant(
            id=merchant_id,
            name="",
            account=0 if xpub else self.access.next_account(),
            xpub=_own(xpub) if xpub else "",
            webhook_secrets=(self.cipher.encrypt(secret, merchant_id),),
            policy=Policy(custody=custody),
            limits=Limits(),
            created_at=now,
            updated_at=now,
        )
        return terms.applied(merchant), secret


def find_merchant(access: AccessStore, merchant_id: str) -> Merchant:
    """Read a merchant; raises `NotFound`."""
    merchant = access.merchant(merchant_id) if len(merchant_id) <= LONGEST_ID else None
    if merchant is None:
        raise NotFound(f"Merchant {merchant_id[:64]} not found.", code="merchant_not_found")
    return merchant


class PartMoved(CtripError):
    """The API key or the endpoint itself has moved on since it was read: whoever changes it decides anew."""


def change_merchant(
    access: AccessStore,
    merchant_id: str,
    decide: Callable[[Merchant], tuple[Merchant, str]],
    origin: Origin,
    now: int,
    *,
    key: tuple[ApiKey | None, ApiKey] | None = None,
    endpoint: tuple[Endpoint | None, Endpoint | None] | None = None,
    moved: Callable[[], bool] = lambda: False,
    idempotency: Idempotency | None = None,
    answer: str = "",
    logo: bytes | None = None,
) -> Merchant:
    """Decide on the merchant as it stands and commit with the audit record; again where it has moved on meanwhile.

    Raises `PartMoved` where the key or the endpoint has, which `moved` tells.
    """

    def attempt() -> Merchant:
        before = find_merchant(access, merchant_id)
        decided, action = decide(before)
        after = replace(decided, version=before.version + 1, updated_at=now)
        audit = merchant_record(before, after, action, origin, key, endpoint)
        after = replace(after, audit_head=audit.hash)
        change = AccessChange(
            merchant=(before, after),
            audit=audit,
            key=key,
            endpoint=endpoint,
            idempotency=idempotency,
            answer=answer,
            logo=logo,
        )
        try:
            access.change(change)
        except Stale:
            if moved():
                raise PartMoved from None
            raise
        return after

    changing = Conflict("The merchant is changing; read it and try again.", code="merchant_changed")
    return on_stale(attempt, tries=TRIES, otherwise=changing)


def merchant_record(
    before: Merchant | None,
    after: Merchant,
    action: str,
    origin: Origin,
    key: tuple[ApiKey | None, ApiKey] | None = None,
    endpoint: tuple[Endpoint | None, Endpoint | None] | None = None,
) -> AuditRecord:
    """Write the record of a change of a merchant, of one of its keys or its endpoints; no secret stands in it."""
    old, new = (_facts(before) if before else {}), _facts(after)
    if key is not None:
        old |= _key_facts(key[0]) if key[0] else {}
        new |= _key_facts(key[1])
    if endpoint is not None:
        old |= _endpoint_facts(endpoint[0])
        new |= _endpoint_facts(endpoint[1])
    return record(
        after.id,
        after.version,
        before.audit_head if before else "",
        action=action,
        origin=origin,
        at=after.updated_at,
        before=old,
        after=new,
    )


def _facts(merchant: Merchant) -> dict[str, Any]:
    unaudited = ("id", "created_at", "updated_at", "version", "other_xpubs")
    facts = {name: value for name, value in merchant_view(merchant).items() if name not in unaudited}
    vouched = {"version": merchant.key_version, "signature": merchant.key_signature}
    more = [[key.curve, key.xpub, key.version, key.signature, key.first_index] for key in merchant.more_keys]
    added: dict[str, Any] = {"more_keys": more} if more else {}
    if merchant.former_keys:
        added["former_keys"] = [[key.curve, key.account, key.xpub, key.signature] for key in merchant.former_keys]
    if merchant.brand and merchant.brand.logo_digest:
        added["logo"] = merchant.brand.logo_digest
    if merchant.rotation:
        added["rotation"] = merchant.rotation.account
    return facts | {"extended_key": vouched, "first_index": merchant.first_index} | added


def _key_facts(key: ApiKey) -> dict[str, Any]:
    return {
        "key": {
            "id": key.id,
            "name": key.name,
            "scopes": sorted(key.scopes),
            "signed_only": key.signed_only,
            "allowed_ips": list(key.allowed_ips),
            "expires_at": key.expires_at,
            "enabled": key.enabled,
            "versions": [[each.created_at, each.expires_at] for each in key.versions],
        }
    }


def _endpoint_facts(endpoint: Endpoint | None) -> dict[str, Any]:
    if endpoint is None:
        return {"endpoint": None}
    secrets = [[each.created_at, each.expires_at] for each in endpoint.secrets]
    return {"endpoint": {**endpoint_view(endpoint), "secrets": secrets}}


def _own(xpub: str, rules: ChainRules = FIRST) -> str:
    try:
        return parse_account_xpub(xpub, rules)
    except ValueError as exc:
        raise InvalidField("xpub", "invalid_xpub", str(exc)) from None
