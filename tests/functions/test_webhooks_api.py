"""Webhook endpoints over HTTP: made, listed, changed, rotated, deleted."""

import base64
import hmac
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.audit import holds
from ctrip.ports.http import Reply
from tests.functions.conftest import Api

URL = "https://shop.example/webhooks"
FIELDS = {"id", "url", "events", "enabled", "disabled_reason", "description", "created_at"}


def made(api: Api, **wanted: Any) -> Any:
    answer = api.call("POST", "/api/v1/webhooks", {"url": URL, **wanted})
    assert answer.status_code == 201, answer.body
    return answer.json


def listed(api: Api) -> Any:
    return api.call("GET", "/api/v1/webhooks").json["data"]


def test_an_endpoint_is_made_and_its_secret_shown_this_once(api: Api) -> None:
    """A secret as the Standard Webhooks libraries take it; nowhere else is it in clear."""
    shown = made(api, events=["payment.paid", "payment.late"], description="the shop")
    assert set(shown) == FIELDS | {"secret"}
    assert (shown["url"], shown["events"], shown["enabled"], shown["disabled_reason"], shown["description"]) == (
        *(URL, ["payment.paid", "payment.late"], True, None, "the shop"),
    )
    assert shown["secret"].startswith("whsec_")
    assert len(base64.b64decode(shown["secret"].removeprefix("whsec_"))) == 32
    without = {name: value for name, value in shown.items() if name != "secret"}
    assert api.call("GET", f"/api/v1/webhooks/{shown['id']}").json == without
    assert listed(api) == [without]
    (held,) = api.world.stores.endpoints.endpoints_of(api.world.merchant.id)
    assert shown["secret"] not in repr(held)


def test_without_a_filter_every_event_is_wanted(api: Api) -> None:
    """An empty list says the same."""
    assert [made(api)["events"], made(api, events=[])["events"]] == [[], []]


def test_the_list_is_newest_first_and_has_pages(api: Api) -> None:
    """`next_cursor` leads from page to page, and none is given out after the last."""
    ids = []
    for _ in range(5):
        api.world.clock.at += 1000
        ids.append(made(api)["id"])
    seen, cursor = [], ""
    for expected in (2, 2, 1):
        page = api.call("GET", f"/api/v1/webhooks?limit=2{cursor}").json
        assert len(page["data"]) == expected
        seen += [each["id"] for each in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == (ids[::-1], None)
    wrong = api.call("GET", "/api/v1/webhooks?cursor=nonsense")
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "cursor")


def test_what_is_changed_changes_and_the_rest_stays(api: Api) -> None:
    """Also the filter, back to everything."""
    first = made(api, events=["payment.paid"], description="a")
    path = f"/api/v1/webhooks/{first['id']}"
    after = api.call("PATCH", path, {"url": "https://other.example/hooks", "enabled": False}).json
    assert after == {**after, "url": "https://other.example/hooks", "enabled": False, "events": ["payment.paid"]}
    assert after["description"] == "a"
    assert api.call("PATCH", path, {"events": [], "enabled": True}).json["events"] == []
    assert api.call("GET", path).json["enabled"] is True


def test_an_endpoint_that_is_enabled_again_has_a_clean_record(api: Api) -> None:
    """Three days are counted from its next failure."""
    shown = made(api)
    store = api.world.stores.endpoints
    (before,) = store.endpoints_of(api.world.merchant.id)
    store.note(before, replace(before, enabled=False, failing_since=5, disabled_reason="failing", version=2))
    path = f"/api/v1/webhooks/{shown['id']}"
    assert api.call("GET", path).json["disabled_reason"] == "failing"
    assert api.call("PATCH", path, {"enabled": True}).json["disabled_reason"] is None
    (after,) = store.endpoints_of(api.world.merchant.id)
    assert (after.enabled, after.failing_since) == (True, None)


def test_a_rotated_secret_overlaps_with_the_one_before(api: Api) -> None:
    """By a day unless told otherwise; at once where it has leaked. Of older ones none is left."""
    shown = made(api)
    path = f"/api/v1/webhooks/{shown['id']}/rotate"
    now = api.world.clock.now()
    second = api.call("POST", path, {})
    assert second.status_code == 201
    third = api.call("POST", path, {"overlap_seconds": 60}).json
    assert len({shown["secret"], second.json["secret"], third["secret"]}) == 3
    (held,) = api.world.stores.endpoints.endpoints_of(api.world.merchant.id)
    assert [each.expires_at for each in held.secrets] == [None, now + 60_000]
    assert len(held.live_secrets(now + 59_999)) == 2
    assert len(held.live_secrets(now + 60_000)) == 1
    api.call("POST", path, {"overlap_seconds": 0})
    (held,) = api.world.stores.endpoints.endpoints_of(api.world.merchant.id)
    assert [each.expires_at for each in held.secrets] == [None]


