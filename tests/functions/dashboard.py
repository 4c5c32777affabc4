"""A browser's part of the dashboard, without a browser: it keeps the cookie, and sends the forms that pages show."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from ctrip.domain.admins import Role
from functions.dashboard.routes import PAGES, Page
from functions.http.answers import FORM
from tests.functions.conftest import OWNER, Api

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
_ONCE = re.compile(r'name="once" value="([0-9a-f-]{36})"')


class Browser:
    """Somebody with a role, signed in."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str, **headers: str) -> Any:
        """Load a page."""
        answer = self._ask("GET", path, None, headers)
        self._note(answer)
        return answer

    def post(self, path: str, _csrf: str | None = None, _headers: dict[str, str] | None = None, **fields: str) -> Any:
        """Send a form, with the token of this session unless another is given."""
        sent = {"csrf": self.csrf if _csrf is None else _csrf, **fields}
        return self._ask("POST", path, urlencode(sent).encode(), {"Content_Type": FORM, **(_headers or {})})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        if self.cookies:
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        answer = self.api.call(method, path, body, key=None, bare=True, **headers)
        answer.text = answer.body.decode()
        if kept := str(answer.headers.get("Set-Cookie", "")):
            name, value = kept.split(";", maxsplit=1)[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def _note(self, answer: Any) -> None:
        if found := _CSRF.search(answer.text):
            self.csrf = found.group(1)


def signed_in(api: Api, role: Role = Role.OWNER) -> Browser:
    """Sign somebody of a role in, by the form."""
    api.token(role)  # makes them
    email, password = OWNER if role is Role.OWNER else (f"{role}@ops.example", f"the {role}'s password")
    browser = Browser(api)
    browser.get("/admin/login")
    answer = browser.post("/admin/login", email=email, password=password)
    assert answer.status_code == 303, answer.text
    browser.get("/admin/account")
    return browser


def once_of(text: str) -> str:
    """Return the idempotency key of a page's forms."""
    found = _ONCE.search(text)
    assert found is not None
    return found.group(1)


def address(page: Page, **ids: str) -> str:
    """Fill a page's path."""
    unknown = "00000000-0000-4000-8000-00000000dead"
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match.group(1), unknown), page.path)


LISTS = [each for each in PAGES if each.method == "GET" and each.query and not each.open and "{" not in each.path]
