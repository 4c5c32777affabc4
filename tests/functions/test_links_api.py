"""Payment links over HTTP: the API of the merchant, and the page of the payer."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from ctrip.pages.language import LANGUAGES
from ctrip.views.audit import audit_view
from functions.http.answers import FORM
from tests.functions.conftest import Api

FIXED = {"title": "A coffee", "price": {"currency": "USD", "amount": "4.50"}}
OPEN = {"title": "A gift", "currency": "USD", "minimum": "5.00", "maximum": "500.00"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def api(api: Api) -> Api:
    for source in api.world.rate_sources:
        source.values |= {"USDC": "1"}
    return api


def make(api: Api, **asked: Any) -> Any:
    answer = api.call("POST", "/api/v1/links", asked or FIXED)
    assert answer.status_code == 201, answer.body
    return answer.json


def pay(api: Api, link: Any, headers: dict[str, str] | None = None, **fields: str) -> Any:
    body = urlencode(fields).encode()
    return api.call("POST", f"/l/{link['id']}", body, key=None, Content_Type=FORM, **(headers or {}))


def page(api: Api, link: Any, **headers: str) -> Any:
    return api.call("GET", f"/l/{link['id']}", key=None, **{**BROWSER, **headers})


def payments(api: Api) -> list[Any]:
    return list(api.call("GET", "/api/v1/payments").json["data"])


def test_a_link_is_made_shown_listed_and_changed(api: Api) -> None:
    made = make(api)
    assert made["url"] == f"http://api.example.com/l/{made['id']}"
    assert (made["price"], made["active"], made["currency"]) == ({"currency": "USD", "amount": "4.50"}, True, None)
    assert api.call("GET", f"/api/v1/links/{made['id']}").json == made
    assert api.call("GET", "/api/v1/links").json == {"data": [made], "next_cursor": None}
    changed = api.call("POST", f"/api/v1/links/{made['id']}", {"active": False, "title": "Tea"})
    assert (changed.status_code, changed.json["active"], changed.json["title"]) == (200, False, "Tea")
    assert changed.json["price"] == made["price"]


def test_a_change_with_a_key_happens_once(api: Api) -> None:
    made = make(api)
    path = f"/api/v1/links/{made['id']}"
    first, again = (api.call("POST", path, {"title": "Tea"}, Idempotency_Key="k") for _ in range(2))
    assert (first.json, again.headers["Idempotent-Replayed"]) == (again.json, "true")
    other = api.call("POST", path, {"title": "Milk"}, Idempotency_Key="k")
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"title": "T"}, "price", "missing"),
        ({"price": {"currency": "USD", "amount": "1.00"}}, "title", "missing"),
        ({**FIXED, "title": ""}, "title", "invalid_value"),
        ({**FIXED, "price": {"currency": "USD", "amount": 1}}, "price.amount", "invalid_value"),
        ({**OPEN, "price": FIXED["price"]}, "currency", "mutually_exclusive"),
        ({**FIXED, "max_payments": 0}, "max_payments", "invalid_value"),
        ({**FIXED, "expires_at": "tomorrow"}, "expires_at", "invalid_value"),
        ({**FIXED, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "in_the_past"),
    ],
)
def test_a_wrong_field_is_named(api: Api, asked: dict[str, Any], field: str, code: str) -> None:
    answer = api.call("POST", "/api/v1/links", asked)
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [(field, code)]


def test_opening_the_page_makes_nothing_and_its_form_makes_a_payment(api: Api) -> None:
    """Crawlers and previews of messengers open every link that is sent."""
    link = make(api, **FIXED, description="Black <b>")
    shown = page(api, link)
    text = shown.body.decode()
    assert (shown.status_code, payments(api)) == (200, [])
    assert [each for each in ("A coffee", "Black &lt;b&gt;", "US$4.50") if each not in text] == []
    assert [each for each in ("<script", 'name="amount"') if each in text] == []
    [action] = re.findall(r'<form id="pay" method="post" action="([^"]+)"', text)
    assert action == "?lang=en"
    answer = pay(api, link)
    [made] = payments(api)
    assert (answer.status_code, made["link_id"], made["price"]) == (303, link["id"], link["price"])
    assert answer.headers["Location"] == f"http://api.example.com/pay/{made['id']}?lang=en"
    assert api.call("GET", f"/pay/{made['id']}", key=None).status_code == 200
    # The record names who asked: without that nobody could read it.
    [record] = api.world.stores.payments.audit(made["id"])
    assert audit_view(record)["actor"] == "payer"


def test_an_open_amount_is_a_field_with_its_bounds_and_what_was_typed_stands_there_again(api: Api) -> None:
    link = make(api, **OPEN)
    text = page(api, link).body.decode()
    assert [each for each in ('name="amount"', "From US$5.00 to US$500.00.") if each not in text] == []
    assert pay(api, link, amount="12.50").status_code == 303
    refused = pay(api, link, BROWSER, amount="4,99")
    text = refused.body.decode()
    assert (refused.status_code, 'value="4,99"' in text, 'role="alert"' in text) == (400, True, True)
    assert "This amount cannot be paid here." in text
    assert "Please enter an amount in USD" in pay(api, link, BROWSER, amount="ten").body.decode()
    program = pay(api, link, amount="4.99")
    assert (program.status_code, program.json["code"]) == (400, "amount_out_of_bounds")
    assert len(payments(api)) == 1


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"active": False}, "link_disabled", "switched off"),
        ({"expires_at": "2100-01-01T00:00:00Z"}, "link_expired", "time of this link is over"),
        ({"max_payments": 1}, "link_used_up", "as often as it may be"),
    ],
)
def test_a_link_that_takes_nothing_says_why_to_people_and_to_programs(
    api: Api, change: dict[str, Any], code: str, words: str
) -> None:
    link = make(api)
    api.call("POST", f"/api/v1/links/{link['id']}", change)
    if code == "link_used_up":
        pay(api, link)
    if code == "link_expired":
        held = api.world.stores.links.get(link["id"])
        api.world.clock.at = held.terms.expires_at
    before = len(api.world.stores.payments._state.payments)
    for answer in (page(api, link), pay(api, link, BROWSER)):
        text = answer.body.decode()
        assert (answer.status_code, words in text, "<form" in text) == (409, True, False)
    for answer in (pay(api, link), api.call("GET", f"/l/{link['id']}", key=None)):
        assert (answer.status_code, answer.json["code"]) == (409, code)
    assert len(api.world.stores.payments._state.payments) == before


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-00000000dead", "nonsense", "..%2f"])
def test_an_unknown_link_is_a_page_for_people_and_a_code_for_programs(api: Api, name: str) -> None:
    link = {"id": name}
    assert "Link not found" in page(api, link).body.decode()
    assert "Link not found" in pay(api, link, BROWSER).body.decode()
    for answer in (pay(api, link), api.call("GET", f"/l/{name}", key=None)):
        assert (answer.status_code, answer.json["code"]) == (404, "link_not_found")


def test_opening_is_limited_by_link_and_costs_its_merchant_no_call(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    link = make(api)

    def refuse(*_: Any) -> None:
        raise AssertionError("a payer's opening is no call of the merchant's")

    monkeypatch.setattr(type(api.stage.merchants.limiter), "admit", refuse)
    for _ in range(60):
        assert pay(api, link).status_code == 303
    program, person = pay(api, link), pay(api, link, BROWSER)
    assert (program.status_code, program.json["code"]) == (429, "too_many_openings")
    assert (person.status_code, "too often" in person.body.decode()) == (429, True)
    assert int(person.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("tag", sorted(LANGUAGES))
def test_the_page_speaks_each_language(api: Api, tag: str) -> None:
    link = make(api, **OPEN)
    text = api.call("GET", f"/l/{link['id']}?lang={tag}", key=None, **BROWSER).body.decode()
    assert [each for each in (f'<html lang="{tag}"', f'action="?lang={tag}"') if each not in text] == []
    assert ("You choose what to pay with" in text) is (tag == "en")
