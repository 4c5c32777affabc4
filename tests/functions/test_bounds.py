"""What may be asked of merchants, keys and payments: HTTP and the command line know the same fields and bounds."""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from ctrip.domain.bounds import NAME, Bounds, Choice, Count, Text, WholeNumber
from ctrip.domain.errors import InvalidField
from ctrip.domain.merchants.access import ALLOWED_IPS, OVERLAP, OVERLAP_SECONDS, Limits, Merchant
from ctrip.domain.merchants.terms import TERMS, XPUB, Term, Terms
from ctrip.domain.payments.bounds import FIELDS, METADATA_NAME, METADATA_VALUE
from ctrip.domain.payments.payment import Policy
from functions.pages import description
from infra.cli import app as cli
from tests.functions.conftest import Api

Ctrip = Callable[..., tuple[int, str, str]]
MERCHANT = "m1"
EACH_TERM = pytest.mark.parametrize("term", TERMS.values(), ids=lambda each: each.name)


@pytest.fixture
def ctrip(api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ctrip:
    """The operator's command line in this process, over the stores that the API has too."""
    monkeypatch.setenv("CTRIP_STAGE", "local")
    monkeypatch.setenv("COLUMNS", "500")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ctrip", "--json", *arguments])
        code = cli.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def within(bounds: Bounds) -> list[Any]:
    """The values at both ends of bounds."""
    match bounds:
        case WholeNumber(lowest, highest):
            return [lowest, highest]
        case Text(shortest, longest):
            return ["x" * max(shortest, 1), "x" * longest]
        case Count(highest):
            return [{}, {str(number): "x" for number in range(highest)}]
        case Choice(values):
            return [each.value for each in values]


def beyond(bounds: Bounds) -> list[Any]:
    """The values just beyond both ends of bounds."""
    match bounds:
        case WholeNumber(lowest, highest):
            return [lowest - 1, highest + 1]
        case Text(shortest, longest):
            return ["x" * (longest + 1), *(["x" * (shortest - 1)] if shortest else [])]
        case Count(highest):
            return [{str(number): "x" for number in range(highest + 1)}]
        case Choice():
            return ["neither"]


def option(term: Term) -> str:
    """Name a term's option."""
    return f"--{term.name.replace('_', '-')}"


def refused(answer: Any) -> list[tuple[str, str, str]]:
    """The fields that an answer refuses, each with its code and words."""
    assert answer.status_code == 400, answer.body
    return [(each["field"], each["code"], each["detail"]) for each in answer.json["errors"]]


@EACH_TERM
def test_a_term_is_set_alike_over_http_and_on_the_command_line(api: Api, ctrip: Ctrip, term: Term) -> None:
    """At both ends of its bounds, with a new merchant and with one that exists; the merchant has it from then on."""
    for value in within(term.bounds):
        shown = value or None if term.kept_in is Limits else value
        made = api.admin("POST", "/merchants", {"name": "Over HTTP", term.name: value})
        assert (made.status_code, made.json[term.name]) == (201, shown)
        changed = api.admin("PATCH", f"/merchants/{MERCHANT}", {term.name: value})
        assert (changed.status_code, changed.json[term.name]) == (200, shown)
        api.admin("PATCH", f"/merchants/{MERCHANT}", {term.name: other(term, value)})
        code, said, problem = ctrip("merchants", "update", MERCHANT, option(term), str(value))
        assert (code, problem) == (0, "")
        assert json.loads(said)[term.name] == shown


def other(term: Term, value: Any) -> Any:
    """Another value of a term than this one."""
    return next(each for each in within(term.bounds) if each != value)


@EACH_TERM
def test_a_merchant_is_made_with_each_term_on_the_command_line(
    ctrip: Ctrip, term: Term, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the option it has the default of the table."""
    monkeypatch.setattr("infra.cli.merchants.PROVISION_SECONDS", 0)  # no signer runs here
    for given in ((), *((option(term), str(value)) for value in within(term.bounds))):
        code, said, _ = ctrip("merchants", "create", "By hand", *given)
        value = term.default if not given else type(term.default)(given[1])
        assert (code, json.loads(said)[term.name]) == (0, value or None if term.kept_in is Limits else value)


@EACH_TERM
def test_a_term_out_of_bounds_gets_the_same_sentence_from_both(api: Api, ctrip: Ctrip, term: Term) -> None:
    """And the domain itself refuses it, should some other surface forget to."""
    for value in beyond(term.bounds):
        expected = [(term.name, "invalid_value", term.bounds.words)]
        assert refused(api.admin("POST", "/merchants", {"name": "x", term.name: value})) == expected
        assert refused(api.admin("PATCH", f"/merchants/{MERCHANT}", {term.name: value})) == expected
        for command in (("create", "x"), ("update", MERCHANT)):
            code, said, problem = ctrip("merchants", *command, option(term), str(value))
            assert (code, said) == (2, "")
            assert f"Invalid value for '{option(term)}': {term.bounds.words}" in problem
        with pytest.raises(InvalidField) as caught:
            Terms(**{term.name: value})
        assert caught.value.errors[0].detail == term.bounds.words


@EACH_TERM
def test_a_term_of_another_kind_gets_that_sentence_too(api: Api, ctrip: Ctrip, term: Term) -> None:
    """Text for a number, and a number that is none."""
    for value in ("soon", 1.5, True, []):
        answer = api.admin("PATCH", f"/merchants/{MERCHANT}", {term.name: value})
        assert refused(answer) == [(term.name, "invalid_value", term.bounds.words)]
    for value in ("soon", "1.5", "", "9" * 5_000):
        code, _, problem = ctrip("merchants", "update", MERCHANT, option(term), value)
        assert code == 2
        assert term.bounds.words in problem


@EACH_TERM
def test_a_term_is_described_with_its_bounds_and_its_meaning(ctrip: Ctrip, term: Term) -> None:
    """In the API's description, and in the help texts of both commands."""
    schemas = description.current()["components"]["schemas"]
    for name in ("MerchantRequest", "MerchantPatch"):
        held = schemas[name]["properties"][term.name]
        assert held["description"] == term.means
        if isinstance(term.bounds, WholeNumber):
            assert (held["minimum"], held["maximum"]) == (term.bounds.lowest, term.bounds.highest)
    for command in ("create", "update"):
        _, said, _ = ctrip("merchants", command, "--help")
        assert term.means in said
        assert (f"{term.means} Without it: {term.default}." in said) is (command == "create")
        if isinstance(term.bounds, WholeNumber):
            assert f"{term.bounds.lowest}..{term.bounds.highest}" in said


def test_everything_that_can_be_set_of_a_merchant_is_in_the_table() -> None:
    """A policy or a limit that is added must be settable, and custody is not: it follows from the merchant's key."""
    kept = {each.name for holder in (Policy, Limits) for each in fields(holder)} - {"custody"}
    assert kept < set(TERMS)
    assert set(TERMS) - kept == {"expires_in"} < {each.name for each in fields(Merchant)}
    assert {each.name for each in fields(Terms)} == {*TERMS, "name", "enabled"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_a_payment_has_the_bounds_of_the_table(api: Api, name: str) -> None:
    """What lies within them is not refused for them; what lies beyond is, in their words; and they are described."""
    bounds = FIELDS[name]
    for value in within(bounds):
        answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, name: value})
        assert answer.status_code == 201 or bounds.words not in [words for _, _, words in refused(answer)]
    for value in beyond(bounds):
        answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, name: value})
        assert refused(answer) == [(name, "invalid_value", bounds.words)]
    held = description.current()["components"]["schemas"]["PaymentRequest"]["properties"][name]
    limits = {
        each: held[each] for each in ("minimum", "maximum", "minLength", "maxLength", "maxProperties") if each in held
    }
    assert set(limits.values()) == {each for each in described(bounds) if each}


