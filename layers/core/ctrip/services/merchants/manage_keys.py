"""API keys: make, rotate, revoke; each a change of its merchant, audited in the merchant's chain."""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from ipaddress import ip_network

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, Forbidden, InvalidField, NotFound, Stale
from ctrip.domain.merchants.access import LIVE_VERSIONS, OVERLAP_SECONDS, ApiKey, KeyVersion, Scope
from ctrip.ports.credentials import Cipher
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.merchants.authenticate import KEY_ID
from ctrip.services.merchants.manage_merchants import PartMoved, change_merchant, find_merchant
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.merchants import KeyPage, key_view

ID_BYTES = 10
SECRET_BYTES = 32
MOST_KEYS = 50
MOST_LISTED = 1_000
TRIES = 3
_HIDDEN = {"api_key": None, "signing_secret": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What is asked of a key; `expires_at` is unix milliseconds."""

    name: str
    scopes: frozenset[Scope]
    signed_only: bool = False
    allowed_ips: tuple[str, ...] = ()
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter:
    """What a list asks for; times are unix milliseconds, both ends included."""

    created_after: int | None = None
    created_before: int | None = None
    limit: int = 20
    cursor: str | None = None

    def takes(self, created_at: int) -> bool:
        """Whether a key made then is among them."""
        return (self.created_after is None or created_at >= self.created_after) and (
            self.created_before is None or created_at <= self.created_before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyManager:
    """Makes, rotates and revokes keys; the secrets it makes are in its answer and nowhere else."""

    access: AccessStore
    cipher: Cipher
    clock: Clock
    ids: Ids

    def create(
        self,
        merchant_id: str,
        wanted: NewKey,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        by: ApiKey | None = None,
    ) -> Answer:
        """Make a key that opens nothing that `by`, the key of whoever asks, does not; the answer has its secrets."""
        return Once(self.access).run(idempotency, lambda: self._create(merchant_id, wanted, origin, idempotency, by))

    def _create(
        self, merchant_id: str, wanted: NewKey, origin: Origin, idempotency: Idempotency | None, by: ApiKey | None
    ) -> Answer:
        self._check(merchant_id, wanted, by)
        now, key_id = self.clock.now(), _spelt(self.ids.entropy(ID_BYTES))
        version, secrets = self._version(key_id, now, signed_only=wanted.signed_only)
        key = ApiKey(
            id=key_id,
            merchant_id=merchant_id,
            name=wanted.name,
            scopes=wanted.scopes,
            versions=(version,),
            signed_only=wanted.signed_only,
            allowed_ips=tuple(dict.fromkeys(wanted.allowed_ips)),
            expires_at=wanted.expires_at,
            created_at=now,
        )
        return self._commit(None, key, "key.created", secrets, origin, idempotency)

    def rotate(
        self,
        merchant_id: str,
        key_id: str,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        overlap_seconds: int = OVERLAP_SECONDS,
        by: ApiKey | None = None,
    ) -> Answer:
        """Give a key new secrets; those before it go on for `overlap_seconds`, and those before them end now.

        With `by`, the key of whoever asks, a key that opens more than that one is refused.
        """

        def attempt() -> Answer:
            return self._rotate(merchant_id, key_id, origin, idempotency, overlap_seconds, by)

        try:
            return Once(self.access).run(idempotency, attempt)
        except PartMoved:
            raise _changed() from None

    def _rotate(
        self,
        merchant_id: str,
        key_id: str,
        origin: Origin,
        idempotency: Idempotency | None,
        overlap_seconds: int,
        by: ApiKey | None,
    ) -> Answer:
        before, now = self._find(merchant_id, key_id), self.clock.now()
        _must_be_within(by, before.scopes, before.allowed_ips, before.expires_at)
        if not before.usable(now):
            raise Conflict("A key that is revoked or expired cannot be rotated.", code="key_not_usable")
        version, secrets = self._version(key_id, now, signed_only=before.signed_only)
        ends = now + overlap_seconds * 1000
        newest = before.versions[0]
        older = replace(newest, expires_at=min(newest.expires_at or ends, ends))
        versions = (version, older)[: LIVE_VERSIONS if overlap_seconds else 1]
        after = replace(before, versions=versions, version=before.version + 1)
        return self._commit(before, after, "key.rotated", secrets, origin, idempotency)

    def revoke(self, merchant_id: str, key_id: str, origin: Origin) -> None:
        """End a key for good; a second time changes nothing."""

        def attempt() -> None:
            before = self._find(merchant_id, key_id)
            if not before.enabled:
                return
            after = replace(before, enabled=False, version=before.version + 1)
            try:
                self._commit(before, after, "key.revoked", {}, origin, None)
            except PartMoved as exc:
                raise Stale from exc

        on_stale(attempt, tries=TRIES, otherwise=_changed())

    def page(self, merchant_id: str, wanted: KeyFilter | None = None) -> KeyPage:
        """List a merchant's keys, newest first; `next_cursor` is the id of the last one shown."""
        asked = wanted or KeyFilter(limit=MOST_LISTED)
        find_merchant(self.access, merchant_id)
        keys = sorted(self.access.keys_of(merchant_id), key=lambda key: (key.created_at, key.id), reverse=True)
        keys = [key for key in keys if asked.takes(key.created_at)]
        if asked.cursor is not None:
            places = [place for place, key in enumerate(keys) if key.id == asked.cursor]
            if not places:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            keys = keys[places[0] + 1 :]
        shown, now = keys[: asked.limit], self.clock.now()
        used = self.access.last_used([key.id for key in shown])
        more = shown[-1].id if len(keys) > len(shown) else None
        return {"data": [key_view(key, now, used.get(key.id)) for key in shown], "next_cursor": more}

    def _find(self, merchant_id: str, key_id: str) -> ApiKey:
        key = self.access.api_key(key_id) if KEY_ID.fullmatch(key_id) else None
        if key is None or key.merchant_id != merchant_id:
            raise NotFound(f"Key {key_id[:64]} not found.", code="key_not_found")
        return key

    def _check(self, merchant_id: str, wanted: NewKey, by: ApiKey | None) -> None:
        find_merchant(self.access, merchant_id)
        if not wanted.scopes:
            raise InvalidField("scopes", "missing", "must name at least one scope")
        for each in wanted.allowed_ips:
            _check_network(each)
        _must_be_within(by, wanted.scopes, wanted.allowed_ips, wanted.expires_at)
        if wanted.expires_at is not None and wanted.expires_at <= self.clock.now():
            raise InvalidField("expires_at", "in_the_past", "must be in the future")
        now = self.clock.now()
        if sum(key.usable(now) for key in self.access.keys_of(merchant_id)) >= MOST_KEYS:
            raise Conflict(f"A merchant has at most {MOST_KEYS} keys; revoke one first.", code="too_many_keys")

    def _version(self, key_id: str, now: int, *, signed_only: bool) -> tuple[KeyVersion, dict[str, str | None]]:
        bearer = None if signed_only else f"ctrip_{key_id}_{_secret(self.ids)}"
        signing = f"ctsk_{_secret(self.ids)}"
        return encrypted_version(self.cipher, key_id, bearer, signing, now), {
            "api_key": bearer,
            "signing_secret": signing,
        }

    def _commit(
        self,
        before: ApiKey | None,
        after: ApiKey,
        action: str,
        secrets: dict[str, str | None],
        origin: Origin,
        idempotency: Idempotency | None,
    ) -> Answer:
        now = self.clock.now()
        view = key_view(after, now)
        change_merchant(
            self.access,
            after.merchant_id,
            lambda merchant: (merchant, action),
            origin,
            now,
            key=(before, after),
            moved=lambda: before is not None and self.access.api_key(before.id) != before,
            idempotency=idempotency,
            answer=json.dumps(view | _HIDDEN),
        )
        return Answer(view | secrets)


def encrypted_version(cipher: Cipher, key_id: str, bearer: str | None, signing: str, now: int) -> KeyVersion:
    """Turn a key's secrets into what may be stored: a hash of the one, the other encrypted."""
    digest = hashlib.sha256(bearer.encode()).hexdigest() if bearer else ""
    return KeyVersion(digest=digest, encrypted=cipher.encrypt(signing, key_id), created_at=now)


def _changed() -> Conflict:
    return Conflict("The key is changing; read it and try again.", code="key_changed")


def _must_be_within(
    by: ApiKey | None, scopes: frozenset[Scope], allowed_ips: tuple[str, ...], expires_at: int | None
) -> None:
    """Refuse to hand out secrets that open more than the caller's own key, are good in more places, or for longer."""
    if by is None:
        return
    if beyond := sorted(scopes - by.scopes):
        raise Forbidden(f"This API key does not carry the scope {beyond[0]}, and cannot hand it out.")
    if by.expires_at is not None and (expires_at is None or expires_at > by.expires_at):
        raise Forbidden("This API key ends, and cannot hand out secrets that outlive it.")
    if by.allowed_ips and not (allowed_ips and all(map(by.covers, allowed_ips))):
        raise Forbidden("This API key is bound to addresses, and cannot hand out secrets for others.")


def _check_network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError:
        problem = "must hold addresses or networks such as 203.0.113.7 or 203.0.113.0/24, without host bits"
        raise InvalidField("allowed_ips", "invalid_network", problem) from None


def _spelt(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


def _secret(ids: Ids) -> str:
    return base64.urlsafe_b64encode(ids.entropy(SECRET_BYTES)).decode().rstrip("=")
