"""Who may do what: every route, for strangers, for other merchants, and for every role (threats 5, 6, 9, 10)."""

import json
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

import app
from ctrip.domain.admins import MATRIX, Permission, Role
from ctrip.domain.merchants.access import Scope
from ctrip.domain.merchants.signing import SignedRequest
from ctrip.domain.settlement.payout import Booking, Payout, PayoutKind, PayoutState, Source
from ctrip.ports.payouts import PayoutCommit
from ctrip_client import sign_request
from functions.dashboard.routes import PAGES
from functions.http.operation import OPERATIONS, Auth, Operation
from tests.functions.conftest import KEY, SIGNING_SECRET, Api, add_key
from tests.world import XPUB2, put_merchant

OTHER = "ctrip_otherkey01_0123456789abcdefghijkl"
PAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "signing.json").read_text())
OF_MERCHANTS = [each for each in OPERATIONS if each.auth is Auth.MERCHANT]
OF_ADMINS = [each for each in OPERATIONS if each.auth is Auth.ADMIN]

# What a valid call of each operation sends, where that is more than nothing.
BODIES: dict[str, dict[str, Any]] = {
    "create_payment": {"chain": "anvil", "amount": 1},
    "create_link": {"title": "T", "price": {"currency": "USD", "amount": "1.00"}},
    "create_invoice": {"currency": "USD", "items": [{"description": "D", "quantity": 1, "unit_price": "5.00"}]},
    "create_key": {"name": "n", "scopes": ["payments:read"]},
    "create_endpoint": {"url": "https://shop.example/hooks"},
    "redeliver_a_time": {"created_after": "2020-01-01T00:00:00Z"},
    "create_merchant_key": {"name": "n", "scopes": ["payments:read"]},
    "create_settlement": {"chain": "anvil"},
    "create_refund": {"address": PAYER},
    "refund_unmatched_deposit": {"address": PAYER},
    "assign_unmatched_deposit": {"payment_id": UNKNOWN},
    "complete_refund": {"tx_hash": "0x" + "5d" * 32},
    "set_settlement_address": {"address": PAYER},
    "set_merchant_settlement_address": {"address": PAYER},
    "set_settlement_schedule": {"every": "daily"},
    "reject_payout": {"reason": "no"},
    "create_merchant": {"name": "n"},
    "create_user": {"email": "new@ops.example", "name": "n", "role": "viewer"},
    "change_my_password": {"password": "wrong", "new_password": "long enough, surely"},
    "begin_totp": {"password": "wrong"},
    "confirm_totp": {"code": "000000"},
    "end_totp": {"password": "wrong"},
}


def url(operation: Operation, **ids: str) -> str:
    """Fill an operation's path."""
    path = re.sub(r"\{(\w+)\}", lambda match: ids.get(match.group(1), UNKNOWN), operation.path)
    needed = {"list_merchant_payments": "?merchant_id=m1", "read_audit": "?merchant_id=m1"}
    needed |= {"list_rates": "?currency=EUR"}
    return path + needed.get(operation.name, "")


def second_merchant(api: Api) -> None:
    """A second merchant, with a key that may do everything."""
    put_merchant(api.world.stores.access, replace(api.world.merchant, id="m2", account=2, xpub=XPUB2))
    add_key(api.world, OTHER, frozenset(Scope), "m2")


def test_every_route_is_an_operation() -> None:
    """What Chalice serves is an operation or a page of the dashboard, so that no route escapes the tests of both."""
    served = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    assert served == {(each.method, each.path) for each in (*OPERATIONS, *PAGES)}
    names = [each.name for each in OPERATIONS]
    assert len(set(names)) == len(names)


