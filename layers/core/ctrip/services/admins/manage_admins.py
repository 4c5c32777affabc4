"""Admins: make them, change their roles, give them new passwords; each change audited in the admin's own chain."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ctrip.domain.admins import PASSWORD, Admin, Role, fold_email
from ctrip.domain.audit import AuditRecord, Origin, record
from ctrip.domain.errors import AlreadyExists, Conflict, InvalidField, NotFound, Unauthorized
from ctrip.ports.admins import AdminChange, AdminStore
from ctrip.ports.credentials import Cipher, OneTimeCodes, Passwords
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.admins.lock_out import Lockout
from ctrip.services.merchants.manage_merchants import LONGEST_ID
from ctrip.services.shared.once import Answer, Memory, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.admins import TotpView, UserPage, UserView, UserWithPassword, admin_view

TRIES = 5
PASSWORD_BYTES = 15
_WRONG = "The password or the code is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminManager:
    """Makes and changes admins."""

    admins: AdminStore
    memory: Memory
    passwords: Passwords
    codes: OneTimeCodes
    cipher: Cipher
    lockout: Lockout
    clock: Clock
    ids: Ids

    def create(
        self,
        email: str,
        name: str,
        role: Role,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        password: str | None = None,
        admin_id: str | None = None,
    ) -> Answer:
        """Make an admin; without a password given, the answer holds a random one, this once."""

        def attempt() -> Answer:
            return self._create(email, name, role, origin, idempotency, password, admin_id)

        return Once(self.memory).run(idempotency, attempt)

    def _create(
        self,
        email: str,
        name: str,
        role: Role,
        origin: Origin,
        idempotency: Idempotency | None,
        password: str | None,
        admin_id: str | None,
    ) -> Answer:
        now, folded = self.clock.now(), _folded(email)
        random = None if password else self._random_password()
        admin = Admin(
            id=admin_id or self.ids.uuid(),
            email=folded,
            name=name,
            role=role,
            password=self.passwords.hash(_long_enough(password or random or "")),
            created_at=now,
            updated_at=now,
        )
        audit = admin_record(None, admin, "admin.created", origin)
        admin = replace(admin, audit_head=audit.hash)
        shown: UserWithPassword = {**admin_view(admin), "password": random}
        answer = json.dumps({**shown, "password": None})
        try:
            self.admins.change(AdminChange(admin=(None, admin), audit=audit, idempotency=idempotency, answer=answer))
        except AlreadyExists as exc:
            if exc.key == "idempotency":
                raise
            raise Conflict("An admin has this e-mail address already.", code="email_in_use") from exc
        return Answer(shown)

    def update(
        self,
        admin_id: str,
        origin: Origin,
        by: str | None,
        *,
        name: str | None = None,
        role: Role | None = None,
        enabled: bool | None = None,
    ) -> UserView:
        """Change an admin; nobody (`by`) changes their own role or switches themselves off, so an owner remains."""
        if by == admin_id and (role is not None or enabled is not None):
            raise Conflict("Nobody changes their own role or switches themselves off.", code="own_account")

        def decide(admin: Admin) -> tuple[Admin, str]:
            after = replace(
                admin,
                name=admin.name if name is None else name,
                role=admin.role if role is None else role,
                enabled=admin.enabled if enabled is None else enabled,
            )
            if after.role is not admin.role or after.enabled is not admin.enabled:
                after = replace(after, sessions_from=self.clock.now())
            return after, "admin.updated"

        return admin_view(self._change(admin_id, decide, origin))

    def reset(
        self, admin_id: str, origin: Origin, by: str | None = None, idempotency: Idempotency | None = None
    ) -> Answer:
        """Give somebody a random password and no second factor, and end their sessions; the answer holds it once."""
        return Once(self.memory).run(idempotency, lambda: self._reset(admin_id, origin, by, idempotency))

    def _reset(self, admin_id: str, origin: Origin, by: str | None, idempotency: Idempotency | None) -> Answer:
        if by == admin_id:
            raise Conflict("Change your own password at /admin/api/me/password.", code="own_account")
        password = self._random_password()
        digest = self.passwords.hash(password)

        def decide(admin: Admin) -> tuple[Admin, str]:
            after = replace(admin, password=digest, totp="", totp_on=False, sessions_from=self.clock.now())
            return after, "admin.reset"

        admin = change_admin(self.admins, admin_id, decide, origin, self.clock.now(), idempotency)
        shown: UserWithPassword = {**admin_view(admin), "password": password}
        return Answer(shown)

    def change_password(self, admin_id: str, current: str, new: str, origin: Origin) -> UserView:
        """Replace one's own password and end one's sessions; raises `Unauthorized` where the current one is wrong."""
        self._must_know(self._find(admin_id), current, origin)
        digest = self.passwords.hash(_long_enough(new))

        def decide(admin: Admin) -> tuple[Admin, str]:
            return replace(admin, password=digest, sessions_from=self.clock.now()), "admin.password_changed"

        return admin_view(self._change(admin_id, decide, origin))

    def begin_totp(self, admin_id: str, password: str, origin: Origin) -> TotpView:
        """Give an admin a secret for an authenticator app; it is asked for once a code of it has been confirmed."""
        self._must_know(self._find(admin_id), password, origin)
        secret = self.codes.new_secret()
        encrypted = self.cipher.encrypt(secret, admin_id)

        def decide(admin: Admin) -> tuple[Admin, str]:
            if admin.totp_on:
                raise Conflict("A second factor is set up already.", code="totp_on")
            return replace(admin, totp=encrypted), "admin.totp_begun"

        admin = self._change(admin_id, decide, origin)
        return {"secret": secret, "uri": self.codes.uri(secret, admin.email)}

    def confirm_totp(self, admin_id: str, code: str, origin: Origin) -> UserView:
        """Switch the second factor on, with a code that proves that the app has the secret."""

        def decide(admin: Admin) -> tuple[Admin, str]:
            if not admin.totp or admin.totp_on:
                raise Conflict("There is no second factor to confirm.", code="totp_not_begun")
            step = self.codes.step(self.cipher.decrypt(admin.totp, admin.id), code, self.clock.now() // 1000)
            if step is None:
                raise InvalidField("code", "wrong_code", "is not the app's current code")
            return replace(admin, totp_on=True, totp_step=step), "admin.totp_on"

        return admin_view(self._change(admin_id, decide, origin))

    def end_totp(self, admin_id: str, password: str, origin: Origin) -> UserView:
        """Switch the second factor off."""
        self._must_know(self._find(admin_id), password, origin)

        def decide(admin: Admin) -> tuple[Admin, str]:
            return replace(admin, totp="", totp_on=False), "admin.totp_off"

        return admin_view(self._change(admin_id, decide, origin))

    def one(self, admin_id: str) -> UserView:
        """Show an admin; raises `NotFound`."""
        return admin_view(self._find(admin_id))

    def page(self, after: str, limit: int) -> UserPage:
        """List admins by id; `next_cursor` is the id to go on after."""
        found = self.admins.admins(after, limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return {"data": [admin_view(each) for each in found[:limit]], "next_cursor": more}

    def _find(self, admin_id: str) -> Admin:
        admin = self.admins.admin(admin_id) if len(admin_id) <= LONGEST_ID else None
        if admin is None:
            raise NotFound(f"User {admin_id[:64]} not found.", code="user_not_found")
        return admin

    def _must_know(self, admin: Admin, password: str, origin: Origin) -> None:
        attempt = self.lockout.attempt(admin.email, origin.address)
        if not self.passwords.verify(admin.password, password):
            raise Unauthorized(_WRONG)
        self.lockout.forgive(attempt)

    def _random_password(self) -> str:
        return base64.urlsafe_b64encode(self.ids.entropy(PASSWORD_BYTES)).decode()

    def _change(self, admin_id: str, decide: Callable[[Admin], tuple[Admin, str]], origin: Origin) -> Admin:
        return change_admin(self.admins, admin_id, decide, origin, self.clock.now())


def change_admin(
    admins: AdminStore,
    admin_id: str,
    decide: Callable[[Admin], tuple[Admin, str]],
    origin: Origin,
    now: int,
    idempotency: Idempotency | None = None,
) -> Admin:
    """Decide on the admin as it stands and commit with the audit record; again where it has moved on meanwhile.

    An idempotency key remembers the admin's view, with a password that is null.
    """

    def attempt() -> Admin:
        before = admins.admin(admin_id) if len(admin_id) <= LONGEST_ID else None
        if before is None:
            raise NotFound(f"User {admin_id[:64]} not found.", code="user_not_found")
        decided, action = decide(before)
        after = replace(decided, version=before.version + 1, updated_at=now)
        audit = admin_record(before, after, action, origin)
        after = replace(after, audit_head=audit.hash)
        shown: UserWithPassword = {**admin_view(after), "password": None}
        answer = json.dumps(shown) if idempotency else ""
        admins.change(AdminChange(admin=(before, after), audit=audit, idempotency=idempotency, answer=answer))
        return after

    changing = Conflict("The user is changing; read it and try again.", code="user_changed")
    return on_stale(attempt, tries=TRIES, otherwise=changing)


def admin_record(before: Admin | None, after: Admin, action: str, origin: Origin) -> AuditRecord:
    """Write the record of a change of an admin; no secret stands in it."""
    return record(
        after.id,
        after.version,
        before.audit_head if before else "",
        action=action,
        origin=origin,
        at=after.updated_at,
        before=_facts(before) if before else {},
        after=_facts(after),
    )


def _facts(admin: Admin) -> dict[str, Any]:
    audited = ("email", "name", "role", "enabled", "totp")
    return {name: value for name, value in admin_view(admin).items() if name in audited}


def _folded(email: str) -> str:
    try:
        return fold_email(email)
    except ValueError:
        raise InvalidField("email", "invalid_email", "must be an e-mail address") from None


def _long_enough(password: str) -> str:
    if not PASSWORD.admits(password):
        raise InvalidField("password", "weak_password", PASSWORD.words)
    return password