def test_a_deleted_endpoint_is_gone(api: Api) -> None:
    """A second time it is not there any more."""
    path = f"/api/v1/webhooks/{made(api)['id']}"
    assert api.call("DELETE", path).status_code == 204
    assert listed(api) == []
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = api.call(method, path, body)
        assert (answer.status_code, answer.json["code"]) == (404, "endpoint_not_found")


def test_the_same_key_makes_one_endpoint_and_tells_its_secret_once(api: Api) -> None:
    """Replayed without the secret; another body is refused."""
    first = api.call("POST", "/api/v1/webhooks", {"url": URL}, Idempotency_Key="k1")
    again = api.call("POST", "/api/v1/webhooks", {"url": URL}, Idempotency_Key="k1")
    assert again.json == {**first.json, "secret": None}
    assert again.headers["Idempotent-Replayed"] == "true"
    other = api.call("POST", "/api/v1/webhooks", {"url": "https://other.example/"}, Idempotency_Key="k1")
    assert (other.status_code, len(listed(api))) == (422, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": "shop.example"}, "url"),
        ({"url": "https://10.0.0.1/hooks"}, "url"),
        ({"url": "https://user:pw@shop.example/"}, "url"),
        ({"url": "https://vault.internal/"}, "url"),
        ({"url": URL, "events": ["payment.nonsense"]}, "events"),
        ({"url": URL, "events": "payment.paid"}, "events"),
        ({"url": URL, "events": [7]}, "events"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": URL, "enabled": True}, "enabled"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ],
)
def test_a_field_that_is_wrong_is_named(api: Api, body: dict[str, Any], field: str) -> None:
    """And nothing is made."""
    answer = api.call("POST", "/api/v1/webhooks", body)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)
    assert listed(api) == []


def test_a_merchant_has_so_many_endpoints_and_no_more(api: Api) -> None:
    """Each event would be delivered to all of them."""
    for _ in range(20):
        made(api)
    answer = api.call("POST", "/api/v1/webhooks", {"url": URL})
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_endpoints")


def test_each_change_is_in_the_merchants_audit_chain_without_secrets(api: Api) -> None:
    """By its action, with what it was before."""
    secret = made(api)["secret"]
    (endpoint,) = listed(api)
    path = f"/api/v1/webhooks/{endpoint['id']}"
    api.call("PATCH", path, {"enabled": False})
    rotated = api.call("POST", f"{path}/rotate", {}).json["secret"]
    api.call("DELETE", path)
    records = api.world.stores.access.audit(api.world.merchant.id)
    text = "\n".join(each.body for each in records)
    for action in ("created", "updated", "rotated", "deleted"):
        assert f'"action":"endpoint.{action}"' in text
    assert secret not in text
    assert rotated not in text
    assert all(map(holds, records))


def test_what_is_created_next_is_delivered_to_a_new_endpoint(api: Api) -> None:
    """The process that made the endpoint does not go on remembering that there was none."""
    api.create()
    endpoint = made(api, events=["payment.created"])
    api.create()
    api.call("PATCH", f"/api/v1/webhooks/{endpoint['id']}", {"events": ["payment.paid"]})
    api.create()
    wanted = [event.endpoints for event in api.world.stores.events._state.events.values()]
    assert [endpoint["id"] in each for each in wanted] == [False, True, False]


def test_a_test_event_goes_to_one_endpoint_whatever_its_filter(api: Api) -> None:
    """Signed with that endpoint's secret, about the endpoint itself, and in the feed of events."""
    shown, other = made(api, events=["payment.paid"]), made(api)
    answer = api.call("POST", f"/api/v1/webhooks/{shown['id']}/test", {})
    assert answer.status_code == 202
    assert (answer.json["type"], answer.json["data"]["object"], answer.json["data"]["id"]) == (
        *("webhook.test", "endpoint", shown["id"]),
    )
    [job] = api.world.jobs.deliveries
    assert (job.endpoint, job.event) == (shown["id"], answer.json["id"].removeprefix("evt_"))
    api.world.deliver_all()
    [(url, headers, body)] = api.world.receivers.got
    assert url == URL
    expected = hmac.digest(shown["secret"].encode(), body, "sha256").hex()
    assert headers["X-Webhook-Signature"] == expected
    assert other["secret"] != shown["secret"]
    api.world.clock.at += 2_000
    assert [each["type"] for each in api.call("GET", "/api/v1/events").json["data"]] == ["webhook.test"]


