"""What each function writes, tried without writing: whether its role permits it, only AWS itself can say.

The policies hold writes to leading keys, and no emulator evaluates those inside TransactWriteItems. Each transaction
here is of a kind that the function sends, with a condition that no item meets: where the condition fails, every write
was permitted, as AWS looks at permissions first.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from ctrip.store.engine.connection import Connection, connection
from ctrip.store.engine.database import text
from ctrip.store.tables import Tables

# By function, its transactions, each a tuple of writes: operation, table, first part of the item's partition.
# Writes that a function makes by themselves are transactions of one.
TRANSACTIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "api_handler": (
        ("Put payments P#", "ConditionCheck payments O#", "Put events E#"),
        (
            *("Put payments I#", "Put payments PO#", "Put payments RSV#", "Put payments P#", "Put events E#"),
            "Put events OUT#",
        ),
        *(("Put payments SA#", "Put events E#"), ("Put payments SS#",)),
        *(("Put payments I#", "Put payments LINK#"), ("Put payments I#", "Put payments INV#", "Put payments INO#")),
        *(("Put payments P#", "Put payments LINK#", "Put events E#"), ("Put payments P#", "Put payments INV#")),
        ("Delete events EP#", "Put events E#"),
        (
            *("Put access MER#", "Put access MERS", "Put access WAIT", "Put access XPUB#", "Put access KEY#"),
            *("Put access KEYS#", "Put access AUD#", "Put access I#", "Put events EP#"),
        ),
        ("Put access ADM#", "Put access ADMS", "Put access MAIL#", "Put access AUD#", "Put access I#"),
        *(("Put access SES#",), ("Put access JWT",), ("Put access USE#",), ("Put access NONCE#",)),
        *(("Update access G#",), ("Update access IX#",), ("Update access TB#",), ("Update access OPEN#",)),
        ("Update access TRY#",),
    ),
    "tick": (("Update access G#",), ("Put payments P#", "Put events E#", "Put events OUT#")),
    "scan": (
        ("ConditionCheck money F#", "Put payments P#", "ConditionCheck payments O#", "Put events E#", "Put money L#"),
        ("ConditionCheck money F#", "Put money N#", "Put money L#"),
        ("ConditionCheck money F#", "Put payments PO#", "Put money N#", "Put money L#", "Put events E#"),
        *(("Put money SB#",), ("Update money F#",)),
        *(("Update access G#",), ("Put access AB#",), ("Update access OPEN#",)),
    ),
    "settle": (
        ("Put payments PO#", "Put payments RSV#", "Put payments P#", "Put money L#", "Put events E#"),
        ("Put payments PO#", "Put money N#", "Put events E#"),
        ("Put payments PO#", "Put payments RSV#", "Put payments SS#", "Put events E#"),
        *(("Put payments SA#",), ("Put payments SS#",), ("Put money LF#",), ("Put money PC#",), ("Put money N#",)),
        ("Put payments PO#", "Put payments SENT#", "Put money L#", "Put events E#"),
        ("Update access G#",),
    ),
    "relay": (("Update events OUT#",),),
    "sweep": (
        ("Put payments P#", "Put money N#", "Put money SW#"),
        ("Put payments P#", "ConditionCheck money N#"),
        *(("Put money SB#",), ("Update money F#",)),
    ),
    "sweep_due": (("Update access G#",),),
    "webhooks": (("Put events DL#",), ("Delete events OUT#",)),
    "rates": (("Put access RATES",),),
    "reconcile": (
        ("Put money RC#", "Put money L#", "Put access AUD#reconciliation:"),
        *(("Put money LF#",), ("Put events FIG", "Put events FIG#")),
    ),
    "provision": (
        ("Put access MER#", "Put access AUD#", "Delete access WAIT"),
        ("Update access IX#",),
        ("Put money RCA#",),
    ),
    "seal": (("Put access SEALS",), ("Put access SEAL#",)),
    "signer": (
        ("Put access MER#", "Put access ACC#", "Put access XPUB#", "Put access SIG#", "Put access AUD#"),
        *(("Put access SAV#",), ("Put access SPENTBY#", "Put access SPENT#")),
    ),
}
_NEVER = "attribute_exists(pk) AND attribute_not_exists(pk)"
_ROLE = re.compile(r"assumed-role/([A-Za-z0-9+=,.@_-]+)/")


class Attempt(TypedDict):
    """One transaction that was tried; `role` is AWS's word, where it denied, `reason` an error that says neither."""

    writes: list[str]
    outcome: Literal["permitted", "denied", "unclear"]
    role: str | None
    reason: str | None


class Report(TypedDict):
    """What a function may do; `all_keys_shown` says that writes are permitted alone and denied in one transaction."""

    function: str
    permitted: bool
    all_keys_shown: bool
    attempts: list[Attempt]


def try_writes(stage: str, function: str, connected: Connection | None = None) -> Report:
    """Try every transaction of a function; where one is denied, each of its writes alone too."""
    through = connected or connection()
    attempts, shown = list[Attempt](), False
    for writes in TRANSACTIONS[function]:
        together = _tried(through, stage, writes)
        attempts.append(together)
        if together["outcome"] == "denied" and len(writes) > 1:
            alone = [_tried(through, stage, (write,)) for write in writes]
            attempts += alone
            shown = shown or all(each["outcome"] == "permitted" for each in alone)
    permitted = all(each["outcome"] == "permitted" for each in attempts)
    return {"function": function, "permitted": permitted, "all_keys_shown": shown, "attempts": attempts}


def _tried(through: Connection, stage: str, writes: tuple[str, ...]) -> Attempt:
    made: Attempt = {"writes": list(writes), "outcome": "unclear", "role": None, "reason": None}
    try:
        through.dispatch("TransactWriteItems", {"TransactItems": list(_items(stage, writes))})
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "AccessDeniedException":
            role = _ROLE.search(error.response["Error"].get("Message", ""))
            return {**made, "outcome": "denied", "role": role[1] if role else None}
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        if code == "TransactionCanceledException" and reasons == {"ConditionalCheckFailed"}:
            return {**made, "outcome": "permitted"}
        return {**made, "reason": code}
    except BotoCoreError as error:
        return {**made, "reason": type(error).__name__}
    return {**made, "reason": "a condition that cannot hold did hold"}


def _items(stage: str, writes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for place, write in enumerate(writes):
        kind, table, leading = write.split()
        # One transaction may name an item once.
        key = {"pk": text(f"{leading}smoke" if leading.endswith("#") else leading), "sk": text(f"smoke{place}")}
        body: dict[str, Any] = {"TableName": getattr(Tables.of(stage), table), "ConditionExpression": _NEVER}
        body |= {"Item": key} if kind == "Put" else {"Key": key}
        if kind == "Update":
            body |= {"UpdateExpression": "SET smoke = :smoke", "ExpressionAttributeValues": {":smoke": text("smoke")}}
        yield {kind: body}
