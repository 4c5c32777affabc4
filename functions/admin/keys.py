"""Merchants' API keys."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import answer, answered, nothing
from functions.http.resource import Call, Resource

routes = Resource(__name__)
MERCHANT = f"{ROOT}/merchants/{{merchant_id}}"
KEYS = f"{MERCHANT}/keys"


@routes.on(
    "GET",
    KEYS,
    requires=Permission.KEYS_READ,
    query="keys.KeyQuery",
    response="KeyPage",
    codes=("merchant_not_found",),
)
def list_merchant_keys(call: Call, merchant_id: str) -> Response:
    """List a merchant's keys, newest first, without their secrets."""
    return answer(stage().merchants.keys.page(merchant_id, call.query.filtered()))


@routes.on(
    "POST",
    KEYS,
    requires=Permission.KEYS_WRITE,
    body="keys.KeyRequest",
    response="KeyWithSecrets",
    status=201,
    codes=("merchant_not_found", "too_many_keys", "merchant_changed"),
)
def create_merchant_key(call: Call, merchant_id: str) -> Response:
    """Make a key for a merchant; its secrets are shown this once."""
    return answered(stage().merchants.keys.create(merchant_id, call.body.wanted(), call.origin, call.idempotency), 201)


@routes.on(
    "POST",
    f"{KEYS}/{{key_id}}/rotate",
    requires=Permission.KEYS_WRITE,
    body="keys.RotationRequest",
    response="KeyWithSecrets",
    status=201,
    codes=("key_not_found", "key_not_usable", "key_changed", "merchant_changed"),
)
def rotate_merchant_key(call: Call, merchant_id: str, key_id: str) -> Response:
    """Give a merchant's key new secrets, shown this once."""
    overlap, manager = call.body.overlap_seconds, stage().merchants.keys
    made = manager.rotate(merchant_id, key_id, call.origin, call.idempotency, overlap_seconds=overlap)
    return answered(made, 201)


@routes.on(
    "DELETE",
    f"{KEYS}/{{key_id}}",
    requires=Permission.KEYS_WRITE,
    status=204,
    codes=("key_not_found", "key_changed", "merchant_changed"),
)
def revoke_merchant_key(call: Call, merchant_id: str, key_id: str) -> Response:
    """End a merchant's key for good."""
    stage().merchants.keys.revoke(merchant_id, key_id, call.origin)
    return nothing()
