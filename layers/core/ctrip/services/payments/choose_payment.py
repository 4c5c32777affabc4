"""Let a payer choose what to pay with: a rate is locked, an address given out, and watched from then on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.detection.step import fire
from ctrip.domain.errors import (
    AlreadyExists,
    BadRequest,
    Busy,
    ChainUnavailable,
    Conflict,
    NotFound,
    Refusal,
    Stale,
    TooMany,
)
from ctrip.domain.jobs import ScanJob
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.choosing import Offer, Offered, accepted, base_units, chosen_offer, due_at, refuse_choice
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import DepositAddress, FormerChoice, Payment, Seen, Tier
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.rate import LockedRate
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore, LimitStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock
from ctrip.services.merchants.limit_calls import CallLimiter
from ctrip.services.payments.create_payment import Rates as OneRate
from ctrip.services.payments.open_payment import PaymentOpener
from ctrip.services.payments.read_payment import PaymentReader
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder
from ctrip.services.shared.retry import on_stale

WINDOW_MS = 60_000
MOST_CHOICES = 10  # of one payment in a minute
TRIES = 4


class Rates(OneRate, Protocol):
    """Prices many assets at once."""

    def amounts(self, price: Price, assets: list[Asset]) -> Mapping[Asset, tuple[int, LockedRate] | Refusal]:
        """Return what is due in each, or why nothing is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChooser:
    """Offers what a payment may be paid with, and takes the payer's choice."""

    networks: Mapping[str, Network]
    payments: PaymentStore
    reader: PaymentReader
    access: AccessStore
    opener: PaymentOpener
    limiter: CallLimiter
    limits: LimitStore
    rates: Rates
    jobs: Jobs
    clock: Clock
    recorder: Recorder

    def offers(self, payment: Payment) -> list[Offered]:
        """List what the payer may choose, with the amount of each; what nobody has a rate of is left out."""
        merchant = self._merchant(payment)
        found = self._receivable(merchant, payment)
        price = payment.choice.price
        if price is None:
            return [Offered(network, asset, base_units(payment.choice.whole, asset)) for network, asset in found]
        known = self.rates.amounts(price, list(dict.fromkeys(asset for _, asset in found)))
        return [
            _offered(network, asset, known[asset])
            for network, asset in found
            if not isinstance(known[asset], BadRequest)
        ]

    def choose(self, payment_id: str, chain: str, symbol: str, origin: Origin) -> Payment:
        """Take the payer's choice; the same one again changes nothing.

        Raises `NotFound`, `InvalidField` for what is not offered, `Conflict` where nothing may be chosen any more,
        `TooMany`, and what asking for a rate or opening the chain raises.
        """
        self._admit(self.reader.find(None, payment_id).id)
        busy = Conflict("The payment is changing; try again.", code="payment_changed")
        return on_stale(lambda: self._choose(payment_id, chain, symbol, origin), tries=TRIES, otherwise=busy)

    def _choose(self, payment_id: str, chain: str, symbol: str, origin: Origin) -> Payment:
        before = self.reader.find(None, payment_id)
        refuse_choice(before, self.clock.now())
        merchant = self._merchant(before)
        network, asset = chosen_offer(accepted(self.networks, before.choice.accepts), chain, symbol)
        if (before.due.chain, before.due.token_id) == (network.name, asset.id):
            return before
        self.opener.require_open(merchant, network)
        amount, rate = self._amount(before, network, asset)
        if before.due.chain == network.name:
            return self._commit(before, merchant, (network, asset), (amount, rate), origin)
        self.limiter.place(merchant, network.name)
        try:
            return self._commit(before, merchant, (network, asset), (amount, rate), origin)
        except Stale:
            self.limiter.back(merchant, network.name)
            raise

    def _commit(
        self, before: Payment, merchant: Merchant, offer: Offer, asked: tuple[int, LockedRate | None], origin: Origin
    ) -> Payment:
        """Give an address out, where there is none yet, and have it watched; raises `Stale` and `Busy`."""
        (network, asset), (amount, rate) = offer, asked
        # For as long as the payment is watched, by its own terms: its merchant's may have changed since.
        closed = self.opener.open_gate(network, replace(merchant, policy=before.policy), before.due.expires_at)
        for _ in range(TRIES):
            now = self.clock.now()
            place = self._place(before, merchant, network)
            due = due_at(
                network,
                asset,
                amount,
                place,
                expires_at=before.due.expires_at,
                confirmations=before.policy.confirmations,
            )
            former, given = _former(before, now), _given(before)
            step = fire(before, Trigger.CHOSEN, now, tier=Tier.OPEN, rate=rate, former=former, given=given)
            # Nothing that was seen of another asset tells anything of this one; raised anew, it is read again.
            after = replace(step.after.changed(raised_at=now, chosen_at=now), due=due, seen=Seen())
            commit = self.recorder.step(before, replace(step, after=after), origin=origin)
            try:
                chosen = commit_and_notify(self.payments, self.jobs, commit)
            except AlreadyExists:
                continue  # the address has been given out: another one is worth a try
            if closed:
                self.jobs.scan(ScanJob(network.name, origin.request_id))
            return chosen
        raise Busy

    def _amount(self, payment: Payment, network: Network, asset: Asset) -> tuple[int, LockedRate | None]:
        if (price := payment.choice.price) is None:
            return base_units(payment.choice.whole, asset), None
        return self.rates.amount(price, network, asset)

    def _place(self, payment: Payment, merchant: Merchant, network: Network) -> tuple[str, str]:
        """Return the address that the payment has on chains of this kind already, else a new one.

        A payer who comes back to a chain finds the former address: what comes for any earlier choice is seen there,
        and a chain has no second address of the payment to be forgotten.
        """
        owns = rules_of(network).owns
        held = next((each for each in _given(payment) if owns(each.address)), None)
        return (held.address, held.derivation_path) if held else self.opener.address(merchant, network)

    def _receivable(self, merchant: Merchant, payment: Payment) -> list[Offer]:
        every = accepted(self.networks, payment.choice.accepts)
        closed = {name for name in {network.name for network, _ in every} if not self._is_open(merchant, name)}
        return [(network, asset) for network, asset in every if network.name not in closed]

    def _is_open(self, merchant: Merchant, chain: str) -> bool:
        try:
            self.opener.require_open(merchant, self.networks[chain])
        except (Conflict, ChainUnavailable):
            return False
        return True

    def _merchant(self, payment: Payment) -> Merchant:
        if (merchant := self.access.merchant(payment.merchant_id)) is None:
            raise NotFound("The payment's merchant is not known.", code="payment_not_found")
        return merchant

    def _admit(self, payment_id: str) -> None:
        now = self.clock.now()
        if self.limits.attempt(f"choose:{payment_id}", now // WINDOW_MS, now) > MOST_CHOICES:
            wait = -(-((now // WINDOW_MS + 1) * WINDOW_MS - now) // 1000)
            raise TooMany("Too many choices; try again in a minute.", code="too_many_choices", retry_after=wait)


def _offered(network: Network, asset: Asset, known: tuple[int, LockedRate] | Refusal) -> Offered:
    return (
        Offered(network, asset, None, str(known)) if isinstance(known, Refusal) else Offered(network, asset, known[0])
    )


def _former(payment: Payment, now: int) -> tuple[FormerChoice, ...]:
    if not payment.is_chosen:
        return payment.choice.former
    due = payment.due
    gone = FormerChoice(chain=due.chain, token_id=due.token_id, symbol=due.symbol, amount=due.amount, until=now)
    return (*payment.choice.former, gone)[-MOST_CHOICES:]


def _given(payment: Payment) -> tuple[DepositAddress, ...]:
    """List the addresses that were given out for a payment; none of them is ever forgotten, unlike its choices."""
    if not payment.is_chosen:
        return payment.choice.given
    present = DepositAddress(address=payment.due.address, derivation_path=payment.due.derivation_path)
    return payment.choice.given if present in payment.choice.given else (*payment.choice.given, present)
