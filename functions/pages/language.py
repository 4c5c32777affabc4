"""Pages in the payer's language: what `?lang=` asks for, else what the browser accepts, else English."""

from collections.abc import Callable

from chalice import Response

from ctrip.domain.errors import BadRequest
from ctrip.ports.language import Language
from functions.http.answers import HTML
from functions.http.resource import Call

HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def in_language(call: Call, show: Callable[[Language], Response], *, page: bool = True) -> Response:
    """Show something in the language of a call; the view's operation is `translated`.

    A language that is none is refused: in a browser, where a page was asked for, by one that links to each of the ten.
    """
    try:
        language = language_of(call)
    except BadRequest as refusal:
        if not page or HTML not in call.request.headers.get("accept", ""):
            raise
        from ctrip.pages import render

        return Response(render.no_language(refusal.code), headers=HEADERS, status_code=refusal.status)
    answer = show(language)
    answer.headers = {**answer.headers, "Content-Language": language.tag, "Vary": "Accept-Language"}
    return answer


def language_of(call: Call) -> Language:
    """Choose the language of a call; raises `BadRequest` of code `unknown_language`."""
    from ctrip.pages.language import choose

    query = call.request.query_params
    return choose(query.get("lang") if query else None, call.request.headers.get("accept-language"))
