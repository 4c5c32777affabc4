"""The first page: what needs somebody, how it goes, and what each day brought. It reads sums, and no payment."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.figures import REVIEWED, Day
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Status
from ctrip.domain.settlement.payout import PayoutState
from ctrip.views.fields import rfc3339
from ctrip.views.figures import DayView, day_views, traded_assets
from ctrip.views.holdings import holding_views
from functions.dashboard.visit import Visit

COLUMNS = ("day", "chain", "symbol", "created", "converted", "conversion", "paid", "volume_decimal", "volume_str")
SHOWN_REVIEWS = 100


def show(visit: Visit) -> Response:
    """Show the stage at a glance; the part that lives is asked for anew by the page."""
    query, figures = visit.query, stage().figures.reader
    days = figures.days(query.days)
    if query.format == "csv":
        rows = [row for day in days for row in day_views(day)]
        return visit.csv("days", COLUMNS, rows)
    live = _live()
    if visit.polled:
        return visit.show("overview.html", **live)
    traded = traded_assets(days)
    chosen = query.asset if query.asset in traded else next(iter(traded), "")
    return visit.show(
        "overview.html",
        **live,
        days=days_of(days, chosen),
        traded=traded,
        chosen=chosen,
        span=query.days,
    )


def days_of(days: list[Day], asset: str) -> list[DayView]:
    """Return the days of one asset, those without a payment too."""
    found: list[DayView] = []
    for day in days:
        own = next((each for each in day_views(day) if each["asset"] == asset), None)
        found.append(own or day_views(day, empty=True)[0])
    return found


def _live() -> dict[str, Any]:
    """Read what is shown of this moment."""
    ready, health = stage().detection.health.check()
    networks = stage().networks
    looks = stage().adapters.reconciliations.reconciliations(list(networks)) if networks else {}
    totals = stage().figures.reader.totals()
    payouts = stage().settlement.reader.unfinished()["data"]
    reviews = [(flag, stage().figures.reader.waiting(flag)) for flag in REVIEWED]
    states = dict.fromkeys(Status, 0)
    for each in totals.standings:
        states[each.status] += each.payments
    differences = [(name, each) for name, look in looks.items() for each in look.established]
    return {
        "ready": ready,
        "health": health,
        "states": states,
        "counted_until": rfc3339(totals.until) if totals.until else None,
        "reviews": reviews,
        "approvals": sum(each["status"] == PayoutState.AWAITING_APPROVAL for each in payouts),
        "unfinished": len(payouts),
        "differences": differences,
        "holdings": [row for name, network in networks.items() for row in holding_views(network, looks[name])],
        "looked_at": {name: rfc3339(look.looked_at) if look.looked_at else None for name, look in looks.items()},
        "dead": {name: depth for name, depth in health["queues"].items() if name.endswith("-dlq") and depth},
        "format_decimal": format_decimal,
    }
