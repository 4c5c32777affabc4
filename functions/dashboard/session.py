"""Signing in and out."""

import base64
import re

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import TooMany, Unauthorized
from ctrip.services.admins.sign_in import SESSION_MS
from functions.dashboard.visit import ASKING, Visit, set_cookie
from functions.http.answers import address_of, request_id

ASKING_SECONDS = 3600
_WITHIN = re.compile(r"(/[0-9A-Za-z._~-]{1,128}){1,6}", re.ASCII)


def ask(visit: Visit) -> Response:
    """Show the form; a browser without a session gets a cookie that its form is bound to."""
    return _form(visit, within(visit.query.next))


def sign_in(visit: Visit) -> Response:
    """Begin a session, under a new cookie."""
    form, to = visit.form, within(visit.form.next)
    address, asked = address_of(visit.request), request_id(visit.request)
    try:
        cookie = stage().admins.sessions.open_dashboard(form.email, form.password, form.code or None, address, asked)
    except (Unauthorized, TooMany) as exc:
        return _form(visit, to, wrong=exc.detail, email=form.email, status=exc.status)
    return visit.go(to, headers={"Set-Cookie": set_cookie(visit.request, cookie, seconds=SESSION_MS // 1000)})


def sign_out(visit: Visit) -> Response:
    """End the session, at once."""
    stage().admins.sessions.sign_out(visit.user)
    return visit.go("/login", headers={"Set-Cookie": set_cookie(visit.request, "", seconds=0)})


def within(path: str) -> str:
    """Return the page to go on with: one of the dashboard's, or else its first."""
    return path if _WITHIN.fullmatch(path) and "/.." not in path else ""


def _form(visit: Visit, to: str, *, wrong: str = "", email: str = "", status: int = 200) -> Response:
    headers = {}
    if not visit.cookie:
        own = "ask_" + base64.b32encode(stage().adapters.ids.entropy(20)).decode().lower()
        visit = Visit(request=visit.request, page=visit.page, who=None, cookie=own)
        headers["Set-Cookie"] = set_cookie(visit.request, own, seconds=ASKING_SECONDS, name=ASKING)
    return visit.show("login.html", status=status, headers=headers, next=to, wrong=wrong, email=email)
