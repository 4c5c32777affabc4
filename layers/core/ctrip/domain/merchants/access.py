"""Merchants and their API keys."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_address, ip_network

from ctrip.domain.bounds import Count, WholeNumber
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.payments.payment import Custody, Policy

LIVE_VERSIONS = 2  # the newest, and the one that it replaces
ALLOWED_IPS = Count(20)
OVERLAP_SECONDS = 86_400  # unless somebody asks for another
OVERLAP = WholeNumber(0, 604_800, "seconds")  # how long a key's secrets stay good once it has newer ones


class Scope(StrEnum):
    """What an API key may do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    WEBHOOKS = "webhooks"
    SETTLEMENTS = "settlements"
    ADMIN = "admin:*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a merchant may ask for; 0 stands for the stage's own limit."""

    calls_per_second: int = 0
    open_payments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """How its shop looks on the pages of payers; an empty field is not set. `logo` is the media type of its picture.

    `logo_digest` is the SHA-256 of the picture (hex), for whoever audits. `origins` may embed the pages.
    """

    shop_name: str = ""
    colour: str = ""
    contact: str = ""
    origins: tuple[str, ...] = ()
    logo: str = ""
    logo_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """A merchant's extended public key of one curve, which chain kinds have in common or for themselves.

    `signature` is the signer's, on the key in its version; `discovered` says that the addresses of the account that
    were used before are known, and `first_index` is the first one of its own key that is ours to give out.
    A key of a former mnemonic has the `account` that it is of, and gave out no address from `until_index` on.
    """

    curve: str
    xpub: str
    version: int = 1
    signature: str = ""
    discovered: bool = False
    first_index: int = 0
    account: int = 0
    until_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """That a merchant is to get an account of the newest mnemonic; its addresses begin at `first_index` by curve."""

    account: int
    first_indexes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """One merchant; secrets are encrypted; `audit_head` ends its audit chain.

    `xpub`, `key_version`, `key_signature`, `discovered` and `first_index` are of its key on the first curve, as in
    `AccountKey`; `more_keys` are those of the other curves that the stage's chains need. `former_keys` are of mnemonics
    before the stage's newest: their addresses are still looked at and swept. `rotation` waits for the signer.
    """

    id: str
    name: str
    account: int
    xpub: str
    webhook_secrets: tuple[str, ...]
    expires_in: int = 1_800
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    key_version: int = 1
    key_signature: str = ""
    discovered: bool = False
    first_index: int = 0
    enabled: bool = True
    created_at: int = 0
    updated_at: int = 0
    version: int = 1
    audit_head: str = ""
    more_keys: tuple[AccountKey, ...] = ()
    former_keys: tuple[AccountKey, ...] = ()
    rotation: Rotation | None = None
    brand: Brand | None = None

    @property
    def keys(self) -> tuple[AccountKey, ...]:
        """Return its extended keys, one for each curve that it has an account on."""
        if not self.xpub:
            return self.more_keys
        first = AccountKey(
            curve=FIRST.curve,
            xpub=self.xpub,
            version=self.key_version,
            signature=self.key_signature,
            discovered=self.discovered,
            first_index=self.first_index,
        )
        return (first, *self.more_keys)

    def key_on(self, curve: str) -> AccountKey | None:
        """Return its extended key on a curve; None where it has none."""
        return next((key for key in self.keys if key.curve == curve), None)

    def key_of(self, curve: str, account: int) -> AccountKey | None:
        """Return its extended key on a curve that an account's addresses come from, a former one too."""
        if self.own_keys or account == self.account:
            return self.key_on(curve)
        return next((key for key in self.former_keys if (key.curve, key.account) == (curve, account)), None)

    def all_keys_on(self, curve: str) -> tuple[AccountKey, ...]:
        """Return its extended keys on a curve, the former ones first."""
        now = self.key_on(curve)
        return (*(key for key in self.former_keys if key.curve == curve), *((now,) if now else ()))

    def with_key(self, key: AccountKey) -> "Merchant":
        """Put a key in place of the one on its curve."""
        if key.curve != FIRST.curve:
            others = tuple(each for each in self.more_keys if each.curve != key.curve)
            return replace(self, more_keys=(*others, key))
        return replace(
            self,
            xpub=key.xpub,
            key_version=key.version,
            key_signature=key.signature,
            discovered=key.discovered,
            first_index=key.first_index,
        )

    @property
    def provisioning(self) -> bool:
        """Whether it has yet to get an account, or its account has yet to be discovered."""
        return self.rotation is not None or not (self.xpub and all(key.discovered for key in self.keys))

    def ready_on(self, curve: str) -> bool:
        """Whether its account on a curve is there and was discovered: what lacks on one curve closes no other."""
        key = self.key_on(curve)
        return self.rotation is None and key is not None and key.discovered

    @property
    def own_keys(self) -> bool:
        """Whether its deposit addresses come from its own extended public key, and nothing here can sign for them."""
        return self.policy.custody is Custody.XPUB


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One pair of secrets of a key.

    `digest` is the SHA-256 of the whole bearer string (hex), empty for a signed-only key; `encrypted` the signing
    secret as the cipher made it; `expires_at` unix milliseconds, None for the version that stays.
    """

    digest: str
    encrypted: str
    created_at: int
    expires_at: int | None = None

    def live(self, now: int) -> bool:
        """Whether it still opens anything."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key, newest version first; `allowed_ips` are addresses or networks, none of them: from anywhere."""

    id: str
    merchant_id: str
    name: str
    scopes: frozenset[Scope]
    versions: tuple[KeyVersion, ...]
    signed_only: bool = False
    allowed_ips: tuple[str, ...] = ()
    expires_at: int | None = None
    enabled: bool = True
    created_at: int = 0
    version: int = 1

    def usable(self, now: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.enabled and (self.expires_at is None or now < self.expires_at)

    def live(self, now: int) -> tuple[KeyVersion, ...]:
        """Return the versions that still open something."""
        return tuple(each for each in self.versions if each.live(now))

    def admits(self, address: str) -> bool:
        """Whether a caller at this address may use it; an address that cannot be read is nobody's."""
        if not self.allowed_ips:
            return True
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        return any(caller in ip_network(each) for each in self.allowed_ips)

    def covers(self, network: str) -> bool:
        """Whether every address of a network may use it."""
        inner = ip_network(network)
        ends = inner.network_address, inner.broadcast_address
        return not self.allowed_ips or any(
            all(end in outer for end in ends) for outer in map(ip_network, self.allowed_ips)
        )
