"""Invoices over HTTP: the API of the merchant, and the page of the customer."""

from typing import Any

import pytest

from ctrip.domain.payments.payment import Status
from ctrip.pages.language import LANGUAGES
from functions.http.answers import FORM
from tests.functions.conftest import Api
from tests.world import ORIGIN, USDC

LINES = [
    {"description": "Work <b>", "quantity": 3, "unit_price": "33.33"},
    {"description": "Travel", "quantity": 1, "unit_price": "0.01"},
]
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def api(api: Api) -> Api:
    for source in api.world.rate_sources:
        source.values |= {"USDC": "1"}
    return api


def make(api: Api, **asked: Any) -> Any:
    answer = api.call("POST", "/api/v1/invoices", {"currency": "USD", "items": LINES, **asked})
    assert answer.status_code == 201, answer.body
    return answer.json


def pay(api: Api, invoice: Any, **headers: str) -> Any:
    return api.call("POST", f"/i/{invoice['id']}", b"", key=None, Content_Type=FORM, **headers)


def page(api: Api, invoice: Any, query: str = "") -> str:
    answer = api.call("GET", f"/i/{invoice['id']}{query}", key=None, **BROWSER)
    assert answer.status_code == 200
    return str(answer.body.decode())


def settle(api: Api, answer: Any, symbol: str = "USDC") -> None:
    """Choose and pay what a form led to."""
    payment_id = answer.headers["Location"].split("/pay/")[1].split("?")[0]
    payment = api.stage.payments.chooser.choose(payment_id, "anvil", symbol, ORIGIN)
    api.world.chain.deposit(payment.due.address, payment.due.amount, token=USDC.address)
    for _ in range(5):
        api.world.step()


