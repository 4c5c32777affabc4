"""A merchant's schedules: when its settlements are asked for by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import Conflict, InvalidField
from ctrip.domain.money import parse_amount
from ctrip.domain.settlement.schedule import Every, Schedule, Weekday
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.services.shared.choose_asset import chosen_asset, chosen_network
from ctrip.services.shared.retry import on_stale
from ctrip.views.schedules import SchedulePage, ScheduleView, schedule_view

TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSchedule:
    """What a merchant wants of one asset; it replaces what was set before."""

    every: Every
    token_id: str | None = None
    asset: str | None = None
    hour: int | None = None
    weekday: Weekday | None = None
    day: int | None = None
    threshold: int | str | None = None
    keep: int | str | None = None

    # An asset is chosen as in a request for an amount, of which a schedule names none.
    amount: None = None
    amount_decimal: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSchedules:
    """Sets and shows schedules, each merchant its own."""

    networks: Mapping[str, Network]
    payouts: PayoutStore
    clock: Clock
    jobs: Jobs

    def all(self, merchant_id: str) -> SchedulePage:
        """List a merchant's schedules, but for those of assets that are not enabled any more: they ask for nothing."""
        found = []
        for each in self.payouts.schedules(merchant_id):
            network = self.networks.get(each.chain)
            asset = network.asset(each.token_id) if network else None
            if asset is not None:
                found.append(schedule_view(each, asset))
        return {"data": found, "next_cursor": None}

    def set(self, merchant_id: str, chain: str, wanted: SetSchedule) -> ScheduleView:
        """Set when settlements of an asset are asked for; raises `BadRequest` and `Conflict`."""
        network = chosen_network(self.networks, chain)
        asset = chosen_asset(network, wanted)
        _check(wanted)
        threshold = None if wanted.threshold is None else parse_amount(wanted.threshold, field="threshold")
        keep = 0 if wanted.keep is None else parse_amount(wanted.keep, field="keep")
        if threshold is not None and keep >= threshold:
            raise InvalidField("keep", "invalid_amount", "must be less than the threshold")

        def attempt() -> ScheduleView:
            before = self.payouts.schedule(merchant_id, network.name, asset.key)
            after = Schedule(
                merchant_id=merchant_id,
                chain=network.name,
                asset=asset.key,
                every=wanted.every,
                hour=wanted.hour or 0,
                weekday=wanted.weekday,
                day=wanted.day,
                threshold=threshold,
                keep=keep,
                since=self.clock.now(),
                version=before.version + 1 if before else 1,
            )
            if before is not None and before == _as_old_as(after, before):
                return schedule_view(before, asset)
            self.payouts.keep_schedule(before, after)
            self.jobs.settle()  # so much may be free already
            return schedule_view(after, asset)

        changed = Conflict("The schedule is changing; read it and try again.", code="payout_changed")
        return on_stale(attempt, tries=TRIES, otherwise=changed)


def _as_old_as(after: Schedule, before: Schedule) -> Schedule:
    """Set the same again: the calendar goes on, and forgets nothing that is due."""
    return replace(after, since=before.since, done=before.done, skipped=before.skipped, version=before.version)


def _check(wanted: SetSchedule) -> None:
    """Refuse what belongs to another kind of schedule, and what is missing of this one."""
    belongs = {
        "hour": wanted.every is not Every.NONE,
        "weekday": wanted.every is Every.WEEKLY,
        "day": wanted.every is Every.MONTHLY,
    }
    for name, fits in belongs.items():
        given = getattr(wanted, name) is not None
        if given and not fits:
            raise InvalidField(name, "not_of_this_schedule", f"is not asked for where every is {wanted.every}")
        if fits and not given and name != "hour":
            raise InvalidField(name, "missing", f"is required where every is {wanted.every}")
