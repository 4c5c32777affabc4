"""Create a payment: a fresh address, watched from the moment it is given out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.errors import (
    AlreadyExists,
    Busy,
    Conflict,
    FieldError,
    InvalidField,
)
from ctrip.domain.jobs import ScanJob
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.choosing import accepted, base_units, check_accepts, due_at
from ctrip.domain.payments.machine import FIRST_EVENT
from ctrip.domain.payments.payment import Choice, Due, Links, Order, Payment, Tier, Times, undecided
from ctrip.domain.prices.price import Price, parse_price
from ctrip.domain.prices.rate import LockedRate
from ctrip.domain.urls import is_web_address
from ctrip.domain.webhooks.addresses import endpoint_problem
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.payments import Beside, PaymentStore
from ctrip.ports.runtime import Clock, Ids, Log
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
    """What a merchant asks for; `amount`, `amount_decimal` and `price` are alternatives, as are `token_id` and `asset`.

    Without a chain the payer chooses, of `assets` where there are any; `price` is a currency and an amount of it.
    `link_id` and `invoice_id` name what the payment is made for; no merchant sets them.
    """

    chain: str | None = None
    amount: int | str | None = None
    amount_decimal: str | None = None
    token_id: str | None = None
    asset: str | None = None
    assets: tuple[str, ...] = ()
    price: tuple[str, str] | None = None
    order_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    expires_in: int | None = None
    webhook_url: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    link_id: str | None = None
    invoice_id: str | None = None


class Rates(Protocol):
    """Prices assets."""

    def amount(self, price: Price, network: Network, asset: Asset) -> tuple[int, LockedRate]:
        """Return what is due in base units, and by which rate; raises `BadRequest` and `RateUnavailable`."""
        ...


class Fixed(NamedTuple):
    """What is due where nothing is left to the payer, in base units."""

    network: Network
    asset: Asset
    amount: int


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
    rates: Callable[[], Rates]
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
        beside: Callable[[Payment], Beside | None] | None = None,
    ) -> Answer:
        """Create a payment, or give the first answer again to a repeated idempotency key.

        `beside` says what changes with it of the link or the invoice that it is made for; raises `Stale` where that has
        moved on. Raises `BadRequest`, `Conflict` (order in use, merchant not ready), `KeyReused`, `TooMany`,
        `ChainUnavailable`, `RateUnavailable` and `Busy`.
        """
        return self.once.run(idempotency, lambda: self._create(merchant, wanted, base_url, origin, idempotency, beside))

    def _create(
        self,
        merchant: Merchant,
        wanted: CreatePayment,
        base_url: str,
        origin: Origin,
        idempotency: Idempotency | None,
        beside: Callable[[Payment], Beside | None] | None,
    ) -> Answer:
        fixed, choice = self._terms(wanted)
        self._check_urls(wanted)
        lifetime = (wanted.expires_in or merchant.expires_in) * 1000
        closed = self._open(merchant, fixed, choice, lifetime)
        for _ in range(TRIES):
            # Dated anew each time: an event is to commit soon after its date.
            expires_at = self.clock.now() + lifetime
            due = self._due(merchant, fixed, expires_at) if fixed else undecided(expires_at)
            payment = self._payment(merchant, wanted, due, choice, base_url, expires_at - lifetime)
            with_it = beside(payment) if beside else None
            commit = self.recorder.created(payment, FIRST_EVENT, origin, idempotency, with_it)
            try:
                after = commit_and_notify(self.payments, self.jobs, commit)
            except AlreadyExists as exc:
                if exc.key == "idempotency":
                    raise
                self._require_free(exc, merchant, wanted)
                continue
            if closed:
                self.jobs.scan(ScanJob(after.due.chain, origin.request_id))
            return Answer(payment_view(after))
        raise Busy

    def _terms(self, wanted: CreatePayment) -> tuple[Fixed | None, Choice]:
        """Return what is due, None where the payer chooses, and what that follows from."""
        price = parse_price(*wanted.price) if wanted.price else None
        if price and (wanted.amount is not None or wanted.amount_decimal is not None):
            raise InvalidField("price", "mutually_exclusive", "give price or an amount, not both")
        if wanted.chain is None:
            return None, self._choice(wanted, price)
        if wanted.assets:
            raise InvalidField("assets", "mutually_exclusive", "give chain, or assets of which the payer chooses one")
        network = chosen_network(self.networks, wanted.chain)
        asset = chosen_asset(network, wanted)
        if price:
            amount, rate = self.rates().amount(price, network, asset)
            return Fixed(network, asset, amount), Choice(price=price, rate=rate)
        if (due := chosen_amount(asset, wanted)) is None:
            raise InvalidField("amount", "missing", "is required")
        return Fixed(network, asset, due), Choice()

    def _choice(self, wanted: CreatePayment, price: Price | None) -> Choice:
        """Return what is left to the payer."""
        alone = next((name for name in ("asset", "token_id") if getattr(wanted, name) is not None), None)
        if alone or not (price or wanted.assets):
            raise InvalidField("chain", "missing", "is required, or price or assets, for the payer to choose")
        if wanted.amount is not None:
            raise InvalidField(
                "amount", "needs_chain", "is of one asset's base units; give price or amount_decimal with assets"
            )
        check_accepts(self.networks, wanted.assets)
        if price is None and wanted.amount_decimal is None:
            raise InvalidField("price", "missing", "is required, or amount_decimal")
        if price is None:
            for _, asset in accepted(self.networks, wanted.assets):
                base_units(wanted.amount_decimal or "", asset)
        return Choice(price=price, choosable=True, whole=wanted.amount_decimal or "", accepts=wanted.assets)

    def _open(self, merchant: Merchant, fixed: Fixed | None, choice: Choice, lifetime: int) -> bool:
        """Open the chain to a payment; True when it was closed. Where the payer chooses, one must be open at least."""
        if fixed is None:
            self.opener.require_any(merchant, [network for network, _ in accepted(self.networks, choice.accepts)])
            return False
        self.opener.require_open(merchant, fixed.network)
        self.limiter.place(merchant, fixed.network.name)
        return self.opener.open_gate(fixed.network, merchant, self.clock.now() + lifetime)

    def _due(self, merchant: Merchant, fixed: Fixed, expires_at: int) -> Due:
        place, asked = self.opener.address(merchant, fixed.network), merchant.policy.confirmations
        return due_at(*fixed, place, expires_at=expires_at, confirmations=asked)

    def _require_free(self, exc: AlreadyExists, merchant: Merchant, wanted: CreatePayment) -> None:
        """Refuse an order that another payment holds; where it is not the order, another address is worth a try."""
        if exc.key == "order" and wanted.order_id:
            if wanted.chain is not None:
                self.limiter.back(merchant, wanted.chain)
            holder = self.payments.by_order(merchant.id, wanted.order_id) or ""
            raise Conflict(
                f"order_id is in use by payment {holder}.",
                code="order_id_in_use",
                errors=(FieldError("order_id", "order_id_in_use", f"is in use by payment {holder}"),),
                extra={"payment_id": holder},
            ) from exc

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
        due: Due,
        choice: Choice,
        base_url: str,
        now: int,
    ) -> Payment:
        payment_id = self.ids.uuid()
        return Payment(
            id=payment_id,
            merchant_id=merchant.id,
            due=due,
            links=Links(
                checkout_url=f"{base_url}/pay/{payment_id}",
                webhook_url=wanted.webhook_url,
                success_url=wanted.success_url,
                cancel_url=wanted.cancel_url,
            ),
            times=Times(created_at=now, updated_at=now, raised_at=now),
            order=Order(
                order_id=wanted.order_id,
                link_id=wanted.link_id,
                invoice_id=wanted.invoice_id,
                metadata=wanted.metadata,
                description=wanted.description,
            ),
            policy=merchant.policy,
            choice=choice,
            tier=Tier.OPEN if due.is_chosen else Tier.CLOSED,
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
