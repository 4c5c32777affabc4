"""What the dashboard's forms and lists send: text alone, of which each field is made what it means."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from ctrip.domain.admins import Role
from ctrip.domain.merchants.access import Scope
from ctrip.domain.merchants.terms import TERMS, XPUB, Terms
from ctrip.domain.payments.payment import Custody, Late, Status
from ctrip.domain.settlement.payout import PayoutState
from ctrip.domain.sweeping.standing import SweepState
from ctrip.ports.payments import PaymentFilter
from ctrip.services.settlement.ask_payout import AskAssignment, AskRefund
from functions.http.bounded import Bounded
from functions.http.models import Email, Name, Paged, Password, Query, Strict, digits

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]
Id = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
Number = BeforeValidator(lambda value: None if value in ("", None) else digits(value))
Review = Literal["late", "underpaid", "overpaid", "held", "reorged", "wrong_asset", "wrong_network"]


def _lines(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


class LoginQuery(Query):
    """Where to go on once somebody has signed in."""

    next: Annotated[str, StringConstraints(max_length=512)] = ""


class LoginForm(Strict):
    """Sign in."""

    email: Email = ""
    password: Password = ""
    code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=6)] = ""
    next: Annotated[str, StringConstraints(max_length=512)] = ""


class OverviewQuery(Query):
    """Of which asset and days the charts are."""

    asset: Annotated[str, StringConstraints(max_length=128)] = ""
    days: Annotated[Literal[7, 30, 90], BeforeValidator(digits)] = 30
    chart: Literal["", "volume", "conversion"] = ""
    # `format`: of every list, a page or CSV.
    format: Literal["", "csv"] = ""


class Lists(Paged):
    """A list, as a page or as CSV."""

    format: Literal["", "csv"] = ""


class MerchantsOwn(Lists):
    """A list of one merchant's things; without one, of the first."""

    merchant_id: Id | None = None


class PaymentsQuery(MerchantsOwn):
    """Which payments to list; `find` is an id, an address or an order id, and `review` is of all merchants."""

    status: Annotated[Status, Field(strict=False)] | None = None
    chain: Id | None = None
    review: Review | None = None
    find: Short | None = None

    def filtered(self, limit: int, cursor: str | None) -> PaymentFilter:
        """Return the filter in the store's terms."""
        return PaymentFilter(status=self.status, chain=self.chain, limit=limit, cursor=cursor)


class PayoutsQuery(Lists):
    """Which settlements and refunds to list."""

    status: Annotated[PayoutState, Field(strict=False)] | None = None


class SweepsQuery(Lists):
    """Which sweeps to list."""

    state: Annotated[SweepState, Field(strict=False)] | None = None
    chain: Id | None = None


class AuditOf(Lists):
    """Whose audit trail to show."""

    kind: Literal["payment_id", "merchant_id", "user_id", "chain"] | None = None
    id: Id | None = None
    after: Annotated[Annotated[int, Field(ge=0, le=999_999)], BeforeValidator(digits)] = 0


class _Amount(Strict):
    amount_decimal: Short = ""


class RefundForm(_Amount):
    """Ask for a refund of what came for a payment; without an address the payer names it, without an amount all."""

    address: Short = ""

    def command(self) -> AskRefund:
        """Say it in the service's terms."""
        return AskRefund(address=self.address or None, amount_decimal=self.amount_decimal or None)


class DepositRefundForm(_Amount):
    """Ask for a refund of an unmatched deposit."""

    address: Short = ""

    def command(self, deposit: Any) -> AskRefund:
        """Say it in the service's terms."""
        return AskRefund(
            address=self.address or None,
            amount_decimal=self.amount_decimal or None,
            chain=deposit.chain,
            asset=deposit.symbol,
            unmatched=True,
        )


class AssignForm(_Amount):
    """Have an unmatched deposit count for a payment."""

    payment_id: Id

    def command(self, deposit: Any) -> AskAssignment:
        """Say it in the service's terms."""
        return AskAssignment(
            payment_id=self.payment_id,
            amount_decimal=self.amount_decimal or None,
            chain=deposit.chain,
            asset=deposit.symbol,
        )


class RedeliverForm(Strict):
    """Deliver an event of a payment again."""

    endpoint_id: Id
    delivery_id: Id


class DeliveryForm(Strict):
    """Deliver an event again."""

    delivery_id: Id


class MerchantForm(Strict):
    """Change a merchant; what is left empty stays."""

    name: Name | None = None
    late: Annotated[Late, Field(strict=False), Bounded(TERMS["late"].bounds)] | None = None
    enabled: Literal["yes", "no"] | None = None
    expires_in: Annotated[Annotated[int, Bounded(TERMS["expires_in"].bounds)] | None, Number] = None
    tolerance_per_mille: Annotated[Annotated[int, Bounded(TERMS["tolerance_per_mille"].bounds)] | None, Number] = None
    monitoring_seconds: Annotated[Annotated[int, Bounded(TERMS["monitoring_seconds"].bounds)] | None, Number] = None
    confirmations: Annotated[Annotated[int, Bounded(TERMS["confirmations"].bounds)] | None, Number] = None

    def terms(self) -> Terms:
        """Return what is to be set, in the domain's form."""
        fields = self.model_dump()
        return Terms(**fields | {"enabled": None if self.enabled is None else self.enabled == "yes"})


class NewMerchantForm(Strict):
    """Ask for a merchant."""

    name: Name
    custody: Annotated[Custody, Field(strict=False)] = Custody.HOT
    xpub: Annotated[str, Bounded(XPUB)] | None = None

    def terms(self) -> Terms:
        """Return what is to be set, in the domain's form."""
        return Terms(name=self.name)


class NewKeyForm(Strict):
    """Ask for an API key."""

    name: Name
    scopes: Annotated[
        tuple[Annotated[Scope, Field(strict=False)], ...], Field(strict=False, min_length=1), BeforeValidator(tuple)
    ] = ()
    signed_only: Literal["yes", ""] = ""
    allowed_ips: Annotated[tuple[Annotated[str, StringConstraints(max_length=43)], ...], BeforeValidator(_lines)] = ()


class NewEndpointForm(Strict):
    """Ask for a webhook endpoint."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
    events: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=3, max_length=64)], ...],
        Field(max_length=64),
        BeforeValidator(_lines),
    ] = ()
    description: Annotated[str, StringConstraints(max_length=200)] = ""


class SwitchForm(Strict):
    """Switch an endpoint on or off."""

    enabled: Literal["yes", "no"]


class UserForm(Strict):
    """Change a user."""

    role: Annotated[Role, Field(strict=False)] | None = None
    enabled: Literal["yes", "no"] | None = None
