"""Admins, their sessions, and the keys that sign their tokens."""

from pynamodb.expressions.operand import Path

from ctrip.domain.admins import Admin, Session
from ctrip.domain.errors import AlreadyExists, Stale
from ctrip.ports.admins import AdminChange, TokenKey
from ctrip.ports.idempotency import Remembered
from ctrip.store import tables
from ctrip.store.changes import ABSENT, perform, remember
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, Write, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

TOKEN_KEYS = 5
_LINGER_SECONDS = 7 * 86_400  # a dead session is kept this long, for whoever asks what it was


class DynamoAdmins(Store):
    """The `ports.AdminStore` on DynamoDB."""

    own = "access"

    def admin(self, admin_id: str) -> Admin | None:
        """Read an admin, consistently."""
        item = self._db.get(self._table, tables.admin_key(admin_id))
        return decode(Admin, read_document(item, "doc")) if item else None

    def by_email(self, email: str) -> str | None:
        """Return the id of the admin with an e-mail address, in the spelling it is stored in."""
        item = self._db.get(self._table, tables.email_key(email))
        return tables.plain(item, "admin") if item else None

    def admins(self, after: str, limit: int) -> list[Admin]:
        """List admins by id, those after one."""
        condition = Path("pk") == tables.ADMINS_PARTITION
        if after:
            condition &= Path("sk") > after
        rows = self._db.query(self._table, condition, limit=limit, consistent=True)
        keys = [tables.admin_key(tables.key_of(item).sk) for item in rows.items]
        items = self._db.batch(self._table, keys)
        return [decode(Admin, read_document(items[key], "doc")) for key in keys if key in items]

    def change(self, change: AdminChange) -> None:
        """Write all of it or nothing."""
        before, after = change.admin
        item = keyed(tables.admin_key(after.id), version=number(after.version), doc=text(encode(after)))
        writes: list[Write] = []
        if change.idempotency is not None:
            first = Remembered(change.idempotency.body_hash, answer=change.answer)
            writes.append(remember(self._table, change.idempotency, first, after.updated_at))
        if before is None:
            # Hold where id and address are new.
            writes.append(put(self._table, item, ABSENT, name="admin"))
            writes.append(
                put(self._table, keyed(tables.email_key(after.email), admin=text(after.id)), ABSENT, name="email")
            )
            writes.append(put(self._table, keyed(tables.Key(tables.ADMINS_PARTITION, after.id))))
        else:
            # Holds while the admin is as it was when the decision was made.
            writes.append(put(self._table, item, Path("version") == before.version, name="stale admin"))
        perform(self._db, self._table, writes, change.audit)

    def session(self, session_id: str) -> Session | None:
        """Read a session, consistently."""
        item = self._db.get(self._table, tables.session_key(session_id))
        return decode(Session, read_document(item, "doc")) if item else None

    def save_session(self, before: Session | None, after: Session) -> None:
        """Store a session; raises `AlreadyExists` where the id is taken, `Stale` where it moved on."""
        item = keyed(
            tables.session_key(after.id),
            version=number(after.version),
            doc=text(encode(after)),
            ttl=number(after.expires_at // 1000 + _LINGER_SECONDS),
        )
        condition = ABSENT if before is None else Path("version") == before.version
        try:
            self._db.write(put(self._table, item, condition), ours=lambda: self.session(after.id) == after)
        except ConditionFailed as exc:
            raise (AlreadyExists("session") if before is None else Stale("the session has moved on")) from exc

    def token_keys(self) -> list[TokenKey]:
        """Return the keys that sign access tokens, newest first, bounded."""
        condition = Path("pk") == tables.TOKEN_KEYS_PARTITION
        rows = self._db.query(self._table, condition, limit=TOKEN_KEYS, forward=False, consistent=True)
        return [decode(TokenKey, read_document(item, "doc")) for item in rows.items]

    def put_token_key(self, key: TokenKey) -> None:
        """Store one more."""
        self._db.write(put(self._table, keyed(tables.token_key_key(key.id), doc=text(encode(key)))))
