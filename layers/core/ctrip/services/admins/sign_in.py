"""Admins' sessions: a password and a code for a short token and a long one; lockout; revocation that holds at once."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ctrip.domain.admins import Admin, Permission, Session, fold_email
from ctrip.domain.audit import Origin
from ctrip.domain.errors import Busy, Forbidden, Stale, Unauthorized
from ctrip.ports.admins import AdminStore, TokenKey
from ctrip.ports.credentials import Cipher, Claims, OneTimeCodes, Passwords, Tokens
from ctrip.ports.runtime import Clock, Ids, Log
from ctrip.services.admins.lock_out import Lockout
from ctrip.services.admins.manage_admins import change_admin
from ctrip.services.shared.retry import on_stale
from ctrip.views.admins import SessionView, admin_view

ACCESS_SECONDS = 900
SESSION_MS = 12 * 3_600_000
KEYS_MS = 300_000  # how long a process remembers the keys that sign tokens
ANEW_MS = 1_000  # what is remembered is read anew for a token that it does not fit, this often at most
SECRET_BYTES = 32
TRIES = 8
_REFUSED = "The e-mail address, the password or the code is wrong."
_NO_SESSION = "A valid access token is required: Authorization: Bearer <token>."
_BEARER = re.compile(r"[Bb]earer +([0-9A-Za-z_.-]{16,4096})", re.ASCII)
_REFRESH = re.compile(r"ctrt_([0-9a-z]{16})_[0-9A-Za-z_-]{43}", re.ASCII)
# What the dashboard's cookie holds: it is never spent, and no refresh token.
_COOKIE = re.compile(r"ctrp_([0-9a-z]{16})_[0-9A-Za-z_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A verified admin, their session, and where the call came from."""

    admin: Admin
    session: Session
    origin: Origin

    def may(self, permission: Permission) -> "SignedIn":
        """Require a permission; raises `Forbidden`."""
        if not self.admin.may(permission):
            raise Forbidden(f"The role {self.admin.role} does not carry the permission {permission}.")
        return self


