"""What a stage asks of sweeps of one asset: what is worth one, when it is sent, how much a day, who approves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ctrip.domain.chains.assets import Asset
from ctrip.domain.payments.payment import Custody, Payment
from ctrip.domain.settings import YEAR_SECONDS, by_asset, whole_numbers
from ctrip.domain.text import quoted

UNLIMITED = 2**256 - 1
SETTING = "CTRIP_SWEEPS"
SUCH_AS = '{"ethereum": {"USDC": {"factor": 3}}}'
LARGEST_BATCH = 300  # payments in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPolicy:
    """The rules of one asset; amounts are its base units, times are seconds.

    A sweep must be worth `factor` times what it costs, and move `minimum` at least. One that has waited for `max_age`
    only has to pay for itself; with 0 no sweep is ever old. While a unit of gas costs more than `quiet_gas` (base units
    of the coin) sweeps wait until they are old. `per_day` is the most that is swept in a day of UTC. Above
    `approval_above` a person approves. `batch` is the most payments in one transaction.
    """

    factor: int = 2
    minimum: int = 0
    max_age: int = 604_800
    quiet_gas: int = UNLIMITED
    per_day: int = UNLIMITED
    approval_above: int = UNLIMITED
    batch: int = LARGEST_BATCH

    def old(self, payment: Payment, now: int) -> bool:
        """Whether a payment's money has waited for as long as it may; `now` is unix milliseconds."""
        return self.max_age > 0 and now - waits_since(payment) >= self.max_age * 1000

    def unapproved(self, payment: Payment, amount: int) -> bool:
        """Whether a person must approve the sweep of an amount first; what came after an approval counts anew."""
        return amount - payment.review.sweep_approved > self.approval_above


DEFAULT = SweepPolicy()
_BOUNDS = {"factor": (1, 1_000_000), "max_age": (0, YEAR_SECONDS), "batch": (1, LARGEST_BATCH)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptDay:
    """How much was swept on a day of UTC, as the sweeps' own transactions of the store have counted it.

    `asset` is what is counted: all of an asset, or one merchant's own (`counted_as`).
    """

    chain: str
    asset: str
    day: str
    amount: int = 0
    version: int = 0

    def plus(self, amount: int) -> "SweptDay":
        """Count one more sweep."""
        return replace(self, amount=self.amount + amount, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class LoudGas:
    """What a unit of gas cost, in base units of the coin, when a job found it too dear for sweeps; 0: it was not."""

    price: int
    since: int


def parse_policies(text: str) -> dict[str, dict[str, SweepPolicy]]:
    """Read the setting: policies by chain and symbol, or merchant and symbol (`own_policy`); raises ValueError."""
    found = by_asset(text, SUCH_AS, lambda where, held: SweepPolicy(**whole_numbers(where, held, SweepPolicy, _BOUNDS)))
    for chain, policies in found.items():
        for name, policy in policies.items():
            if "/" in name and (policy.batch, policy.quiet_gas) != (LARGEST_BATCH, UNLIMITED):
                raise ValueError(f"has, for {quoted(chain)}, {quoted(name)}, a batch or quiet_gas: they are an asset's")
    return found


def own_policy(policies: Mapping[str, SweepPolicy], payment: Payment) -> SweepPolicy | None:
    """Return what a merchant of custody `direct` has for itself, under `<merchant>/<symbol>`: the rules, and its day.

    `policies` are the chain's.
    """
    direct = payment.policy.custody is Custody.DIRECT
    return policies.get(f"{payment.merchant_id}/{payment.due.symbol}") if direct else None


def policy_of(policies: Mapping[str, SweepPolicy], payment: Payment) -> SweepPolicy:
    """Return the policy of a payment's sweep: its merchant's own, else its asset's."""
    return own_policy(policies, payment) or policies.get(payment.due.symbol, DEFAULT)


def counted_as(policies: Mapping[str, SweepPolicy], payment: Payment) -> str:
    """Name in what a payment's sweep is counted on its day: the asset, or the merchant's own count of it."""
    key = payment.due.asset_key
    return f"{payment.merchant_id}/{key}" if own_policy(policies, payment) else key


def day_of(now: int) -> str:
    """Name the day of UTC that a moment (unix milliseconds) lies in."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")


def waits_since(payment: Payment) -> int:
    """Return since when money waits for its sweep: the payment's credit, or the last that came after it was over."""
    times = payment.times
    if payment.is_credited and times.settled_at is None:
        return times.paid_at or times.updated_at
    return max(payment.seen.told_at, times.settled_at or payment.due.expires_at)


def worth_it(
    asset: Asset, amount: int, cost: int, policy: SweepPolicy, *, settled: bool, old: bool, outlay: int = 0
) -> bool:
    """Whether a sweep moves enough.

    `cost` is what it uses up, `outlay` all that is spent before it, coin that stays on the address included: that much
    it must always be worth. The floor of the asset holds for payments that are settled already. Where nobody says what
    the asset is worth, floor and minimum alone decide, however old the sweep is.
    """
    value, least = asset.worth(amount), max(policy.minimum, asset.sweep_floor if settled else 0)
    if value is None:
        return amount >= least
    if value < max(cost, outlay):
        return False
    return old or (amount >= least and value >= policy.factor * cost)
