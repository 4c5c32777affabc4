"""The description of the API: complete, valid, and one with what is enforced; other tests hold every answer to it."""

import ast
import re
from pathlib import Path

import pytest

import app
from ctrip.views.events import EventView
from functions.dashboard.routes import PAGES
from functions.http import openapi
from functions.http.error_codes import ALWAYS, CODES, FIELD_CODES
from functions.http.operation import OPERATIONS, Auth
from functions.pages import description
from tests.functions.conftest import KEY, Api

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/core/ctrip").rglob("*.py")]


def raised() -> tuple[set[str], set[str]]:
    """Collect the codes that the sources raise, and those of fields."""
    codes, fields = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                codes |= {
                    each.value.value
                    for each in node.body
                    if isinstance(each, ast.Assign)
                    and getattr(each.targets[0], "id", "") == "code"
                    and isinstance(each.value, ast.Constant)
                }
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            codes |= {
                each.value.value
                for each in node.keywords
                if each.arg == "code" and isinstance(each.value, ast.Constant)
            }
            if name in ("InvalidField", "FieldError") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                fields.add(node.args[1].value)
    return codes, fields


def test_every_code_that_is_raised_is_described() -> None:
    """And every one that is described is raised, but for those that API Gateway answers with."""
    codes, fields = raised()
    gateways = {"method_not_allowed", "too_many_requests", "timeout", "bad_request", "busy", "internal_error"}
    assert codes | gateways == set(CODES), codes ^ set(CODES)
    models = {"missing", "unknown_field", "unknown_parameter"}
    assert fields | models == set(FIELD_CODES), fields ^ set(FIELD_CODES)


def test_each_codes_status_is_that_of_its_error() -> None:
    """The table and the tree of errors agree."""
    from ctrip.domain import errors

    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.Refusal):
            assert CODES[kind.code].status == kind.status


def test_the_document_is_valid() -> None:
    """OpenAPI 3.1, by the published schema."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    assert list(OpenAPIV31SpecValidator(description.current()).iter_errors()) == []


def test_every_route_is_described_with_every_answer() -> None:
    """Each operation has a summary, its credential, its success and each refusal with its codes."""
    pages = {each.path for each in PAGES}
    assert set(app.app.routes) - pages == {operation.path for operation in OPERATIONS}
    described = description.current()
    seen = set()
    for operation in OPERATIONS:
        shown = described["paths"][operation.path][operation.method.lower()]
        assert shown["summary"]
        assert bool(shown["security"]) is (operation.auth is not Auth.NONE)
        assert str(operation.status) in shown["responses"]
        codes = set()
        for held in shown["responses"].values():
            response = described["components"]["responses"][held["$ref"].rsplit("/", 1)[1]] if "$ref" in held else held
            codes |= set(response.get("x-codes", ()))
        assert codes == set(openapi.codes_of(operation)) >= set(ALWAYS)
        if operation.idempotent:
            assert "Idempotency-Key" in [each["name"] for each in shown["parameters"]]
        assert {each["name"] for each in shown.get("parameters", ()) if each["in"] == "path"} == set(
            re.findall(r"\{(\w+)\}", operation.path)
        )
        seen |= codes
    assert seen == set(CODES) - {"conflict"}  # no operation raises the bare one


def test_requests_and_answers_name_every_field() -> None:
    """No schema is empty, and a request refuses what it does not know."""
    components = description.current()["components"]["schemas"]
    for operation in OPERATIONS:
        if operation.body:
            assert components[operation.body.__name__]["additionalProperties"] is False
        if operation.response:
            assert set(components[operation.response]["required"]) <= set(components[operation.response]["properties"])
            assert components[operation.response]["additionalProperties"] is True
    assert set(components["Event"]["properties"]) == set(EventView.__annotations__)


def test_the_description_is_served_to_anybody(api: Api) -> None:
    """As JSON, and as a page that loads nothing from elsewhere and runs nothing."""
    document = api.call("GET", "/openapi.json", key=None)
    assert document.json == description.current()
    page = api.call("GET", "/docs", key=None)
    text = page.body.decode()
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", text)
    assert "<script" not in text
    assert "style=" not in text
    for operation in OPERATIONS:
        assert f'id="{operation.name}"' in text
    for code in CODES:
        if code != "conflict":
            assert f'id="code-{code}"' in text
    anchors = set(re.findall(r' id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi-3.0.json", "/docs"])
def test_the_description_holds_no_secret(api: Api, path: str) -> None:
    """It is made from code alone."""
    assert KEY.encode() not in api.call("GET", path, key=None).body


def test_the_api_does_not_load_the_description(tmp_path: Path) -> None:
    """Models of answers, argon2, PyJWT and the pages are loaded by whoever needs them."""
    import os
    import subprocess
    import sys

    code = (
        "import app, sys\n"
        "heavy = {'functions.http.shapes', 'functions.http.openapi', 'functions.http.openapi30', "
        "'functions.http.portable', 'argon2', 'jwt', 'pyotp', 'jinja2', 'boto3',"
        " 'web3', 'eth_account', 'bip_utils'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    paths = os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core")))
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": paths}, cwd=tmp_path)