def test_what_is_open_is_listed_here() -> None:
    """A route without a credential is a decision."""
    assert {each.path for each in OPERATIONS if each.auth is Auth.NONE} == {
        *("/health", "/health/ready", "/pay/{payment_id}", "/pay/{payment_id}/status", "/assets/{name}"),
        *("/brands/{merchant_id}/logo", "/brands/{merchant_id}/style.css"),
        *("/pay/{payment_id}/choose", "/l/{link_id}", "/i/{invoice_id}"),
        *("/claim/{secret}", "/openapi.json", "/openapi-3.0.json", "/docs", "/admin/api/login", "/admin/api/refresh"),
    }
    for each in OPERATIONS:
        if each.path.startswith("/api/v1"):
            assert each.auth is Auth.MERCHANT, each.path
        if each.path.startswith("/admin") and each.auth is not Auth.NONE:
            assert each.auth is Auth.ADMIN, each.path


@pytest.mark.parametrize("operation", [*OF_MERCHANTS, *OF_ADMINS], ids=lambda each: each.name)
def test_without_a_credential_every_route_is_401(api: Api, operation: Operation) -> None:
    """Before anything of the body is looked at, and always in the same words."""
    wrong = [None, "nonsense", KEY[:-1] + "m", "ctrip_nobody0001_0123456789abcdefghijkl", "x.y.z"]
    wrong.append(api.token() if operation.auth is Auth.MERCHANT else KEY)
    said = set()
    for key in wrong:
        answer = api.call(operation.method, url(operation), b"{not json", key=key)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), (operation.name, key)
        said.add(answer.json["detail"])
    assert len(said) == 1


@pytest.mark.parametrize("operation", OF_MERCHANTS, ids=lambda each: each.name)
def test_a_key_without_the_scope_is_403(api: Api, operation: Operation) -> None:
    """Every other scope together does not open it."""
    narrow = "ctrip_narrowkey1_0123456789abcdefghijkl"
    add_key(api.world, narrow, frozenset(Scope) - {operation.requires})
    answer = api.call(operation.method, url(operation), BODIES.get(operation.name), key=narrow)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


# A chain is nobody's own: what is below one is the caller's.
OF_ONE_THING = [each for each in OF_MERCHANTS if "{" in each.path and not each.path.endswith("{chain}")]


def settlement_of(api: Api) -> str:
    """Put a settlement that waits for approval in the store; return its id."""
    made = Payout(
        id="stl_01JDSETTLEMENT000000000001",
        kind=PayoutKind.SETTLEMENT,
        merchant_id="m1",
        chain="anvil",
        token_id=None,
        token=None,
        symbol="ETH",
        decimals=18,
        amount=1000,
        to=PAYER,
        asked_by="key:testkey001",
        state=PayoutState.AWAITING_APPROVAL,
        approvals_needed=2,
    )
    api.world.stores.payouts.commit(PayoutCommit(before=None, after=made))
    return made.id


def refund_of(api: Api, settlement_id: str, payment_id: str) -> str:
    """Put a refund that its merchant is to send beside it; return its id."""
    settlement = api.world.stores.payouts.payout("m1", settlement_id)
    assert settlement is not None
    made = replace(
        settlement,
        id="ref_01JDREFUND0000000000000001",
        kind=PayoutKind.REFUND,
        payment_id=payment_id,
        source=Source.OWN,
        state=PayoutState.AWAITING_TRANSFER,
        booking=Booking.CLOSED,
    )
    api.world.stores.payouts.commit(PayoutCommit(before=None, after=made))
    return made.id


