"""What generated clients need of the description, each rule at every schema; `make clients` generates and uses them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import app
from ctrip.domain.payments.payment import Flag, Status
from ctrip.views.health import Readiness
from functions.http import openapi30, portable
from functions.http.error_codes import CODES, FIELD_CODES
from functions.http.operation import OPERATIONS
from functions.http.problems import Problem
from functions.pages import description
from tests.functions.conftest import Api, validator

# The table of operations is filled by what the app imports.
assert app.app.routes
BODIES = {each.body.__name__ for each in OPERATIONS if each.body}
SCHEMA = "#/components/schemas/"
# What generators make beside the models, in one language or another.
OF_OPERATIONS = ("", "Request", "Response", "Responses", "Params", "Body", "Data", "Error", "Errors", "Success")
OF_OPERATIONS += ("JSONBody", "JSONRequestBody", "RequestBody", "RequestObject", "ResponseObject", "WithResponse")
OF_MODELS = ("New{}", "New{}WithDefaults", "Nullable{}", "NewNullable{}", "{}Builder", "{}Inner", "{}Item", "{}AllOf")
OF_TAGS = ("{}Api", "{}API", "{}ApiService", "{}Service")
SUPPORT = (
    "Any ApiClient ApiError ApiException ApiKey ApiKeyAuth ApiResponse Array AuthenticatedClient Bool Boolean Box "
)
SUPPORT += "Client ClientInterface ClientOption ClientWithResponses Class Config Configuration Date DateTime Default "
SUPPORT += (
    "Error Exception File Float Function GenericOpenAPIError HeaderSelector Int Integer Interface Json List Long "
)
SUPPORT += "Map MappedNullable Module None Null Number Object ObjectSerializer Option Pair Request RequestEditorFn "
SUPPORT += "Response Result Self ServerConfiguration ServerVariable Set String Struct Trait Type Types Unset Vec Void"


def inside(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and every schema in it."""
    yield schema
    for held in schema.get("properties", {}).values():
        yield from inside(held)
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(name), dict):
            yield from inside(schema[name])
    for name in ("anyOf", "allOf", "oneOf"):
        for each in schema.get(name, ()):
            yield from inside(each)


