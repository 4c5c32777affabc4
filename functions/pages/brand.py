"""The picture and the colours of a shop, for the pages that its payers see; nothing private is in them."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.views.brand import Shop
from functions.http.resource import Call, Resource
from functions.pages.language import HEADERS

routes = Resource(__name__)
ROOT = "/brands/{merchant_id}"
# Its address changes with the brand.
KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}


@routes.on("GET", f"{ROOT}/logo", media="image/png", codes=("merchant_not_found",))
def shop_logo(call: Call, merchant_id: str) -> Response:
    """Serve the logo of a shop, by the type that its own bytes have."""
    kind, picture = stage().merchants.brands.logo(merchant_id)
    # A picture that somebody opens by itself runs nothing and loads nothing.
    alone = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline"}
    return Response(picture, headers={"Content-Type": kind, **KEPT, **alone})


@routes.on("GET", f"{ROOT}/style.css", media="text/css", codes=("merchant_not_found",))
def shop_style(call: Call, merchant_id: str) -> Response:
    """Serve the colours of a shop."""
    style = stage().merchants.brands.shop(merchant_id).style
    return Response(style, headers={"Content-Type": "text/css; charset=utf-8", **KEPT})


def headers_of(shop: Shop) -> dict[str, str | list[str]]:
    """Return the headers of a page of a shop: the web sites that it lists may embed it, and nobody else."""
    policy = str(HEADERS["Content-Security-Policy"]).replace(
        "frame-ancestors 'none'", f"frame-ancestors {shop.ancestors}"
    )
    return {**HEADERS, "Content-Security-Policy": policy}
