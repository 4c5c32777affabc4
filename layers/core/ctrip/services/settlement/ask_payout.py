"""Ask for a settlement, a refund or an assignment: its amount is reserved in the same transaction, and spent once."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.chains.kinds import same
from ctrip.domain.errors import Conflict, FieldError, InvalidField, NotFound
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Custody, Payment
from ctrip.domain.settlement.payout import ID_PREFIX, Booking, Payout, PayoutKind, PayoutState, Source
from ctrip.domain.settlement.reservation import MOST_WAITING, Refunded, Reservation, current, spendable
from ctrip.domain.settlement.rules import UNLIMITED, PayoutRules, rules_for
from ctrip.domain.settlement.schedule import Schedule
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.ledger.read_ledger import LedgerReader
from ctrip.services.payments.read_payment import PaymentReader
from ctrip.services.settlement.check_address import AddressCheck
from ctrip.services.settlement.note_costs import PayoutFloor
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.choose_asset import chosen_amount, chosen_asset, chosen_network
from ctrip.services.shared.notify import notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import view_of

TRIES = 8
CLAIM_MS = 30 * 86_400_000  # a payer has so long to name an address
CLAIM_BYTES = 20
NO_RULES = PayoutRules(approval_above=UNLIMITED)  # of what stays in the gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSettlement:
    """What a merchant asks for; without an amount everything that is free."""

    chain: str
    token_id: str | None = None
    asset: str | None = None
    amount: int | str | None = None
    amount_decimal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRefund:
    """What a merchant asks for: an amount (else all that is left) of what came for a payment, to `address`.

    Without an address the payer names it, on a page. Without a chain and an asset it is the asset that was due.
    `unmatched`: of what belongs to no payment by itself.
    """

    address: str | None = None
    chain: str | None = None
    token_id: str | None = None
    asset: str | None = None
    amount: int | str | None = None
    amount_decimal: str | None = None
    unmatched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAssignment:
    """What a merchant asks for: that an amount (else all that is left) of an unmatched deposit counts for a payment."""

    payment_id: str
    chain: str
    token_id: str | None = None
    asset: str | None = None
    amount: int | str | None = None
    amount_decimal: str | None = None


@dataclass(frozen=True, slots=True)
class _Free:
    """What can be paid out, and what the transaction holds on to so that it still is then."""

    amount: int
    reservation: Reservation | None
    refunded: Refunded | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAsker:
    """Takes requests for settlements and refunds; `rules` are by chain and symbol, `floor` is by the network's cost."""

    networks: Mapping[str, Network]
    rules: Mapping[str, Mapping[str, PayoutRules]]
    check: AddressCheck
    floor: PayoutFloor
    local: bool
    reader: PaymentReader
    payouts: PayoutStore
    ledger: LedgerReader
    clock: Clock
    ids: Ids
    jobs: Jobs
    reporter: PayoutReporter
    once: Once

    def settleable(self, merchant_id: str, network: Network, asset: Asset) -> tuple[int, int]:
        """Return what a merchant has free of an asset, and the most of it that is settled at a time."""
        return self._free(merchant_id, network, asset).amount, self._rules(network, asset).per_transaction

    def settle(
        self,
        merchant: Merchant,
        wanted: AskSettlement,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        schedule: tuple[Schedule, Schedule] | None = None,
    ) -> Answer:
        """Ask for a settlement to the merchant's settlement address; `schedule` has asked for it (before, after).

        Raises `BadRequest`, `Conflict` (no address, too little balance, merchant's own keys), `KeyReused` and `Busy`.
        """
        network = chosen_network(self.networks, wanted.chain)
        asset = chosen_asset(network, wanted)
        amount = chosen_amount(asset, wanted)

        def attempt() -> Answer:
            if merchant.policy.custody is not Custody.HOT:
                raise Conflict("What you receive goes to your own wallet by itself.", code="nothing_to_settle")
            address = self.payouts.settlement_address(merchant.id, network.name)
            if address is None:
                raise Conflict(
                    f"There is no settlement address for {network.name}; set one first.",
                    code="settlement_address_missing",
                )
            to = current(address, self.clock.now()).address
            free = self._free(merchant.id, network, asset)
            rules = self._rules(network, asset)
            least = rules.least_amount(self.floor.least(network, asset))
            whole = self._checked(amount, free, asset, rules, least)
            fee = rules.fee(whole)
            if fee >= whole:
                raise _too_little(asset, fee + 1)
            payout = self._made(PayoutKind.SETTLEMENT, merchant.id, network, asset, whole, to, rules, origin)
            return self._commit(replace(payout, fee=fee), free, origin, idempotency, schedule=schedule)

        return self._once(attempt, idempotency)

    def refund(
        self,
        merchant: Merchant,
        payment_id: str,
        wanted: AskRefund,
        origin: Origin,
        idempotency: Idempotency | None = None,
        base_url: str = "",
    ) -> Answer:
        """Ask for a refund of what came for a payment, to an address that the payer has given.

        Without an address the answer has the `claim_url` of a page that takes it, which a replay does not repeat.
        Raises `BadRequest`, `NotFound`, `Conflict` (too little balance, or more than what came), `KeyReused`, `Busy`.
        """

        def attempt() -> Answer:
            payment = self.reader.find(merchant.id, payment_id)
            network, asset = self._refunded_asset(payment, wanted)
            to = "" if wanted.address is None else self.check.check(network, wanted.address)
            if payment.policy.custody is not Custody.HOT:
                return self._instruct(payment, network, asset, to, wanted, origin, idempotency, base_url)
            free, source = self._refundable(payment, network, asset, apart=wanted.unmatched)
            rules = self._rules(network, asset)
            least = self.floor.least(network, asset)
            whole = self._checked(chosen_amount(asset, wanted), free, asset, rules, least)
            payout = self._made(PayoutKind.REFUND, merchant.id, network, asset, whole, to, rules, origin)
            payout = replace(payout, payment_id=payment.id, source=source)
            return self._ask(payout, free, origin, idempotency, base_url)

        return self._once(attempt, idempotency)

    def assign(
        self,
        merchant: Merchant,
        deposit_of: str,
        wanted: AskAssignment,
        origin: Origin,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Ask that what came unmatched to the payment `deposit_of` counts for one: it becomes the merchant's balance.

        Raises `BadRequest`, `NotFound`, `Conflict` (more than what is left), `KeyReused`, `Busy`.
        """

        def attempt() -> Answer:
            payment = self.reader.find(merchant.id, deposit_of)
            target = self._target(merchant.id, wanted.payment_id)
            network = chosen_network(self.networks, wanted.chain)
            asset = chosen_asset(network, wanted)
            free, source = self._refundable(payment, network, asset, apart=True)
            whole = self._checked(chosen_amount(asset, wanted), free, asset, NO_RULES, None)
            payout = self._made(PayoutKind.ASSIGNMENT, merchant.id, network, asset, whole, "", NO_RULES, origin)
            payout = replace(payout, payment_id=payment.id, source=source, assigned_to=target.id)
            return self._commit(payout, free, origin, idempotency)

        return self._once(attempt, idempotency)

    def _target(self, merchant_id: str, payment_id: str) -> Payment:
        try:
            return self.reader.find(merchant_id, payment_id)
        except NotFound:
            raise InvalidField("payment_id", "payment_not_found", "is no payment of yours") from None

    def _ask(
        self, payout: Payout, free: _Free, origin: Origin, idempotency: Idempotency | None, base_url: str
    ) -> Answer:
        """Ask for a refund; without an address, with a page on which its payer names one."""
        if payout.to:
            return self._commit(payout, free, origin, idempotency)
        secret = base64.b32encode(self.ids.entropy(CLAIM_BYTES)).decode().lower()
        secrets = {"claim_url": f"{base_url}/claim/{secret}"}
        return self._commit(_claimable(payout, secret), free, origin, idempotency, secrets)

    def _instruct(
        self,
        payment: Payment,
        network: Network,
        asset: Asset,
        to: str,
        wanted: AskRefund,
        origin: Origin,
        idempotency: Idempotency | None,
        base_url: str,
    ) -> Answer:
        """Instruct a merchant whose money is in its own hands to send a refund: no book of the operator's has it."""
        refunded = self.payouts.refunded(payment.id, network.name, asset.key)
        free = _Free(_came(payment, network, asset, apart=wanted.unmatched)[0] - refunded.total, None, refunded)
        rules = PayoutRules(approval_above=UNLIMITED)
        whole = self._checked(chosen_amount(asset, wanted), free, asset, rules, None)
        address = self.payouts.settlement_address(payment.merchant_id, network.name)
        direct = payment.policy.custody is Custody.DIRECT and address is not None
        treasury = current(address, self.clock.now()).address if direct and address else ""
        if treasury and to and same(treasury, to):
            raise InvalidField("address", "own_address", "is the treasury that it would come from")
        made = self._made(PayoutKind.REFUND, payment.merchant_id, network, asset, whole, to, rules, origin)
        instruction = replace(
            made,
            payment_id=payment.id,
            source=Source.OWN,
            state=PayoutState.AWAITING_TRANSFER,
            booking=Booking.CLOSED,
            treasury=treasury,
        )
        return self._ask(instruction, free, origin, idempotency, base_url)

    # -- what is free

    def _free(self, merchant_id: str, network: Network, asset: Asset) -> _Free:
        # The reservation first: who books or asks meanwhile raises its version, and this request begins anew.
        reservation = self._reservation(merchant_id, network, asset)
        there = spendable(self.ledger.sums(merchant_id), network.name, asset.key, Source.AVAILABLE, merchant_id)
        return _Free(there - reservation.total(Source.AVAILABLE), reservation)

    def _refundable(self, payment: Payment, network: Network, asset: Asset, *, apart: bool) -> tuple[_Free, Source]:
        """Return what of an asset came for a payment and has not been refunded, within what the merchant has."""
        merchant_id, came, source = payment.merchant_id, *_came(payment, network, asset, apart=apart)
        refunded = self.payouts.refunded(payment.id, network.name, asset.key)
        reservation = self._reservation(merchant_id, network, asset)
        there = spendable(self.ledger.sums(merchant_id), network.name, asset.key, source, merchant_id)
        return _Free(min(came - refunded.total, there - reservation.total(source)), reservation, refunded), source

    def _reservation(self, merchant_id: str, network: Network, asset: Asset) -> Reservation:
        reservation = self.payouts.reservation(merchant_id, network.name, asset.key)
        if len(reservation.waiting) >= MOST_WAITING:
            raise Conflict(
                "Many requests for this asset wait to be booked; try again shortly.",
                code="too_many_payouts",
                retry_after=5,
            )
        return reservation

    # -- checks

    def _rules(self, network: Network, asset: Asset) -> PayoutRules:
        return rules_for(self.rules, network.name, asset.symbol, local=self.local)

    def _checked(self, amount: int | None, free: _Free, asset: Asset, rules: PayoutRules, least: int | None) -> int:
        whole = max(free.amount, 0) if amount is None else amount
        if whole > free.amount or whole == 0:
            raise _insufficient(asset, max(free.amount, 0))
        if whole < (least := max(rules.minimum, least or 0)):
            raise _too_little(asset, least)
        if whole > rules.per_transaction:
            raise InvalidField("amount", "above_limit", f"must be at most {rules.per_transaction} base units at a time")
        return whole

    def _refunded_asset(self, payment: Payment, wanted: AskRefund) -> tuple[Network, Asset]:
        network = chosen_network(self.networks, wanted.chain or payment.due.chain)
        if wanted.token_id is None and wanted.asset is None and network.name == payment.due.chain:
            wanted = replace(wanted, token_id=payment.due.token_id)
        return network, chosen_asset(network, wanted)

    # -- the transaction

    def _made(
        self,
        kind: PayoutKind,
        merchant_id: str,
        network: Network,
        asset: Asset,
        amount: int,
        to: str,
        rules: PayoutRules,
        origin: Origin,
    ) -> Payout:
        now, needed = self.clock.now(), rules.approvals(amount)
        return Payout(
            id=f"{ID_PREFIX[kind]}{self.ids.ulid(now)}",
            kind=kind,
            merchant_id=merchant_id,
            chain=network.name,
            token_id=asset.id,
            token=asset.address,
            symbol=asset.symbol,
            decimals=asset.decimals,
            amount=amount,
            to=to,
            asked_by=origin.actor,
            state=PayoutState.AWAITING_APPROVAL if needed else PayoutState.APPROVED,
            approvals_needed=needed,
            created_at=now,
            updated_at=now,
        )

    def _commit(
        self,
        payout: Payout,
        free: _Free,
        origin: Origin,
        idempotency: Idempotency | None,
        secrets: Mapping[str, str] | None = None,
        schedule: tuple[Schedule, Schedule] | None = None,
    ) -> Answer:
        view = view_of(payout)
        event = self.reporter.event("created", payout, origin.request_id)
        refunded = free.refunded
        self.payouts.commit(
            PayoutCommit(
                before=None,
                after=payout,
                event=event,
                reservation=(free.reservation, free.reservation.plus(payout)) if free.reservation else None,
                refunded=(refunded, refunded.plus(payout)) if refunded else None,
                schedule=schedule,
                idempotency=idempotency,
                answer=json.dumps(view) if idempotency else "",
            )
        )
        notify(self.jobs, [event])
        if schedule is None:  # else it is the worker itself that asks
            self.jobs.settle()
        return Answer({**view, **(secrets or {})})

    def _once(self, attempt: Callable[[], Answer], idempotency: Idempotency | None) -> Answer:
        changed = Conflict("The balance is changing; try again.", code="balance_changed")
        return self.once.run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))


