"""API Gateway (REST, Lambda proxy) in front of the Chalice app: one WSGI callable."""

from __future__ import annotations

import base64
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, unquote

from infra.emulator.functions import API, Functions
from infra.emulator.record import acting

log = logging.getLogger(__name__)

BODY_LIMIT = 10 * 1024 * 1024

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Headers
    body: bytes


class Routes:
    """The app's paths, literal ones before those with parameters."""

    def __init__(self, templates: Iterable[str]) -> None:
        self._literal: dict[str, str] = {}
        self._patterns: dict[int, list[tuple[str, list[str]]]] = {}
        for template in templates:
            parts = template.split("/")
            if "{" in template:
                self._patterns.setdefault(len(parts), []).append((template, parts))
            else:
                self._literal[template] = template
        for patterns in self._patterns.values():
            patterns.sort(key=lambda pattern: [part.startswith("{") for part in pattern[1]])

    def match(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The path's template and its parameters."""
        if path in self._literal:
            return path, {}
        parts = path.split("/")
        for template, wanted in self._patterns.get(len(parts), []):
            pairs = list(zip(wanted, parts, strict=True))
            if all(part if name.startswith("{") else name == part for name, part in pairs):
                return template, {name[1:-1]: unquote(part) for name, part in pairs if name.startswith("{")}
        return None


class Gateway:
    """Translates requests to proxy events and the app's answers back."""

    def __init__(self, functions: Functions) -> None:
        self._functions, self._app = functions, functions.app
        self._routes = Routes(self._app.routes)
        self._binary = frozenset(self._app.api.binary_types)
        self._stage = functions.config.api_gateway_stage or "api"
        guarded = [path for path, methods in self._app.routes.items() for each in methods.values() if each.authorizer]
        if guarded:
            raise NotImplementedError(f"authorizers are not driven locally: {', '.join(sorted(set(guarded)))}")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request_id = str(uuid.uuid4())
        answer = self._answer(environ, request_id)
        headers = [*answer.headers, ("Content-Length", str(len(answer.body)))]
        start_response(f"{answer.status} {responses.get(answer.status, 'Unknown')}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: Environ, request_id: str) -> Answer:
        method, asked = environ["REQUEST_METHOD"], _path(environ)
        path = asked.rstrip("/") or "/"
        matched = self._routes.match(path)
        if matched is None:
            return problem(404, "not_found", f"No such path: {path}", request_id)
        template, parameters = matched
        methods = self._app.routes[template]
        if method not in methods:
            cors = next((entry.cors for entry in methods.values() if entry.cors), None)
            if method == "OPTIONS" and cors:
                allowed = ",".join(sorted({name for name, entry in methods.items() if entry.cors} | {"OPTIONS"}))
                headers = {**cors.get_access_control_headers(), "Access-Control-Allow-Methods": allowed}
                return Answer(200, list(headers.items()), b"")
            detail = f"{method} is not allowed here; {', '.join(sorted(methods))} is."
            return problem(405, "method_not_allowed", detail, request_id, [("Allow", ", ".join(sorted(methods)))])
        if int(environ.get("CONTENT_LENGTH") or 0) > BODY_LIMIT:
            return problem(413, "payload_too_large", "The body is larger than 10 MB.", request_id)
        event = self._event(environ, method, asked, template, parameters, request_id)
        context = self._functions.context(API)
        try:
            with acting(API):
                return _rendered(self._app(event, context))
        except Exception:
            log.exception("%s %s broke outside the app's own error handling", method, template)
            return problem(502, "internal_error", "The gateway could not answer.", request_id)

    def _event(
        self, environ: Environ, method: str, path: str, template: str, parameters: dict[str, str], request_id: str
    ) -> dict[str, Any]:
        headers = _headers(environ)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if body:
            headers.setdefault("Content-Type", "application/json")
        binary = headers.get("Content-Type", "").split(";")[0].strip().lower() in self._binary
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
            query.setdefault(name, []).append(value)
        now = time.time()
        return {
            "resource": template,
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": template,
                "httpMethod": method,
                "path": f"/{self._stage}{path}",
                "stage": self._stage,
                "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "domainName": headers.get("Host", ""),
                "accountId": "000000000000",
                "apiId": "local",
                "requestId": request_id,
                "extendedRequestId": request_id,
                "requestTimeEpoch": int(now * 1000),
                "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
                "identity": {
                    "sourceIp": environ.get("REMOTE_ADDR", ""),
                    "userAgent": headers.get("User-Agent"),
                },
            },
            "body": (base64.b64encode(body).decode() if binary else body.decode(errors="replace")) if body else None,
            "isBase64Encoded": bool(body) and binary,
        }


def problem(status: int, code: str, detail: str, request_id: str, headers: Headers | None = None) -> Answer:
    """An error of API Gateway's own, in the shape of all the others."""
    body = json.dumps({"detail": detail, "code": code, "errors": [], "request_id": request_id}).encode()
    shape = [("Content-Type", "application/json"), ("X-Request-Id", request_id)]
    return Answer(status, [*shape, *(headers or [])], body)


def _path(environ: Environ) -> str:
    # The raw target keeps an escaped slash apart from a real one.
    raw = str(environ.get("REQUEST_URI") or environ["PATH_INFO"]).split("?", 1)[0]
    if "://" in raw:
        raw = "/" + raw.split("://", 1)[1].partition("/")[2]
    return raw


def _headers(environ: Environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    return headers | {
        "X-Forwarded-For": environ.get("REMOTE_ADDR", ""),
        "X-Forwarded-Port": str(environ.get("SERVER_PORT", "")),
        "X-Forwarded-Proto": environ.get("wsgi.url_scheme", "http"),
    }


def _rendered(result: dict[str, Any]) -> Answer:
    body = result.get("body") or ""
    headers = [(name, str(value)) for name, value in (result.get("headers") or {}).items()]
    for name, values in (result.get("multiValueHeaders") or {}).items():
        headers = [pair for pair in headers if pair[0].lower() != name.lower()]
        headers += [(name, str(value)) for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    raw = base64.b64decode(body) if result.get("isBase64Encoded") else str(body).encode()
    return Answer(int(result["statusCode"]), headers, raw)