def everywhere(held: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of a document: of components, parameters, headers and bodies."""
    if isinstance(held, list):
        for each in held:
            yield from everywhere(each)
    if isinstance(held, dict):
        for name, value in held.items():
            if name == "schema":
                yield from inside(value)
            elif name == "schemas":
                for each in value.values():
                    yield from inside(each)
            else:
                yield from everywhere(value)


def reached(names: set[str], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the named schemas, and those that they refer to."""
    found: set[str] = set()
    while names:
        found |= names
        references = {each["$ref"] for name in names for each in inside(schemas[name]) if "$ref" in each}
        names = {each.removeprefix(SCHEMA) for each in references} - found
    return {name: schemas[name] for name in found}


CLASHING = "Late Webhooks NewKey NewMerchant nullableUser RefreshRequest Alive READY CheckoutStatus PaymentStatus "
CLASHING += "ListPaymentsParams CreatePaymentResponse PaymentsApi ApiKey Refused400_1"
# Integers of answers. Short are counts, seconds, and versions that grow by one with each change.
LONG = {"block_number", "detected_in_block", "chain_id", "head"}
SHORT = {
    "tries",
    "calls_per_second",
    "confirmations",
    "decimals",
    "expires_in",
    "head_age",
    "lag",
    "log_index",
    "next_after",
}
SHORT |= {"monitoring_seconds", "open_payments", "queues", "required_confirmations", "tolerance_per_mille"}
SHORT |= {"day", "hour", "approvals", "approvals_needed", "version", "attempt", "latency_ms", "queued", "status_code"}
SHORT |= {"age"}  # of rates, in seconds
SHORT |= {"parked_payments", "payments", "tries"}  # of sweeps that are not over
SHORT |= {"max_payments", "quantity"}
SCHEMAS: dict[str, Any] = description.current()["components"]["schemas"]
REQUESTS = reached(BODIES, SCHEMAS)
ANSWERS = reached({each.response for each in OPERATIONS if each.response} | {"Problem", "Unready"}, SCHEMAS)
OF_REQUESTS = [held for schema in REQUESTS.values() for held in inside(schema)]
OF_ANSWERS = [held for schema in ANSWERS.values() for held in inside(schema)]


def pascal(name: str) -> str:
    """Write a name as generators name types."""
    return "".join(part[0].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", name) if part)


def clashes(document: dict[str, Any]) -> dict[str, str]:
    """Find schemas whose names meet, upper and lower case alike, what a generator makes of something else."""
    components = document["components"]
    taken = dict.fromkeys(SUPPORT.split(), "a generator's own class")
    for methods in document["paths"].values():
        for operation in methods.values():
            name = pascal(operation["operationId"])
            taken |= {f"{name}{suffix}": f"operation {operation['operationId']}" for suffix in OF_OPERATIONS}
            taken |= {f"{prefix}{name}": f"operation {operation['operationId']}" for prefix in ("Api", "New", "Parse")}
    for tag in document["tags"]:
        taken |= {form.format(pascal(tag["name"])): f"tag {tag['name']}" for form in OF_TAGS}
    for kind in ("responses", "securitySchemes"):
        taken |= {f"{pascal(name)}{suffix}": f"{kind} {name}" for name in components[kind] for suffix in ("", "Scopes")}
    for each in everywhere(document):
        # Those of answers too, though no generator makes constants of examples: a name with two meanings misleads.
        values = each.get("enum") or each.get("examples", ())
        values = values if len(values) > 1 else ()
        taken |= {pascal(value): f"value {value}" for value in values if isinstance(value, str)}
    for name, schema in components["schemas"].items():
        taken |= {form.format(name): f"made of {name}" for form in OF_MODELS}
        taken |= {f"{name}{pascal(each)}": f"{name}.{each}" for each in schema.get("properties", ())}
    known = {name.lower(): origin for name, origin in taken.items()}
    return {name: known[name.lower()] for name in components["schemas"] if name.lower() in known}


def test_an_amount_in_an_answer_has_no_type_and_its_text_has_one() -> None:
    """A type gives it a size: 25 ETH became 1489240064 in Java. A price is text: it is an amount of a currency."""
    seen = 0
    for name, schema in ANSWERS.items():
        if name == "Price":
            continue
        fields = schema.get("properties", {})
        for field, held in fields.items():
            if f"{field}_str" in fields:
                seen += 1
                assert not {"type", "format", "anyOf", "minimum", "maximum", "$ref"} & set(held), (name, field)
                assert "JSON integer" in held["description"]
                assert "_str" in held["description"]
                text = fields[f"{field}_str"]
                assert (_types(text)[0], text["pattern"]) == ("string", "^[0-9]{1,78}$")
                assert (f"{field}_str" in schema["required"]) == (field in schema["required"])
            elif field.startswith("amount") and not field.endswith(("_str", "_decimal")):
                pytest.fail(f"{name}.{field} has no text beside it")
    assert seen >= 6


def test_an_amount_in_a_request_is_text_alone() -> None:
    """Rust made an empty struct of a choice, and sent nothing. A price is an amount of a currency."""
    for name, schema in REQUESTS.items():
        if name == "PriceRequest":
            continue
        for field, held in schema.get("properties", {}).items():
            if field == "amount":
                assert held["type"] == "string", name
                assert re.fullmatch(held["pattern"], str(2**256 - 1))
                assert not {"anyOf", "oneOf", "enum"} & set(held)


def test_an_integer_of_an_answer_has_64_bits_where_it_may_outgrow_32() -> None:
    """Java, Go and Rust give it 32 without a format, and JavaScript makes a BigInt of it with one: each is decided."""
    found = {
        (field, held.get("format"))
        for schema in ANSWERS.values()
        for field, held in schema.get("properties", {}).items()
        if any("integer" in _types(each) for each in inside(held))
    }
    assert {field for field, form in found if form == "int64"} == LONG
    assert {field for field, form in found if form is None} == SHORT
    assert [each for each in OF_REQUESTS if "integer" in _types(each) and each["maximum"] >= 2**31] == []


def test_answers_are_open_to_fields_that_come_later() -> None:
    """Java and Go refuse what they do not know, unless each object says that more may come."""
    objects = [each for each in OF_ANSWERS if "properties" in each]
    assert len(objects) >= 35
    assert [each for each in objects if each.get("additionalProperties") is not True] == []


def test_answers_are_open_to_values_that_come_later() -> None:
    """A status, a flag or a code of tomorrow is no error; those of today are named in words and as examples."""
    assert [each for each in OF_ANSWERS if {"enum", "const"} & set(each)] == []
    status = SCHEMAS["Payment"]["properties"]["status"]
    assert status["examples"] == [each.value for each in Status]
    assert all(f"`{each}`" in status["description"] for each in Status)
    assert SCHEMAS["Payment"]["properties"]["exceptions"]["items"]["examples"] == [each.value for each in Flag]
    assert SCHEMAS["Problem"]["properties"]["code"]["examples"] == sorted(CODES)
    assert SCHEMAS["FieldProblem"]["properties"]["code"]["examples"] == sorted(FIELD_CODES)
    headers = [held for _, response in _responses() for held in response.get("headers", {}).values()]
    assert [each for each in headers if {"enum", "const"} & set(each["schema"])] == []


def test_an_answers_address_and_hash_have_no_pattern_of_one_kind_of_chain() -> None:
    """PHP checks patterns as it reads: the first payment on another kind of chain would throw."""
    allowed = {"^[0-9]{1,78}$", r"^[0-9]+(\.[0-9]+)?$", r"^evt_[0-9A-Z]{26}$", r"^dlv_[0-9A-Z]{26}_[0-9]{1,4}$"}
    assert {each["pattern"] for each in OF_ANSWERS if "pattern" in each} == allowed


def test_nothing_has_a_default_and_requests_say_theirs() -> None:
    """openapi-typescript demands a field that has one."""
    assert [each for each in everywhere(description.current()) if "default" in each] == []
    for operation in OPERATIONS:
        shown = description.current()["paths"][operation.path][operation.method.lower()]
        described = {each["name"]: each["schema"] for each in shown.get("parameters", ())}
        if operation.query:
            _say_their_defaults(operation.query, described)
        if operation.body:
            _say_their_defaults(operation.body, SCHEMAS[operation.body.__name__]["properties"])


def test_a_choice_is_between_one_thing_and_null() -> None:
    """Of any other, Rust and Go make types that hold nothing."""
    for each in everywhere(description.current()):
        assert not {"oneOf", "allOf"} & set(each)
        if "anyOf" in each:
            assert [set(option) for option in each["anyOf"]] == [{"$ref"}, {"type"}], each
            assert each["anyOf"][1] == {"type": "null"}
        assert len([kind for kind in _types(each) if kind != "null"]) <= 1


def test_a_field_that_may_be_absent_from_an_answer_is_not_null() -> None:
    """So a client has one way to read that it is not there."""
    for name, schema in ANSWERS.items():
        for field in set(schema.get("properties", ())) - set(schema.get("required", ())):
            held = schema["properties"][field]
            assert "anyOf" not in held, (name, field)
            assert "null" not in _types(held), (name, field)


def test_no_schema_has_the_name_of_something_else_that_is_generated() -> None:
    """Neither Go generator compiled `Late` beside the value `late`, or `NewKey` beside the constructor of `Key`."""
    assert clashes(description.current()) == {}
    assert len({name.lower() for name in SCHEMAS}) == len(SCHEMAS)
    assert [name for name in SCHEMAS if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []


@pytest.mark.parametrize("name", CLASHING.split())
def test_such_a_name_would_be_found(name: str) -> None:
    """Each is one that the description has had, or may easily get."""
    document = description.current()
    components = document["components"]
    grown = document | {"components": components | {"schemas": SCHEMAS | {pascal(name): {}}}}
    assert set(clashes(grown)) == {pascal(name)}


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_no_two_fields_of_a_schema_are_one_in_some_language(schema: str) -> None:
    """`block_hash` and `blockHash` would be, and `amount_ok` beside `amount` in Go."""
    fields = list(SCHEMAS[schema].get("properties", ()))
    plain = [re.sub(r"[^0-9a-z]", "", each.lower()) for each in fields]
    assert len(set(plain)) == len(plain)
    assert [each for each in plain if f"{each}ok" in plain] == []
    assert "additionalproperties" not in plain


def test_no_field_has_a_title_but_what_has_no_type() -> None:
    """Generators name types after titles."""
    for schema in SCHEMAS.values():
        for each in list(inside(schema))[1:]:
            assert ("title" in each) <= ("type" not in each), each


def test_the_version_is_semantic() -> None:
    """Cargo refuses a date."""
    for document in (description.current(), description.older()):
        assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", document["info"]["version"])


def test_what_answers_503_for_health_is_one_schema_of_both() -> None:
    """Of a choice between two, generators keep one, or none."""
    both = {*Readiness.__annotations__, *Problem.__annotations__} - {"payment_id", "available"}
    assert set(SCHEMAS["Unready"]["properties"]) == both
    assert "required" not in SCHEMAS["Unready"]


def test_the_3_0_rendering_is_valid_and_holds_no_word_of_3_1() -> None:
    """By the published schema of 3.0, with the same paths, schemas and fields."""
    from openapi_spec_validator import OpenAPIV30SpecValidator

    older, newer = description.older(), description.current()
    assert older["openapi"] == "3.0.3"
    assert list(OpenAPIV30SpecValidator(older).iter_errors()) == []
    for each in everywhere(older):
        assert not {"examples", "const", "propertyNames", "$defs"} & set(each), each
        assert isinstance(each.get("type", ""), str)
        assert each.get("type") != "null"
        assert "$ref" not in each or len(each) == 1, "3.0 ignores what stands beside a reference"
        assert not isinstance(each.get("exclusiveMinimum", True), int) or each.get("exclusiveMinimum", True) is True
    assert older["paths"].keys() == newer["paths"].keys()
    assert older["components"]["schemas"].keys() == SCHEMAS.keys()
    for name, schema in older["components"]["schemas"].items():
        assert schema.get("properties", {}).keys() == SCHEMAS[name].get("properties", {}).keys()
        assert schema.get("required") == SCHEMAS[name].get("required")
        assert schema.get("additionalProperties") == SCHEMAS[name].get("additionalProperties")


def test_the_3_0_rendering_keeps_what_may_be_null() -> None:
    """Every schema of 3.1 that takes null is nullable in 3.0, and no other is."""
    newer = list(everywhere(description.current()))
    nullable = [each for each in newer if "null" in _types(each) and each != portable.NULL]
    nullable += [each for each in newer if portable.NULL in each.get("anyOf", ())]
    assert len([each for each in everywhere(description.older()) if each.get("nullable")]) == len(nullable) > 30


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 0, "exclusiveMinimum": True}),
        ({"type": "number", "exclusiveMaximum": 9}, {"type": "number", "maximum": 9, "exclusiveMaximum": True}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": ["string", "null"], "examples": ["a", "b"]}, {"type": "string", "nullable": True, "example": "a"}),
        (
            {"anyOf": [{"$ref": "#/x"}, {"type": "null"}], "description": "d"},
            {"allOf": [{"$ref": "#/x"}], "nullable": True, "description": "d"},
        ),
        ({"$ref": "#/x", "description": "d"}, {"allOf": [{"$ref": "#/x"}], "description": "d"}),
        (
            {"properties": {"type": {"const": 1}, "examples": {}}},
            {"properties": {"type": {"enum": [1]}, "examples": {}}},
        ),
    ],
    ids=lambda each: next(iter(each)),
)
def test_each_word_of_3_1_is_taken_back(newer: dict[str, Any], older: dict[str, Any]) -> None:
    """Those too that the description does not use today; a field may be called like a keyword."""
    assert portable.rebuilt(newer, openapi30.taken_back) == older


