"""The description of the API, for programs and for people."""

from functools import cache

from chalice import Response

from functions.http.answers import HTML, JSON
from functions.http.resource import Call, Resource
from functions.pages.language import HEADERS

routes = Resource(__name__)
FRESH = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


@routes.on("GET", "/openapi.json", cors=True)
def openapi_document(call: Call) -> Response:
    """Describe the API as OpenAPI 3.1."""
    from functions.pages import description

    return Response(description.text(), headers={"Content-Type": JSON, **FRESH})


@routes.on("GET", "/openapi-3.0.json", cors=True)
def openapi_30_document(call: Call) -> Response:
    """Describe the API as OpenAPI 3.0, for generators that read no 3.1."""
    from functions.pages import description

    return Response(description.text(in_30=True), headers={"Content-Type": JSON, **FRESH})


@routes.on("GET", "/docs", media=HTML)
def docs_page(call: Call) -> Response:
    """Describe the API on a page."""
    return Response(_page(), headers={**HEADERS, **FRESH})


@cache
def _page() -> str:
    from ctrip.pages import reference
    from functions.pages import description

    return reference.page(description.current())