@pytest.mark.parametrize("operation", OF_ONE_THING, ids=lambda each: each.name)
def test_another_merchants_thing_is_as_unknown_as_any(api: Api, operation: Operation) -> None:
    """The same 404, to the last letter, as for an id that nobody has (threat 9)."""
    second_merchant(api)
    endpoint = api.call("POST", "/api/v1/webhooks", BODIES["create_endpoint"]).json["id"]
    api.call("POST", f"/api/v1/webhooks/{endpoint}/test", {})
    api.world.deliver_all()
    [delivery] = [each["id"] for each in api.call("GET", f"/api/v1/webhooks/{endpoint}/deliveries").json["data"]]
    mine = {"payment_id": api.create()["id"], "key_id": "testkey001", "endpoint_id": endpoint, "delivery_id": delivery}
    unknown = {"payment_id": UNKNOWN, "key_id": "nobodyskey1", "endpoint_id": UNKNOWN, "delivery_id": delivery}
    mine |= {"settlement_id": settlement_of(api), "deposit_id": "dep_1"}
    mine |= {"link_id": api.call("POST", "/api/v1/links", BODIES["create_link"]).json["id"]}
    mine |= {"invoice_id": api.call("POST", "/api/v1/invoices", BODIES["create_invoice"]).json["id"]}
    mine |= {"refund_id": refund_of(api, mine["settlement_id"], mine["payment_id"])}
    unknown |= {
        "settlement_id": UNKNOWN,
        "refund_id": UNKNOWN,
        "deposit_id": "dep_1",
        "link_id": UNKNOWN,
        "invoice_id": UNKNOWN,
    }
    body = BODIES.get(operation.name)
    foreign = api.call(operation.method, url(operation, **mine), body, key=OTHER)
    nothing = api.call(operation.method, url(operation, **unknown), body, key=OTHER)
    assert (foreign.status_code, nothing.status_code) == (404, 404)
    told = [
        json.dumps({**answer.json, "request_id": ""}).replace(each, "ID")
        for answer, ids in ((foreign, mine), (nothing, unknown))
        for each in [next(value for name, value in ids.items() if name in operation.path)]
    ]
    assert told[0] == told[1]
    name = operation.path
    assert api.call("GET", "/api/v1/keys").json["data"][0]["enabled"] is True
    assert api.call("GET", f"/api/v1/webhooks/{endpoint}").json["enabled"] is True
    assert api.world.payment(mine["payment_id"]).version == 1, name
    settlement = api.call("GET", f"/api/v1/settlements/{mine['settlement_id']}").json
    assert settlement["status"] == "awaiting_approval"
    assert api.call("GET", f"/api/v1/refunds/{mine['refund_id']}").json["tx_hash"] is None


@pytest.mark.parametrize(
    "operation", [each for each in OF_MERCHANTS if "{" not in each.path], ids=lambda each: each.name
)
def test_lists_show_a_merchants_own(api: Api, operation: Operation) -> None:
    """Another merchant's list holds none of the first one's ids."""
    second_merchant(api)
    mine = api.create(order_id="A1")["id"]
    if operation.method == "GET":
        answer = api.call("GET", url(operation), key=OTHER)
        assert answer.status_code == 200
        assert mine not in answer.body.decode()
        assert "testkey001" not in answer.body.decode()
    assert api.call("GET", "/api/v1/payments?order_id=A1", key=OTHER).json["data"] == []
    foreign = api.call("GET", f"/api/v1/events?payment_id={mine}", key=OTHER)
    assert (foreign.status_code, foreign.json["code"]) == (404, "payment_not_found")


def test_an_idempotency_key_is_a_merchants_own(api: Api) -> None:
    """The same key of two merchants makes two payments."""
    second_merchant(api)
    made = [
        api.call("POST", "/api/v1/payments", BODIES["create_payment"], key=key, Idempotency_Key="k").json["id"]
        for key in (KEY, OTHER, KEY)
    ]
    assert made[0] == made[2] != made[1]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("operation", OF_ADMINS, ids=lambda each: each.name)
def test_the_permission_matrix_is_what_routes_enforce(api: Api, operation: Operation, role: Role) -> None:
    """For every route and every role, 403 exactly where the matrix has no entry."""
    answer = api.call(operation.method, url(operation), BODIES.get(operation.name), key=api.token(role))
    refused = (answer.status_code, (answer.json or {}).get("code")) == (403, "forbidden")
    allowed = operation.signed_in or role in MATRIX[Permission(str(operation.requires))]
    assert refused is not allowed, answer.body


def test_every_permission_has_its_row_and_its_route() -> None:
    """Nothing in the matrix is dead, and an owner may do everything."""
    assert set(MATRIX) == set(Permission) == {each.requires for each in OF_ADMINS if each.requires}
    assert all(Role.OWNER in roles for roles in MATRIX.values())
    writes = {each.requires for each in OF_ADMINS if each.method != "GET" and each.requires}
    assert not [each for each in writes if Role.VIEWER in MATRIX[Permission(str(each))]]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=lambda each: each.name)
