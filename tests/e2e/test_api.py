"""The merchant's HTTP API, from outside."""

from __future__ import annotations

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest

from infra.stack import wallet
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually

PAYMENTS = "/api/v1/payments"
LARGEST = 2**256 - 1
UNKNOWN = "00000000-0000-4000-8000-00000000dead"


def refused(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Check the one shape that every error has, and return it."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert {"detail", "code", "errors", "request_id"} <= set(body)
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"] != ""
    for error in body["errors"]:
        assert set(error) == {"field", "code", "detail"}
    if field is not None:
        assert field in [error["field"] for error in body["errors"]], body
    return body


def posted(shop: Shop, body: bytes | str, **headers: str) -> httpx.Response:
    """Post a body as it is."""
    return shop.http.post(PAYMENTS, content=body, headers={"Content-Type": "application/json"} | headers)


# -- creation


def test_a_created_payment_has_every_field(shop: Shop) -> None:
    """The answer to a creation is the contract's, and reading the payment shows the same."""
    wanted = {
        "chain": "anvil",
        "amount": "1500000",
        "asset": "USDC",
        "order_id": f"order-{uuid.uuid4()}",
        "metadata": {"cart": "7", "ключ": "значение"},
        "description": "Two coffees",
        "expires_in": 900,
        "success_url": "https://shop.example/thanks?lang=en",
        "cancel_url": "https://shop.example/cart",
    }
    answer = shop.http.post(PAYMENTS, json=wanted)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    for name in ("order_id", "metadata", "description", "success_url", "cancel_url"):
        assert made[name] == wanted[name]
    expected = {
        "chain": "anvil", "token_id": shop.chain["tokens"]["USDC"]["id"], "symbol": "USDC", "decimals": 6,
        "amount": 1_500_000, "amount_str": "1500000", "amount_decimal": "1.5", "amount_received": 0,
        "amount_received_str": "0", "amount_confirmed": 0, "amount_confirmed_str": "0", "received_decimal": "0",
        "status": "pending", "exception": None, "exceptions": [], "fulfillable": False, "confirmations": 0,
        "required_confirmations": 3, "detected_in_block": None, "detected_at": None, "confirmed_at": None,
        "paid_at": None, "settled_at": None, "transfers": [], "sweeps": [],
        "checkout_url": f"{shop.gateway.about['api_url']}/pay/{made['id']}",
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    assert uuid.UUID(made["id"]).version == 4
    for name in ("created_at", "updated_at", "expires_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made[name])
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lifetime.total_seconds() == 900
    assert shop.gateway.read(made["id"]) == made


def test_addresses_are_the_mnemonics_and_never_come_twice(shop: Shop) -> None:
    """Each payment's address follows from the mnemonic and the path in the answer, in the merchant's own account."""
    made = [shop.ask(amount=1) for _ in range(3)]
    for payment in made:
        assert re.fullmatch(r"m/44'/60'/[1-9]\d*'/0/\d+", payment["derivation_path"])
        assert wallet.derive(payment["derivation_path"]).address == payment["address"]
    assert len({payment["address"] for payment in made}) == 3
    assert len({payment["derivation_path"].rsplit("/", 2)[0] for payment in made}) == 1


def test_payment_uris_open_wallets(shop: Shop) -> None:
    """The coin's URI and a token's are spelt as EIP-681 says."""
    coin, token = shop.ask(amount=LARGEST), shop.ask(amount=7, asset="DAI")
    dai = shop.chain["tokens"]["DAI"]["address"]
    assert coin["payment_uri"] == f"ethereum:{coin['address']}@31337?value={LARGEST}"
    assert token["payment_uri"] == f"ethereum:{dai}@31337/transfer?address={token['address']}&uint256=7"


@pytest.mark.parametrize("amount", [1, 2**53 + 1, 2**63, 2**64 + 1, 10**38 + 1, LARGEST - 1, LARGEST])
@pytest.mark.parametrize("spelling", [int, str])
def test_amounts_are_exact(shop: Shop, amount: int, spelling: type[int | str]) -> None:
    """An amount up to 2^256-1 comes back to the last digit, as a number, as text and as a decimal."""
    made = shop.ask(amount=spelling(amount), asset="DAI")
    shown = shop.read(made)
    whole, fraction = divmod(amount, 10**18)
    decimal = f"{whole}.{fraction:018d}".rstrip("0").rstrip(".")
    assert (shown["amount"], shown["amount_str"], shown["amount_decimal"]) == (amount, str(amount), decimal)
    assert shop.ask(amount_decimal=decimal, asset="DAI")["amount"] == amount


def test_refusals_are_word_for_word(shop: Shop) -> None:
    """An unknown chain and an unknown token are refused in the contract's words."""
    body = refused(shop.http.post(PAYMENTS, json={"chain": "dogecoin", "amount": 1}), 400, "unsupported_chain", "chain")
    assert body["detail"] == "Unsupported chain: dogecoin"
    wanted = {"chain": "anvil", "amount": 1, "token_id": UNKNOWN}
    body = refused(shop.http.post(PAYMENTS, json=wanted), 400, "token_not_found", "token_id")
    assert body["detail"] == f"Token {UNKNOWN} not found for chain anvil"


WRONG: list[tuple[str, dict[str, Any]]] = [
    *[("chain", {"chain": value}) for value in (None, "", "ab", "a" * 21, 5, ["anvil"], {}, True)],
    *[
        ("amount", {"amount": value})
        for value in (
            *(0, -1, LARGEST + 1, 10**300, True, False, [1], {"a": 1}, None),
            *(
                "",
                "0",
                "-1",
                "+1",
                " 1",
                "1 ",
                "1.5",
                "1e3",
                "0x10",
                "1_000",
                "abc",
                "\u0661",
                "\uff11",
                str(LARGEST + 1),
            ),
            *("9" * 79, "1" * 5_000),
        )
    ],
    *[
        ("amount_decimal", {"amount": None, "amount_decimal": value})
        for value in (
            "",
            "0",
            "0.0",
            "-1",
            ".5",
            "1.",
            "1,5",
            "1e3",
            "abc",
            "1.0000000000000000001",
            "9" * 78,
            12,
            True,
        )
    ],
    ("amount_decimal", {"amount_decimal": "1"}),
    *[("token_id", {"token_id": value}) for value in ("", "no-uuid", 5, UNKNOWN + "0", f"{{{UNKNOWN}}}", [])],
    ("asset", {"asset": "USDC", "token_id": UNKNOWN}),
    *[("asset", {"asset": value}) for value in ("", "NOPE", "usdc ", 5, "A" * 17)],
    *[("order_id", {"order_id": value}) for value in ("", "a" * 65, 7, {})],
    *[
        ("metadata", {"metadata": value})
        for value in ({str(number): "x" for number in range(21)}, [], "text", 5, [["a", "b"]])
    ],
    *[("metadata.a", {"metadata": {"a": value}}) for value in ("x" * 501, 5, None, {}, ["x"])],
    *[("expires_in", {"expires_in": value}) for value in (59, 86_401, 0, -60, "60", True, [])],
    *[
        (name, {name: value})
        for name in ("webhook_url", "success_url", "cancel_url")
        for value in (
            *("", "nonsense", "ftp://a.example/", "javascript:alert(1)", "https://", "//a.example", 5, "https://a b/"),
            *("https://user:secret@a.example/", "https://a.example/" + "a" * 2048, "https://a.example\\@b.example/"),
            *("https://a.example:99999/", "https://a.example/\r\nX: y", "https://ä.example/"),
        )
    ],
    *[("description", {"description": value}) for value in ("x" * 501, 5, [])],
    ("colour", {"colour": "red"}),
    ("price", {"price": {"currency": "EUR", "amount": "1.00"}}),
]


def test_a_body_that_is_not_utf_8_is_refused(shop: Shop) -> None:
    """Two orders whose Latin-1 names differ would else become the same one."""
    for name in ("M\u00fcller", "M\u00f6ller"):
        body = f'{{"chain": "anvil", "amount": 1000, "order_id": "{name}"}}'
        refused(posted(shop, body.encode("latin-1")), 400, "invalid_json")
    assert posted(shop, body.encode()).status_code == 201


@pytest.mark.parametrize("field", sorted({field for field, _ in WRONG}))
def test_wrong_fields_are_named(shop: Shop, field: str) -> None:
    """Every wrong value is a 400 that names its field, and nothing else."""
    for wanted in (wanted for name, wanted in WRONG if name == field):
        body = {"chain": "anvil", "amount": 1000} | wanted
        if body["amount"] is None and "amount_decimal" in wanted:
            del body["amount"]
        answer = shop.http.post(PAYMENTS, json=body)
        assert answer.status_code == 400, (wanted, answer.text)
        problem = answer.json()
        assert [error["field"] for error in problem["errors"]] == [field], (wanted, problem)
        refused(answer, 400, problem["code"], field)


@pytest.mark.parametrize("text", ["1.5", "1.0", "1e3", "NaN", "Infinity", "-Infinity"])
def test_an_amount_that_is_no_integer_names_itself(shop: Shop, text: str) -> None:
    """A float, however whole, and what JSON does not know are refused, naming the amount."""
    answer = posted(shop, f'{{"chain": "anvil", "amount": {text}}}')
    assert answer.status_code == 400
    refused(answer, 400, answer.json()["code"], "amount")


def test_required_fields_are_named(shop: Shop) -> None:
    """A body without chain or without amount says which."""
    refused(shop.http.post(PAYMENTS, json={"amount": 1}), 400, "invalid_field", "chain")
    refused(shop.http.post(PAYMENTS, json={"chain": "anvil"}), 400, "invalid_field", "amount")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"text"', b"5", b"\xff\xfe", b'{"chain": "anvil", "amount": 1,}', b"{'a': 1}"),
        *(b'{"chain": "anvil", "chain": "anvil", "amount": 1}', b"[" * 20_000, b'{"metadata":' * 6 + b"1" + b"}" * 6),
        *(b'{"chain": "anvil", "amount": ' + b"1" * 5_000 + b"}", b'{"chain": "anvil", "amount": 1} {}'),
        *(b'{"chain": "anvil", "amount": 1, "description": "\\ud800"}',),
        *(b'{"chain": "anvil", "amount": 1, "order_id": "\\udfff"}',),
        *(b'{"chain": "anvil", "amount": 1, "metadata": {"\\ud800": "x"}}',),
    ],
    ids=range(17),
)
def test_what_is_not_a_request_is_400(shop: Shop, body: bytes) -> None:
    """No body, however broken, is more than the caller's mistake."""
    answer = posted(shop, body)
    assert answer.status_code == 400, answer.text
    refused(answer, 400, answer.json()["code"])


def test_odd_text_comes_back_as_it_went(shop: Shop) -> None:
    """Whatever a merchant writes is kept to the letter."""
    texts = ["\u0000", "'; DROP TABLE payments; --", "<script>", "👩‍👩‍👧", "\u202eabc", "a\nb", "${jndi:ldap://x}", "é"]
    for text in texts:
        order = f"{text}{uuid.uuid4()}"
        made = shop.ask(amount=1, description=text, order_id=order, metadata={text: text})
        shown = shop.read(made)
        assert (shown["description"], shown["order_id"], shown["metadata"]) == (text, order, {text: text})


# -- orders and idempotency


def test_an_order_has_one_live_payment(shop: Shop) -> None:
    """A second payment for an order is refused with the first one's id, until that one is cancelled."""
    order = f"order-{uuid.uuid4()}"
    first = shop.ask(amount=1, order_id=order)
    second = shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 1, "order_id": order})
    assert refused(second, 409, "order_id_in_use", "order_id")["payment_id"] == first["id"]
    shop.http.post(f"{PAYMENTS}/{first['id']}/cancel").raise_for_status()
    assert shop.ask(amount=1, order_id=order)["id"] != first["id"]


