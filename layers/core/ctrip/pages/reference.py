"""The page that describes the API, filled from its OpenAPI description; no script, nothing from elsewhere."""

import json
import re
from typing import Any

from markupsafe import Markup, escape

from ctrip.domain.money import MAX_AMOUNT
from ctrip.pages.render import template
from ctrip.views.event_types import EVENT_TYPES

_REFERENCE = re.compile(r"^#/components/(?:schemas|responses)/(.+)$")
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "maxProperties": "at most {}",
}


def page(described: dict[str, Any]) -> str:
    """Render a description as a page."""
    groups = [(tag, _operations(described, tag["name"])) for tag in described["tags"]]
    return template("reference.html").render(
        info=described["info"],
        about=words(described["info"]["description"]),
        groups=[(tag, operations) for tag, operations in groups if operations],
        schemas=[
            (name, schema, fields(schema) or type_of(schema))
            for name, schema in described["components"]["schemas"].items()
        ],
        codes=_codes(described),
        events=[(each.name, *map(_inline, (each.when, each.then, each.after))) for each in EVENT_TYPES],
    )


def words(text: str) -> Markup:
    """Mark up the little Markdown that descriptions are written in: paragraphs, lists, bold, code."""
    blocks = [_block(block) for block in text.strip().split("\n\n")]
    return Markup("").join(blocks)


def _block(text: str) -> Markup:
    lines = text.split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(_inline(text))


def _inline(text: str) -> Markup:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked))  # noqa: S704  escaped above


def _operations(described: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    schemas, responses = described["components"]["schemas"], described["components"]["responses"]
    found = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if tag not in operation["tags"]:
                continue
            shown = {"path": path, "method": method.upper(), **operation}
            shown["asked"], shown["example"] = _asked(operation, schemas), _example(operation, schemas)
            shown["answers"] = [_answer(status, held, responses) for status, held in operation["responses"].items()]
            found.append(shown)
    return found


def _asked(operation: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    asked = [
        {
            "name": each["name"],
            "where": each["in"],
            "required": each["required"],
            "type": type_of(each["schema"]),
            "words": words(each.get("description") or each["schema"].get("description", "")),
            "bounds": bounds(each["schema"]),
        }
        for each in operation.get("parameters", ())
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = _name(content["schema"])
        asked += [{"where": "body", **field} for field in fields(schemas[name])]
    return asked


def _example(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Show a body that is taken as it stands, or nothing."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for each in schemas[_name(content["schema"])].get("examples", ()):
            return json.dumps(each, indent=2)
    return ""


def _answer(status: str, held: dict[str, Any], responses: dict[str, Any]) -> dict[str, Any]:
    response = responses[_name(held)] if "$ref" in held else held
    schema = next((each["schema"] for each in response.get("content", {}).values()), None)
    return {
        "status": status,
        "codes": response.get("x-codes", ()),
        "model": _name(schema) if schema and "$ref" in schema else None,
        "good": status.startswith("2"),
    }


def fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """List an object's fields for a table."""
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "required": name in required,
            "type": type_of(held),
            "words": words(held.get("description", "")),
            "bounds": bounds(held),
        }
        for name, held in schema.get("properties", {}).items()
    ]


def type_of(schema: dict[str, Any]) -> Markup:
    """Name a schema's type, linked where it is one of ours."""
    if "$ref" in schema:
        name = _name(schema)
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if options := schema.get("anyOf"):
        return Markup(" or ").join(type_of(each) for each in options)
    if isinstance(schema.get("type"), list):
        return Markup(" or ").join(type_of(schema | {"type": kind}) for kind in schema["type"])
    if schema.get("type") == "null":
        return Markup("null")
    if "enum" in schema:
        return Markup(" | ").join(Markup("<code>{}</code>").format(each) for each in schema["enum"])
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(type_of(schema.get("items", {})))
    if schema.get("type") == "object":
        held = schema.get("additionalProperties")
        return Markup("object of {}").format(type_of(held)) if isinstance(held, dict) else Markup("object")
    kind = schema.get("type", schema.get("title", "any"))
    return escape("time" if schema.get("format") == "date-time" else "text" if kind == "string" else kind)


def bounds(schema: dict[str, Any]) -> str:
    """Say a schema's limits in words."""
    said = [words.format(_number(schema[name])) for name, words in _BOUNDS.items() if name in schema]
    said += [bounds(each) for each in schema.get("anyOf", ())]
    return "; ".join(dict.fromkeys(each for each in said if each))


def _number(value: int) -> str:
    """Spell a number; the largest amount is known by its other name."""
    return "2^256-1" if value == MAX_AMOUNT else str(value)


def _codes(described: dict[str, Any]) -> list[tuple[str, str, Markup]]:
    """List every error code with its status and meaning."""
    found: dict[str, tuple[str, str, Markup]] = {}
    for name, response in described["components"]["responses"].items():
        status = name.removeprefix("Refused").split("_")[0]
        for line in response["description"].split("\n"):
            if match := re.fullmatch(r"- `(\w+)`: (.+)", line):
                found[match.group(1)] = (status, match.group(1), words(match.group(2)))
    return sorted(found.values())


def _name(schema: dict[str, Any]) -> str:
    match = _REFERENCE.match(schema.get("$ref", ""))
    return match.group(1) if match else ""
