"""The Python client against the running gateway."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ctrip_client import (
    AsyncClient,
    BadRequest,
    Client,
    Conflict,
    Forbidden,
    NotFound,
    Payment,
    Unauthorized,
    Unprocessable,
    sign_request,
)
from infra.tools.process import ROOT
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually

LARGEST = 2**256 - 1
UNKNOWN = "00000000-0000-4000-8000-00000000dead"
ODD = "a b+c%20d&e=f~é/?#"


class Forgetful(httpx.HTTPTransport):
    """A network that loses the first answer, after the gateway has done its work."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; lose what comes back the first time."""
        self.sent += 1
        answer = super().handle_request(request)
        if self.sent == 1:
            answer.read()
            raise httpx.ReadTimeout("lost")
        return answer


def speaking(shop: Shop, **given: Any) -> Client:
    """Make a client of the shop's gateway; a transport of its own keeps proxies out of it."""
    credential = {} if "signing_key_id" in given else {"api_key": shop.gateway.about["merchant"]["api_key"]}
    return Client(shop.gateway.about["api_url"], **({"transport": httpx.HTTPTransport()} | credential | given))


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    """The client with the merchant's bearer key."""
    with speaking(shop) as made:
        yield made


def test_a_payment_is_created_and_read(shop: Shop, client: Client) -> None:
    """What the client shows is what the gateway answers, field by field, and the second look is the first."""
    order = f"client-{uuid.uuid4()}"
    made = client.payments.create(
        chain="anvil",
        asset="USDC",
        amount_decimal="12.50",
        order_id=order,
        metadata={"cart": "7", "ключ": "значение"},
        description=None,
        success_url="https://shop.example/thanks",
        expires_in=900,
    )
    assert (made.amount, made.amount_decimal, made.status, made.fulfillable) == (12_500_000, "12.5", "pending", False)
    assert (made.token_id, made.symbol, made.decimals) == (shop.chain["tokens"]["USDC"]["id"], "USDC", 6)
    assert (made.order_id, made.metadata, made.description) == (order, {"cart": "7", "ключ": "значение"}, None)
    assert (made.expires_at - made.created_at).total_seconds() == 900
    assert client.payments.get(made.id) == made
    assert client.payments.get(made.id).raw == shop.gateway.read(made.id)


def test_the_largest_amount_is_exact(client: Client) -> None:
    """As a number and as text, to the last of 78 digits."""
    for amount in (LARGEST, str(LARGEST)):
        assert client.payments.create(chain="anvil", amount=amount, asset="DAI").amount == LARGEST


def test_a_paid_payment_shows_its_money(shop: Shop, client: Client, begun: dict[str, dict[str, Any]]) -> None:
    """Transfers and sweeps are read, once there are some."""

    def settled() -> Payment | None:
        now = client.payments.get(begun["USDC"]["id"])
        return now if now.status == "settled" else None

    payment = eventually(settled, 45, "the settlement")
    assert (payment.fulfillable, payment.amount_received, payment.amount_confirmed) == (True, 12_345_678, 12_345_678)
    assert sum(transfer.amount for transfer in payment.transfers) == 12_345_678
    assert all(transfer.sender and transfer.tx_hash for transfer in payment.transfers)
    assert [sweep.amount for sweep in payment.sweeps] == [12_345_678]
    assert payment.created_at < payment.paid_at <= payment.settled_at


def test_a_list_is_followed_to_its_end(client: Client) -> None:
    """Over pages of two, newest first, each payment once; filters narrow it."""
    made = [client.payments.create(chain="anvil", amount=number) for number in range(1, 6)]
    client.payments.cancel(made[2].id)
    since = made[0].created_at
    expected = [payment.id for payment in reversed(made)]
    eventually(lambda: [each.id for each in client.payments.list(created_after=since, limit=2)] == expected, 5)
    page = client.payments.page(created_after=since, limit=2)
    assert len(page.data) <= 2
    assert page.next_cursor
    expired = client.payments.list(created_after=since, status="expired")
    assert [payment.id for payment in expired] == [made[2].id]


def test_a_filter_arrives_as_it_was_meant(client: Client) -> None:
    """Whatever characters an order's id has."""
    order = f"{ODD} {uuid.uuid4()}"
    made = client.payments.create(chain="anvil", amount=1, order_id=order)
    eventually(lambda: [each.id for each in client.payments.list(order_id=order)] == [made.id], 5)