def test_a_repeated_key_gives_the_first_answer(shop: Shop) -> None:
    """The same key with the same body replays status and body, whatever became of the payment; another body is 422."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    wanted = {"chain": "anvil", "amount": 5, "metadata": {"a": "1", "b": "2"}}
    first = shop.http.post(PAYMENTS, json=wanted, headers=key)
    shop.http.post(f"{PAYMENTS}/{first.json()['id']}/cancel").raise_for_status()
    again = shop.http.post(PAYMENTS, json=wanted, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    refused(shop.http.post(PAYMENTS, json=wanted | {"amount": 6}, headers=key), 422, "idempotency_key_reused")


def test_a_refused_request_does_not_use_its_key_up(shop: Shop) -> None:
    """Only successes are kept: the key of a mistaken request serves the corrected one."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    refused(shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 0}, headers=key), 400, "invalid_field", "amount")
    assert shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 1}, headers=key).status_code == 201


@pytest.mark.parametrize("key", ["", "a" * 256, "a\tb", "ключ".encode()])
def test_a_bad_key_is_refused(shop: Shop, key: str | bytes) -> None:
    """A key is 1 to 255 printable ASCII characters."""
    answer = shop.http.post(PAYMENTS, json={"chain": "anvil", "amount": 1}, headers={"Idempotency-Key": key})
    refused(answer, 400, "invalid_field", "Idempotency-Key")