def _came(payment: Payment, network: Network, asset: Asset, *, apart: bool) -> tuple[int, Source]:
    """Return how much of an asset came for a payment, and the account it was posted to; `apart`: what is unmatched."""
    due = network.name == payment.due.chain and asset.id == payment.due.token_id
    if due and not apart and not payment.is_dead:
        return payment.own.credited, Source.AVAILABLE
    strays = sum(each.amount for each in payment.seen.strays if each.key == (network.name, asset.id))
    return strays + (payment.own.unmatched if due and payment.is_dead else 0), Source.UNMATCHED


def _claimable(payout: Payout, secret: str) -> Payout:
    until = payout.created_at + CLAIM_MS
    return replace(payout, state=PayoutState.AWAITING_ADDRESS, claim=claim_digest(secret), claim_until=until)


def claim_digest(secret: str) -> str:
    """Return what is kept of the secret of a claim."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _insufficient(asset: Asset, free: int) -> Conflict:
    shown = f"{format_decimal(free, asset.decimals)} {asset.symbol}"
    return Conflict(
        f"There is too little: {shown} can be paid out ({free} base units).",
        code="insufficient_balance",
        errors=(FieldError("amount", "insufficient_balance", f"{free} base units can be paid out"),),
        extra={"available": str(free)},
    )


def _too_little(asset: Asset, least: int) -> InvalidField:
    shown = format_decimal(least, asset.decimals)
    return InvalidField("amount", "below_minimum", f"must be at least {least} base units ({shown} {asset.symbol})")
