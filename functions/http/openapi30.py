"""The description in OpenAPI 3.0.3, for generators that read no 3.1: the same document in older words."""

from typing import Any

from functions.http.portable import NULL, Schema, rebuilt

_UNKNOWN = ("propertyNames",)  # no keyword of 3.0


def rendered(description: dict[str, Any]) -> dict[str, Any]:
    """Make the rendering of a description in 3.1."""
    document: dict[str, Any] = _within(description)
    components = document["components"]
    components["schemas"] = {name: rebuilt(held, taken_back) for name, held in components["schemas"].items()}
    info = {name: value for name, value in document["info"].items() if name != "summary"}
    info["license"] = {"name": info["license"]["name"]}
    return document | {"openapi": "3.0.3", "info": info}


def _within(held: Any) -> Any:
    """Rewrite the schemas of parameters, headers and bodies, wherever they stand."""
    if isinstance(held, list):
        return [_within(each) for each in held]
    if not isinstance(held, dict):
        return held
    return {
        name: rebuilt(value, taken_back) if name == "schema" else value if name == "schemas" else _within(value)
        for name, value in held.items()
    }


def taken_back(schema: Schema) -> Schema:
    """Rewrite one schema in the words of 3.0."""
    schema = {name: value for name, value in schema.items() if name not in _UNKNOWN}
    if examples := schema.pop("examples", None):
        schema["example"] = examples[0]
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    for name, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if name in schema:
            schema |= {plain: schema[name], name: True}
    return _one_type(_one_option(schema))


def _one_type(schema: Schema) -> Schema:
    if not isinstance(schema.get("type"), list):
        return schema
    (kind,) = (each for each in schema["type"] if each != "null")
    return schema | {"type": kind, "nullable": True}


def _one_option(schema: Schema) -> Schema:
    """Write "this or null" as a nullable schema; what stands beside a reference is ignored unless it is in `allOf`."""
    options = schema.get("anyOf", ())
    if NULL in options:
        rest = {name: value for name, value in schema.items() if name != "anyOf"}
        return {**rest, "allOf": [each for each in options if each != NULL], "nullable": True}
    if "$ref" in schema and len(schema) > 1:
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return {**rest, "allOf": [{"$ref": schema["$ref"]}]}
    return schema