def test_fifty_at_once_make_one_payment(shop: Shop) -> None:
    """Fifty parallel creations with one key answer with one payment, and none with an error."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    order = f"order-{uuid.uuid4()}"
    wanted = {"chain": "anvil", "amount": 5, "order_id": order}

    def create(_: int) -> httpx.Response:
        for _ in range(20):
            answer = shop.http.post(PAYMENTS, json=wanted, headers=key)
            if answer.status_code != 409:
                return answer
            assert refused(answer, 409, "idempotency_in_progress")
            time.sleep(float(answer.headers["Retry-After"]))
        return answer

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(create, range(50)))
    assert [answer.status_code for answer in answers] == [201] * 50, [a.text for a in answers if a.is_error]
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    found = eventually(lambda: shop.http.get(PAYMENTS, params={"order_id": order}).json()["data"])
    assert [payment["id"] for payment in found] == [answers[0].json()["id"]]


# -- reading and listing


@pytest.mark.parametrize("unknown", [UNKNOWN, "nonsense", UNKNOWN.upper(), "a" * 500, "%00", "..%2f..", "é"])
def test_an_unknown_payment_is_404(shop: Shop, unknown: str) -> None:
    """An id that nobody has and one that cannot be are the same to the caller."""
    for answer in (shop.http.get(f"{PAYMENTS}/{unknown}"), shop.http.post(f"{PAYMENTS}/{unknown}/cancel")):
        refused(answer, 404, "payment_not_found")


def test_a_list_is_read_page_by_page(shop: Shop) -> None:
    """Following the cursor gives each payment once, newest first; filters narrow it."""
    first = shop.ask(amount=1)
    since = first["created_at"]
    made = [first["id"], *(shop.ask(amount=number)["id"] for number in range(2, 6))]
    canceled = made[2]
    shop.http.post(f"{PAYMENTS}/{canceled}/cancel").raise_for_status()

    def ids(**params: Any) -> list[str]:
        found, cursor = [], ""
        while True:
            answer = shop.http.get(PAYMENTS, params=params | ({"cursor": cursor} if cursor else {}))
            page = answer.raise_for_status().json()
            assert set(page) == {"data", "next_cursor"}
            assert len(page["data"]) <= params.get("limit", 20)
            found += [payment["id"] for payment in page["data"]]
            if not (cursor := page["next_cursor"]):
                return found
            assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)

    eventually(lambda: ids(created_after=since, limit=2) == made[::-1], 5, "the list")
    eventually(lambda: ids(created_after=since, status="expired") == [canceled], 5, "the list")
    assert ids(created_after=since, status="pending", limit=1) == [each for each in made[::-1] if each != canceled]
    assert ids(created_after=since, chain="anvil", limit=100) == made[::-1]
    assert not ids(created_after=since, chain="ethereum")
    assert not ids(created_after="2100-01-01T00:00:00Z")
    assert not ids(created_before="2020-01-01T00:00:00+02:00")
    assert not ids(order_id="nobody-has-this")


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1.5", "status=lost", "status="),
        *("cursor=nonsense", "cursor=%00", "created_after=yesterday", "created_before=2026-01-01", "colour=red"),
        *("limit=1&limit=2", "created_after=2026-01-01T00:00:00", "cursor=e30", "cursor=W10", "created_after=9"),
    ],
)
def test_a_bad_query_names_its_parameter(shop: Shop, query: str) -> None:
    """Every wrong parameter of a list is a 400 that names it."""
    answer = shop.http.get(f"{PAYMENTS}?{query}")
    assert answer.status_code == 400, answer.text
    refused(answer, 400, answer.json()["code"], query.partition("=")[0])


def test_a_payment_is_cancelled_once(shop: Shop) -> None:
    """Cancelling expires a payment by hand; a second time, and once money has come, it is 409."""
    payment = shop.ask(amount=5)
    answer = shop.http.post(f"{PAYMENTS}/{payment['id']}/cancel")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["exception"]) == ("expired", "manual")
    refused(shop.http.post(f"{PAYMENTS}/{payment['id']}/cancel"), 409, "payment_not_cancellable")
    assert shop.told(payment, "cancelled")["status"] == "expired"
    # One event may overtake the other on its way; their sequence does not.
    eventually(lambda: shop.receiver.heard(payment["id"]) == ["payment.created", "payment.cancelled"], 10)


def test_what_was_paid_is_not_cancelled(shop: Shop, begun: dict[str, dict[str, Any]]) -> None:
    """Cancelling is refused once more than dust has arrived."""
    shop.told(begun["coin"], "detected")
    refused(shop.http.post(f"{PAYMENTS}/{begun['coin']['id']}/cancel"), 409, "payment_not_cancellable")


# -- what can be paid with


def test_chains_and_tokens_are_told(shop: Shop) -> None:
    """The chain list and the token list agree with gateway.json, and token ids follow from CAIP-19."""
    [chain] = shop.http.get("/api/v1/chains").json()["data"]
    listed = shop.http.get("/api/v1/tokens", params={"chain": "anvil"}).json()["data"]
    assert (chain["id"], chain["chain_id"], chain["confirmations"], chain["tokens"]) == ("anvil", 31337, 3, listed)
    assert {("USDC", 6), ("USDT", 6), ("DAI", 18)} <= {(token["symbol"], token["decimals"]) for token in listed}
    assert {token["symbol"] for token in listed} == set(shop.chain["tokens"])
    for token in listed:
        known = shop.chain["tokens"][token["symbol"]]
        assert (token["id"], token["address"], token["decimals"]) == (known["id"], known["address"], known["decimals"])
        name = f"eip155:31337/erc20:{token['address'].lower()}"
        assert token["id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    refused(shop.http.get("/api/v1/tokens", params={"chain": "nowhere"}), 400, "unsupported_chain", "chain")


# -- the frame around it


@pytest.mark.parametrize(
    "authorization",
    [
        *(None, "", "Bearer", "Basic dXNlcjpwYXNz", "Bearer nonsense", "ctrip_localdemo1_local-and-worthless"),
        *("Bearer ctrip_localdemo1_local-and-worthless-0000000001", "Bearer ctrip_nobody00_" + "a" * 30),
    ],
)
def test_without_a_valid_key_nothing_is_told(shop: Shop, authorization: str | None) -> None:
    """A missing, malformed or wrong key is 401 in the same words, on every route of the merchant's."""
    headers = {} if authorization is None else {"Authorization": authorization}
    with httpx.Client(base_url=shop.gateway.about["api_url"], headers=headers, trust_env=False) as nobody:
        answers = [
            nobody.get(PAYMENTS),
            nobody.post(PAYMENTS, json={}),
            nobody.get(f"{PAYMENTS}/{UNKNOWN}"),
            nobody.post(f"{PAYMENTS}/{UNKNOWN}/cancel"),
            nobody.post(f"{PAYMENTS}/{UNKNOWN}/accept"),
            nobody.get("/api/v1/chains"),
            nobody.get("/api/v1/tokens"),
        ]
    assert len({refused(answer, 401, "unauthorized")["detail"] for answer in answers}) == 1


