"""The description's schemas, in the form that every generator of clients reads rightly.

Each rule is there because some generated client did not compile, or compiled and then rounded, refused or sent nothing.
`make clients` generates them all and uses them.
"""

from collections.abc import Callable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

Schema = dict[str, Any]
Change = Callable[[Schema], Schema]
REFERENCE = "#/components/schemas/{model}"
NULL = {"type": "null"}
# What a generator would give a name that it also makes for something else: `late` is a value of its own.
RENAMED = {"Late": "LatePolicy"}


class Untitled(GenerateJsonSchema):
    """Models as JSON Schema, without the titles that only repeat the name of a field."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Give a field no title; generators name types after titles, and two of them after the same one."""
        return False


def asked(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Rewrite the schemas of requests: no defaults, which openapi-typescript takes for fields that must be sent."""
    return {RENAMED.get(name, name): rebuilt(schema, asked_value) for name, schema in definitions.items()}


def shown(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Rewrite the schemas of answers: open to fields and values that come later."""

    def opened(schema: Schema) -> Schema:
        schema = _absent(_referred(schema, definitions))
        return _open(_nullable(_listed(schema)))

    return {name: rebuilt(schema, opened) for name, schema in definitions.items() if "enum" not in schema}


def asked_value(schema: Schema) -> Schema:
    """Rewrite one schema of a request: its default is a sentence, and its references bear the described names."""
    schema = _renamed(_nullable(schema))
    if "default" not in schema:
        return schema
    default = schema.pop("default")
    if default in (None, [], {}):
        return schema
    word = str(default).lower() if isinstance(default, bool) else default
    return schema | {"description": _sentences(schema.get("description", ""), f"Without it: {word}.")}


def rebuilt(schema: Schema, change: Change) -> Schema:
    """Rebuild a schema from its innermost parts outwards, each as `change` makes it."""
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: rebuilt(held, change) for name, held in made["properties"].items()}
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(made.get(name), dict):
            made[name] = rebuilt(made[name], change)
    for name in ("anyOf", "allOf", "oneOf"):
        if name in made:
            made[name] = [rebuilt(each, change) for each in made[name]]
    return change(made)


def _renamed(schema: Schema) -> Schema:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return schema | {"$ref": REFERENCE.format(model=RENAMED.get(name, name))}
    return schema


def _nullable(schema: Schema) -> Schema:
    """Write "this or null" as a type of two names, where the rest is no reference."""
    options = schema.get("anyOf", ())
    if len(options) != 2 or NULL not in options:
        return schema
    (held,) = (each for each in options if each != NULL)
    if not isinstance(held.get("type"), str):
        return schema
    return {
        **held,
        **{name: value for name, value in schema.items() if name != "anyOf"},
        "type": [held["type"], "null"],
    }


def _referred(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Put an enumeration where it is referred to: by name it would be a closed type."""
    if "$ref" in schema:
        held = definitions[schema["$ref"].rsplit("/", 1)[1]]
        if "enum" in held:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return {"type": "string", "enum": held["enum"], **rest}
    return schema


def _listed(schema: Schema) -> Schema:
    """Turn the values that there are today into examples: the next one must not be an error in a client."""
    values = schema.pop("enum", None) or ([schema.pop("const")] if "const" in schema else None)
    if values is None:
        return schema
    today = ", ".join(f"`{value}`" for value in values)
    words = _sentences(schema.get("description", ""), f"Today: {today}; more may come.")
    return schema | {"description": words, "examples": values}


def _absent(schema: Schema) -> Schema:
    """Leave out defaults: a field that is not required is absent."""
    return {name: value for name, value in schema.items() if name != "default"}


def _open(schema: Schema) -> Schema:
    """Let fields pass that come later: Java and Go refuse them unless this is written."""
    return schema | {"additionalProperties": True} if "properties" in schema else schema


def _sentences(*sentences: str) -> str:
    return " ".join(each for each in sentences if each)
