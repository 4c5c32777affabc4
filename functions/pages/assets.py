"""The pages' own style and script, served from here alone."""

from chalice import Response

from ctrip.domain.errors import NotFound
from functions.http.resource import Call, Resource

routes = Resource(__name__)
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@routes.on("GET", "/assets/{name}", media="text/css", codes=("not_found",))
def asset(call: Call, name: str) -> Response:
    """Serve one file by its exact name."""
    from ctrip.pages import render

    body = render.asset(name)
    if body is None:
        raise NotFound(f"No such asset: {name[:64]}")
    headers = {"Content-Type": TYPES[name.rsplit(".", 1)[1]], "Cache-Control": "public, max-age=300"}
    return Response(body, headers={**headers, "X-Content-Type-Options": "nosniff"})