def test_a_payment_is_cancelled_once(client: Client) -> None:
    """A second cancellation is a conflict; the first one's key gets the first answer again."""
    payment = client.payments.create(chain="anvil", amount=5)
    key = str(uuid.uuid4())
    cancelled = client.payments.cancel(payment.id, idempotency_key=key)
    assert (cancelled.status, cancelled.exception, cancelled.exceptions) == ("expired", "manual", ("manual",))
    assert client.payments.cancel(payment.id, idempotency_key=key) == cancelled
    with pytest.raises(Conflict) as caught:
        client.payments.cancel(payment.id)
    assert caught.value.code == "payment_not_cancellable"
    with pytest.raises(Conflict) as caught:
        client.payments.accept(payment.id)
    assert caught.value.code == "payment_not_acceptable"


def test_an_idempotency_key_makes_one_payment(client: Client) -> None:
    """Asked for again with the same key it is the same; with another body it is refused; without a key it is new."""
    key = str(uuid.uuid4())
    first = client.payments.create(chain="anvil", amount=7, idempotency_key=key)
    assert client.payments.create(chain="anvil", amount=7, idempotency_key=key) == first
    with pytest.raises(Unprocessable) as caught:
        client.payments.create(chain="anvil", amount=8, idempotency_key=key)
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
    assert client.payments.create(chain="anvil", amount=7).id != first.id


def test_a_lost_answer_makes_no_second_payment(shop: Shop) -> None:
    """The try after it finds the payment that the first one made."""
    network = Forgetful()
    with speaking(shop, transport=network, jitter=lambda: 0.0) as client:
        made = client.payments.create(chain="anvil", amount=9, order_id=f"client-{uuid.uuid4()}")
        assert network.sent == 2
        found = eventually(lambda: list(client.payments.list(order_id=made.order_id)), 5)
    assert [payment.id for payment in found] == [made.id]


def test_refusals_are_errors_with_all_that_was_said(shop: Shop, client: Client) -> None:
    """Status, code, sentence, fields and request id; and what a refusal adds."""
    with pytest.raises(NotFound) as missing:
        client.payments.get(UNKNOWN)
    assert (missing.value.status, missing.value.code) == (404, "payment_not_found")
    assert missing.value.request_id
    with pytest.raises(BadRequest, match="Unsupported chain: dogecoin") as bad:
        client.payments.create(chain="dogecoin", amount=1)
    assert [(problem.field, problem.code) for problem in bad.value.errors] == [("chain", "unsupported_chain")]
    with pytest.raises(BadRequest) as unknown:
        client.payments.page(colour="red")  # type: ignore[call-arg]
    assert [problem.field for problem in unknown.value.errors] == ["colour"]
    made = client.payments.create(chain="anvil", amount=1, order_id=f"client-{uuid.uuid4()}")
    with pytest.raises(Conflict) as taken:
        client.payments.create(chain="anvil", amount=1, order_id=made.order_id)
    assert (taken.value.code, taken.value.extra) == ("order_id_in_use", {"payment_id": made.id})
    with speaking(shop, api_key="ctrip_nobody_x") as nobody, pytest.raises(Unauthorized) as stranger:
        nobody.chains()
    assert stranger.value.code == "unauthorized"


def test_an_odd_id_is_just_not_found(client: Client) -> None:
    """It reaches the payment's route, and no other."""
    for payment_id in ("nonsense", "..%2f..", "a/b", "../chains", "é", "?limit=1"):
        with pytest.raises(NotFound):
            client.payments.get(payment_id)


def test_what_can_be_paid_with(shop: Shop, client: Client) -> None:
    """Chains and tokens agree with gateway.json."""
    [chain] = client.chains()
    assert (chain.id, chain.chain_id, chain.confirmations) == ("anvil", 31337, 3)
    assert chain.tokens == client.tokens() == client.tokens("anvil")
    known = {symbol: token["id"] for symbol, token in shop.chain["tokens"].items()}
    assert {token.symbol: token.id for token in chain.tokens} == known
    with pytest.raises(BadRequest, match="Unsupported chain: nowhere"):
        client.tokens("nowhere")


