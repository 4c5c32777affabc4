"""Prices and the payer's choice over HTTP: what a program reads, and what a payer sees without a script."""

import json
from urllib.parse import urlencode

import pytest

from functions.http.answers import FORM
from tests.world import USDC

PRICE = {"currency": "USD", "amount": "25.00"}
BROWSER = "text/html,*/*;q=0.8"


@pytest.fixture(autouse=True)
def rates(api):
    for source in api.world.rate_sources:
        source.values |= {"USDC": "1", "ETH": "2500"}


def ask(api, status=201, **wanted):
    answer = api.call("POST", "/api/v1/payments", {"price": PRICE} | wanted)
    assert answer.status_code == status, answer.body
    return answer.json


def choose(api, payment, offer="anvil:USDC", **headers):
    body = urlencode({"offer": offer}).encode()
    return api.call("POST", f"/pay/{payment['id']}/choose", body, key=None, Content_Type=FORM, **headers)


def test_a_price_on_a_chain_becomes_an_amount(api):
    made = ask(api, chain="anvil", asset="USDC")
    assert (made["amount_str"], made["price"], made["payer_chooses"]) == ("25000000", PRICE, False)
    assert (made["rate"]["asset"], made["rate"]["currency"], made["rate"]["rate"]) == ("USDC", "USD", "1")
    assert len(made["rate"]["sources"]) >= 2


@pytest.mark.parametrize(
    ("wanted", "field", "code"),
    [
        ({"price": {"currency": "XXX", "amount": "5.00"}}, "price.currency", "currency_unknown"),
        ({"price": {"currency": "EUR", "amount": "5.001"}}, "price.amount", "too_many_decimals"),
        ({"price": {"currency": "EUR", "amount": "-5"}}, "price.amount", "invalid_price"),
        ({"price": {"currency": "EUR", "amount": 5}}, "price.amount", "invalid_value"),
        ({"price": {"currency": "EUR"}}, "price.amount", "missing"),
        ({"price": {"currency": "EUR", "amount": "5", "rate": "1"}}, "price.rate", "unknown_field"),
        ({"amount": 5, "chain": "anvil"}, "price", "mutually_exclusive"),
        ({"assets": ["WIRE"]}, "assets", "asset_not_found"),
        ({"assets": "USDC"}, "assets", "invalid_value"),
        ({"price": None}, "chain", "missing"),
    ],
)
def test_what_cannot_be_priced_is_refused_and_names_its_field(api, wanted, field, code):
    refused = ask(api, 400, **wanted)
    assert [(each["field"], each["code"]) for each in refused["errors"]] == [(field, code)]


def test_the_payer_chooses_on_the_page_without_a_script(api):
    """The page offers, a plain form chooses, and the payment page asks for what was chosen; and may be left again."""
    made = ask(api, assets=["USDC", "ETH"], description="Two <b>mugs</b>", cancel_url="https://shop.example.com/back")
    assert (made["chain"], made["address"], made["amount"], made["status"]) == (None, None, None, "pending")
    page = api.call("GET", f"/pay/{made['id']}?lang=en", key=None)
    text = page.body.decode()
    assert page.status_code == 200
    for words in ("$25.00", "25 USDC", "0.01 ETH", "Two &lt;b&gt;mugs", "Choose what to pay with"):
        assert words in text
    assert ('value="anvil:USDC"' in text, "<script" in text, 'src="../assets' in text) == (True, False, False)
    status = api.call("GET", f"/pay/{made['id']}/status?lang=en", key=None).json
    assert (status["step"], status["payable"], status["address"], status["choosable"]) == ("choose", False, None, True)
    chosen = choose(api, made)
    assert (chosen.status_code, chosen.headers["Location"].split("?")[0]) == (
        303,
        f"http://api.example.com/pay/{made['id']}",
    )
    text = api.call("GET", f"/pay/{made['id']}?lang=en", key=None).body.decode()
    read = api.call("GET", f"/api/v1/payments/{made['id']}").json
    assert (read["chain"], read["amount_str"]) == ("anvil", "25000000")
    assert read["address"] in text
    assert f'href="{made["id"]}/choose?lang=en"' in text
    again = api.call("GET", f"/pay/{made['id']}/choose?lang=en", key=None).body.decode()
    assert 'value="anvil:USDC" required checked' in again
    assert 'href="../../assets/checkout.css"' in again


