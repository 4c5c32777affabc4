"""Create a payment: a fresh address, watched from the moment it is given out."""

from collections.abc import Mapping
from dataclasses import dataclass

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import (
    AlreadyExists,
    Busy,
    Conflict,
    FieldError,
    InvalidField,
)
from ctrip.domain.jobs import ScanJob
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.machine import FIRST_EVENT
from ctrip.domain.payments.payment import Due, Links, Order, Payment, Times
from ctrip.domain.urls import is_web_address
from ctrip.domain.webhooks.addresses import endpoint_problem
from ctrip.ports import Clock, Idempotency, Ids, Jobs, Log, PaymentStore
from ctrip.services.merchants.limit_calls import CallLimiter
from ctrip.services.payments.open_payment import PaymentOpener
from ctrip.services.shared.choose_asset import chosen_amount, chosen_asset, chosen_network
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.recording import Recorder
from ctrip.views.payments import payment_view

ROUTE = "POST /api/v1/payments"
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
    local stage alone.
    """

    networks: Mapping[str, Network]
    payments: PaymentStore
    opener: PaymentOpener
    once: Once
    limiter: CallLimiter
    jobs: Jobs
    clock: Clock
    ids: Ids
    recorder: Recorder
    log: Log
    plain_http: bool
    loopback: bool

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
        self.opener.require_open(merchant, network)
        self.limiter.place(merchant, network.name)
        now = self.clock.now()
        lifetime = (wanted.expires_in or merchant.expires_in) * 1000
        closed = self.opener.open_gate(network, merchant, now + lifetime)
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
        address, path = self.opener.address(merchant, network)
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
                derivation_path=path,
                amount=amount,
                required_confirmations=max(network.confirmations, merchant.policy.confirmations),
                expires_at=now + lifetime,
                payment_uri=rules_of(network).payment_uri(network, asset, address, amount),
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
