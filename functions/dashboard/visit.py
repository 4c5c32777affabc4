"""One call of a page: who makes it, what came with it, and how it is answered."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chalice import Response
from chalice.app import Request

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from ctrip.domain.audit import Origin
from ctrip.domain.text import whole
from ctrip.ports.idempotency import Idempotency
from functions.dashboard.routes import ROOT, Page
from functions.http.answers import path_of, table

if TYPE_CHECKING:
    from ctrip.services.admins.sign_in import SignedIn

# The session's cookie; and that of who is about to sign in, apart, so that a link from elsewhere ends no session.
COOKIE, ASKING = "ctrip_admin", "ctrip_ask"
MOST_EXPORTED = 1_000
HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    # Forms name their origin to us alone; with `no-referrer` browsers would send `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A call that is let in; `cookie` is what its cookie holds, `form` and `query` are validated."""

    request: Request
    page: Page
    who: "SignedIn | None"
    cookie: str
    form: Any = None
    query: Any = None
    once: str = ""
    sent: Mapping[str, str] = field(default_factory=dict)

    @property
    def user(self) -> "SignedIn":
        """The admin whose session was verified."""
        assert self.who is not None
        return self.who

    @property
    def origin(self) -> Origin:
        """Who does it, and from where."""
        return self.user.origin

    @property
    def polled(self) -> bool:
        """Whether the page itself asks for its newest part."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def idempotency(self) -> Idempotency:
        """Make a form that is sent twice happen once."""
        digest = hashlib.sha256(json.dumps(dict(self.sent), sort_keys=True).encode()).hexdigest()
        path = path_of(self.request).rstrip("/")
        return Idempotency(self.origin.actor, f"POST {path}", self.once, digest)

    def may(self, permission: str) -> bool:
        """Whether the matrix lets the admin do that."""
        return self.who is not None and self.who.admin.may(Permission(permission))

    # -- answers

    def show(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **data: Any
    ) -> Response:
        """Answer with a page; where the page asks for its newest part, with that, unless it has it already."""
        from ctrip.pages import dashboard

        context = {**self._context(), **data}
        if self.polled and status == 200:
            return self._part(dashboard.part(template, context))
        text = whole(dashboard.page(template, context))
        return Response(text, headers={**HEADERS, **(headers or {})}, status_code=status)

    def go(self, path: str, done: str = "", headers: Mapping[str, str] | None = None) -> Response:
        """Answer a form that was done: load a page anew, which says so."""
        to = f"{root_of(self.request)}{path}" + (f"?done={done}" if done else "")
        return Response("", headers={**HEADERS, "Location": to, **(headers or {})}, status_code=303)

    def csv(self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
        """Answer with a list as CSV."""
        from ctrip.views.csv import table as written

        return table(written(columns, rows), f"{name}.csv")

    def _part(self, text: str) -> Response:
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
        headers = {**HEADERS, "ETag": tag}
        if self.request.headers.get("if-none-match") == tag:
            return Response("", headers=headers, status_code=304)
        return Response(whole(text), headers=headers)

    def _context(self) -> dict[str, Any]:
        prefix = prefix_of(self.request)
        return {
            "root": f"{prefix}{ROOT}",
            "assets": f"{prefix}/assets",
            "here": path_of(self.request).rstrip("/")[len(ROOT) :] or "/",
            "query": dict(self.request.query_params or {}),
            "who": self.who.admin if self.who else None,
            "may": self.may,
            "csrf": csrf_of(self.cookie),
            "once": stage().adapters.ids.uuid(),
            "stage_name": stage().settings.stage,
            "now": stage().clock.now(),
            "networks": stage().networks,
        }


def csrf_of(cookie: str) -> str:
    """Derive the token that a session's forms carry: another site can neither read nor guess it."""
    return hmac.new(cookie.encode(), b"ctrip dashboard form", hashlib.sha256).hexdigest()


def prefix_of(request: Request) -> str:
    """Return what API Gateway puts before our paths, such as its stage; empty behind a domain of one's own."""
    if not str(request.headers.get("host", "")).endswith(".amazonaws.com"):
        asked, own = str(request.to_original_event().get("path") or ""), path_of(request).rstrip("/")
        return quote(asked.rstrip("/").removesuffix(own))
    return f"/{request.context.get('stage')}"


def root_of(request: Request) -> str:
    """Return where the dashboard begins, as a browser asks for it."""
    return f"{prefix_of(request)}{ROOT}"


def set_cookie(request: Request, value: str, *, seconds: int, name: str = COOKIE) -> str:
    """Write the header that a browser keeps the session by: no script reads it, and no other site's call carries it."""
    secure = "" if stage().settings.local else "; Secure"
    path = root_of(request)
    return f"{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
