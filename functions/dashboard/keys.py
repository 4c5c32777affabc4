"""A merchant's API keys."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from ctrip.services.merchants.manage_keys import KeyFilter, NewKey
from ctrip.services.shared.once import Answer
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = ("id", "name", "scopes", "signed_only", "allowed_ips", "enabled", "created_at", "last_used_at", "expires_at")


def list_all(visit: Visit, merchant_id: str) -> Response:
    """List a merchant's keys, newest first, without their secrets."""
    keys = stage().merchants.keys

    def read(limit: int, cursor: str | None) -> lists.Rows:
        found = keys.page(merchant_id, KeyFilter(limit=limit, cursor=cursor))
        return [dict(each) for each in found["data"]], found["next_cursor"]

    rows, cursor = lists.page(visit, read)
    if visit.query.format == "csv":
        flat = [
            {**each, "scopes": " ".join(each["scopes"]), "allowed_ips": " ".join(each["allowed_ips"])} for each in rows
        ]
        return visit.csv("keys", COLUMNS, flat)
    merchant = stage().merchants.manager.one(merchant_id)
    return visit.show("keys.html", rows=rows, next_cursor=cursor, merchant=merchant, scopes=list(Scope))


def create(visit: Visit, merchant_id: str) -> Response:
    """Make a key; its secrets are shown this once."""
    form = visit.form
    wanted = NewKey(
        name=form.name,
        scopes=frozenset(form.scopes),
        signed_only=form.signed_only == "yes",
        allowed_ips=form.allowed_ips,
        expires_at=None,
    )
    made = stage().merchants.keys.create(merchant_id, wanted, visit.origin, visit.idempotency)
    return _shown(visit, merchant_id, made, "The new API key")


def rotate(visit: Visit, merchant_id: str, key_id: str) -> Response:
    """Give a key new secrets; those it has stay good for a while."""
    made = stage().merchants.keys.rotate(merchant_id, key_id, visit.origin, visit.idempotency)
    return _shown(visit, merchant_id, made, "New secrets of the API key")


def revoke(visit: Visit, merchant_id: str, key_id: str) -> Response:
    """End a key for good."""
    stage().merchants.keys.revoke(merchant_id, key_id, visit.origin)
    return visit.go(f"/merchants/{merchant_id}/keys", "revoked")


def _shown(visit: Visit, merchant_id: str, made: Answer, title: str) -> Response:
    secrets = [("API key", made.view["api_key"]), ("Signing secret", made.view["signing_secret"])]
    return visit.show("secret.html", title=title, back=f"/merchants/{merchant_id}/keys", secrets=secrets)
