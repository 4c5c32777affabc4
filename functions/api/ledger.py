"""What a merchant has, and how it came about."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import CSV, answer, table
from functions.http.resource import Call, Resource

routes = Resource(__name__)


@routes.on("GET", "/api/v1/balances", requires=Scope.SETTLEMENTS, response="BalancePage")
def list_balances(call: Call) -> Response:
    """List what the merchant has in each asset: available, held, set aside, unmatched."""
    return answer(stage().ledger.reader.balances(call.merchant.id))


@routes.on("GET", "/api/v1/ledger", requires=Scope.SETTLEMENTS, query="ledger.EntryQuery", response="EntryPage")
def list_ledger(call: Call) -> Response:
    """List the ledger's entries, newest first; entries of one cause stay on one page."""
    return answer(stage().ledger.reader.page(call.merchant.id, call.query.filtered()))


@routes.on("GET", "/api/v1/ledger.csv", requires=Scope.SETTLEMENTS, query="ledger.EntryQuery", media=CSV)
def export_ledger(call: Call) -> Response:
    """Export the ledger's entries as CSV, newest first; the header `X-Next-Cursor` leads to the next page."""
    written, cursor = stage().ledger.reader.export(call.merchant.id, call.query.filtered())
    return table(written, "ledger.csv", {"X-Next-Cursor": cursor} if cursor else None)
