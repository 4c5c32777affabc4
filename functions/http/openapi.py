"""The description of the API, OpenAPI 3.1, made from what the routes enforce: `http.OPERATIONS` and their models."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.http import portable
from functions.http.answers import HTML, JSON
from functions.http.error_codes import ALWAYS, AUTHENTICATED, CODES, OF_BODIES, OF_CHANGES, OF_IDEMPOTENCY, OF_KEYS
from functions.http.operation import CHANGES, OPERATIONS, Auth, Operation
from functions.http.portable import REFERENCE, Untitled
from functions.http.shapes import shape_of

# Of this description, in semantic versioning: generators refuse a date. Events carry `api_version`, which is one.
VERSION = "1.0.0"
ABOUT = """A self-hosted gateway for payments in crypto currencies. Create a payment, show its checkout page, wait for
the signed webhook. Every error has one shape; `code` is stable. Answers and events may get new fields, statuses, flags
and codes at any time.

**Amounts.** Every `amount` is a JSON integer of base units, however large, and the same stands as text beside it, in
`<name>_str`: read that one. Send amounts as text; integers are taken too.

**Generated clients.** `/openapi.json` is OpenAPI 3.1; `/openapi-3.0.json` is the same in 3.0.3, for generators that
read no later one.

**Authentication.** `Authorization: Bearer <api key>`, or a signed request: `X-Key-Id`, `X-Timestamp` (unix seconds),
`X-Nonce` (16 to 64 characters, used once) and `X-Signature`, the hex HMAC-SHA256, keyed by the whole signing secret, of
`"v1\\n" + METHOD + "\\n" + path + "\\n" + query + "\\n" + key id + "\\n" + timestamp + "\\n" + nonce + "\\n" +
hex(sha256(body))`. METHOD is in capital letters, however it is sent; `path` is what follows the base address, as it is
sent, still encoded; the query's decoded pairs are encoded again by RFC 3986 and sorted by name, then value. A query
name that is repeated is refused with 400 (`repeated_parameter`).

**Idempotency.** A POST with an `Idempotency-Key` happens once: the same key with the same body gets the first answer
again, with `Idempotent-Replayed: true` and null for secrets; with another body it is refused with 422."""
TAGS = {
    "payments": "Payments, and what they can be made in.",
    "links": "Payment links: whoever opens one makes a payment by its terms.",
    "invoices": "Invoices: line items that are paid in one payment or several.",
    "events": "Every event of 60 days.",
    "webhooks": "Where a merchant's events are posted to.",
    "settlements": "Money on its way to the merchant, where it goes, and when.",
    "balances": "What a merchant has, and how it came about.",
    "keys": "A merchant's own API keys.",
    "checkout": "What a payer sees; the id is unguessable, and nothing private is in it.",
    "health": "Whether the gateway lives and works.",
    "admin": "For the people who operate the stage.",
    "description": "This description.",
}
_TAG_OF = {
    "chains": "payments",
    "tokens": "payments",
    "rates": "payments",
    "ledger": "balances",
    "ledger.csv": "balances",
}
_TAG_OF |= {"settlement-addresses": "settlements", "settlement-schedules": "settlements", "deposits": "settlements"}
_TAG_OF |= {"refunds": "settlements"}
_TAG_OF |= {"settlements.csv": "settlements", "refunds.csv": "settlements"}
IMAGES = ("image/png", "image/webp")
STYLES = ("text/css", "text/javascript", "image/svg+xml")
_STATUSES = {400: "Refused: the request is wrong", 401: "No valid credential", 403: "Not allowed", 404: "Not found"}
_STATUSES |= {405: "Wrong method", 409: "The state forbids it", 413: "Too large", 415: "Not JSON", 422: "Key reused"}
_STATUSES |= {429: "Too many", 500: "Our fault", 503: "Busy, or a part is down", 504: "Too slow"}


def describe(responses: Mapping[str, type]) -> dict[str, Any]:
    """Make the description; `responses` holds the views that the operations name."""
    paths: dict[str, dict[str, Any]] = {}
    refusals: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _operation(operation)
        described["responses"] |= {status: _shared(held, status, refusals) for status, held in _refusals(operation)}
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cTrip",
            "version": VERSION,
            "summary": "Crypto payments, on your own AWS",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "components": {"schemas": _schemas(responses), "responses": refusals, "securitySchemes": _security()},
    }


def codes_of(operation: Operation) -> tuple[str, ...]:
    """Return every code that an operation may answer with, sorted by status."""
    codes = {*ALWAYS, *operation.codes}
    if operation.auth is not Auth.NONE:
        codes |= {*AUTHENTICATED}
    if operation.auth is Auth.MERCHANT:
        codes |= {*OF_KEYS}
        codes |= {*OF_CHANGES} if operation.method in CHANGES else set()
    if operation.method in CHANGES:
        codes |= {*OF_BODIES}
    if operation.idempotent:
        codes |= {*OF_IDEMPOTENCY}
    if "{" in operation.path:
        codes.add("not_found")
    if operation.translated:
        codes.add("unknown_language")
    return tuple(sorted(codes, key=lambda code: (CODES[code].status, code)))


_LEADS_ON = {
    "description": "The browser goes on to another page",
    "headers": {"Location": {"schema": {"type": "string"}}, "X-Request-Id": {"schema": {"type": "string"}}},
}


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary.rstrip("."),
        "tags": [_tag(operation)],
        "responses": {str(operation.status): _success(operation)},
    }
    if operation.leads_on:
        described["responses"]["303"] = _LEADS_ON
    if operation.requires:
        described["description"] = (
            f"Needs the {'scope' if operation.auth is Auth.MERCHANT else 'permission'} `{operation.requires}`."
        )
    if parameters := [*_path_parameters(operation), *_query(operation), *_lang(operation), *_headers(operation)]:
        described["parameters"] = parameters
    if operation.body is not None:
        schema = {"$ref": REFERENCE.format(model=operation.body.__name__)}
        described["requestBody"] = {"required": operation.needs_body, "content": {operation.takes: {"schema": schema}}}
    described["security"] = []
    if operation.auth is Auth.MERCHANT:
        described["security"] = [{"apiKey": []}, {"keyId": [], "timestamp": [], "nonce": [], "signature": []}]
    elif operation.auth is Auth.ADMIN:
        described["security"] = [{"adminToken": []}]
    return described


def _refusals(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    by_status: dict[int, list[str]] = {}
    for code in codes_of(operation):
        by_status.setdefault(CODES[code].status, []).append(code)
    for status, codes in by_status.items():
        yield str(status), _refusal(operation, status, codes)


def _shared(described: dict[str, Any], status: str, known: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Name a refusal once, however many operations answer with it."""
    name = next((name for name, held in known.items() if held == described), None)
    if name is None:
        name = f"Refused{status}_{sum(each.startswith(f'Refused{status}_') for each in known) + 1}"
        known[name] = described
    return {"$ref": f"#/components/responses/{name}"}


