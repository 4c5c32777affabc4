"""The audit trail."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from ctrip.domain.errors import InvalidField
from ctrip.views.audit import AuditPage, audit_view
from functions.admin.root import ROOT
from functions.http.answers import answer
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.audit import AuditQuery

routes = Resource(__name__)


@routes.on(
    "GET",
    f"{ROOT}/audit",
    requires=Permission.AUDIT_READ,
    query="audit.AuditQuery",
    response="AuditPage",
    codes=("payment_not_found", "merchant_not_found", "user_not_found", "chain_not_found"),
)
def read_audit(call: Call) -> Response:
    """Show what was done to a payment, merchant, user or chain's books, oldest first: by whom, from where, what."""
    query: AuditQuery = call.query
    asked = {name: getattr(query, name) for name in ("payment_id", "merchant_id", "user_id", "chain")}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) != 1:
        name = given[1] if given else "payment_id"
        raise InvalidField(name, "mutually_exclusive", "give exactly one of payment_id, merchant_id, user_id and chain")
    [name] = given
    records, more = stage().audit.reader.page(name, asked[name], query.after, query.limit)
    page: AuditPage = {"data": [audit_view(each) for each in records], "next_after": more}
    return answer(page)
