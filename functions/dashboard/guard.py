"""Before every page: who visits, whether they may, and whether a form is one of ours."""

import hmac
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote, urlsplit

from chalice import Response
from chalice.app import Request

from ctrip.bootstrap import stage
from ctrip.domain.errors import Busy, Forbidden, Refusal, Unauthorized
from functions.dashboard.routes import ROOT, Page
from functions.dashboard.visit import ASKING, COOKIE, Visit, csrf_of, root_of
from functions.http.answers import address_of, path_of, request_id, unexpected
from functions.http.models import NoBody, NoQuery, parse
from functions.http.reading import form_of, query_of, refuse_half_characters

_COOKIE = re.compile(r"[0-9A-Za-z_-]{8,128}", re.ASCII)
_FORGED = "This form did not come from a page of this dashboard. Load the page again, then send it anew."
# What every form carries beside its fields.
CSRF, ONCE = "csrf", "once"


def answered(page: Page, request: Request, parameters: Mapping[str, str]) -> Response:
    """Answer a call of a page; whatever is refused becomes a page that says why."""
    visit = Visit(request=request, page=page, who=None, cookie=_cookie(request, ASKING if page.open else COOKIE))
    try:
        refuse_half_characters(request, path_only=False)
        if not page.open:
            visit = _signed_in(visit)
        return _view(page)(_read(visit), **parameters)
    except Unauthorized as exc:
        return _refused(visit, exc) if page.open else _to_sign_in(visit)
    except Refusal as exc:
        return _refused(visit, exc)
    except Busy as exc:
        return _refused(visit, exc, 503)
    except Exception as exc:
        fault = unexpected(request, exc)
        said = "Something went wrong on our side. It is in the log under the number below."
        told: dict[str, Any] = {"title": "Our fault", "said": said, "errors": (), "number": request_id(request)}
        return visit.show("refused.html", status=fault.status_code, **told)


def _signed_in(visit: Visit) -> Visit:
    """Verify the session, and that its admin may; raises `Unauthorized` and `Forbidden`."""
    request, page = visit.request, visit.page
    who = stage().admins.sessions.by_cookie(visit.cookie, address_of(request), request_id(request))
    known = Visit(request=request, page=page, who=who, cookie=visit.cookie)
    if page.requires is not None and not who.admin.may(page.requires):
        raise NotAllowed(known)
    return known


class NotAllowed(Forbidden):
    """The admin's role does not carry the page's permission."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(f"The role {visit.user.admin.role} does not carry the permission {visit.page.requires}.")
        self.visit = visit


def _read(visit: Visit) -> Visit:
    """Read what came with the call; raises `Forbidden` for a form that is not ours, `BadRequest` for a wrong field."""
    request, page = visit.request, visit.page
    query = {name: value for name, value in query_of(request).items() if value != "" and name != "done"}
    asked = parse(_model(page.query) if page.query else NoQuery, query)
    form, sent = None, dict[str, str]()
    once = ""
    if page.method == "POST":
        sent = form_of(request)
        given, once = sent.pop(CSRF, ""), sent.pop(ONCE, "") or "none"
        if not visit.cookie or not hmac.compare_digest(given, csrf_of(visit.cookie)) or not _from_here(request):
            raise Forbidden(_FORGED)
        form = parse(_model(page.form) if page.form else NoBody, _grouped(sent))
    return Visit(
        request=request,
        page=page,
        who=visit.who,
        cookie=visit.cookie,
        form=form,
        query=asked,
        once=once[:255],
        sent=sent,
    )


def _grouped(sent: Mapping[str, str]) -> dict[str, Any]:
    """Read boxes that are ticked as a list: `scopes.x` is one of `scopes`, as a form may send a name once."""
    found: dict[str, Any] = {}
    for name, value in sent.items():
        group, dot, each = name.partition(".")
        if dot:
            found.setdefault(group, []).append(each)
        else:
            found[name] = value
    return found


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of ours has sent the form; one that says nothing is left to the token."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    if (origin := request.headers.get("origin")) is None:
        return True
    ours = {request.headers.get("host", ""), urlsplit(stage().settings.public_url).netloc} - {""}
    return urlsplit(origin).netloc in ours


def _cookie(request: Request, wanted: str) -> str:
    for each in str(request.headers.get("cookie", "")).split(";"):
        name, _, value = each.strip().partition("=")
        if name == wanted and _COOKIE.fullmatch(value):
            return value
    return ""


def _to_sign_in(visit: Visit) -> Response:
    """Have somebody sign in first, and come back to the page that they asked for."""
    to = f"{root_of(visit.request)}/login"
    path = path_of(visit.request).rstrip("/")
    if visit.polled:
        return Response("", headers={"HX-Redirect": to, "Cache-Control": "no-store"}, status_code=401)
    if visit.page.method == "GET" and path != ROOT:
        to += f"?next={quote(path[len(ROOT) :], safe='')}"
    return Response("", headers={"Location": to, "Cache-Control": "no-store"}, status_code=303)


def _refused(visit: Visit, exc: Any, status: int = 0) -> Response:
    if isinstance(exc, NotAllowed):
        visit = exc.visit
    number = status or exc.status
    titles = {403: "Not allowed", 404: "Not found", 409: "Not possible now", 429: "Too often", 503: "Busy"}
    headers = {"Retry-After": str(exc.retry_after)} if getattr(exc, "retry_after", None) else None
    return visit.show(
        "refused.html",
        status=number,
        headers=headers,
        title=titles.get(number, "That was not right"),
        said=exc.detail,
        errors=getattr(exc, "errors", ()),
        number="",
    )


def _view(page: Page) -> Callable[..., Response]:
    module, own = page.view.split(".")
    return cast("Callable[..., Response]", getattr(import_module(f"functions.dashboard.{module}"), own))


def _model(name: str) -> Any:
    module, own = name.split(".")
    return cast("Any", getattr(import_module(f"functions.requests.{module}"), own))
