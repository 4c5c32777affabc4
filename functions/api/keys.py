"""A merchant's own API keys."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, nothing
from functions.http.resource import Call, Resource

routes = Resource(__name__)
OF_ONE = ("key_not_found",)


@routes.on("GET", "/api/v1/keys", requires=Scope.ADMIN, query="keys.KeyQuery", response="KeyPage")
def list_keys(call: Call) -> Response:
    """List the merchant's keys, newest first, without their secrets."""
    return answer(stage().merchants.keys.page(call.merchant.id, call.query.filtered()))


@routes.on(
    "POST",
    "/api/v1/keys",
    requires=Scope.ADMIN,
    body="keys.KeyRequest",
    response="KeyWithSecrets",
    status=201,
    codes=("too_many_keys", "merchant_changed"),
)
def create_key(call: Call) -> Response:
    """Make a key that opens nothing that the caller's own does not; its secrets are shown this once."""
    assert call.caller is not None
    manager = stage().merchants.keys
    made = manager.create(call.merchant.id, call.body.wanted(), call.origin, call.idempotency, by=call.caller.key)
    return answered(made, 201)


@routes.on(
    "POST",
    "/api/v1/keys/{key_id}/rotate",
    requires=Scope.ADMIN,
    body="keys.RotationRequest",
    response="KeyWithSecrets",
    status=201,
    codes=(*OF_ONE, "key_not_usable", "key_changed", "merchant_changed"),
)
def rotate_key(call: Call, key_id: str) -> Response:
    """Give a key that opens no more than the caller's own new secrets, shown this once; the old ones go on a while."""
    assert call.caller is not None
    overlap, manager, by = call.body.overlap_seconds, stage().merchants.keys, call.caller.key
    made = manager.rotate(call.merchant.id, key_id, call.origin, call.idempotency, overlap_seconds=overlap, by=by)
    return answered(made, 201)


@routes.on(
    "DELETE",
    "/api/v1/keys/{key_id}",
    requires=Scope.ADMIN,
    status=204,
    codes=(*OF_ONE, "key_changed", "merchant_changed"),
)
def revoke_key(call: Call, key_id: str) -> Response:
    """End a key for good; it takes up to half a minute to be known everywhere."""
    stage().merchants.keys.revoke(call.merchant.id, key_id, call.origin)
    return nothing()
