"""The description of the API, for programs and for people."""

from functools import cache

from chalice import Response

from functions.api.checkout import HEADERS
from functions.api.http import HTML, JSON, Call, Resource

routes = Resource(__name__)
FRESH = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


@routes.on("GET", "/openapi.json", cors=True)
def openapi_document(call: Call) -> Response:
    """Describe the API as OpenAPI 3.1."""
    from functions.api import openapi

    return Response(openapi.text(), headers={"Content-Type": JSON, **FRESH})


@routes.on("GET", "/openapi-3.0.json", cors=True)
def openapi_30_document(call: Call) -> Response:
    """Describe the API as OpenAPI 3.0, for generators that read no 3.1."""
    from functions.api import openapi30

    return Response(openapi30.text(), headers={"Content-Type": JSON, **FRESH})


@routes.on("GET", "/docs", media=HTML)
def docs_page(call: Call) -> Response:
    """Describe the API on a page."""
    return Response(_page(), headers={**HEADERS, **FRESH})


@cache
def _page() -> str:
    from ctrip.pages import reference
    from functions.api import openapi

    return reference.page(openapi.describe())
