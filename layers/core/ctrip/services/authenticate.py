"""Who is calling: a bearer key, looked up by its id and compared by its digest."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from ctrip.domain.access import ApiKey, Merchant, Scope
from ctrip.domain.errors import Forbidden, Unauthorized
from ctrip.ports import AccessStore, Clock

_BEARER = re.compile(r"[Bb]earer +(ctrip_([0-9a-z]{8,32})_[0-9A-Za-z_-]{20,128})", re.ASCII)
_REFUSED = "A valid API key is required: Authorization: Bearer <key>."


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified key and its merchant."""

    key: ApiKey
    merchant: Merchant

    def may(self, scope: Scope) -> "Caller":
        """Require a scope; raises `Forbidden`."""
        if scope not in self.key.scopes:
            raise Forbidden(f"This API key does not carry the scope {scope}.")
        return self


@dataclass(slots=True)
class Authenticator:
    """Verifies bearer keys and remembers them for `cache_ms`."""

    access: AccessStore
    clock: Clock
    cache_ms: int
    _known: dict[str, tuple[int, Caller]] = field(default_factory=dict)

    def bearer(self, header: str | None) -> Caller:
        """Verify an Authorization header; raises `Unauthorized`, always with the same words."""
        match = _BEARER.fullmatch(header or "")
        if match is None:
            raise Unauthorized(_REFUSED)
        token, key_id = match.group(1), match.group(2)
        digest = hashlib.sha256(token.encode()).hexdigest()
        now = self.clock.now()
        known = self._known.get(digest)
        if known and now < known[0]:
            return self._current(known[1], now)
        caller = self._look_up(key_id, digest)
        if len(self._known) >= 1_000:
            self._known.clear()
        self._known[digest] = (now + self.cache_ms, caller)
        return self._current(caller, now)

    def _look_up(self, key_id: str, digest: str) -> Caller:
        key = self.access.api_key(key_id)
        if key is None or not hmac.compare_digest(key.digest, digest):
            raise Unauthorized(_REFUSED)
        merchant = self.access.merchant(key.merchant_id)
        if merchant is None:
            raise Unauthorized(_REFUSED)
        return Caller(key, merchant)

    def _current(self, caller: Caller, now: int) -> Caller:
        expired = caller.key.expires_at is not None and now >= caller.key.expires_at
        if expired or not caller.key.enabled or not caller.merchant.enabled:
            raise Unauthorized(_REFUSED)
        return caller
