"""Every error the gateway raises on purpose, as one tree.

CtripError
├── Refusal                  the caller's request cannot be done; carries an HTTP status and a stable code
│   ├── BadRequest           400
│   │   └── InvalidField     400, names the field
│   ├── Unauthorized         401
│   ├── Forbidden            403
│   ├── NotFound             404
│   ├── Conflict             409
│   ├── TooLarge             413
│   ├── UnsupportedMedia     415
│   ├── KeyReused            422
│   ├── TooMany              429, try again after `retry_after` seconds
│   ├── ChainUnavailable     503, a chain is paused or cannot be looked at; `retry_after` too
│   └── RateUnavailable      503, a price cannot be turned into an amount at present; `retry_after` too
├── Busy                     503, try again after `retry_after` seconds
│   └── Contended            others write the same items; nothing was written
├── IllegalTransition        the state machine has no such edge; nothing was changed
├── Stale                    a conditional write lost: the item has moved on, read again
├── FenceLost                a newer scanner has taken the chain; stop
├── AlreadyExists            a unique key is taken
├── ChainError               a node did not give a usable answer
│   ├── Unavailable          no endpoint answered; unknown, never zero
│   │   └── NotHeld          they answered that they do not hold the block, or its state
│   │       └── NotKept      nobody holds it any more: the chain shows its newest state alone
│   ├── Refused              the node understood and said no (range, size, method)
│   ├── WrongChain           the node belongs to another network
│   └── BroadcastRejected    no node will take a transaction
│       └── Underpriced      each of them refused its price
├── Reverts                  a transaction fails on the chain, whoever is asked: an answer, not a failure of a node
├── SourceOut                a source of rates did not give a usable answer
├── SigningRefused           the signer will not sign this
├── DecryptionRefused        what is stored is no secret of its owner
└── ConfigurationError       the stage is set up wrongly; it refuses to start
"""

from dataclasses import dataclass


class CtripError(Exception):
    """Base of every error in this tree."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field: its dotted name, a stable code and a sentence."""

    field: str
    code: str
    detail: str


class Refusal(CtripError):
    """A request that cannot be done, with what the HTTP answer needs."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        extra: dict[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = errors
        self.extra = extra or {}
        self.retry_after = retry_after


class BadRequest(Refusal):
    """The request is malformed."""


class InvalidField(BadRequest):
    """One field is wrong; the sentence begins with its name."""

    code = "invalid_field"

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}", errors=(FieldError(field, code, detail),))


class Unauthorized(Refusal):
    """No valid credential came with the request."""

    status = 401
    code = "unauthorized"


class Forbidden(Refusal):
    """The credential is valid and does not carry this scope."""

    status = 403
    code = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or it is another merchant's."""

    status = 404
    code = "not_found"


class Conflict(Refusal):
    """The state of things forbids it."""

    status = 409
    code = "conflict"


class TooLarge(Refusal):
    """The body is over the limit."""

    status = 413
    code = "payload_too_large"


class UnsupportedMedia(Refusal):
    """The body is not JSON."""

    status = 415
    code = "unsupported_media_type"


class KeyReused(Refusal):
    """The idempotency key came before with another body."""

    status = 422
    code = "idempotency_key_reused"


class TooMany(Refusal):
    """The caller is over a limit, and may try again after `retry_after` seconds."""

    status = 429
    code = "rate_limited"


class ChainUnavailable(Refusal):
    """No payment is taken on this chain at present; the sentence says why."""

    status = 503
    code = "chain_unavailable"


class RateUnavailable(Refusal):
    """No rate is known at present; the sentence says of what."""

    status = 503
    code = "rate_unavailable"


class Busy(CtripError):
    """The store or a node is short of breath; the caller may try again."""

    def __init__(self, detail: str = "The service is busy; try again shortly.", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Contended(Busy):
    """Others were writing the same items for as long as we tried."""


class IllegalTransition(CtripError):
    """The payment's state machine has no such edge."""


class Stale(CtripError):
    """The item changed since it was read."""


class FenceLost(CtripError):
    """A newer scanner holds the chain."""


class AlreadyExists(CtripError):
    """A unique key is taken; `key` says which clause refused."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} exists already")
        self.key = key


class ChainError(CtripError):
    """A node did not give a usable answer."""


class Unavailable(ChainError):
    """No endpoint answered."""


class NotHeld(Unavailable):
    """No endpoint holds that block, or its state: it is behind, or it has forgotten."""


class NotKept(NotHeld):
    """The chain shows its newest state alone, and has gone on: asking again for that block is of no use."""


class Refused(ChainError):
    """The node understood and refused: range, size, method or state it does not keep."""


class WrongChain(ChainError):
    """The node's chain id is not the configured one."""


class BroadcastRejected(ChainError):
    """No node will take the transaction; what became of it is looked up by its hash."""


class Underpriced(BroadcastRejected):
    """Every node refused the price; `minimum` is the lowest fee per gas that they named, None where none named one."""

    def __init__(self, detail: str, minimum: int | None = None) -> None:
        super().__init__(detail)
        self.minimum = minimum


class Reverts(CtripError):
    """A transaction fails on the chain, whoever is asked: an answer, not a failure of a node."""


class SourceOut(CtripError):
    """A source of rates did not answer, or with nonsense."""


class SigningRefused(CtripError):
    """The signer compared and disagreed."""


class DecryptionRefused(CtripError):
    """What is stored as a secret is another owner's, or no ciphertext of this stage."""


class ConfigurationError(CtripError):
    """The stage refuses to start."""