def test_after_money_has_come_nothing_is_chosen(api):
    """A program reads the code; a browser goes back to the payment."""
    made = ask(api)
    choose(api, made)
    address = api.call("GET", f"/api/v1/payments/{made['id']}").json["address"]
    api.world.chain.deposit(address, 5, USDC.address)
    api.world.step()
    refused = choose(api, made, "anvil:ETH")
    assert (refused.status_code, refused.json["code"]) == (409, "choice_closed")
    assert choose(api, made, "anvil:ETH", Accept=BROWSER).status_code == 303
    assert api.call("GET", f"/pay/{made['id']}/choose", key=None).status_code == 303


@pytest.mark.parametrize(
    "offer", ["anvil:DAI", "bsc:USDC", "USDC", "anvil:", "x" * 40, "anvil:USDC:USDC", "'\"><b>:<i>"]
)
def test_what_is_not_offered_is_refused(api, offer):
    made = ask(api)
    refused = choose(api, made, offer)
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (400, "asset_not_offered")
    page = choose(api, made, offer, Accept=BROWSER)
    assert (page.status_code, "Please choose another one." in page.body.decode()) == (400, True)
    assert "<b>" not in page.body.decode().replace("<bdi", "")


def test_a_choice_after_the_deadline_or_of_a_fixed_payment_is_refused(api):
    fixed, late = api.create(), ask(api)
    assert choose(api, fixed).json["code"] == "payment_not_choosable"
    api.world.clock.at += 1_800_001
    assert choose(api, late).json["code"] == "payment_expired"
    text = api.call("GET", f"/pay/{late['id']}?lang=en", key=None).body.decode()
    assert "expired" in text
    assert "anvil:USDC" not in text
    assert choose(api, {"id": "00000000-0000-4000-8000-00000000dead"}).status_code == 404


def test_too_many_choices_wait_a_minute(api):
    made = ask(api)
    answers = [choose(api, made, ("anvil:USDC", "anvil:ETH")[number % 2]) for number in range(12)]
    assert [each.status_code for each in answers] == [303] * 10 + [429] * 2
    assert (answers[-1].json["code"], int(answers[-1].headers["Retry-After"]) <= 60) == ("too_many_choices", True)


def test_without_rates_the_page_says_so_and_a_creation_is_refused_for_now(api):
    made = ask(api)
    for source in api.world.rate_sources:
        source.values.pop("ETH")
    text = api.call("GET", f"/pay/{made['id']}?lang=en", key=None).body.decode()
    assert ("25 USDC" in text, "anvil:ETH" in text, "not at the moment" in text) == (True, False, False)
    refused = choose(api, made, "anvil:ETH")
    assert refused.json["code"] == "asset_without_rate"
    for source in api.world.rate_sources:
        source.out = "timed out"
    api.world.clock.at += 200_000
    text = api.call("GET", f"/pay/{made['id']}?lang=en", key=None).body.decode()
    assert ("25 USDC" in text, "not at the moment" in text) == (True, True)
    api.world.clock.at += 10**7
    answer = api.call("POST", "/api/v1/payments", {"price": PRICE, "chain": "anvil"})
    assert (answer.status_code, answer.json["code"]) == (503, "rate_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_event_before_the_choice_leaves_out_what_is_not_known(api):
    made = ask(api)
    choose(api, made)
    feed = api.world.stores.payments.events_of(made["id"])
    created, chosen = [json.loads(api.world.stores.events.event("m1", ulid).body) for ulid in feed]
    assert (created["type"], created["data"]["address"], "address" in created) == ("payment.created", None, False)
    assert (chosen["type"], chosen["chain"], chosen["amount_str"]) == ("payment.chosen", "anvil", "25000000")
