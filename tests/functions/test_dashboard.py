"""The dashboard without a browser: who gets in, who may do what, what forms must carry, and what lists export."""

import csv
import io
import re
from typing import Any

import pyotp
import pytest

from ctrip.domain.admins import MATRIX, Role
from functions.dashboard.routes import PAGES, Page
from functions.http.answers import FORM
from functions.http.operation import OPERATIONS
from tests.functions.conftest import OWNER, Api
from tests.functions.dashboard import LISTS, Browser, address, once_of, signed_in
from tests.functions.test_access import settlement_of
from tests.world import ORIGIN

GUARDED = [each for each in PAGES if not each.open]
FORMS = [each for each in GUARDED if each.method == "POST"]
# What a form sends that passes its model, where it must hold something.
FIELDS: dict[str, dict[str, str]] = {
    "payments.redeliver": {"endpoint_id": "e", "delivery_id": "d"},
    "deposits.assign": {"payment_id": "p"},
    "payouts.reject": {"reason": "no"},
    "payouts.complete": {"tx_hash": "0x" + "5d" * 32},
    "merchants.create": {"name": "Second shop"},
    "keys.create": {"name": "n", "scopes.payments:read": "payments:read"},
    "endpoints.create": {"url": "https://shop.example/hooks"},
    "endpoints.switch": {"enabled": "no"},
    "endpoints.redeliver": {"delivery_id": "d"},
    "users.create": {"email": "new@ops.example", "name": "n", "role": "viewer"},
    "account.change_password": {"password": "wrong", "new_password": "long enough, surely"},
    "account.begin_totp": {"password": "wrong"},
    "account.confirm_totp": {"code": "000000"},
    "account.end_totp": {"password": "wrong"},
}


def named(page: Page) -> str:
    """Name a page in a test's id."""
    return f"{page.method}-{page.view}"


# -- signing in and out