def test_unknown_fields_are_refused_everywhere(api: Api, operation: Operation) -> None:
    """Threat 10: what an answer shows cannot be sent, nor anything else that is not asked for."""
    assert operation.body is not None
    key = api.token() if operation.auth is Auth.ADMIN else KEY if operation.auth is Auth.MERCHANT else None
    fields = ("id", "merchant_id", "status", "account", "version", "enabled_", "role_", "xpub_", "address", "credited")
    for field in set(fields) - set(operation.body.model_fields):
        body = BODIES.get(operation.name, {}) | {field: "x"}
        answer = api.send(operation, url(operation), body, key)
        assert answer.status_code == 400, (operation.name, field, answer.body)
        assert field in [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if not each.body and each.auth is not Auth.NONE],
    ids=lambda each: each.name,
)
def test_routes_without_fields_take_none(api: Api, operation: Operation) -> None:
    """Neither in the query nor in a body; an empty object is as good as nothing."""
    key = api.token() if operation.auth is Auth.ADMIN else KEY
    path = url(operation)
    answer = api.call(operation.method, path + ("&" if "?" in path else "?") + "nonsense=1", key=key)
    assert (answer.status_code, answer.json["errors"][0]) == (
        400,
        {"field": "nonsense", "code": "unknown_parameter", "detail": "is not a parameter of this route"},
    )
    if operation.method in ("POST", "DELETE"):
        answer = api.call(operation.method, path, {"nonsense": 1}, key=key)
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "unknown_field")


# -- signed requests (threat 5)


def signed(api: Api, method: str = "GET", path: str = "/api/v1/payments", body: Any = None, **changed: Any) -> Any:
    """Sign a call, and change parts of it behind the signature's back."""
    sent = json.dumps(body).encode() if body is not None else b""
    now, key = api.world.clock.now() // 1000 + changed.get("skew", 0), changed.get("key_id", "testkey001")
    where, _, query = changed.get("signed_path", path).partition("?")
    request = SignedRequest(
        method=method,
        path=where,
        query=tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if pair),  # type: ignore[misc]
        key_id=key,
        timestamp=str(now),
        nonce=changed.get("nonce") or secrets.token_hex(16),
        body=sent,
    )
    headers = {
        "X_Key_Id": key,
        "X_Timestamp": request.timestamp,
        "X_Nonce": request.nonce,
        "X_Signature": request.signature(changed.get("secret", SIGNING_SECRET)),
    }
    headers |= changed.get("headers", {})
    return api.call(method, path, changed.get("sent", sent) or None, key=None, **headers)


def test_a_signed_request_is_as_good_as_a_bearer_key(api: Api) -> None:
    """Reading, writing, with a query, with a body."""
    assert signed(api).status_code == 200
    assert signed(api, path="/api/v1/payments?limit=3&chain=anvil").status_code == 200
    made = signed(api, "POST", body=BODIES["create_payment"])
    assert made.status_code == 201
    assert signed(api, path=f"/api/v1/payments/{made.json['id']}").json == made.json
    assert signed(api, "POST", f"/api/v1/payments/{made.json['id']}/cancel", body={}).status_code == 200


def by_the_client(api: Api, method: str, signed_path: str, path: str, query: str = "") -> Any:
    """Sign a call with the published client's helper, and send it to a path that may be another."""
    headers = sign_request(
        method,
        signed_path,
        parse_qsl(query, keep_blank_values=True),
        key_id="testkey001",
        secret=SIGNING_SECRET,
        timestamp=api.world.clock.now() // 1000,
        nonce=secrets.token_hex(16),
    )
    sent = {name.replace("-", "_"): value for name, value in headers.items()}
    return api.call(method.upper(), f"{path}?{query}" if query else path, key=None, **sent)


@pytest.mark.parametrize("method", ["get", "Get", "GET"])
def test_a_method_is_signed_in_capital_letters_however_it_is_written(api: Api, method: str) -> None:
    assert by_the_client(api, method, "/api/v1/payments", "/api/v1/payments").status_code == 200


