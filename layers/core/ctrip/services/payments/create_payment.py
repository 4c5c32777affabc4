"""Create a payment: a fresh address, watched from the moment it is given out."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import ChainRules, address_at, address_path, rules_of
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import closed_to_payments
from ctrip.domain.errors import (
    AlreadyExists,
    Busy,
    ChainUnavailable,
    Conflict,
    FieldError,
    InvalidField,
)
from ctrip.domain.jobs import ScanJob
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.merchants.vouching import verify_extended_key
from ctrip.domain.payments.machine import FIRST_EVENT
from ctrip.domain.payments.payment import Custody, Due, Links, Order, Payment, Times
from ctrip.domain.urls import is_web_address
from ctrip.domain.webhooks.addresses import endpoint_problem
from ctrip.ports import AccessStore, Clock, Idempotency, Ids, Jobs, Log, MoneyStore, PaymentStore, PayoutStore
from ctrip.services.merchants.limit_calls import CallLimiter
from ctrip.services.shared.choose_asset import chosen_amount, chosen_asset, chosen_network
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.recording import Recorder
from ctrip.views.payments import payment_view

ROUTE = "POST /api/v1/payments"
GRACE_MS = 600_000  # the scanner goes on looking this long past a deadline, until the confirmed block has passed it
STRIDE_MS = 900_000
INDEXES_AT_A_TIME = 8
SEEN_MS = 5_000  # how long a process remembers whether a chain is paused or failing
RETRY_SECONDS = 30  # after which a chain that takes no payments may be asked again
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePayment:
    """What a merchant asks for; `amount` and `amount_decimal` are alternatives, as are `token_id` and `asset`."""

    chain: str
    amount: int | str | None = None
    amount_decimal: str | None = None
    token_id: str | None = None
    asset: str | None = None
    order_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    expires_in: int | None = None
    webhook_url: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCreator:
    """Creates payments.

    `plain_http` lets people return to http addresses, and `loopback` lets webhooks go to this machine, both for the
    local stage alone. `verifying_key` is the public key of the signer, which vouches for merchants' extended keys.
    """

    networks: Mapping[str, Network]
    payments: PaymentStore
    money: MoneyStore
    payouts: PayoutStore
    once: Once
    access: AccessStore
    limiter: CallLimiter
    jobs: Jobs
    clock: Clock
    ids: Ids
    recorder: Recorder
    log: Log
    verifying_key: str
    plain_http: bool
    loopback: bool
    _raised: dict[str, tuple[int, int]] = field(default_factory=dict)
    _seen: dict[str, tuple[int, Gate, Tip | None]] = field(default_factory=dict)
    _indexes: dict[tuple[str, str], deque[int]] = field(default_factory=dict)
    _treasuries: set[tuple[str, str]] = field(default_factory=set)

    def create(
        self,
        merchant: Merchant,
        wanted: CreatePayment,
        base_url: str,
        origin: Origin,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Create a payment, or give the first answer again to a repeated idempotency key.

        Raises `BadRequest`, `Conflict` (order in use, merchant not ready), `KeyReused`, `TooMany`, `ChainUnavailable`
        and `Busy`.
        """
        return self.once.run(idempotency, lambda: self._create(merchant, wanted, base_url, origin, idempotency))

    def _create(
        self,
        merchant: Merchant,
        wanted: CreatePayment,
        base_url: str,
        origin: Origin,
        idempotency: Idempotency | None,
    ) -> Answer:
        network, asset, amount = self._due(wanted)
        self._check_urls(wanted)
        self._require_ready(merchant, network)
        self._require_treasury(merchant, network)
        self._require_chain(network)
        self.limiter.place(merchant, network.name)
        now = self.clock.now()
        lifetime = (wanted.expires_in or merchant.expires_in) * 1000
        closed = self._open_gate(network, merchant, now, lifetime)
        for _ in range(TRIES):
            # Dated anew each time: an event is to commit soon after its date.
            payment = self._payment(merchant, wanted, network, asset, amount, base_url, self.clock.now(), lifetime)
            commit = self.recorder.created(payment, FIRST_EVENT, origin, idempotency)
            try:
                after = commit_and_notify(self.payments, self.jobs, commit)
            except AlreadyExists as exc:
                if exc.key == "idempotency":
                    raise
                self._require_free(exc, merchant, wanted)
                continue
            if closed:
                self.jobs.scan(ScanJob(network.name, origin.request_id))
            return Answer(payment_view(after))
        raise Busy

    def _require_free(self, exc: AlreadyExists, merchant: Merchant, wanted: CreatePayment) -> None:
        """Refuse an order that another payment holds; where it is not the order, another address is worth a try."""
        if exc.key == "order" and wanted.order_id:
            self.limiter.back(merchant, wanted.chain)
            holder = self.payments.by_order(merchant.id, wanted.order_id) or ""
            raise Conflict(
                f"order_id is in use by payment {holder}.",
                code="order_id_in_use",
                errors=(FieldError("order_id", "order_id_in_use", f"is in use by payment {holder}"),),
                extra={"payment_id": holder},
            ) from exc

    def _due(self, wanted: CreatePayment) -> tuple[Network, Asset, int]:
        network = chosen_network(self.networks, wanted.chain)
        asset = chosen_asset(network, wanted)
        amount = chosen_amount(asset, wanted)
        if amount is None:
            raise InvalidField("amount", "missing", "is required")
        return network, asset, amount

    def _check_urls(self, wanted: CreatePayment) -> None:
        if wanted.webhook_url is not None:
            check_endpoint("webhook_url", wanted.webhook_url, loopback=self.loopback)
        for name, url in (("success_url", wanted.success_url), ("cancel_url", wanted.cancel_url)):
            if url is not None:
                check_url(name, url, plain_http=self.plain_http)

    def _require_ready(self, merchant: Merchant, network: Network) -> None:
        """Refuse a merchant without an account, and one for whose extended key the signer does not vouch."""
        curve = rules_of(network).curve
        if merchant.own_keys and not merchant.provisioning and merchant.key_on(curve) is None:
            detail = f"The merchant has no extended key for {network.name}: it brought one for other chains."
            raise Conflict(detail, code="merchant_without_key")
        if merchant.provisioning or merchant.key_on(curve) is None:
            raise Conflict("The merchant is still being provisioned; try again shortly.", code="merchant_provisioning")
        if not verify_extended_key(merchant, self.verifying_key, curve):
            self.log.error("extended_key_mismatch", merchant=merchant.id)
            raise Conflict(
                "The merchant's extended key is not the one that the signer vouches for; no address is given out.",
                code="merchant_key_unverified",
            )

    def _require_treasury(self, merchant: Merchant, network: Network) -> None:
        """Refuse a payment that could be swept nowhere; a treasury that was set once is never taken away."""
        place = (merchant.id, network.name)
        if merchant.policy.custody is not Custody.DIRECT or place in self._treasuries:
            return
        if self.payouts.settlement_address(*place) is None:
            raise Conflict(
                f"You have no treasury on {network.name}, which payments are swept to; ask the operator to set one "
                f"(PUT /admin/api/merchants/{merchant.id}/treasuries/{network.name}, or ctrip merchants treasury).",
                code="treasury_missing",
            )
        self._treasuries.add(place)

    def _require_chain(self, network: Network) -> None:
        """Refuse a chain that is paused, or that nobody has been able to look at for long."""
        now, name = self.clock.now(), network.name
        read_at, gate, tip = self._seen.get(name, (-SEEN_MS, Gate(chain=name), None))
        if not read_at <= now < read_at + SEEN_MS:
            gate, tip = self.access.gates([name])[name], self.money.tips([name]).get(name)
            self._seen[name] = now, gate, tip
        if reason := closed_to_payments(network, gate, tip, now):
            raise ChainUnavailable(reason, retry_after=RETRY_SECONDS)

    def _open_gate(self, network: Network, merchant: Merchant, now: int, lifetime: int) -> bool:
        """Keep the chain open for this payment; True when it was closed. What this process raised is remembered."""
        hot = now + lifetime + GRACE_MS
        warm = hot + merchant.policy.monitoring_seconds * 1000
        raised = self._raised.get(network.name, (0, 0))
        if hot <= raised[0] and warm <= raised[1]:
            return False
        # Rounded up, so that a shared item is not written by every creation.
        hot, warm = (-(-at // STRIDE_MS) * STRIDE_MS for at in (hot, warm))
        closed = self.access.raise_gate(network.name, hot_until=hot, warm_until=warm, now=now)
        self._raised[network.name] = (max(hot, raised[0]), max(warm, raised[1]))
        return closed

    def _next_index(self, merchant_id: str, curve: str) -> int:
        """Take an index from those this process holds: few enough to stay under a wallet's gap limit of 20."""
        held = self._indexes.setdefault((merchant_id, curve), deque())
        try:
            return held.popleft()
        except IndexError:
            first, *others = self.access.take_indexes(merchant_id, curve, INDEXES_AT_A_TIME)
            held.extend(others)
            return first

    def _payment(
        self,
        merchant: Merchant,
        wanted: CreatePayment,
        network: Network,
        asset: Asset,
        amount: int,
        base_url: str,
        now: int,
        lifetime: int,
    ) -> Payment:
        rules = rules_of(network)
        key = merchant.key_on(rules.curve)
        if key is None:
            raise Busy
        index = self._next_index(merchant.id, rules.curve)
        address = address_at(rules, key.xpub, index)
        payment_id = self.ids.uuid()
        return Payment(
            id=payment_id,
            merchant_id=merchant.id,
            due=Due(
                chain=network.name,
                token_id=asset.id,
                token_address=asset.address,
                symbol=asset.symbol,
                decimals=asset.decimals,
                address=address,
                derivation_path=_path(rules, merchant, index),
                amount=amount,
                required_confirmations=max(network.confirmations, merchant.policy.confirmations),
                expires_at=now + lifetime,
                payment_uri=rules.payment_uri(network, asset, address, amount),
            ),
            links=Links(
                checkout_url=f"{base_url}/pay/{payment_id}",
                webhook_url=wanted.webhook_url,
                success_url=wanted.success_url,
                cancel_url=wanted.cancel_url,
            ),
            times=Times(created_at=now, updated_at=now, raised_at=now),
            order=Order(order_id=wanted.order_id, metadata=wanted.metadata, description=wanted.description),
            policy=merchant.policy,
        )


def _path(rules: ChainRules, merchant: Merchant, index: int) -> str:
    """Name the key behind an address; of a merchant's own key only the way below it is known, from `M` (BIP-32)."""
    return f"M/0/{index}" if merchant.own_keys else address_path(rules, merchant.account, index)


def check_endpoint(name: str, url: str, *, loopback: bool) -> None:
    """Refuse an address that no webhook may be sent to; raises `InvalidField` naming `name`."""
    if problem := endpoint_problem(url, loopback=loopback):
        raise InvalidField(name, "invalid_url", problem)


def check_url(name: str, url: str, *, plain_http: bool) -> None:
    """Refuse anything but an https address (http too with `plain_http`); raises `InvalidField` naming `name`."""
    if not is_web_address(url, plain_http=plain_http):
        raise InvalidField(
            name, "invalid_url", f"must be an {'http:// or https' if plain_http else 'https'}:// address"
        )