def test_the_async_client_does_the_same(shop: Shop) -> None:
    """Create, read, list and cancel, awaited, several at once."""

    async def sell() -> None:
        about = shop.gateway.about
        async with AsyncClient(
            about["api_url"], api_key=about["merchant"]["api_key"], transport=httpx.AsyncHTTPTransport()
        ) as client:
            made = await asyncio.gather(*(client.payments.create(chain="anvil", amount=n) for n in (1, 2, 3)))
            assert [payment.amount for payment in made] == [1, 2, 3]
            assert await client.payments.get(made[0].id) == made[0]
            assert (await client.payments.cancel(made[0].id)).status == "expired"
            assert [chain.id for chain in await client.chains()] == ["anvil"]
            seen = [each.id async for each in client.payments.list(created_after=made[0].created_at, limit=1)]
            assert len(seen) == len(set(seen))

    asyncio.run(sell())


def test_the_readmes_first_screen_ends_in_a_paid_webhook(shop: Shop) -> None:
    """Run as it stands and paid as it says, it ends by itself with a verified `payment.paid`."""
    readme = (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
    program = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    merchant = shop.gateway.about["merchant"]
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | {
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "CTRIP_API_URL": shop.gateway.about["api_url"],
        "CTRIP_API_KEY": merchant["api_key"],
        "CTRIP_WEBHOOK_SECRET": merchant["webhook_secret"],
    }
    with subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            asked = re.fullmatch(r"now pay it, in the clone: make pay ID=(\S+)\n", running.stdout.readline())
            assert asked
            shop.pay(shop.gateway.read(asked[1]))
            said, _ = running.communicate(timeout=45)
        finally:
            running.kill()
    assert running.returncode == 0
    assert {"payment.created", "payment.detected", "payment.confirmed", "payment.paid"} >= set(said.split())
    assert said.split()[-1] == "payment.paid"


# -- signed requests, keys and events


def refuses(client: Client) -> bool:
    """Whether the gateway does not know who asks."""
    try:
        client.payments.page()
    except Unauthorized:
        return True
    return False


@pytest.fixture
def signer(shop: Shop) -> dict[str, str]:
    """The merchant's signing key."""
    return {name: shop.gateway.about["merchant"][name] for name in ("signing_key_id", "signing_secret")}


def test_signed_requests_do_all_that_bearer_ones_do(shop: Shop, signer: dict[str, str]) -> None:
    """With and without a body, with a query of odd characters, and an error that is told apart from a bad signature."""
    order = f"{ODD} {uuid.uuid4()}"
    with speaking(shop, **signer) as client:
        made = client.payments.create(chain="anvil", amount=1, order_id=order, metadata={"ключ": "é e\u0301"})
        assert client.payments.get(made.id) == made
        eventually(lambda: [each.id for each in client.payments.list(order_id=order, limit=1)] == [made.id], 5)
        assert client.payments.cancel(made.id).status == "expired"
        assert [chain.id for chain in client.chains()] == ["anvil"]
        with pytest.raises(BadRequest):
            client.payments.create(chain="dogecoin", amount=1)
        with pytest.raises(NotFound):
            client.payments.get(UNKNOWN)


def asked(
    shop: Shop, signer: dict[str, str], target: str, signed_path: str, query: str = ""
) -> tuple[int, dict[str, Any]]:
    """Ask for a target exactly as it is written, which HTTP libraries may encode otherwise."""
    headers = sign_request(
        "get",
        signed_path,
        urllib.parse.parse_qsl(query),
        key_id=signer["signing_key_id"],
        secret=signer["signing_secret"],
        timestamp=int(time.time()),
        nonce=uuid.uuid4().hex,
    )
    connection = http.client.HTTPConnection(shop.gateway.about["api_url"].removeprefix("http://"), timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", f"{target}?{query}" if query else target, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_what_is_signed_is_the_path_as_it_was_sent(shop: Shop, signer: dict[str, str]) -> None:
    """Still encoded, with the method in capital letters; a repeated query name is refused by its name."""
    payment = shop.ask(amount=1)["id"]
    encoded, plain = (f"/api/v1/payments/{each}" for each in (f"%{ord(payment[0]):02x}{payment[1:]}", payment))
    status, shown = asked(shop, signer, encoded, encoded)
    assert (status, shown["id"]) == (200, payment)
    assert asked(shop, signer, encoded, plain)[0] == 401
    assert asked(shop, signer, plain, encoded)[0] == 401
    status, refusal = asked(shop, signer, "/api/v1/payments", "/api/v1/payments", "limit=5&limit=6")
    assert (status, refusal["errors"][0]["field"]) == (400, "limit")


def test_a_signed_request_that_is_tried_again_is_taken(shop: Shop, signer: dict[str, str]) -> None:
    """The second try has a nonce of its own, and finds the first one's payment."""
    network = Forgetful()
    with speaking(shop, transport=network, jitter=lambda: 0.0, **signer) as client:
        assert client.payments.create(chain="anvil", amount=9).status == "pending"
    assert network.sent == 2


def test_signatures_that_are_wrong_old_or_of_nobody_are_refused(shop: Shop, signer: dict[str, str]) -> None:
    """All in the same words."""
    wrong = [
        {**signer, "signing_secret": signer["signing_secret"] + "x"},
        {**signer, "signing_key_id": "nobody00"},
        {**signer, "clock": lambda: time.time() - 310},
        {**signer, "clock": lambda: time.time() + 310},
    ]
    told = set()
    for given in wrong:
        with speaking(shop, **given) as client, pytest.raises(Unauthorized) as caught:
            client.payments.page()
        told.add((caught.value.code, caught.value.detail))
    assert len(told) == 1


def test_a_signed_request_is_taken_once(shop: Shop, signer: dict[str, str]) -> None:
    """Whoever overheard it cannot send it again."""
    path = "/api/v1/chains"
    headers = sign_request(
        "GET",
        path,
        key_id=signer["signing_key_id"],
        secret=signer["signing_secret"],
        timestamp=int(time.time()),
        nonce=uuid.uuid4().hex,
    )
    with httpx.Client(base_url=shop.gateway.about["api_url"], trust_env=False) as anybody:
        assert [anybody.get(path, headers=headers).status_code for _ in range(2)] == [200, 401]


def test_events_are_read_again(shop: Shop, client: Client) -> None:
    """What a webhook told can be asked for, with the same id and payload, and continued after what is known."""
    made = client.payments.create(chain="anvil", amount=5, webhook_url=shop.receiver.url)
    client.payments.cancel(made.id)
    shop.told({"id": made.id}, "cancelled")
    created, cancelled = eventually(
        lambda: found if len(found := list(client.events.list(order="asc", payment_id=made.id))) == 2 else None, 10
    )
    assert (created.type, cancelled.type) == ("payment.created", "payment.cancelled")
    assert created.sequence < cancelled.sequence
    assert (cancelled.payment.id, cancelled.payment.status) == (made.id, "expired")
    heard = {event["id"]: event["data"] for event in shop.receiver.of(made.id)}
    assert {event.id: event.data for event in (created, cancelled)} == heard
    later = client.events.list(order="asc", after=created.id, payment_id=made.id)
    assert [event.id for event in later] == [cancelled.id]
    assert [event.id for event in client.events.list(type="payment.created", payment_id=made.id)] == [created.id]


def test_keys_are_made_rotated_and_revoked(shop: Shop, client: Client) -> None:
    """A new key does what its scopes say, also after a rotation, and nothing once it is revoked."""
    issued = client.keys.create(name="read only", scopes=["payments:read"])
    assert (issued.name, issued.scopes, issued.enabled) == ("read only", ("payments:read",), True)
    assert issued.api_key
    assert issued.signing_secret
    rotated = client.keys.rotate(issued.id)
    assert rotated.id == issued.id
    assert rotated.api_key not in (None, issued.api_key)
    assert rotated.signing_secret not in (None, issued.signing_secret)
    assert issued.id in [key.id for key in client.keys.list()]
    credentials: list[dict[str, Any]] = [
        {"api_key": rotated.api_key},
        {"signing_key_id": rotated.id, "signing_secret": rotated.signing_secret},
    ]
    for given in credentials:
        with speaking(shop, **given) as reader:
            reader.payments.page()
            with pytest.raises(Forbidden):
                reader.payments.create(chain="anvil", amount=1)
    client.keys.revoke(issued.id)
    for given in credentials:
        with speaking(shop, **given) as ended:
            eventually(lambda ended=ended: refuses(ended), 10, "the end of a revoked key")