def test_a_disabled_endpoint_is_not_tested(api: Api) -> None:
    """It would get nothing."""
    path = f"/api/v1/webhooks/{made(api)['id']}"
    api.call("PATCH", path, {"enabled": False})
    answer = api.call("POST", f"{path}/test", {})
    assert (answer.status_code, answer.json["code"]) == (409, "endpoint_disabled")


def delivered(api: Api, endpoint: str) -> Any:
    return api.call("GET", f"/api/v1/webhooks/{endpoint}/deliveries").json["data"]


def test_the_log_shows_each_attempt_and_how_the_endpoint_answered(api: Api) -> None:
    """Newest first; a failure has the time of its next attempt."""
    endpoint = made(api, events=["payment.created"])["id"]
    api.world.receivers.replies += [Reply(503, None, None), Reply(204)]
    payment = api.create()
    api.world.deliver_all()
    api.world.jobs.deliveries += [job for job, _ in api.world.jobs.delayed]
    api.world.deliver_all()
    second, first = delivered(api, endpoint)
    assert (first["attempt"], first["status_code"], first["type"]) == (1, 503, "payment.created")
    assert first["next_attempt_at"] is not None
    assert (second["attempt"], second["status_code"], second["next_attempt_at"]) == (2, 204, None)
    assert first["event_id"] == second["event_id"]
    assert payment["id"] in api.world.receivers.got[-1][2].decode()
    page = api.call("GET", f"/api/v1/webhooks/{endpoint}/deliveries?limit=1").json
    assert [each["id"] for each in page["data"]] == [second["id"]]
    rest = api.call("GET", f"/api/v1/webhooks/{endpoint}/deliveries?cursor={page['next_cursor']}").json
    assert [each["id"] for each in rest["data"]] == [first["id"]]


def test_a_delivery_is_made_again_with_the_same_id_and_the_same_bytes(api: Api) -> None:
    """Once for each idempotency key."""
    endpoint = made(api, events=["payment.created"])["id"]
    api.create()
    api.world.deliver_all()
    [delivery] = delivered(api, endpoint)
    path = f"/api/v1/webhooks/{endpoint}/deliveries/{delivery['id']}/redeliver"
    answer = api.call("POST", path, {}, Idempotency_Key="r1")
    assert (answer.status_code, answer.json) == (202, {"queued": 1, "next_cursor": None})
    assert api.call("POST", path, {}, Idempotency_Key="r1").headers["Idempotent-Replayed"] == "true"
    api.world.deliver_all()
    first, second = api.world.receivers.got
    assert (first[1]["webhook-id"], first[2]) == (second[1]["webhook-id"], second[2])
    assert [each["attempt"] for each in delivered(api, endpoint)] == [2, 1]
    unknown = api.call("POST", path.replace("_1/", "_7/"), {})
    assert (unknown.status_code, unknown.json["code"]) == (404, "delivery_not_found")


def test_nothing_is_delivered_again_to_a_disabled_endpoint(api: Api) -> None:
    """It would only be noted as failed; its log can be read all the same."""
    endpoint = made(api, events=["payment.created"])["id"]
    api.create()
    api.world.deliver_all()
    path = f"/api/v1/webhooks/{endpoint}"
    api.call("PATCH", path, {"enabled": False})
    [delivery] = delivered(api, endpoint)
    for again, body in (
        (f"deliveries/{delivery['id']}/redeliver", {}),
        ("redeliver", {"created_after": "2020-01-01T00:00:00Z"}),
    ):
        answer = api.call("POST", f"{path}/{again}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "endpoint_disabled")
    assert api.world.jobs.deliveries == []


def test_what_an_endpoint_missed_of_a_time_is_delivered_again(api: Api) -> None:
    """What it has answered well only where all of it is asked for; nothing that it does not want."""
    endpoint = made(api, events=["payment.created"])["id"]
    begun = "2020-01-01T00:00:00Z"
    api.world.receivers.replies += [Reply(410, None, None)]
    api.create()
    api.world.deliver_all()  # 410: it is disabled
    path = f"/api/v1/webhooks/{endpoint}"
    assert api.call("GET", path).json["disabled_reason"] == "gone"
    api.call("PATCH", path, {"enabled": True})
    api.create()
    api.world.deliver_all()
    seen = len(api.world.receivers.got)
    api.world.clock.at += 2_000
    again = api.call("POST", f"{path}/redeliver", {"created_after": begun})
    assert (again.status_code, again.json) == (202, {"queued": 1, "next_cursor": None})
    assert api.call("POST", f"{path}/redeliver", {"created_after": begun, "all": True}).json["queued"] == 2
    api.world.deliver_all()
    assert len(api.world.receivers.got) > seen
    wrong = api.call("POST", f"{path}/redeliver", {"created_after": begun, "created_before": "2019-01-01T00:00:00Z"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (400, "created_before")
