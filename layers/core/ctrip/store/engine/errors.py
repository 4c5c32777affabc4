"""What DynamoDB and botocore say, translated once.

Sources: the DynamoDB API reference, "Error handling with DynamoDB", and TransactWriteItems, "CancellationReasons";
botocore/exceptions.py.
"""

from enum import Enum
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)


class Failure(Enum):
    """What a failed call leaves behind."""

    AGAIN = "nothing was written; the same call may succeed in a moment"
    CONTENDED = "nothing was written; others are writing the same items"
    UNKNOWN = "it may have been written; the answer is lost"
    CONDITION = "a condition did not hold; nothing was written"
    OURS = "a mistake of ours or of the stage's set-up; no repetition helps"


RESPONSES = {
    "ConditionalCheckFailedException": Failure.CONDITION,
    "TransactionConflictException": Failure.CONTENDED,
    "TransactionInProgressException": Failure.AGAIN,
    "ThrottlingException": Failure.AGAIN,
    "ProvisionedThroughputExceededException": Failure.AGAIN,
    "RequestLimitExceeded": Failure.AGAIN,
    "InternalServerError": Failure.UNKNOWN,
    "InternalFailure": Failure.UNKNOWN,
    "ServiceUnavailable": Failure.UNKNOWN,
    "RequestTimeout": Failure.UNKNOWN,
    # A proxy's answer, and an emulator's, have the status for a code.
    "500": Failure.UNKNOWN,
    "502": Failure.UNKNOWN,
    "503": Failure.UNKNOWN,
    "504": Failure.UNKNOWN,
}

UNHARMED = "None"  # the reason of a write that another one's failure took with it
CANCELLATIONS = {
    "ConditionalCheckFailed": Failure.CONDITION,
    "TransactionConflict": Failure.CONTENDED,
    "ThrottlingError": Failure.AGAIN,
    "ProvisionedThroughputExceeded": Failure.AGAIN,
}


class ConditionFailed(Exception):
    """The conditions at these places of the transaction did not hold; a single write has place 0."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__(f"conditions {places} failed")
        self.places = places


def classify(error: ClientError | BotoCoreError) -> tuple[Failure, tuple[int, ...]]:
    """Say what a failure leaves behind, and which conditions failed."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code == "TransactionCanceledException":
            return _cancelled(error.response.get("CancellationReasons", ()))
        failure = RESPONSES.get(code, Failure.OURS)
        return failure, (0,) if failure is Failure.CONDITION else ()
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return Failure.AGAIN, ()
    return (Failure.UNKNOWN if isinstance(error, HTTPClientError) else Failure.OURS), ()


def _cancelled(reasons: Any) -> tuple[Failure, tuple[int, ...]]:
    codes = [reason["Code"] for reason in reasons]
    found = [None if code == UNHARMED else CANCELLATIONS.get(code, Failure.OURS) for code in codes]
    failed = tuple(place for place, failure in enumerate(found) if failure is Failure.CONDITION)
    if failed:
        return Failure.CONDITION, failed
    if Failure.OURS in found:
        return Failure.OURS, ()
    return (Failure.CONTENDED if Failure.CONTENDED in found else Failure.AGAIN), ()