def test_a_path_is_signed_as_it_is_sent(api: Api) -> None:
    """Still encoded: decoded, or encoded otherwise, it is another one."""
    made = signed(api, "POST", body=BODIES["create_payment"]).json["id"]
    encoded, plain = (f"/api/v1/payments/{each}" for each in (f"%{ord(made[0]):02x}{made[1:]}", made))
    # The signature holds; that this front, unlike API Gateway, decodes no path is its own.
    assert by_the_client(api, "GET", encoded, encoded).json["code"] == "payment_not_found"
    for signed_path in (plain, encoded.upper(), f"{encoded}/"):
        assert by_the_client(api, "GET", signed_path, encoded).status_code == 401
    assert by_the_client(api, "GET", plain, encoded).status_code == 401
    assert by_the_client(api, "GET", f"{plain}/", f"{plain}/").json["id"] == made


@pytest.mark.parametrize("query", ["limit=5&limit=6", "chain=anvil&limit=5&limit=5", "status=paid&status="])
def test_a_repeated_name_in_a_query_is_refused_by_its_name(api: Api, query: str) -> None:
    """Its signature holds, for every pair is signed; which of them was meant nobody knows."""
    answer = by_the_client(api, "GET", "/api/v1/payments", "/api/v1/payments", query)
    repeated = "status" if "status" in query else "limit"
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json["errors"]] == [(repeated, "repeated_parameter")]


def test_the_page_says_what_is_signed(api: Api) -> None:
    page = " ".join(api.call("GET", "/docs", key=None).body.decode().split())
    for words in ("METHOD is in capital letters", "as it is sent, still encoded", "repeated is refused with 400"):
        assert words in page


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["name"])
def test_signatures_agree_with_the_vectors(vector: dict[str, Any]) -> None:
    """The vectors that the clients use are signed here as there."""
    import base64

    body = base64.b64decode(vector["body_base64"]) if "body_base64" in vector else vector["body"].encode()
    request = SignedRequest(
        method=vector["method"],
        path=vector["path"],
        query=tuple((name, value) for name, value in vector["query"]),
        key_id=vector["key_id"],
        timestamp=str(vector["timestamp"]),
        nonce=vector["nonce"],
        body=body,
    )
    assert request.canonical().decode() == vector["canonical"]
    assert request.signature(vector["secret"]) == vector["signature"]