def test_the_gateways_own_errors_have_the_same_shape(shop: Shop) -> None:
    """Unknown path, wrong method, wrong medium and too much: 404, 405, 415 and 413 in our shape."""
    refused(shop.http.get("/api/v1/nonsense"), 404, "not_found")
    refused(shop.http.get("/"), 404, "not_found")
    refused(shop.http.put(PAYMENTS, json={}), 405, "method_not_allowed")
    refused(shop.http.delete(f"{PAYMENTS}/{UNKNOWN}"), 405, "method_not_allowed")
    refused(posted(shop, "chain=anvil", **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    refused(posted(shop, "a=b", **{"Content-Type": "application/x-www-form-urlencoded"}), 415, "unsupported_media_type")
    large = json.dumps({"chain": "anvil", "amount": 1, "description": "x" * 40_000})
    refused(posted(shop, large), 413, "payload_too_large")


@pytest.mark.parametrize("path", [PAYMENTS, "/api/v1/chains", "/api/v1/tokens", "/health", "/health/ready"])
def test_a_trailing_slash_is_accepted(shop: Shop, path: str) -> None:
    """A path with a slash at its end is the same path."""
    assert shop.http.get(path + "/").status_code == 200


def test_every_answer_has_its_own_request_id(shop: Shop) -> None:
    """X-Request-Id is on successes and errors, and never twice the same."""
    paths = ["/health", PAYMENTS, f"{PAYMENTS}/{UNKNOWN}", "/nowhere", "/pay/x", "/assets/checkout.css"]
    ids = [shop.http.get(path).headers.get("X-Request-Id") for path in paths * 2]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_the_merchants_api_has_no_cors(shop: Shop) -> None:
    """No browser page of another origin may read the merchant's API."""
    for answer in (
        shop.http.get(PAYMENTS, headers={"Origin": "https://evil.example"}),
        shop.http.options(PAYMENTS, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_health(shop: Shop) -> None:
    """The gateway says that it lives without a key, and when it is ready, what of."""
    with httpx.Client(base_url=shop.gateway.about["api_url"], trust_env=False) as nobody:
        alive, ready = nobody.get("/health"), nobody.get("/health/ready")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    body = ready.json()
    assert body["status"] == "ok"
    chain = body["chains"]["anvil"]
    assert chain["status"] == "ok"
    assert chain["head"] > 0
    assert 0 <= chain["head_age"] <= 30
    assert chain["open_payments"] >= 0
    assert chain["last_scan"].endswith("Z")
    assert body["queues"]
    assert all(isinstance(depth, int) for depth in body["queues"].values())


def test_gateway_json(shop: Shop, up: Up) -> None:
    """gateway.json has the contract's shape and is readable by its owner alone."""
    about = shop.gateway.about
    assert {"api_url", "aws_endpoint_url", "merchant", "chains"} <= set(about)
    assert {"id", "api_key", "webhook_secret"} <= set(about["merchant"])
    assert about["merchant"]["webhook_secret"].startswith("whsec_")
    chain = about["chains"]["anvil"]
    assert set(chain) == {"rpc_url", "chain_id", "confirmations", "treasury", "tokens"}
    assert (chain["chain_id"], chain["confirmations"]) == (31337, 3)
    decimals = {name: token["decimals"] for name, token in chain["tokens"].items()}
    assert decimals | {"USDC": 6, "USDT": 6, "DAI": 18} == decimals
    assert (up.state / "gateway.json").stat().st_mode & 0o777 == 0o600
    funded = {wallet.funded(index).address for index in range(10)}
    assert chain["treasury"] not in funded
    for address in sorted(funded):
        assert shop.balance(address, "ETH") > 10**18
        assert shop.balance(address, "DAI") > 0