def test_an_invoice_is_made_shown_and_listed(api: Api) -> None:
    made = make(api, number="2026-1", customer_email="Ann@Shop.example", due_at="2100-01-01T00:00:00Z")
    assert (made["url"], made["number"]) == (f"http://api.example.com/i/{made['id']}", "2026-1")
    assert [(each["unit_price"], each["total"]) for each in made["items"]] == [("33.33", "99.99"), ("0.01", "0.01")]
    assert (made["status"], made["total"], made["paid"], made["left"]) == ("open", "100.00", "0.00", "100.00")
    assert api.call("GET", f"/api/v1/invoices/{made['id']}").json == made
    assert api.call("GET", "/api/v1/invoices").json == {"data": [made], "next_cursor": None}
    again = api.call("POST", "/api/v1/invoices", {"currency": "USD", "items": LINES, "number": "2026-1"})
    assert (again.status_code, again.json["code"]) == (409, "invoice_number_in_use")


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"items": []}, "items", "missing"),
        ({"items": [{**LINES[0], "quantity": 0}]}, "items", "invalid_value"),
        ({"items": [{**LINES[0], "quantity": 1.5}]}, "items", "invalid_value"),
        ({"items": [{**LINES[0], "unit_price": 5}]}, "items", "invalid_value"),
        ({"items": [{**LINES[0], "unit_price": "1e3"}]}, "items.0.unit_price", "invalid_price"),
        ({"currency": "EURO"}, "currency", "currency_unknown"),
        ({"number": ""}, "number", "invalid_value"),
        ({"total": "1.00"}, "total", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named(api: Api, asked: dict[str, Any], field: str, code: str) -> None:
    answer = api.call("POST", "/api/v1/invoices", {"currency": "USD", "items": LINES, **asked})
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [(field, code)]


def test_the_page_shows_what_is_asked_for_and_nothing_private_and_makes_nothing(api: Api) -> None:
    invoice = make(api, number="7", customer_name="Ann", customer_email="ann@shop.example", note="Thank <you>")
    text = page(api, invoice)
    shown = ("Invoice 7", "For Ann", "Work &lt;b&gt;", "US$99.99", "Pay US$100.00", "Thank &lt;you&gt;")
    assert [each for each in shown if each not in text] == []
    assert [each for each in ("ann@shop.example", "<script") if each in text] == []
    assert api.call("GET", "/api/v1/payments").json["data"] == []


def test_its_form_leads_to_one_payment_until_it_is_paid(api: Api) -> None:
    invoice = make(api)
    first, again = pay(api, invoice), pay(api, invoice, **BROWSER)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["Location"] == again.headers["Location"]
    assert "Continue the payment" in page(api, invoice)
    settle(api, first)
    shown = api.call("GET", f"/api/v1/invoices/{invoice['id']}").json
    assert (shown["status"], shown["paid"], shown["left"]) == ("paid", "100.00", "0.00")
    [payment] = api.call("GET", "/api/v1/payments").json["data"]
    assert (payment["invoice_id"], [each["id"] for each in shown["payments"]]) == (invoice["id"], [payment["id"]])
    text = page(api, invoice)
    assert ("Nothing is left to pay" in text, "<form" in text) == (True, False)
    person, program = pay(api, invoice, **BROWSER), pay(api, invoice)
    assert (person.status_code, "Nothing is left to pay" in person.body.decode()) == (409, True)
    assert (program.status_code, program.json["code"]) == (409, "invoice_paid")
    refused = api.call("POST", f"/api/v1/invoices/{invoice['id']}/void", {})
    assert (refused.status_code, refused.json["code"]) == (409, "invoice_not_voidable")


def test_the_page_says_that_the_shop_has_money_which_does_not_count_yet(api: Api) -> None:
    invoice = make(api)
    settled = pay(api, invoice)
    settle(api, settled)
    [paid] = api.call("GET", "/api/v1/payments").json["data"]
    held = api.world.payment(paid["id"])
    over = held.changed(status=Status.EXPIRED, credited=0, unmatched=40_000_000)
    api.world.stores.payments._state.payments[held.id] = over
    text = page(api, invoice)
    assert ("ask the shop before you pay more" in text, "Pay US$100.00" in text) == (True, True)


def test_a_void_invoice_says_so_and_a_second_time_is_refused_unless_its_key_comes_again(api: Api) -> None:
    invoice = make(api)
    path = f"/api/v1/invoices/{invoice['id']}/void"
    first, again = (api.call("POST", path, {}, Idempotency_Key="k") for _ in range(2))
    assert (first.json["status"], again.json, again.headers["Idempotent-Replayed"]) == ("void", first.json, "true")
    assert api.call("POST", path, {}).json["code"] == "invoice_void"
    text = page(api, invoice)
    assert ("please do not pay it" in text, "<form" in text) == (True, False)
    assert pay(api, invoice).json["code"] == "invoice_void"


def test_an_unknown_invoice_is_a_page_for_people_and_a_code_for_programs(api: Api) -> None:
    for name in ("00000000-0000-4000-8000-00000000dead", "nonsense"):
        person = api.call("GET", f"/i/{name}", key=None, **BROWSER)
        assert (person.status_code, "Invoice not found" in person.body.decode()) == (404, True)
        for answer in (pay(api, {"id": name}), api.call("GET", f"/i/{name}", key=None)):
            assert (answer.status_code, answer.json["code"]) == (404, "invoice_not_found")


def test_paying_is_limited_by_invoice(api: Api) -> None:
    invoice = make(api)
    for _ in range(20):
        assert pay(api, invoice).status_code == 303
    program, person = pay(api, invoice), pay(api, invoice, **BROWSER)
    assert (program.status_code, program.json["code"]) == (429, "too_many_openings")
    assert (person.status_code, "too often" in person.body.decode()) == (429, True)


@pytest.mark.parametrize("tag", sorted(LANGUAGES))
def test_the_page_speaks_each_language(api: Api, tag: str) -> None:
    text = page(api, make(api), f"?lang={tag}")
    assert [each for each in (f'<html lang="{tag}"', f'action="?lang={tag}"') if each not in text] == []
    assert ("Left to pay" in text) is (tag == "en")
