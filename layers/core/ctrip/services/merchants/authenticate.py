"""Who is calling: a bearer key, or a request signed with a key's other secret."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Busy, Forbidden, Unauthorized
from ctrip.domain.merchants import signing
from ctrip.domain.merchants.access import ApiKey, KeyVersion, Merchant, Scope
from ctrip.domain.merchants.signing import SignedRequest
from ctrip.ports.credentials import Cipher
from ctrip.ports.merchants import AccessStore, LimitStore
from ctrip.ports.runtime import Clock, Log

KEY_ID = re.compile(r"[0-9a-z]{8,32}", re.ASCII)
USE_MS = 600_000  # how finely the last use of a key is known
REMEMBERED = 1_000
ANEW_MS = 1_000  # what is remembered is read anew for a credential that it does not fit, this often at most
_BEARER = re.compile(r"[Bb]earer +(ctrip_([0-9a-z]{8,32})_[0-9A-Za-z_-]{20,128})", re.ASCII)
_REFUSED = (
    "A valid API key is required: Authorization: Bearer <key>, or a signed request with X-Key-Id, a current "
    "X-Timestamp, an X-Nonce that was not used before, and X-Signature."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified key, its merchant, and where the call came from."""

    key: ApiKey
    merchant: Merchant
    origin: Origin

    def may(self, scope: Scope) -> "Caller":
        """Require a scope; raises `Forbidden`."""
        if scope not in self.key.scopes:
            raise Forbidden(f"This API key does not carry the scope {scope}.")
        return self


@dataclass(frozen=True, slots=True)
class _Known:
    read_at: int
    key: ApiKey
    merchant: Merchant


@dataclass(slots=True)
class Authenticator:
    """Verifies callers; keys and merchants are remembered for `cache_ms`, so that a revocation takes that long."""

    access: AccessStore
    limits: LimitStore
    cipher: Cipher
    clock: Clock
    log: Log
    cache_ms: int
    _known: dict[str, _Known] = field(default_factory=dict)
    _noted: dict[str, int] = field(default_factory=dict)

    def bearer(self, header: str, address: str, request_id: str) -> Caller:
        """Verify an Authorization header; raises `Unauthorized`, always with the same words, or `Forbidden`."""
        match = _BEARER.fullmatch(header)
        if match is None:
            raise Unauthorized(_REFUSED)
        token, key_id = match.group(1), match.group(2)
        digest = hashlib.sha256(token.encode()).hexdigest()
        known, right = self._right(key_id, lambda _, version: hmac.compare_digest(version.digest, digest))
        return self._caller(known, right, address, request_id)

    def signed(self, request: SignedRequest, signature: str, address: str, request_id: str) -> Caller:
        """Verify a signed request and use its nonce up; raises as `bearer` does."""
        if not self._well_formed(request, signature):
            raise Unauthorized(_REFUSED)
        now = self.clock.now()
        if abs(now // 1000 - int(request.timestamp)) > signing.SKEW_SECONDS:
            raise Unauthorized(_REFUSED)
        known, right = self._right(
            request.key_id,
            lambda key, version: hmac.compare_digest(self._signature(key, version, request), signature),
        )
        caller = self._caller(known, right, address, request_id)
        if not self.limits.spend_nonce(request.key_id, request.nonce, by=request_id, now=now):
            raise Unauthorized(_REFUSED)
        return caller

    def _signature(self, key: ApiKey, version: KeyVersion, request: SignedRequest) -> str:
        return request.signature(self.cipher.decrypt(version.encrypted, key.id))

    def _right(self, key_id: str, fits: Callable[[ApiKey, KeyVersion], bool]) -> tuple[_Known | None, list[KeyVersion]]:
        """Find the versions that a credential fits; what is remembered is read anew for one that fits none."""
        known = self._known_key(key_id)
        right = [each for each in self._live(known) if known and fits(known.key, each)]
        if not right and known and self.clock.now() - known.read_at >= ANEW_MS:
            self._known.pop(key_id, None)
            known = self._known_key(key_id)
            right = [each for each in self._live(known) if known and fits(known.key, each)]
        return known, right

    def _well_formed(self, request: SignedRequest, signature: str) -> bool:
        return bool(
            KEY_ID.fullmatch(request.key_id)
            and signing.TIMESTAMP.fullmatch(request.timestamp)
            and signing.NONCE.fullmatch(request.nonce)
            and signing.SIGNATURE.fullmatch(signature)
        )

    def _known_key(self, key_id: str) -> _Known | None:
        now = self.clock.now()
        known = self._known.get(key_id)
        if known and now < known.read_at + (ANEW_MS if known.merchant.provisioning else self.cache_ms):
            return known
        key = self.access.api_key(key_id)
        merchant = self.access.merchant(key.merchant_id) if key else None
        if key is None or merchant is None:
            return None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        known = self._known[key_id] = _Known(now, key, merchant)
        return known

    def _live(self, known: _Known | None) -> tuple[KeyVersion, ...]:
        now = self.clock.now()
        if known is None or not known.key.usable(now) or not known.merchant.enabled:
            return ()
        return known.key.live(now)

    def _caller(self, known: _Known | None, right: list[KeyVersion], address: str, request_id: str) -> Caller:
        if known is None or not right:
            raise Unauthorized(_REFUSED)
        if not known.key.admits(address):
            raise Forbidden("This API key may not be used from this address.", code="address_not_allowed")
        self._note(known.key.id)
        return Caller(known.key, known.merchant, Origin(f"key:{known.key.id}", address, request_id))

    def _note(self, key_id: str) -> None:
        now = self.clock.now()
        if now - self._noted.get(key_id, 0) < USE_MS:
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        try:
            self.access.used(key_id, now)
        except Busy:  # nobody waits for a note
            self.log.warning("use_not_noted", key_id=key_id)
