"""Read which payments' money is not swept yet, and why."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import InvalidField
from ctrip.domain.payments.payment import Payment, Tier
from ctrip.domain.sweeping.policy import UNLIMITED, LoudGas, SweepPolicy, SweptDay, counted_as, day_of, policy_of
from ctrip.domain.sweeping.standing import Known, Standing, SweepState, standing
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Setback, parse_key
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock
from ctrip.views.sweeps import SweepPage, parked_views, sweep_view

SLICES = 10  # of the index that are read for one page
_PLACE = re.compile(r"[0-9]{1,3}/([0-9]{1,3}:([0-9]{13}#[0-9a-f-]{1,64})?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReader:
    """Lists sweeps that are not over, from what is stored; it asks no node. `policies` are by chain and symbol."""

    networks: Mapping[str, Network]
    policies: Mapping[str, Mapping[str, SweepPolicy]]
    payments: PaymentStore
    money: MoneyStore
    clock: Clock

    def page(self, state: SweepState | None, chain: str | None, cursor: str | None, limit: int) -> SweepPage:
        """List sweeps of a state, or of all, on a chain or on all; raises `InvalidField`."""
        if chain is not None and chain not in self.networks:
            raise InvalidField("chain", "unsupported_chain", "is not a chain that is enabled here")
        rounds = [
            (name, tier)
            for name in ([chain] if chain else sorted(self.networks))
            for tier in (Tier.SWEEP, Tier.PARKED)
            if state is None or (tier is Tier.PARKED) is (state is SweepState.PARKED)
        ]
        at, after = _opened(cursor, len(rounds))
        found: list[tuple[Payment, Standing]] = []
        for _ in range(SLICES):
            if at >= len(rounds) or len(found) >= limit:
                break
            name, tier = rounds[at]
            rows, after = self.payments.slice(name, tier, after=after, limit=limit - len(found))
            found += self._standing(name, [row.id for row in rows], state)
            at += 0 if after else 1
        following = _wrapped(f"{at}/{after}") if at < len(rounds) else None
        names = [chain] if chain else sorted(self.networks)
        tips = self.money.tips(names)
        parked = [each for name in names if name in tips for each in parked_views(self.networks[name], tips[name])]
        return {"data": [sweep_view(*each) for each in found], "next_cursor": following, "parked": parked}

    def of(self, payment: Payment) -> Standing | None:
        """Say how it stands with one payment's sweep."""
        return _Chain(self, payment.due.chain, [payment]).of(payment)

    def _standing(
        self, chain: str, payment_ids: Sequence[str], state: SweepState | None
    ) -> list[tuple[Payment, Standing]]:
        payments = list(self.payments.read(payment_ids).values())
        if not payments:
            return []
        about = _Chain(self, chain, payments)
        judged = [(payment, held) for payment in payments if (held := about.of(payment)) is not None]
        return [(payment, held) for payment, held in judged if state in (None, held.state)]


class _Chain:
    """What is stored about the sweeps of some payments of one chain."""

    def __init__(self, reader: SweepReader, chain: str, payments: Sequence[Payment]) -> None:
        self._reader, self._chain, self._now = reader, chain, reader.clock.now()
        waits = any(each.tier is Tier.SWEEP for each in payments)
        self._setbacks: dict[str, Setback] = reader.money.setbacks(chain) if waits else {}
        self._loud: dict[str, LoudGas] = reader.money.loud_gas(chain) if waits else {}
        self._days: dict[str, SweptDay] = {}

    def of(self, payment: Payment) -> Standing | None:
        policies = self._reader.policies.get(self._chain, {})
        policy = policy_of(policies, payment)
        known = Known(
            policy=policy,
            day=self._day(counted_as(policies, payment), policy),
            setback=self._setbacks.get(payment.id),
            transaction=self._under_way(payment),
            loud=self._loud.get(payment.due.asset_key),
        )
        return standing(payment, known, self._now)

    def _day(self, asset: str, policy: SweepPolicy) -> SweptDay:
        day = day_of(self._now)
        if policy.per_day == UNLIMITED:
            return SweptDay(chain=self._chain, asset=asset, day=day)
        if asset not in self._days:
            self._days[asset] = self._reader.money.swept_day(self._chain, asset, day)
        return self._days[asset]

    def _under_way(self, payment: Payment) -> OutgoingTransaction | None:
        pending = payment.own.pending
        return self._reader.money.transaction(*parse_key(pending)) if pending else None


def _wrapped(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def _opened(cursor: str | None, rounds: int) -> tuple[int, str]:
    """Read a cursor: how many chains and tiers are done, and the place in the next one's index."""
    if cursor is None:
        return 0, ""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        place = ""
    if not _PLACE.fullmatch(place) or int(place.partition("/")[0]) >= rounds:
        raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
    at, _, after = place.partition("/")
    return int(at), after
