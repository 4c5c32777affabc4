"""What the services need of the machine, of AWS and of other people's servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chain import Signed, Transaction


class Clock(Protocol):
    """The only source of the time."""

    def now(self) -> int:
        """Return unix milliseconds."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class Ids(Protocol):
    """The only source of identifiers."""

    def uuid(self) -> str:
        """Return an unguessable id (UUID)."""
        ...

    def ulid(self, now: int) -> str:
        """Return a ULID at `now` (unix milliseconds): sortable, 80 random bits, increasing within a process."""
        ...

    def entropy(self, count: int) -> bytes:
        """Return random bytes, for secrets."""
        ...


class Jobs(Protocol):
    """Queues and asynchronous calls."""

    def deliver(self, deliveries: Sequence[tuple[str, str, int]], *, delay: int = 0) -> None:
        """Queue webhook jobs (merchant id, event id, attempt), `delay` seconds from now."""
        ...

    def sweep(self, chain: str, asset_key: str) -> None:
        """Queue one sweep job for a chain and asset."""
        ...

    def scan(self, chain: str) -> None:
        """Start a scanner, without waiting for it."""
        ...

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it."""
        ...


class Provisioner(Protocol):
    """Gives merchants their accounts, and signs for them; only where the mnemonic is can it be done."""

    def provision(self, merchant_id: str) -> None:
        """Write a merchant's extended public key and the signature on it to the merchant; a second time: nothing."""
        ...

    def verifying_key(self) -> str:
        """Return the public key, in hexadecimal, that these signatures are verified by."""
        ...


class Signer(Protocol):
    """The only holder of private keys, behind a call."""

    def account_xpub(self, account: int) -> str:
        """Return the extended public key of a hardened account; account 0 is the operator's own."""
        ...

    def sign(self, path: str, sender: str, transaction: Transaction, *, recipient_path: str | None = None) -> Signed:
        """Derive `path`, compare its address with `sender`, check the destination, sign.

        From a deposit address only to the treasury, or nothing at all to itself; from the gas station only to a deposit
        address, whose `recipient_path` is derived and compared too. Raises `SigningRefused`.
        """
        ...


class Sealer(Protocol):
    """Envelope for secrets at rest, bound to who they belong to."""

    def seal(self, secret: str, owner: str) -> str:
        """Encrypt."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """Decrypt; refuses what was sealed for another owner."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """How an HTTP receiver answered; `status` is None where it did not, and `error` says why.

    `retry_after` is its header of that name, as it came.
    """

    status: int | None
    error: str | None = None
    retry_after: str | None = None


class Receivers(Protocol):
    """The merchants' webhook endpoints."""

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once, within 15 seconds; whatever the receiver does is data, not an exception."""
        ...


class Passwords(Protocol):
    """Hashes passwords slowly."""

    def hash(self, password: str) -> str:
        """Hash with a salt of its own."""
        ...

    def verify(self, digest: str | None, password: str) -> bool:
        """Compare; without a digest it takes as long and is false."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; times are unix seconds."""

    subject: str
    session: str
    token_id: str
    issued_at: int
    expires_at: int


class Tokens(Protocol):
    """Signs and reads access tokens."""

    def issue(self, claims: Claims, *, key_id: str, key: str) -> str:
        """Sign."""
        ...

    def read(self, token: str, keys: Mapping[str, str], now: int) -> Claims | None:
        """Verify at `now` (unix seconds) by the key that the token names; None for whatever is not right."""
        ...


class OneTimeCodes(Protocol):
    """Codes of an authenticator app."""

    def new_secret(self) -> str:
        """Return a new secret."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """Return the address that an app scans."""
        ...

    def step(self, secret: str, code: str, now: int) -> int | None:
        """Return the step of a right code at `now` (unix seconds), None for a wrong one."""
        ...


class Log(Protocol):
    """Structured lines: a name of the thing that happened, and facts; never a secret, an ERROR is an alarm."""

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        ...

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        ...

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm: the line, and a metric named after it."""
        ...

    def measure(self, chain: str, **figures: float) -> None:
        """Publish figures of one chain as metrics."""
        ...