def test_a_flipped_byte_anywhere_is_401(api: Api) -> None:
    """In the method, path, query, key, time, nonce, body or signature."""
    body = {"chain": "anvil", "amount": 1}
    sent = json.dumps(body).encode()
    for place in range(len(sent)):
        flipped = sent[:place] + bytes([sent[place] ^ 1]) + sent[place + 1 :]
        assert signed(api, "POST", body=body, sent=flipped).status_code == 401
    good = "0123456789abcdef" * 4
    for header, value in {
        "X_Key_Id": "testkey002",
        "X_Timestamp": str(api.world.clock.now() // 1000 + 1),
        "X_Nonce": "another-nonce-0001",
        "X_Signature": good,
    }.items():
        assert signed(api, headers={header: value}).status_code == 401
        assert signed(api, headers={header: ""}).status_code == 401
    assert signed(api, path="/api/v1/payments?limit=4", signed_path="/api/v1/payments?limit=5").status_code == 401
    assert signed(api, path="/api/v1/chains", signed_path="/api/v1/tokens").status_code == 401
    assert signed(api, secret="ctsk_other").status_code == 401
    assert signed(api, "GET").status_code == 200


def test_a_replay_is_401(api: Api) -> None:
    """A nonce serves once, whatever else is signed with it; another key's is its own."""
    nonce = secrets.token_hex(16)
    assert signed(api, nonce=nonce).status_code == 200
    assert signed(api, nonce=nonce).status_code == 401
    assert signed(api, path="/api/v1/chains", nonce=nonce).status_code == 401


@pytest.mark.parametrize(("skew", "status"), [(-301, 401), (-300, 200), (300, 200), (301, 401)])
def test_a_request_is_good_for_five_minutes_either_way(api: Api, skew: int, status: int) -> None:
    """A second more is refused."""
    assert signed(api, skew=skew).status_code == status


@pytest.mark.parametrize("nonce", ["short", "a" * 65, "with spaces in it", "é" * 16])
def test_a_nonce_has_its_shape(api: Api, nonce: str) -> None:
    """16 to 64 visible characters."""
    assert signed(api, nonce=nonce.encode().decode("latin-1")).status_code == 401


def test_a_signed_only_key_has_no_bearer(api: Api) -> None:
    """And what would be its digest opens nothing."""
    made = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read"], "signed_only": True}).json
    assert (made["api_key"], made["signed_only"]) == (None, True)
    assert signed(api, key_id=made["id"], secret=made["signing_secret"]).status_code == 200
    assert api.call("GET", "/api/v1/payments", key=f"ctrip_{made['id']}_{'a' * 43}").status_code == 401


def test_a_key_is_good_from_its_addresses_alone(api: Api) -> None:
    """Others are refused with a code of their own; the caller's address is what API Gateway saw."""
    for number, (ips, status) in enumerate(
        [(("127.0.0.1",), 200), (("127.0.0.0/8", "::1"), 200), (("192.0.2.1",), 403)]
    ):
        key = f"ctrip_fromkey{number}0_0123456789abcdefghijkl"
        add_key(api.world, key, frozenset(Scope), allowed_ips=ips)
        answer = api.call("GET", "/api/v1/payments", key=key, X_Forwarded_For="192.0.2.1")
        assert answer.status_code == status
        if status == 403:
            assert answer.json["code"] == "address_not_allowed"


def test_keys_and_merchants_that_are_over_open_nothing(api: Api) -> None:
    """Expired, revoked, or of a merchant that is switched off; the cache is asked again in time."""
    now = api.world.clock.now()
    ends = "ctrip_endingkey1_0123456789abcdefghijkl"
    add_key(api.world, ends, frozenset(Scope), expires_at=now + 1_000)
    assert api.call("GET", "/api/v1/chains", key=ends).status_code == 200
    api.world.clock.at += 1_000
    assert api.call("GET", "/api/v1/chains", key=ends).status_code == 401
    assert api.admin("PATCH", "/merchants/m1", {"enabled": False}).status_code == 200
    api.world.clock.at += 31_000
    assert api.call("GET", "/api/v1/chains").status_code == 401
    assert api.admin("PATCH", "/merchants/m1", {"enabled": True}).status_code == 200
    api.world.clock.at += 31_000
    assert api.call("GET", "/api/v1/chains").status_code == 200


def test_a_stolen_table_opens_nothing(api: Api) -> None:
    """Threat 6: no string that is stored is a credential, of a merchant's key, a session or a sign-in."""
    made = api.call("POST", "/api/v1/keys", {"name": "n", "scopes": ["payments:read", "admin:*"]}).json
    api.token()
    access, admins = api.world.stores.access, api.world.stores.admins
    key = access.api_key(made["id"])
    assert key is not None
    held = {text for each in key.versions for text in (each.digest, each.encrypted)} | {key.id}
    held |= {session.digest for session in admins._sessions.values()} | set(admins._sessions)
    held |= {admin.password for admin in admins._admins.values()}
    for text in held:
        for credential in (text, f"ctrip_{key.id}_{text}", f"ctrt_{text}"):
            assert api.call("GET", "/api/v1/chains", key=credential).status_code == 401
            assert api.call("GET", "/admin/api/me", key=credential).status_code == 401
            assert api.call(
                "POST", "/admin/api/refresh", {"refresh_token": credential[:128]}, key=None
            ).status_code in (
                400,
                401,
            )
        assert signed(api, key_id=key.id, secret=text).status_code == 401
        assert api.sign_in("owner@ops.example", text[:256]).status_code in (401, 429)
    for secret in (made["api_key"], made["signing_secret"]):
        assert secret not in {*held}