def described(bounds: Bounds) -> tuple[int, ...]:
    """The numbers that a schema holds of bounds."""
    match bounds:
        case WholeNumber(lowest, highest):
            return lowest, highest
        case Text(shortest, longest):
            return shortest, longest
        case Count(highest):
            return (highest,)
        case Choice():
            return ()


@pytest.mark.parametrize(
    ("metadata", "field", "bounds"),
    [
        ({"": "x"}, "metadata.", METADATA_NAME),
        ({"n" * 65: "x"}, f"metadata.{'n' * 65}", METADATA_NAME),
        ({"cart": "x" * 501}, "metadata.cart", METADATA_VALUE),
        ({"cart": 1}, "metadata.cart", METADATA_VALUE),
    ],
    ids=["empty-name", "long-name", "long-value", "number"],
)
def test_what_is_wrong_within_metadata_is_named(api: Api, metadata: dict[str, Any], field: str, bounds: Bounds) -> None:
    """And not the whole of it."""
    answer = api.call("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1, "metadata": metadata})
    assert refused(answer) == [(field, "invalid_value", bounds.words)]


def test_a_name_has_the_same_bounds_wherever_it_is_given(api: Api, ctrip: Ctrip) -> None:
    """Blanks around it do not count."""
    for value in ("", "   ", "n" * 101):
        expected = [("name", "invalid_value", NAME.words)]
        assert refused(api.admin("POST", "/merchants", {"name": value})) == expected
        assert (
            refused(api.admin("POST", f"/merchants/{MERCHANT}/keys", {"name": value, "scopes": ["webhooks"]}))
            == expected
        )
        user = {"name": value, "email": "a@b.example", "role": "viewer"}
        assert refused(api.admin("POST", "/users", user)) == expected
        for command in (
            ("merchants", "create", value),
            ("merchants", "update", MERCHANT, "--name", value),
            ("keys", "create", MERCHANT, value, "--scope", "webhooks"),
            ("admins", "create", "a@b.example", "--role", "viewer", "--name", value),
        ):
            code, _, problem = ctrip(*command)
            assert code == 2
            assert NAME.words in problem
    assert json.loads(ctrip("merchants", "update", MERCHANT, "--name", f" {'n' * 100} ")[1])["name"] == "n" * 100


def test_keys_have_the_same_bounds_over_http_and_on_the_command_line(api: Api, ctrip: Ctrip) -> None:
    """How long old secrets stay good, and how many addresses a key may be used from."""
    made = api.admin("POST", f"/merchants/{MERCHANT}/keys", {"name": "k", "scopes": ["webhooks"]})
    key = f"/merchants/{MERCHANT}/keys/{made.json['id']}/rotate"
    for value in beyond(OVERLAP):
        assert refused(api.admin("POST", key, {"overlap_seconds": value}))[0][2] == OVERLAP.words
        code, _, problem = ctrip("keys", "rotate", MERCHANT, made.json["id"], "--overlap", str(value))
        assert (code, OVERLAP.words in problem) == (2, True)
    for value in within(OVERLAP):
        assert api.admin("POST", key, {"overlap_seconds": value}).status_code == 201
        assert ctrip("keys", "rotate", MERCHANT, made.json["id"], "--overlap", str(value))[0] == 0
    assert OVERLAP.admits(OVERLAP_SECONDS)
    assert ctrip("keys", "rotate", MERCHANT, made.json["id"])[0] == 0
    many = [f"203.0.113.{number}" for number in range(ALLOWED_IPS.highest + 1)]
    body = {"name": "k", "scopes": ["webhooks"], "allowed_ips": many}
    assert refused(api.admin("POST", f"/merchants/{MERCHANT}/keys", body))[0][2] == ALLOWED_IPS.words
    asked = ["keys", "create", MERCHANT, "k", "--scope", "webhooks"]
    code, _, problem = ctrip(*asked, *(part for each in many for part in ("--allow", each)))
    assert (code, ALLOWED_IPS.words in problem) == (2, True)
    assert ctrip(*asked, *(part for each in many[1:] for part in ("--allow", each)))[0] == 0


def test_an_extended_key_is_read_to_the_same_length(api: Api, ctrip: Ctrip) -> None:
    """It is refused before any chain is asked what lies at its addresses."""
    key = "x" * (XPUB.longest + 1)
    assert refused(api.admin("POST", "/merchants", {"name": "x", "xpub": key})) == [
        ("xpub", "invalid_value", XPUB.words)
    ]
    code, _, problem = ctrip("merchants", "create", "x", "--xpub", key)
    assert (code, XPUB.words in problem) == (2, True)