@dataclass(slots=True, kw_only=True)
class AdminSessions:
    """Lets admins in and out."""

    admins: AdminStore
    lockout: Lockout
    passwords: Passwords
    codes: OneTimeCodes
    tokens: Tokens
    cipher: Cipher
    clock: Clock
    ids: Ids
    log: Log
    _keys: tuple[int, dict[str, str]] = field(default=(0, {}))
    _read_at: int = 0

    def sign_in(self, email: str, password: str, code: str | None, address: str, request_id: str) -> SessionView:
        """Begin a session; raises `Unauthorized`, the same for every cause, and `TooMany` after ten attempts.

        An attempt counts before its password is looked at, and a success is taken back, so that guesses made side by
        side count as well.
        """
        admin = self._admitted(email, password, code, address)
        admin, session, secret = self._begin(admin, code, Origin(f"admin:{admin.id}", address, request_id))
        return self._granted(admin, session, secret)

    def open_dashboard(self, email: str, password: str, code: str | None, address: str, request_id: str) -> str:
        """Begin a session of the dashboard; return what its cookie holds. Raises as `sign_in` does."""
        admin = self._admitted(email, password, code, address)
        return self._begin(admin, code, Origin(f"admin:{admin.id}", address, request_id), prefix="ctrp")[2]

    def by_cookie(self, cookie: str, address: str, request_id: str) -> SignedIn:
        """Verify a session of the dashboard, and its admin, as they are now; raises `Unauthorized`."""
        session = self._session_of(cookie, _COOKIE)
        if session is None or not session.live(self.clock.now()):
            raise Unauthorized(_NO_SESSION)
        admin = self._current(session) if hmac.compare_digest(session.digest, _digest(cookie)) else None
        if admin is None:
            raise Unauthorized(_NO_SESSION)
        return SignedIn(admin, session, Origin(f"admin:{admin.id}", address, request_id))

    def _admitted(self, email: str, password: str, code: str | None, address: str) -> Admin:
        """Return who has that address, password and code; raises `Unauthorized` and `TooMany`."""
        attempt = self.lockout.attempt(email, address)
        admin = self._known(email)
        # Without an admin the comparison takes as long.
        right = self.passwords.verify(admin.password if admin else None, password)
        if admin is None or not right or not admin.enabled or not self._second(admin, code):
            self.log.warning("sign_in_failed", address=address)
            raise Unauthorized(_REFUSED)
        self.lockout.forgive(attempt)
        return admin

    def refresh(self, token: str) -> SessionView:
        """Exchange a refresh token for the next; one that was spent already ends the session, as somebody has both."""
        session, digest = self._session_of(token), _digest(token)
        now = self.clock.now()
        if session is None or not session.live(now):
            raise Unauthorized(_NO_SESSION)
        if not hmac.compare_digest(session.digest, digest):
            # One that was good once, as nobody guesses a session's id: two have it, and one of them is a thief.
            self.log.warning("refresh_token_reused", session=session.id)
            self._revoke(session)
            raise Unauthorized(_NO_SESSION)
        admin = self._current(session)
        if admin is None:
            raise Unauthorized(_NO_SESSION)
        secret = self._secret_of(session.id)
        after = replace(session, digest=_digest(secret), version=session.version + 1)
        try:
            self.admins.save_session(session, after)
        except Stale:
            raise Unauthorized(_NO_SESSION) from None
        return self._granted(admin, after, secret)

    def authenticate(self, header: str, address: str, request_id: str) -> SignedIn:
        """Verify an access token; its session and its admin are read each time, so that an end holds at once."""
        match = _BEARER.fullmatch(header)
        claims = self._claims(match.group(1)) if match else None
        session = self.admins.session(claims.session) if claims else None
        if claims is None or session is None or not session.live(self.clock.now()):
            raise Unauthorized(_NO_SESSION)
        admin = self._current(session) if session.admin_id == claims.subject else None
        if admin is None:
            raise Unauthorized(_NO_SESSION)
        return SignedIn(admin, session, Origin(f"admin:{admin.id}", address, request_id))

    def sign_out(self, who: SignedIn) -> None:
        """End a session."""
        self._revoke(who.session)

    def new_token_key(self) -> TokenKey:
        """Sign with a new key from now on; what older ones signed is good until it expires."""
        now = self.clock.now()
        key_id = self.ids.ulid(now)
        key = TokenKey(key_id, self.cipher.encrypt(_random(self.ids), key_id), now)
        self.admins.put_token_key(key)
        self._keys = (0, {})
        return key

    def _known(self, email: str) -> Admin | None:
        try:
            admin_id = self.admins.by_email(fold_email(email))
        except ValueError:
            return None
        return self.admins.admin(admin_id) if admin_id else None

    def _second(self, admin: Admin, code: str | None) -> bool:
        if not admin.totp_on:
            return True
        return self._step(admin, code) > admin.totp_step

    def _step(self, admin: Admin, code: str | None) -> int:
        step = self.codes.step(self.cipher.decrypt(admin.totp, admin.id), code or "", self.clock.now() // 1000)
        return step or 0

    def _begin(
        self, admin: Admin, code: str | None, origin: Origin, prefix: str = "ctrt"
    ) -> tuple[Admin, Session, str]:
        now = self.clock.now()

        def decide(now_held: Admin) -> tuple[Admin, str]:
            # Another sign-in may have used the same code up meanwhile, and somebody may have replaced the password.
            same = now_held.password == admin.password
            if not same or not now_held.enabled or not self._second(now_held, code):
                raise Unauthorized(_REFUSED)
            return replace(now_held, totp_step=self._step(now_held, code) if now_held.totp_on else 0), "admin.signed_in"

        admin = change_admin(self.admins, admin.id, decide, origin, now)
        session_id = base64.b32encode(self.ids.entropy(10)).decode().lower()
        secret = self._secret_of(session_id, prefix)
        session = Session(
            id=session_id, admin_id=admin.id, digest=_digest(secret), created_at=now, expires_at=now + SESSION_MS
        )
        self.admins.save_session(None, session)
        return admin, session, secret

    def _granted(self, admin: Admin, session: Session, refresh: str) -> SessionView:
        key_id, key = next(iter(self._signing_keys().items()))
        now = self.clock.now() // 1000
        claims = Claims(admin.id, session.id, self.ids.uuid(), now, now + ACCESS_SECONDS)
        return {
            "access_token": self.tokens.issue(claims, key_id=key_id, key=key),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": refresh,
            "user": admin_view(admin),
        }

    def _claims(self, token: str) -> Claims | None:
        now = self.clock.now()
        claims = self.tokens.read(token, self._signing_keys(), now // 1000)
        if claims is None and now - self._read_at >= ANEW_MS:
            # A key that is newer than what is remembered here may have signed it.
            self._keys = (0, {})
            claims = self.tokens.read(token, self._signing_keys(), now // 1000)
        return claims

    def _signing_keys(self) -> dict[str, str]:
        now = self.clock.now()
        if now < self._keys[0]:
            return self._keys[1]
        self._read_at = now
        held = self.admins.token_keys() or [self.new_token_key()]
        # A key that has a successor is good for as long as what it signed last.
        good = [held[0], *(old for new, old in pairwise(held) if now - new.created_at < ACCESS_SECONDS * 1000)]
        keys = {key.id: self.cipher.decrypt(key.encrypted, key.id) for key in good}
        self._keys = (now + KEYS_MS, keys)
        return keys

    def _current(self, session: Session) -> Admin | None:
        admin = self.admins.admin(session.admin_id)
        good = admin is not None and admin.enabled and session.created_at > admin.sessions_from
        return admin if good else None

    def _session_of(self, token: str, form: re.Pattern[str] = _REFRESH) -> Session | None:
        match = form.fullmatch(token)
        return self.admins.session(match.group(1)) if match else None

    def _revoke(self, session: Session) -> None:
        def attempt() -> None:
            held = self.admins.session(session.id)
            if held is not None and not held.revoked:
                self.admins.save_session(held, replace(held, revoked=True, version=held.version + 1))

        on_stale(attempt, tries=TRIES, otherwise=Busy())

    def _secret_of(self, session_id: str, prefix: str = "ctrt") -> str:
        return f"{prefix}_{session_id}_{_random(self.ids)}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _random(ids: Ids) -> str:
    return base64.urlsafe_b64encode(ids.entropy(SECRET_BYTES)).decode().rstrip("=")