def _success(operation: Operation) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"schema": {"type": "string"}}}
    if operation.idempotent:
        headers["Idempotent-Replayed"] = {"schema": {"type": "string", "examples": ["true"]}}
    described: dict[str, Any] = {"description": "Done", "headers": headers}
    if operation.response:
        described["content"] = {JSON: {"schema": {"$ref": REFERENCE.format(model=operation.response)}}}
    elif operation.media != JSON:
        media = next((each for each in (STYLES, IMAGES) if operation.media in each), (operation.media,))
        described["content"] = {each: {"schema": {"type": "string"}} for each in media}
    return described


def _refusal(operation: Operation, status: int, codes: list[str]) -> dict[str, Any]:
    meanings = "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in codes)
    described: dict[str, Any] = {"description": f"{_STATUSES[status]}\n\n{meanings}", "x-codes": codes}
    headers: dict[str, Any] = {"X-Request-Id": {"schema": {"type": "string"}}}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds"}
    content: dict[str, Any] = {JSON: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
    if operation.name == "ready" and status == 503:
        # One schema of both: of a choice between two, generators keep the first, or neither.
        content = {JSON: {"schema": {"$ref": REFERENCE.format(model="Unready")}}}
    if operation.media == HTML and (status == 404 or "unknown_language" in codes):
        content = {HTML: {"schema": {"type": "string"}}, **content}
    return described | {"headers": headers, "content": content}


def _tag(operation: Operation) -> str:
    path = operation.path
    if path.startswith("/admin"):
        return "admin"
    if path.startswith(("/pay", "/l/", "/i/", "/claim", "/assets", "/brands")):
        return "checkout"
    if path in ("/openapi.json", "/openapi-3.0.json", "/docs"):
        return "description"
    name = path.removeprefix("/api/v1").split("/")[1]
    return _TAG_OF.get(name, name)


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    schema = {"type": "string", "minLength": 1, "maxLength": 64}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=REFERENCE, schema_generator=Untitled)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _queried(held, schema.get("$defs", {}))}
        for name, held in schema["properties"].items()
    ]


def _lang(operation: Operation) -> list[dict[str, Any]]:
    if not operation.translated:
        return []
    words = "The language of the words, such as `de`; else the best that `Accept-Language` names, else English."
    return [{"name": "lang", "in": "query", "required": False, "description": words, "schema": {"type": "string"}}]


def _queried(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Make a parameter's schema: it is absent rather than null, and refers to nothing."""
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "$ref")}
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    chosen = options[0] if options else schema
    if "$ref" in chosen:
        held = definitions[chosen["$ref"].rsplit("/", 1)[1]]
        chosen = {name: value for name, value in held.items() if name not in ("title", "description")}
    own = {name: value for name, value in chosen.items() if name != "anyOf"}
    return portable.asked_value({**own, **kept})


def _headers(operation: Operation) -> list[dict[str, Any]]:
    if not operation.idempotent:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
    words = "Makes the call happen once, however often it is repeated."
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": words}]


def _schemas(responses: Mapping[str, type]) -> dict[str, Any]:
    requests = sorted({each.body for each in OPERATIONS if each.body}, key=lambda model: model.__name__)
    named = {each.response for each in OPERATIONS if each.response} | {"Problem", "Unready"}
    answers: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (name, "serialization", TypeAdapter(shape_of(responses[name]))) for name in sorted(named)
    ]
    _, asked = models_json_schema(
        [(model, "validation") for model in requests], ref_template=REFERENCE, schema_generator=Untitled
    )
    _, shown = TypeAdapter.json_schemas(answers, ref_template=REFERENCE, schema_generator=Untitled)
    return dict(sorted((portable.shown(shown["$defs"]) | portable.asked(asked["$defs"])).items()))


def _security() -> dict[str, Any]:
    def header(name: str) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": name}

    return {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: `ctrip_...`."},
        "adminToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "keyId": header("X-Key-Id"),
        "timestamp": header("X-Timestamp"),
        "nonce": header("X-Nonce"),
        "signature": header("X-Signature"),
    }
