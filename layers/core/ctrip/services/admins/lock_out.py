"""Lock out whoever guesses passwords: ten attempts for an account, thirty for an address, in a quarter of an hour."""

import hashlib
from dataclasses import dataclass

from ctrip.domain.errors import TooMany
from ctrip.ports.merchants import LimitStore
from ctrip.ports.runtime import Clock, Log

WINDOW_MS = 900_000
ACCOUNT_ATTEMPTS = 10
ADDRESS_ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as it was counted."""

    scopes: tuple[str, ...]
    window: int


@dataclass(frozen=True, slots=True)
class Lockout:
    """Counts attempts.

    One counts before its password is looked at, and a success is taken back, so that guesses made side by side count.
    """

    limits: LimitStore
    clock: Clock
    log: Log

    def attempt(self, email: str, address: str) -> Attempt:
        """Count one; raises `TooMany` beyond the limits, the same for accounts that do not exist."""
        now = self.clock.now()
        window = now // WINDOW_MS
        account = hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]
        limits = {f"account:{account}": ACCOUNT_ATTEMPTS, f"address:{address}": ADDRESS_ATTEMPTS}
        for scope, most in limits.items():
            if self.limits.attempt(scope, window, now) > most:
                self.log.warning("locked_out", address=address)
                wait = -(-((window + 1) * WINDOW_MS - now) // 1000)
                raise TooMany("Too many attempts; try again later.", code="too_many_attempts", retry_after=wait)
        return Attempt(tuple(limits), window)

    def forgive(self, attempt: Attempt) -> None:
        """Take one back that was right."""
        for scope in attempt.scopes:
            self.limits.forgive(scope, attempt.window)
