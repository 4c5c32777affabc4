"""What answers hold, as pydantic models: the description of the API is made from them, and tests hold answers to them.

The API itself does not load this module: what it answers is built by the views.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ctrip.domain.admins import Role
from ctrip.domain.merchants.access import Scope
from ctrip.domain.payments.machine import EVENTS
from ctrip.domain.payments.payment import Custody, Flag, Late, Status
from functions.api.codes import CODES, FIELD_CODES


class Shown(BaseModel):
    """What every answer has in common; clients ignore fields that they do not know, the tests do not."""

    model_config = ConfigDict(extra="forbid")


Amount = Annotated[int, Field(description="Base units; beyond 2^53 too. `<name>_str` is the same as text.", ge=0)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{1,78}$")]
Decimal = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="Whole units.")]
Id = Annotated[str, Field(description="A UUID.", examples=["8c0a4f0e-9a55-4b0e-9a5d-2f7c0a4f0e9a"])]
Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$", description="In EIP-55.")]
NextCursor = Annotated[str | None, Field(description="`cursor` of the next page; null: there is none.")]


class FieldProblem(Shown):
    """One field that is wrong."""

    field: str
    code: Annotated[str, Field(json_schema_extra={"enum": sorted(FIELD_CODES)})]
    detail: str


class Problem(Shown):
    """Every error has this shape."""

    detail: str = Field(description="A sentence for a person.")
    code: Annotated[
        str, Field(description="Stable; what a program goes by.", json_schema_extra={"enum": sorted(CODES)})
    ]
    errors: list[FieldProblem]
    request_id: str
    payment_id: Id | None = Field(None, description="Of the payment that holds the order, with `order_id_in_use`.")


class Transfer(Shown):
    """Money that came; without a hash where nothing explains it yet."""

    tx_hash: Hash | None
    log_index: int | None
    block_number: int
    block_hash: Hash
    sender: Address | None = Field(alias="from")
    amount: Amount
    amount_str: Digits
    confirmations: int


class Sweep(Shown):
    """One transaction that takes the money where it belongs."""

    tx_hash: Hash
    status: Literal["signed", "sent", "mined", "final", "failed"]
    amount: Amount
    amount_str: Digits


class Payment(Shown):
    """A payment. Ship once `fulfillable` is true."""

    id: Id
    chain: str
    token_id: Id | None = Field(description="Null: the chain's coin.")
    symbol: str
    decimals: int
    address: Address
    derivation_path: str
    status: Status
    exception: Flag | None = Field(description="The gravest of `exceptions`.")
    exceptions: list[Flag]
    fulfillable: bool = Field(description="Whether the merchant may ship.")
    amount: Amount
    amount_str: Digits
    amount_received: Amount
    amount_received_str: Digits
    amount_confirmed: Amount
    amount_confirmed_str: Digits
    amount_decimal: Decimal
    received_decimal: Decimal
    confirmations: int
    required_confirmations: int
    detected_in_block: int | None
    payment_uri: str = Field(description="For wallets, as EIP-681 says.")
    checkout_url: str
    order_id: str | None
    metadata: dict[str, str]
    description: str | None
    success_url: str | None
    cancel_url: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    updated_at: AwareDatetime
    detected_at: AwareDatetime | None
    confirmed_at: AwareDatetime | None
    paid_at: AwareDatetime | None
    settled_at: AwareDatetime | None
    transfers: list[Transfer]
    sweeps: list[Sweep]


class PaymentPage(Shown):
    """Payments, newest first."""

    data: list[Payment]
    next_cursor: NextCursor


class TransferPage(Shown):
    """Transfers, newest first."""

    data: list[Transfer]
    next_cursor: NextCursor


class Token(Shown):
    """A token that can be paid with."""

    id: Id
    chain: str
    symbol: str
    address: Address
    decimals: int
    confirmations: int


class TokenPage(Shown):
    """Tokens."""

    data: list[Token]
    next_cursor: NextCursor


class Chain(Shown):
    """A network that can be paid on."""

    id: str
    name: str
    kind: Literal["evm", "tron"]
    chain_id: int
    symbol: str
    decimals: int
    confirmations: int
    explorer: str
    tokens: list[Token]


class ChainPage(Shown):
    """Networks."""

    data: list[Chain]
    next_cursor: NextCursor


class Deposit(Shown):
    """Money that was not due, and that an event tells of."""

    chain: str
    token_id: Id | None
    token_address: Address | None
    symbol: str
    amount: Amount
    amount_str: Digits
    amount_decimal: Decimal
    tx_hash: Hash | None = Field(description="The newest transaction that brought some of it; null while unknown.")
    from_: Address | None = Field(alias="from")


class EventPayment(Payment):
    """The payment as it was when the event happened."""

    object: Literal["payment"]
    sequence: int = Field(description="Orders a payment's events; it grows, with gaps.")
    deposit: Deposit | None = None


class Event(Shown):
    """An event, as the webhook had it."""

    id: Annotated[str, Field(pattern=r"^evt_[0-9A-Z]{26}$")]
    type: Annotated[str, Field(json_schema_extra={"examples": sorted(EVENTS)})]
    api_version: str
    timestamp: AwareDatetime
    data: EventPayment
    event: str
    payment_id: Id
    address: Address
    amount: Amount
    amount_str: Digits
    chain: str
    status: Status


class EventPage(Shown):
    """Events."""

    data: list[Event]
    next_cursor: NextCursor


class KeyVersion(Shown):
    """One pair of secrets that is good."""

    created_at: AwareDatetime
    expires_at: AwareDatetime | None


class Key(Shown):
    """An API key, without its secrets."""

    id: str
    name: str
    scopes: list[Scope]
    signed_only: bool
    allowed_ips: list[str]
    enabled: bool
    expires_at: AwareDatetime | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = Field(description="To ten minutes.")
    versions: list[KeyVersion]


class NewKey(Key):
    """An API key with its secrets, this once; a replayed answer has null for them."""

    api_key: str | None = Field(description="The bearer key; null for a signed-only key.")
    signing_secret: str | None


class KeyPage(Shown):
    """API keys."""

    data: list[Key]
    next_cursor: NextCursor


class Merchant(Shown):
    """A merchant."""

    id: Id
    name: str
    status: Literal["provisioning", "active", "disabled"]
    enabled: bool
    custody: Custody
    xpub: str | None
    account_path: str | None
    expires_in: int
    tolerance_per_mille: int
    monitoring_seconds: int
    late: Late
    confirmations: int
    calls_per_second: int | None = Field(description="Null: as many as the stage gives.")
    open_payments: int | None = Field(description="Null: as many as the stage gives.")
    created_at: AwareDatetime
    updated_at: AwareDatetime
    version: int


class NewMerchant(Merchant):
    """A merchant with its webhook secret, this once; a replayed answer has null for it."""

    webhook_secret: str | None


class MerchantPage(Shown):
    """Merchants, by id."""

    data: list[Merchant]
    next_cursor: NextCursor


class User(Shown):
    """A user of the admin API."""

    id: Id
    email: str
    name: str
    role: Role
    enabled: bool
    totp: bool = Field(description="Whether a second factor is asked for.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class NewUser(User):
    """A user with a random password, this once; a replayed answer has null for it."""

    password: str | None


class UserPage(Shown):
    """Users, by id."""

    data: list[User]
    next_cursor: NextCursor


class Session(Shown):
    """What signing in gives."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    user: User


