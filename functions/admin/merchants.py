"""Merchants."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import answer, answered
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.merchants import ExtendedKeyRequest, MerchantRequest
    from functions.requests.payouts import DestinationRequest

routes = Resource(__name__)
MERCHANT = f"{ROOT}/merchants/{{merchant_id}}"
WITH_LOGO = 96 * 1024  # bytes of a body that holds a logo of 64 KiB in base64
TREASURY = f"{MERCHANT}/treasuries/{{chain}}"
OF_TREASURIES = ("merchant_not_found", "unsupported_chain", "custody_not_direct")


@routes.on(
    "GET",
    f"{ROOT}/merchants",
    requires=Permission.MERCHANTS_READ,
    query="pages.Paged",
    response="MerchantPage",
)
def list_merchants(call: Call) -> Response:
    """List merchants."""
    return answer(stage().merchants.manager.page(call.query.cursor or "", call.query.limit))


@routes.on(
    "POST",
    f"{ROOT}/merchants",
    requires=Permission.MERCHANTS_WRITE,
    body="merchants.MerchantRequest",
    response="MerchantWithSecret",
    status=201,
)
def create_merchant(call: Call) -> Response:
    """Make a merchant: `provisioning` until the signer has given it an account, or on its own key at once."""
    body: MerchantRequest = call.body
    manager = stage().merchants.manager
    made = manager.create(body.terms(), body.xpub, call.origin, call.idempotency, custody=body.custody)
    return answered(made, 201)


@routes.on("GET", MERCHANT, requires=Permission.MERCHANTS_READ, response="Merchant", codes=("merchant_not_found",))
def read_merchant(call: Call, merchant_id: str) -> Response:
    """Show a merchant."""
    return answer(stage().merchants.manager.one(merchant_id))


@routes.on(
    "PATCH",
    MERCHANT,
    requires=Permission.MERCHANTS_WRITE,
    body="merchants.MerchantPatch",
    response="Merchant",
    codes=("merchant_not_found", "merchant_changed"),
)
def update_merchant(call: Call, merchant_id: str) -> Response:
    """Change a merchant's terms, or switch it off; payments that exist keep the terms they were made under."""
    return answer(stage().merchants.manager.update(merchant_id, call.body.terms(), call.origin))


@routes.on(
    "PUT",
    f"{MERCHANT}/brand",
    requires=Permission.MERCHANTS_WRITE,
    body="merchants.BrandRequest",
    body_bytes=WITH_LOGO,
    response="Merchant",
    codes=("merchant_not_found", "merchant_changed"),
)
def set_merchant_brand(call: Call, merchant_id: str) -> Response:
    """Set how a shop looks on the pages of its payers: its name, logo, colour, contact, who may embed them."""
    return answer(stage().merchants.brands.set(merchant_id, call.body.wish(), call.origin))


@routes.on(
    "PUT",
    f"{MERCHANT}/xpubs/{{chain}}",
    requires=Permission.MERCHANTS_WRITE,
    body="merchants.ExtendedKeyRequest",
    response="Merchant",
    codes=(
        *("merchant_not_found", "merchant_changed", "unsupported_chain"),
        *("custody_not_xpub", "merchant_has_key"),
    ),
)
def add_merchant_key(call: Call, merchant_id: str, chain: str) -> Response:
    """Bring a merchant's own extended key for the chains of another kind, such as Tron: custody `xpub` alone.

    Payments on its other chains go on; on these they can be made once the signer has signed for the key, and the
    addresses that were used before are known.
    """
    body: ExtendedKeyRequest = call.body
    return answer(stage().merchants.manager.add_key(merchant_id, chain, body.xpub, call.origin))


@routes.on(
    "GET",
    TREASURY,
    requires=Permission.MERCHANTS_READ,
    response="SettlementDestination",
    codes=(*OF_TREASURIES, "treasury_not_found"),
)
def read_merchant_treasury(_: Call, merchant_id: str, chain: str) -> Response:
    """Show the treasury of its own that a merchant's deposits of a chain are swept to."""
    return answer(stage().settlement.addresses.show_treasury(merchant_id, chain))


@routes.on(
    "PUT",
    TREASURY,
    requires=Permission.MERCHANTS_WRITE,
    body="payouts.DestinationRequest",
    response="SettlementDestination",
    codes=(*OF_TREASURIES, "payout_changed"),
)
def set_merchant_treasury(call: Call, merchant_id: str, chain: str) -> Response:
    """Set the treasury of its own that a merchant's deposits of a chain are swept to: the first one counts at once.

    Another one counts after a delay, of which the merchant is told by `settlement.address_changed`.
    """
    body: DestinationRequest = call.body
    return answer(stage().settlement.addresses.set_treasury(merchant_id, chain, body.address, call.origin))
