"""Merchants, their keys, and the gates that say whether a chain has anything to do."""

from dataclasses import dataclass, field
from enum import StrEnum

from ctrip.domain.payment import Policy


class Scope(StrEnum):
    """What an API key may do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """One merchant; `xpub` is empty while provisioning; secrets are sealed."""

    id: str
    name: str
    account: int
    xpub: str
    webhook_secrets: tuple[str, ...]
    expires_in: int = 1_800
    policy: Policy = field(default_factory=Policy)
    enabled: bool = True
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key; `digest` is the SHA-256 of the whole bearer string (hex), `expires_at` unix milliseconds."""

    id: str
    merchant_id: str
    digest: str
    scopes: frozenset[Scope]
    expires_at: int | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How long a chain has something due: looped until `hot_until`, looked at now and then until `warm_until`."""

    chain: str
    hot_until: int = 0
    warm_until: int = 0
    daily_at: int = 0
    paused: bool = False

    def daily_due(self, now: int) -> bool:
        """Whether every address ever given out is to be looked at; never before the first payment."""
        return 0 < self.daily_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How far the daily look at every address has come on a chain: the merchant and index that are next."""

    chain: str
    merchant_id: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """Who scans a chain (`fence`) and how far it has come; times are unix milliseconds."""

    chain: str
    fence: int = 0
    number: int = 0
    hash: str = ""
    block_time: int = 0
    scanned_at: int = 0
    open_payments: int = 0
    endpoints: tuple[tuple[str, str], ...] = ()
