"""A merchant's terms: one table of what can be set of a merchant, with its bounds, and the change of a merchant by it.

HTTP and the command line make their fields and options of the table, so that neither lacks a term of the other.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from ctrip.domain.bounds import NAME, Choice, Text, WholeNumber
from ctrip.domain.errors import InvalidField
from ctrip.domain.merchants.access import Limits, Merchant
from ctrip.domain.payments.bounds import EXPIRES_IN
from ctrip.domain.payments.payment import Late, Policy

XPUB = Text(0, 1_024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term; `means` is a sentence for whoever sets it, `kept_in` the dataclass that holds it under its name."""

    name: str
    means: str
    bounds: WholeNumber | Choice
    kept_in: type[Merchant | Policy | Limits]

    @property
    def default(self) -> Any:
        """What a merchant has for whom nobody set it."""
        return next(each.default for each in fields(self.kept_in) if each.name == self.name)


TERMS = {
    each.name: each
    for each in (
        Term(name="expires_in", means="Seconds a payment lives.", bounds=EXPIRES_IN, kept_in=Merchant),
        Term(
            name="tolerance_per_mille",
            means="How much may be missing of what is due, in thousandths.",
            bounds=WholeNumber(0, 100, "thousandths"),
            kept_in=Policy,
        ),
        Term(
            name="monitoring_seconds",
            means="How long a payment is looked at after its deadline.",
            bounds=WholeNumber(0, 2_592_000, "seconds"),
            kept_in=Policy,
        ),
        Term(
            name="late",
            means="Whether what completes late is accepted, or waits for review.",
            bounds=Choice(Late),
            kept_in=Policy,
        ),
        Term(
            name="confirmations",
            means="Confirmations at least; never fewer than the chain's own.",
            bounds=WholeNumber(0, 10_000, "confirmations"),
            kept_in=Policy,
        ),
        Term(
            name="calls_per_second",
            means="Changing calls a second; 0: as many as the stage gives.",
            bounds=WholeNumber(0, 10_000, "calls"),
            kept_in=Limits,
        ),
        Term(
            name="open_payments",
            means="Open payments on a chain; 0: as many as the stage gives.",
            bounds=WholeNumber(0, 1_000_000, "payments"),
            kept_in=Limits,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is to be set of a merchant; None leaves it as it is. Raises `InvalidField` where one is out of bounds."""

    name: str | None = None
    enabled: bool | None = None
    expires_in: int | None = None
    tolerance_per_mille: int | None = None
    monitoring_seconds: int | None = None
    late: Late | None = None
    confirmations: int | None = None
    calls_per_second: int | None = None
    open_payments: int | None = None

    def __post_init__(self) -> None:
        """Hold every term to its bounds, whoever asks for it."""
        for name, bounds in (("name", NAME), *((term.name, term.bounds) for term in TERMS.values())):
            value = getattr(self, name)
            if value is not None and not bounds.admits(value):
                raise InvalidField(name, "invalid_value", bounds.words)

    def applied(self, merchant: Merchant) -> Merchant:
        """Return the merchant with these terms."""
        return replace(
            merchant,
            policy=replace(merchant.policy, **self._kept_in(Policy)),
            limits=replace(merchant.limits, **self._kept_in(Limits)),
            name=merchant.name if self.name is None else self.name,
            enabled=merchant.enabled if self.enabled is None else self.enabled,
            **self._kept_in(Merchant),
        )

    def _kept_in(self, holder: type) -> dict[str, Any]:
        names = [term.name for term in TERMS.values() if term.kept_in is holder]
        return {name: value for name in names if (value := getattr(self, name)) is not None}