class Totp(Shown):
    """A second factor that waits for its first code."""

    secret: str
    uri: str = Field(description="What an authenticator app scans.")


class AuditEntry(Shown):
    """What was done once; `hash` covers it and `previous`."""

    subject: str
    version: int
    action: str
    actor: str = Field(description="`key:<id>`, `admin:<id>`, `operator` or a function's name.")
    address: str | None
    request_id: str | None
    at: AwareDatetime
    before: dict[str, Any]
    after: dict[str, Any]
    previous: str | None
    hash: str


class AuditPage(Shown):
    """Audit records, oldest first."""

    data: list[AuditEntry]
    next_after: int | None = Field(description="`after` of the next page; null: there is none.")


class CheckoutStatus(Shown):
    """What the checkout page knows."""

    id: Id
    chain: str
    symbol: str
    address: Address
    status: Status
    exception: Flag | None
    fulfillable: bool
    amount_decimal: Decimal
    received_decimal: Decimal
    confirmations: int
    required_confirmations: int
    payment_uri: str
    expires_at: AwareDatetime
    success_url: str | None
    cancel_url: str | None


class Alive(Shown):
    """It lives."""

    status: Literal["ok"]


class Endpoint(Shown):
    """A node, as the scanner found it."""

    host: str
    state: str
    reason: str | None = Field(description="Why it is not used, or not for everything.")


class Sweeping(Shown):
    """Whether deposits are swept; `off`: there is no treasury, `refused`: it is not trusted, and nothing is sent."""

    status: Annotated[str, Field(json_schema_extra={"examples": ["ok", "off", "refused"]})]
    treasury: Address | None
    reason: str | None


class ChainHealth(Shown):
    """Whether a chain is looked at. Ready are `ok`, and `idle`: nothing is due, or it became due a moment ago."""

    status: Annotated[
        str,
        Field(
            description="`failing`: passes run, and none succeeds; `not_scanned`: passes are due, and none comes.",
            json_schema_extra={"examples": ["ok", "idle", "failing", "not_scanned", "stale_head", "paused"]},
        ),
    ]
    reason: str | None = Field(description="Why it is not ready.")
    head: int | None
    head_age: int | None = Field(description="Seconds.")
    lag: int | None = Field(description="Seconds beyond the block time.")
    last_scan: AwareDatetime | None = Field(description="The last pass that succeeded.")
    last_failure: str | None = Field(description="Why the last pass that failed did.")
    failing_since: AwareDatetime | None = Field(description="Since when every pass has failed; null: the last did not.")
    open_payments: int
    endpoints: list[Endpoint]
    sweeping: Sweeping


class Ready(Shown):
    """Whether every part is up."""

    status: Literal["ok", "degraded", "down"]
    chains: dict[str, ChainHealth]
    queues: dict[str, int]