def test_both_renderings_are_served_to_anybody(api: Api) -> None:
    """As JSON, from other origins too; the page links to both."""
    for path, document in (("/openapi.json", description.current()), ("/openapi-3.0.json", description.older())):
        answer = api.call("GET", path, key=None)
        assert (answer.status_code, answer.json) == (200, document)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert f'href="{path[1:]}"' in api.call("GET", "/docs", key=None).body.decode()


def test_the_wire_still_takes_an_amount_as_an_integer(api: Api) -> None:
    """What is described is what clients should send, and not all that is taken."""
    for amount in (25_000_000_000_000_000_001, "25000000000000000001"):
        answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": amount})
        assert answer.status_code == 201
        assert answer.json["amount"] == 25_000_000_000_000_000_001
        assert answer.json["amount_str"] == "25000000000000000001"
    assert validator("Payment").validate_json(answer.body)["amount_str"]


def _types(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def _responses() -> Iterator[tuple[str, dict[str, Any]]]:
    document = description.current()
    yield from document["components"]["responses"].items()
    for methods in document["paths"].values():
        for operation in methods.values():
            yield from ((status, held) for status, held in operation["responses"].items() if "$ref" not in held)


def _say_their_defaults(model: type[BaseModel], described: dict[str, Any]) -> None:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True) if not field.is_required() else None
        if default not in (None, (), {}):
            word = str(default).lower() if isinstance(default, bool) else default
            assert f"Without it: {word}." in described[name]["description"], (model, name)
