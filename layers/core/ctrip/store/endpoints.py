"""Webhook endpoints, beside the events: the API makes and changes them, the worker notes what deliveries show."""

from pynamodb.expressions.operand import Path

from ctrip.domain.errors import Stale
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.events import Event
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, Write, delete, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import event_items

_KEYS = frozenset({"id", "merchant_id", "version", "url", "enabled"})


class DynamoEndpoints(Store):
    """The `ports.EndpointStore` on DynamoDB."""

    own = "events"

    def endpoint(self, merchant_id: str, endpoint_id: str) -> Endpoint | None:
        """Read a merchant's endpoint, consistently."""
        item = self._db.get(self._table, tables.endpoint_key(merchant_id, endpoint_id))
        return _endpoint_of(item) if item else None

    def endpoints_of(self, merchant_id: str) -> list[Endpoint]:
        """Return a merchant's endpoints by id, read consistently."""
        condition = Path("pk") == tables.endpoint_key(merchant_id, "").pk
        return [_endpoint_of(item) for item in self._db.each(self._table, condition, consistent=True)]

    def note(self, before: Endpoint, after: Endpoint, event: Event | None = None) -> None:
        """Store what deliveries have shown of an endpoint, and the event that reports it, in one transaction."""
        write = endpoint_write(self._table, before, after)
        reports = [put(self._table, item) for item in event_items(event)] if event else []
        try:
            if reports:
                self._db.transact([write, *reports], ours=lambda: self._is(after))
            else:
                self._db.write(write, ours=lambda: self._is(after))
        except ConditionFailed as exc:
            raise Stale("the endpoint has moved on") from exc

    def _is(self, endpoint: Endpoint) -> bool:
        return self.endpoint(endpoint.merchant_id, endpoint.id) == endpoint


def endpoint_write(table: str, before: Endpoint | None, after: Endpoint | None) -> Write:
    """Make an endpoint (no `before`), change it, or delete it (no `after`)."""
    if before is None:
        assert after is not None
        # Holds where the id is new.
        return put(table, _endpoint_item(after), ABSENT, name="endpoint")
    # Holds while the endpoint is as it was when the decision was made.
    unmoved = Path("version") == before.version
    if after is None:
        return delete(table, tables.endpoint_key(before.merchant_id, before.id), unmoved, name="stale endpoint")
    return put(table, _endpoint_item(after), unmoved, name="stale endpoint")


def _endpoint_item(endpoint: Endpoint) -> Item:
    return keyed(
        tables.endpoint_key(endpoint.merchant_id, endpoint.id),
        version=number(endpoint.version),
        url=text(endpoint.url),
        enabled={"BOOL": endpoint.enabled},
        doc=text(encode(endpoint, without=_KEYS)),
    )


def _endpoint_of(item: Item) -> Endpoint:
    key = tables.key_of(item)
    return decode(
        Endpoint,
        read_document(item, "doc"),
        id=key.sk,
        merchant_id=key.pk.removeprefix("EP#"),
        version=int(tables.plain(item, "version")),
        url=tables.plain(item, "url"),
        enabled=item["enabled"]["BOOL"],
    )
