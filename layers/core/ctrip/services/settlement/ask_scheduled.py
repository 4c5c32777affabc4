"""Ask for the settlements that are due by merchants' schedules: one for each period, however many workers there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.errors import BadRequest, Conflict
from ctrip.domain.settlement.schedule import Schedule, answered, due, in_turn
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.ask_payout import AskSettlement, PayoutAsker

BY_SCHEDULE = Origin("schedule")
# What passes by itself: it is asked again by the next run.
PASSING = frozenset({"balance_changed", "insufficient_balance", "too_many_payouts"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAsker:
    """Asks in a merchant's place; that a period was answered is stored in the transaction of its settlement."""

    networks: Mapping[str, Network]
    access: AccessStore
    payouts: PayoutStore
    asker: PayoutAsker
    clock: Clock
    log: Log

    def wanted(self) -> list[Schedule]:
        """Return the schedules to look at now: those whose time has come, and by turns those that go by an amount."""
        now = self.clock.now()
        timed = self.payouts.due_schedules(now, self._unreadable)
        by_amount = self.payouts.schedules_by_amount(self._unreadable)
        turn = [each for each in by_amount if due(each, now) or in_turn(_place(each), len(by_amount), now)]
        return [*(each for each in timed if due(each, now)), *turn]

    def ask(self, schedule: Schedule) -> bool:
        """Ask for a settlement where one is due; return whether it was asked for.

        What cannot be settled is skipped until the next period, with its reason. Raises `AlreadyExists` ("schedule")
        and `Stale` where another worker was faster, or the merchant has changed it.
        """
        now = self.clock.now()
        network = self.networks.get(schedule.chain)
        asset = network.asset(schedule.token_id) if network else None
        merchant = self.access.merchant(schedule.merchant_id)
        if network is None or asset is None or merchant is None or not merchant.enabled:
            return self._skip(schedule, now, "not_enabled")
        try:
            amount = self._amount(schedule, network, asset, now)
            if amount is None:
                return False
            if amount <= 0:
                return self._skip(schedule, now, "nothing_to_settle")
            wanted = AskSettlement(chain=network.name, token_id=asset.id, amount=amount)
            self.asker.settle(merchant, wanted, BY_SCHEDULE, schedule=(schedule, answered(schedule, now)))
        except (BadRequest, Conflict) as exc:
            code = exc.errors[0].code if exc.errors else exc.code
            return False if code in PASSING else self._skip(schedule, now, code)
        return True

    def _unreadable(self, key: str, exc: Exception) -> None:
        self.log.error("payout_failed", payout=key, kind=type(exc).__name__, error=exc)

    def _amount(self, schedule: Schedule, network: Network, asset: Asset, now: int) -> int | None:
        """Return what is to be settled, none or less where too little is free; None where it is not due."""
        free, most = self.asker.settleable(schedule.merchant_id, network, asset)
        reached = schedule.threshold is not None and free >= schedule.threshold
        return min(free - schedule.keep, most) if reached or due(schedule, now) else None

    def _skip(self, schedule: Schedule, now: int, reason: str) -> bool:
        """Note once why nothing is settled: a period is over then, and an amount is not noted again each minute."""
        if due(schedule, now) is not None or schedule.skipped != reason:
            self.payouts.keep_schedule(schedule, answered(schedule, now, reason))
            told = {"merchant": schedule.merchant_id, "chain": schedule.chain, "asset": schedule.asset}
            self.log.warning("scheduled_settlement_skipped", **told, error=reason)
        return False


def _place(schedule: Schedule) -> int:
    return crc32(f"{schedule.merchant_id}#{schedule.chain}#{schedule.asset}".encode())
