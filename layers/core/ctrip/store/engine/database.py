"""Calls to DynamoDB: PynamoDB's expressions, bounded retries, and nothing that knows a payment."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action, Update

from ctrip.domain.errors import Busy, Contended
from ctrip.ports.runtime import Clock
from ctrip.store.engine.connection import Connection, connection
from ctrip.store.engine.errors import ConditionFailed, Failure, classify
from ctrip.store.tables import Key, Tables, key_of
from ctrip.system import SystemClock, spread

BUDGET_MS = 1_900
FIRST_PAUSE = 0.025
LONGEST_PAUSE = 0.4
TRIES = 16
BATCH = 100
WRITTEN_AT_ONCE = 25
# The format that items are written in. Readers take the one before as well, so that a deployment needs no pause: what
# a new format changes is read by `format_of` until the next one.
FORMAT = 1

Item: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Write:
    """One clause of a transaction; `name` is the domain's word for what fails when `condition` does not hold."""

    kind: str
    body: dict[str, Any]
    name: str = ""

    def as_item(self) -> dict[str, Any]:
        """Spell it as TransactWriteItems does."""
        return {self.kind: self.body}


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a query; `more` says whether another follows."""

    items: list[Item]
    more: bool


def text(value: str) -> dict[str, Any]:
    """Spell a text attribute."""
    return {"S": value}


class UnknownFormat(ValueError):
    """An item is of a format that this code does not read: a newer one, or older than the one before."""


def format_of(item: Item) -> int:
    """Return the format that an item was written in; raises `UnknownFormat` for one that is not read here."""
    held = int(item["format"]["N"]) if "format" in item else 0
    if held not in (FORMAT - 1, FORMAT):
        raise UnknownFormat(f"an item of format {held}; {FORMAT - 1} and {FORMAT} are read here")
    return held


def read_document(item: Item, name: str) -> str:
    """Read a document, JSON text; raises `UnknownFormat`."""
    format_of(item)
    return cast("str", item[name]["S"])


def number(value: int) -> dict[str, Any]:
    """Spell a number attribute, for what never exceeds 38 digits."""
    return {"N": str(value)}


def keyed(key: Key, **attributes: dict[str, Any]) -> Item:
    """Build an item, in the newest format."""
    return named(key) | {"format": number(FORMAT)} | attributes


def named(key: Key) -> Item:
    """Write a key as DynamoDB asks for it."""
    return {"pk": text(key.pk), "sk": text(key.sk)}


def put(table: str, item: Item, condition: Condition | None = None, *, name: str = "") -> Write:
    """Write an item whole."""
    return Write("Put", _expressed({"TableName": table, "Item": item}, condition), name)


def check(table: str, key: Key, condition: Condition, *, name: str) -> Write:
    """Write nothing, and demand that a condition holds."""
    return Write("ConditionCheck", _expressed({"TableName": table, "Key": named(key)}, condition), name)


def delete(table: str, key: Key, condition: Condition | None = None, *, name: str = "") -> Write:
    """Remove an item; without a condition, if it is there."""
    return Write("Delete", _expressed({"TableName": table, "Key": named(key)}, condition), name)


def update(table: str, key: Key, actions: Sequence[Action], condition: Condition | None = None) -> Write:
    """Change attributes of an item, which is created where it is missing."""
    every = [*actions, Path("format").set(FORMAT)]
    return Write("Update", _expressed({"TableName": table, "Key": named(key)}, condition, every))


class Database:
    """One stage's tables, with the patience of a caller who has two seconds."""

    def __init__(
        self,
        stage: str,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
        connected: Connection | None = None,
    ) -> None:
        self.tables = Tables.of(stage)
        self._clock: Clock = clock or SystemClock()
        self._jitter = jitter or (lambda: abs(spread()))
        self._connection = connected or connection()

    def get(self, table: str, key: Key, *, consistent: bool = True) -> Item | None:
        """Read an item."""
        answer = self._call("GetItem", {"TableName": table, "Key": named(key), "ConsistentRead": consistent})
        return cast("Item | None", answer.get("Item"))

    def batch(self, table: str, keys: Sequence[Key], *, consistent: bool = True) -> dict[Key, Item]:
        """Read many items; what does not exist is left out. A key that comes twice is read once.

        Raises `Busy` where DynamoDB leaves keys unprocessed for longer than a caller's patience.
        """
        found: dict[Key, Item] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), BATCH):
            wanted: Any = {
                table: {"Keys": [named(key) for key in distinct[start : start + BATCH]], "ConsistentRead": consistent}
            }
            began, attempt = self._clock.now(), 0
            while wanted:
                answer = self._call("BatchGetItem", {"RequestItems": wanted})
                got = answer["Responses"].get(table, ())
                found |= {key_of(item): item for item in got}
                wanted = answer.get("UnprocessedKeys")
                # A part that was answered is progress: the next pause begins anew.
                attempt = 0 if got else attempt + 1
                if wanted and not self._rest(began, attempt):
                    raise Busy
        return found

    def delete_batch(self, table: str, keys: Sequence[Key]) -> None:
        """Delete many items, whether they are there or not.

        Raises `Busy` where DynamoDB leaves keys unprocessed for longer than a caller's patience.
        """
        self.put_batch(table, (), keys)

    def put_batch(self, table: str, items: Sequence[Item], leaving: Sequence[Key] = ()) -> None:
        """Store many items of different keys, whatever stood there, and delete others; raises as `delete_batch`."""
        requests: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        requests += [{"DeleteRequest": {"Key": named(key)}} for key in dict.fromkeys(leaving)]
        for start in range(0, len(requests), WRITTEN_AT_ONCE):
            wanted: Any = {table: requests[start : start + WRITTEN_AT_ONCE]}
            began, attempt = self._clock.now(), 0
            while wanted:
                wanted = self._call("BatchWriteItem", {"RequestItems": wanted}).get("UnprocessedItems")
                attempt += 1
                if wanted and not self._rest(began, attempt):
                    raise Busy

    def _rest(self, began: int, attempt: int) -> bool:
        """Pause before the next attempt; False where the caller's patience does not last for it."""
        pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * self._jitter()
        if attempt + 1 >= TRIES or self._clock.now() - began + pause * 1000 > BUDGET_MS:
            return False
        self._clock.wait(pause)
        return True

    def query(
        self,
        table: str,
        condition: Condition,
        *,
        index: str | None = None,
        limit: int | None = None,
        forward: bool = True,
        consistent: bool = False,
        start: Item | None = None,
    ) -> Rows:
        """Read one page of a partition, at most `limit` items or 1 MB."""
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        asked: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": condition.serialize(names, values),
            "ExpressionAttributeNames": {placeholder: name for name, placeholder in names.items()},
            "ExpressionAttributeValues": values,
            "ScanIndexForward": forward,
        }
        optional = {
            "IndexName": index,
            "Limit": limit,
            "ExclusiveStartKey": start,
            "ConsistentRead": consistent or None,
        }
        answer = self._call("Query", asked | {name: value for name, value in optional.items() if value is not None})
        return Rows(answer["Items"], bool(answer.get("LastEvaluatedKey")))

    def each(
        self,
        table: str,
        condition: Condition,
        *,
        index: str | None = None,
        consistent: bool = False,
        forward: bool = True,
    ) -> Iterator[Item]:
        """Read a partition to its end."""
        start: Item | None = None
        while True:
            rows = self.query(table, condition, index=index, consistent=consistent, start=start, forward=forward)
            yield from rows.items
            if not rows.more:
                return
            start = {name: rows.items[-1][name] for name in _key_names(index)}

    def write(
        self, write: Write, *, ours: Callable[[], bool] | None = None, returns: str = "NONE", tries: int = TRIES
    ) -> Item:
        """Perform one write by itself; raises `ConditionFailed`. Returns the attributes that `returns` asks for."""
        answer = self._call(f"{write.kind}Item", {**write.body, "ReturnValues": returns}, ours, tries)
        return cast("Item", answer.get("Attributes", {}))

    def is_late(self, decided_at: int, most_ms: int) -> bool:
        """Whether a decision of `decided_at` (unix milliseconds) is older than it may be when it is stored."""
        return self._clock.now() - decided_at > most_ms

    def transact(self, writes: Sequence[Write], *, ours: Callable[[], bool] | None = None) -> None:
        """Perform all writes or none; raises `ConditionFailed` with the places whose conditions did not hold.

        `ours` says, from a consistent read, whether the very same transaction has been done: it is asked when a
        condition fails after an attempt whose answer was lost.
        """
        items = [write.as_item() for write in writes]
        # DynamoDB remembers a token for ten minutes: a repetition of what was done answers well and does nothing.
        token = hashlib.sha256(repr(items).encode()).hexdigest()[:36]
        self._call("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": token}, ours)

    def _call(
        self, operation: str, asked: dict[str, Any], ours: Callable[[], bool] | None = None, tries: int = TRIES
    ) -> dict[str, Any]:
        began, lost = self._clock.now(), False
        for attempt in range(tries):
            try:
                return self._connection.dispatch(operation, dict(asked))
            except (ClientError, BotoCoreError) as exc:
                failure, places = classify(exc)
                if failure is Failure.CONDITION:
                    if lost and ours and ours():
                        return {}
                    raise ConditionFailed(places) from exc
                if failure is Failure.OURS:
                    raise
                lost = lost or failure is Failure.UNKNOWN
                pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * self._jitter()
                if attempt + 1 == tries or self._clock.now() - began + pause * 1000 > BUDGET_MS:
                    raise (Contended if failure is Failure.CONTENDED else Busy) from exc
                self._clock.wait(pause)
        raise Busy


class Store:
    """What every store is made of: a stage's tables, of which `own` names the one that it keeps its things in."""

    own: ClassVar[str]

    def __init__(
        self,
        stage: str,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
        connected: Connection | None = None,
    ) -> None:
        self._db = Database(stage, clock=clock, jitter=jitter, connected=connected)
        self._table: str = getattr(self._db.tables, self.own)


def _expressed(
    body: dict[str, Any], condition: Condition | None, actions: Sequence[Action] | None = None
) -> dict[str, Any]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    if condition is not None:
        body["ConditionExpression"] = condition.serialize(names, values)
    if actions:
        body["UpdateExpression"] = Update(*actions).serialize(names, values)
    if names:
        body["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
    if values:
        body["ExpressionAttributeValues"] = values
    return body


def _key_names(index: str | None) -> tuple[str, ...]:
    return ("pk", "sk", f"{index}_pk", f"{index}_sk") if index else ("pk", "sk")