def test_the_cookie_is_for_this_site_and_no_script(api: Api) -> None:
    """HttpOnly, SameSite=Strict, of the dashboard's path alone; Secure wherever it is not this machine (threat 12)."""
    browser = Browser(api)
    browser.get("/admin/login")
    api.token()
    answer = browser.post("/admin/login", email=OWNER[0], password=OWNER[1])
    kept = answer.headers["Set-Cookie"]
    assert re.fullmatch(
        r"ctrip_admin=ctrp_\w{16}_[\w-]{43}; Path=/admin; Max-Age=43200; HttpOnly; SameSite=Strict", kept
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")


@pytest.mark.parametrize("stage", ["prod"])
def test_elsewhere_the_cookie_is_secure_and_paths_have_the_stage(api: Api, stage: str) -> None:
    """Behind API Gateway's own domain its stage stands before every path, and the cookie goes over TLS alone."""
    object.__setattr__(api.stage.adapters, "own", _deployed(api))
    browser = Browser(api)
    answer = browser.get("/admin/login", Host="abc.execute-api.eu-central-1.amazonaws.com")
    assert answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")
    del stage


def _deployed(api: Api) -> Any:
    from dataclasses import replace

    return replace(api.stage.settings, stage="prod")


def test_a_wrong_password_and_an_unknown_address_look_the_same(api: Api) -> None:
    """One sentence for every cause, and the form again."""
    api.token()
    browser = Browser(api)
    browser.get("/admin/login")
    said = set()
    for email, password in ((OWNER[0], "wrong"), ("nobody@ops.example", OWNER[1]), ("nonsense", "x")):
        answer = browser.post("/admin/login", email=email, password=password)
        assert answer.status_code == 401
        said.add(re.search(r'role="alert">([^<]+)<', answer.text)[1])  # type: ignore[index]
    assert len(said) == 1
    assert "ctrip_admin" not in browser.cookies


def test_a_second_factor_is_asked_for_and_set_up_on_a_page(api: Api) -> None:
    """The secret is shown once, with a QR code; from then on the password alone opens nothing."""
    browser = signed_in(api)
    shown = browser.post("/admin/account/totp", password=OWNER[1])
    secret = re.search(r'<code class="whole">([A-Z2-7]+)</code>', shown.text)[1]  # type: ignore[index]
    assert "<svg" in shown.text
    code = pyotp.TOTP(secret).at(api.world.clock.now() // 1000)
    assert browser.post("/admin/account/totp/confirm", code=code).headers["Location"] == "/admin/account?done=totp_on"
    later = Browser(api)
    later.get("/admin/login")
    assert later.post("/admin/login", email=OWNER[0], password=OWNER[1]).status_code == 401
    api.world.clock.wait(60)
    fresh = pyotp.TOTP(secret).at(api.world.clock.now() // 1000)
    assert later.post("/admin/login", email=OWNER[0], password=OWNER[1], code=fresh).status_code == 303


def test_ten_wrong_passwords_lock_the_form_as_they_lock_the_api(api: Api) -> None:
    """The lockout is the same one (threat 8)."""
    api.token()
    browser = Browser(api)
    browser.get("/admin/login")
    statuses = [browser.post("/admin/login", email=OWNER[0], password=f"wrong {n}").status_code for n in range(11)]
    assert statuses == [401] * 10 + [429]
    assert api.sign_in(*OWNER).status_code == 429


def test_signing_out_ends_the_session_wherever_its_cookie_is(api: Api) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    browser = signed_in(api)
    copied = dict(browser.cookies)
    assert browser.post("/admin/logout").headers["Location"] == "/admin/login"
    browser.cookies = copied
    assert browser.get("/admin").headers["Location"] == "/admin/login"


def test_the_cookie_is_no_token_of_the_api_and_none_of_the_apis_is_the_cookie(api: Api) -> None:
    """What a browser keeps opens pages alone; a refresh token opens none."""
    browser = signed_in(api)
    cookie = browser.cookies["ctrip_admin"]
    assert api.call("GET", "/admin/api/me", key=cookie).status_code == 401
    assert api.call("POST", "/admin/api/refresh", {"refresh_token": cookie}, key=None).status_code == 401
    refresh = api.sign_in(*OWNER).json["refresh_token"]
    browser.cookies = {"ctrip_admin": refresh}
    assert browser.get("/admin").status_code == 303


def test_a_session_ends_after_twelve_hours_and_with_a_new_role(api: Api) -> None:
    """What holds for tokens holds for the cookie."""
    viewer = signed_in(api, Role.VIEWER)
    owner = signed_in(api)
    [user] = [each for each in api.admin("GET", "/users").json["data"] if each["role"] == "viewer"]
    api.world.clock.wait(1)
    assert owner.post(f"/admin/users/{user['id']}", role="accountant").status_code == 303
    assert viewer.get("/admin").status_code == 303
    api.world.clock.wait(12 * 3600)
    assert owner.get("/admin").status_code == 303


@pytest.mark.parametrize(
    "asked", ["//evil.example", "https://evil.example", "/\\evil.example", "/payments/../../x", "javascript:alert(1)"]
)
def test_signing_in_never_leads_elsewhere(api: Api, asked: str) -> None:
    """Where to go on is one of the dashboard's own pages."""
    api.token()
    browser = Browser(api)
    browser.get("/admin/login")
    answer = browser.post("/admin/login", email=OWNER[0], password=OWNER[1], next=asked)
    assert answer.headers["Location"] == "/admin"


def test_who_is_sent_to_sign_in_comes_back_to_the_page(api: Api) -> None:
    """The page that was asked for, after the form."""
    api.token()
    browser = Browser(api)
    to = browser.get("/admin/merchants/m1/keys").headers["Location"]
    assert to == "/admin/login?next=%2Fmerchants%2Fm1%2Fkeys"
    assert 'name="next" value="/merchants/m1/keys"' in browser.get(to).text
    answer = browser.post("/admin/login", email=OWNER[0], password=OWNER[1], next="/merchants/m1/keys")
    assert answer.headers["Location"] == "/admin/merchants/m1/keys"


# -- who may do what


@pytest.mark.parametrize("page", GUARDED, ids=named)
def test_without_a_session_no_page_is_shown_and_no_form_is_taken(api: Api, page: Page) -> None:
    """Whatever the cookie holds: the way leads to the form."""
    browser = Browser(api)
    for cookie in (None, "nonsense", "ctrp_aaaaaaaaaaaaaaaa_" + "b" * 43):
        browser.cookies = {"ctrip_admin": cookie} if cookie else {}
        path = address(page, merchant_id="m1")
        answer = browser.get(path) if page.method == "GET" else browser.post(path, _csrf="f" * 64)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/admin/login")
    polled = browser.get(address(page), Hx_Request="true") if page.method == "GET" else None
    if polled is not None:
        assert (polled.status_code, polled.headers["HX-Redirect"]) == (401, "/admin/login")


@pytest.mark.parametrize("role", list(Role))
def test_the_permission_matrix_is_what_pages_enforce(api: Api, role: Role) -> None:
    """For every page and form, 403 exactly where the matrix has no entry: the same matrix as the API's."""
    for page in GUARDED:
        if page.view == "session.sign_out":
            continue
        browser = signed_in(api, role)
        path = address(page, merchant_id="m1", payment_id=api.create()["id"])
        answer = browser.get(path) if page.method == "GET" else browser.post(path, **FIELDS.get(page.view, {}))
        allowed = page.requires is None or role in MATRIX[page.requires]
        refused = answer.status_code == 403 and "does not carry the permission" in answer.text
        assert refused is not allowed, (page.path, answer.status_code, answer.text)
        assert answer.status_code != 500, (page.path, answer.text)


def test_a_form_takes_the_permission_of_the_operation_that_it_is_like() -> None:
    """And each operation of the admin API that changes something has a form, or is known to have none."""
    operations = {each.name: each for each in OPERATIONS if each.path.startswith("/admin/api")}
    for page in PAGES:
        if page.like:
            assert page.requires == operations[page.like].requires, page.path
    without = {"refresh", "set_merchant_treasury", "set_merchant_settlement_address", "set_merchant_brand"}
    without |= {"add_merchant_key"}
    assert {each.name for each in operations.values() if each.method != "GET"} - {
        each.like for each in PAGES
    } == without


def shown_actions(text: str) -> set[str]:
    """Return where a page's forms are sent, but for signing out."""
    return set(re.findall(r'<form method="post"[^>]* action="/admin(/[^"]+)"', text)) - {"/logout"}


@pytest.mark.parametrize("role", list(Role))
def test_a_page_shows_no_button_that_its_reader_may_not_use(api: Api, role: Role) -> None:
    """Each form of each page is one that the matrix lets this role send."""
    settlement_of(api)
    payment = api.create()["id"]
    browser = signed_in(api, role)
    ids = {"merchant_id": "m1", "payment_id": payment}
    ids["endpoint_id"] = api.call("POST", "/api/v1/webhooks", {"url": "https://shop.example/h"}).json["id"]
    seen: set[str] = set()
    for page in GUARDED:
        if page.method != "GET" or (page.requires and role not in MATRIX[page.requires]):
            continue
        for action in shown_actions(browser.get(address(page, **ids)).text):
            taken = [each for each in FORMS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each.path), f"/admin{action}")]
            assert taken, action
            assert any(each.requires is None or role in MATRIX[each.requires] for each in taken), (page.path, action)
            seen.add(taken[0].view)
    if role is Role.VIEWER:
        assert seen <= {"account.change_password", "account.begin_totp"}
    if role is Role.OWNER:
        assert {"payments.cancel", "payouts.approve", "keys.create", "users.create", "merchants.update"} <= seen


# -- forged forms (threat 12)


@pytest.mark.parametrize("page", FORMS, ids=named)
def test_a_forged_form_is_403_and_changes_nothing(api: Api, page: Page) -> None:
    """Without the session's token, with another session's, and from another site with the right one."""
    other, browser = signed_in(api, Role.OPERATOR), signed_in(api)
    payment = api.create()["id"]
    path, fields = address(page, merchant_id="m1", payment_id=payment), FIELDS.get(page.view, {})
    heads = {
        "evil": {"Origin": "https://evil.example"},
        "null": {"Origin": "null"},
        "site": {"Sec_Fetch_Site": "cross-site"},
        "below": {"Sec_Fetch_Site": "same-site", "Origin": "https://api.example.com"},
    }
    tried = [browser.post(path, _csrf=token, **fields) for token in ("", "0" * 64, other.csrf)]
    tried += [browser.post(path, _headers=head, **fields) for head in heads.values()]
    assert [each.status_code for each in tried] == [403] * 7
    assert all("did not come from a page of this dashboard" in each.text for each in tried)
    assert browser.get("/admin/account").status_code == 200
    assert api.world.payment(payment).version == 1
    assert len(api.admin("GET", "/merchants").json["data"]) == 1


def test_a_sign_in_form_from_elsewhere_is_403(api: Api) -> None:
    """Nobody is signed in to somebody else's account: the form is bound to the browser that asked for it."""
    api.token()
    mine, theirs = Browser(api), Browser(api)
    mine.get("/admin/login")
    theirs.get("/admin/login")
    forged = theirs.post("/admin/login", _csrf=mine.csrf, email=OWNER[0], password=OWNER[1])
    bare = Browser(api).post("/admin/login", _csrf="0" * 64, email=OWNER[0], password=OWNER[1])
    assert (forged.status_code, bare.status_code) == (403, 403)


@pytest.mark.parametrize("origin", ["https://api.example.com", None])
def test_our_own_form_is_taken(api: Api, origin: str | None) -> None:
    """With the origin of this host, and from browsers that name none."""
    browser = signed_in(api)
    head = {"Origin": origin, "Sec_Fetch_Site": "same-origin"} if origin else {}
    payment = api.create()["id"]
    assert browser.post(f"/admin/payments/{payment}/cancel", _headers=head).status_code == 303


@pytest.mark.parametrize("page", FORMS, ids=named)
def test_a_form_takes_no_field_that_it_does_not_ask_for(api: Api, page: Page) -> None:
    """Threat 10 holds for forms as for bodies."""
    browser = signed_in(api)
    answer = browser.post(address(page, merchant_id="m1"), **FIELDS.get(page.view, {}), account="1")
    assert answer.status_code == 400
    assert "<strong>account</strong> is not a field of this request" in answer.text


# -- what pages do


def test_a_payment_is_cancelled_once_though_its_form_is_sent_twice(api: Api) -> None:
    """A double click is one click; a second, fresh form is refused with the reason."""
    browser = signed_in(api)
    payment = api.create()["id"]
    once = once_of(browser.get(f"/admin/payments/{payment}").text)
    sent = [browser.post(f"/admin/payments/{payment}/cancel", once=once) for _ in range(2)]
    assert [each.headers.get("Location") for each in sent] == [f"/admin/payments/{payment}?done=cancelled"] * 2
    assert "Cancelled." in browser.get(f"/admin/payments/{payment}?done=cancelled").text
    again = browser.post(f"/admin/payments/{payment}/cancel", once="another")
    assert again.status_code == 409
    assert "cannot be cancelled" in again.text
    [created, cancelled] = api.admin("GET", f"/audit?payment_id={payment}").json["data"]
    assert cancelled["actor"].startswith("admin:")
    assert created["actor"] == "key:testkey001"


def test_two_persons_approve_a_settlement_and_one_twice_does_not(api: Api) -> None:
    """As the API has it: the second approval of one person is refused, another's counts."""
    settlement = settlement_of(api)
    path = f"/admin/payouts/m1/{settlement}/approve"
    owner, accountant = signed_in(api), signed_in(api, Role.ACCOUNTANT)
    assert owner.post(path, once="1").status_code == 303
    assert owner.post(path, once="2").status_code == 409
    assert "You have approved it." in owner.get("/admin/payouts").text
    assert accountant.post(path, once="3").status_code == 303
    assert api.world.stores.payouts.payout("m1", settlement).state == "approved"


def test_a_rejection_needs_its_reason(api: Api) -> None:
    """And its merchant reads it."""
    settlement = settlement_of(api)
    browser = signed_in(api)
    path = f"/admin/payouts/m1/{settlement}/reject"
    assert browser.post(path).status_code == 400
    assert browser.post(path, reason="Not the address that we know.").status_code == 303
    assert api.call("GET", f"/api/v1/settlements/{settlement}").json["reason"] == "Not the address that we know."


def test_secrets_are_shown_once(api: Api) -> None:
    """The page that answers the form has them; nothing that is loaded later does."""
    browser = signed_in(api)
    made = browser.post(
        "/admin/merchants/m1/keys", name="Till", **{"scopes.payments:read": "payments:read"}, once="one-key"
    )
    [key] = re.findall(r"ctrip_[0-9a-z]+_[0-9A-Za-z_-]+", made.text)
    assert api.call("GET", "/api/v1/payments", key=key).status_code == 200
    listed = browser.get("/admin/merchants/m1/keys").text
    assert "Till" in listed
    assert key not in listed
    again = browser.post(
        "/admin/merchants/m1/keys", name="Till", **{"scopes.payments:read": "payments:read"}, once="one-key"
    )
    assert "not shown again" in again.text
    assert key not in again.text


def test_what_a_merchant_wrote_is_text(api: Api) -> None:
    """Threat 11: names, orders and notes are escaped wherever a page shows them."""
    evil = '"><script>alert(1)</script>'
    payment = api.create(order_id=evil, description=evil, metadata={"note": evil})["id"]
    browser = signed_in(api)
    browser.post("/admin/merchants/m1", name=evil)
    for path in (
        "/admin/payments",
        f"/admin/payments/{payment}",
        "/admin/merchants",
        "/admin/merchants/m1",
        "/admin/audit",
    ):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_a_payment_whose_payer_has_not_chosen_is_shown_with_its_price(api: Api) -> None:
    """On the overview, in lists and by itself, as HTML and as CSV; and the choice is on record as the payer's."""
    browser = signed_in(api)
    made = api.call("POST", "/api/v1/payments", {"price": {"currency": "USD", "amount": "1250.00"}}).json
    audit = f"/admin/audit?kind=payment_id&id={made['id']}"
    for path in ("/admin", "/admin?format=csv", "/admin/payments?format=csv", audit):
        assert browser.get(path).status_code == 200, path
    for path in ("/admin/payments", f"/admin/payments/{made['id']}"):
        assert "1250.00 USD" in browser.get(path).text
    api.stage.payments.chooser.choose(made["id"], "anvil", "USDC", ORIGIN)
    api.call("POST", f"/pay/{made['id']}/choose", b"offer=anvil%3AETH", key=None, Content_Type=FORM)
    text = browser.get(f"/admin/payments/{made['id']}").text
    assert "1 ETH = " in text
    assert "payer" in browser.get(audit).text


def test_the_largest_amount_may_be_broken_between_its_thousands(api: Api) -> None:
    """Else one such payment makes the whole list wider than the page."""
    api.create(amount=str(2**256 - 1))
    text = signed_in(api).get("/admin/payments").text
    assert "115,<wbr>792,<wbr>089," in text
    assert "<wbr>" not in re.sub(r'<span class="amount long".*?</span>', "", text)


def test_a_payment_is_found_by_its_id_address_and_order(api: Api) -> None:
    """One field finds them all, and says so where it finds nothing."""
    browser = signed_in(api)
    payment = api.create(order_id="A-17")
    for text in (payment["id"], payment["id"].upper(), payment["address"], payment["address"].lower(), "A-17"):
        assert browser.get(f"/admin/payments?find={text}").headers["Location"] == f"/admin/payments/{payment['id']}"
    assert "Nothing has the id" in browser.get("/admin/payments?find=A-18").text


@pytest.mark.parametrize("page", LISTS, ids=named)
def test_every_list_is_csv_too(api: Api, page: Page) -> None:
    """With a line of headings, saved as a file."""
    browser = signed_in(api)
    answer = browser.get(f"{page.path}?format=csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert len(next(csv.reader(io.StringIO(answer.text)))) >= 5


def test_csv_holds_every_page_of_a_list_and_runs_no_formula(api: Api) -> None:
    """Beyond the page that is shown; a cell that would be a formula is text (threat 13)."""
    for number in range(30):
        api.create(order_id=f"=1+{number}")
    rows = list(csv.DictReader(io.StringIO(signed_in(api).get("/admin/payments?format=csv").text)))
    assert len(rows) == 30
    assert {each["order_id"][:2] for each in rows} == {"'="}


def test_the_living_part_is_sent_again_only_when_it_changed(api: Api) -> None:
    """What the page polls has an ETag, which holds until the payment moves."""
    browser = signed_in(api)
    payment = api.create()["id"]
    path = f"/admin/payments/{payment}"
    first = browser.get(path, Hx_Request="true")
    assert first.status_code == 200
    assert "<html" not in first.text
    assert "Received" in first.text
    tag = first.headers["ETag"]
    same = browser.get(path, Hx_Request="true", If_None_Match=tag)
    assert (same.status_code, same.text) == (304, "")
    api.call("POST", f"/api/v1/payments/{payment}/cancel")
    moved = browser.get(path, Hx_Request="true", If_None_Match=tag)
    assert moved.status_code == 200
    assert moved.headers["ETag"] != tag


def test_the_overview_shows_what_was_counted(api: Api) -> None:
    """Payments by state and by day, from the figures; a payment that is held is one that needs somebody."""
    for _ in range(3):
        api.create()
    browser = signed_in(api)
    before = browser.get("/admin").text
    assert "Nothing is counted yet" in before
    api.world.clock.wait(600)
    api.stage.figures.counter.run()
    text = browser.get("/admin").text
    assert re.search(r'class="chip pending">pending</span> <b>3</b>', text)
    assert 'data-volume="0"' in text


def test_every_page_forbids_what_it_does_not_need(api: Api) -> None:
    """No script but ours, no frame, no sniffing, nothing kept: on pages, refusals and parts alike."""
    browser = signed_in(api)
    for answer in (
        browser.get("/admin"),
        browser.get("/admin/payments/nonsense"),
        browser.get("/admin", Hx_Request="true"),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"<script(?![^>]* src=)| style=| on[a-z]+=|https?://(?!www\.w3\.org)", answer.text)
