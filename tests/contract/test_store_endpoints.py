"""Webhook endpoints: what the fake store and the real one have in common."""

from dataclasses import replace
from typing import Any

from ctrip.domain.errors import AlreadyExists, Stale
from ctrip.domain.webhooks.endpoint import FAILING, Endpoint, EndpointSecret
from ctrip.domain.webhooks.events import DISABLED_EVENT, TEST_EVENT, Subject, SubjectKind
from ctrip.ports.idempotency import Idempotency
from tests.contract.test_store_access import change, made
from tests.support.objects import NOW, event
from tests.support.stores import Stores, refused


def endpoint(number: int = 1, **given: Any) -> Endpoint:
    fields: dict[str, Any] = {
        "merchant_id": "mer_1",
        "url": "https://shop.example/hooks?\u00e4=1",
        "events": ("payment.paid", "payment.late"),
        "description": "the shop",
        "secrets": (
            EndpointSecret(encrypted="new", created_at=NOW),
            EndpointSecret(encrypted="old", created_at=NOW - 9, expires_at=NOW + 5),
        ),
        "created_at": NOW,
    }
    return Endpoint(id=f"end_{number}", **(fields | given))


def put(stores: Stores, before: Endpoint | None, after: Endpoint | None, **more: Any) -> None:
    owner = (before or after).merchant_id  # type: ignore[union-attr]
    merchant = stores.access.merchant(owner) or made(stores)
    stores.access.change(
        change(merchant, replace(merchant, version=merchant.version + 1), endpoint=(before, after), **more)
    )


class TestEndpoints:
    """Made and changed with their merchant; noted by whoever delivers."""

    def test_an_endpoint_comes_back_as_it_was_stored(self, stores: Stores) -> None:
        """With its filter, and its secrets in their order."""
        assert (stores.endpoints.endpoint("mer_1", "end_1"), stores.endpoints.endpoints_of("mer_1")) == (None, [])
        first, second = endpoint(1), endpoint(2, enabled=False, events=(), disabled_reason=FAILING, failing_since=NOW)
        for each in (second, first):
            put(stores, None, each)
        assert stores.endpoints.endpoint("mer_1", "end_2") == second
        assert stores.endpoints.endpoints_of("mer_1") == [first, second]
        assert stores.endpoints.endpoints_of("mer_2") == []
        assert stores.endpoints.endpoint("mer_2", "end_1") is None

    def test_an_id_is_given_once(self, stores: Stores) -> None:
        """And nothing of the refused change is kept, the merchant's version included."""
        put(stores, None, endpoint())
        merchant = stores.access.merchant("mer_1")
        assert (
            refused(lambda: put(stores, None, endpoint(url="https://other.example/")), AlreadyExists).key == "endpoint"
        )
        assert stores.access.merchant("mer_1") == merchant

    def test_of_two_changes_of_one_version_one_is_stale(self, stores: Stores) -> None:
        """Whichever way they are made."""
        before = endpoint()
        put(stores, None, before)
        after = replace(before, enabled=False, version=2)
        put(stores, before, after)
        refused(lambda: put(stores, before, replace(before, url="https://x.example/", version=2)), Stale)
        refused(lambda: put(stores, before, None), Stale)
        refused(lambda: stores.endpoints.note(before, replace(before, failing_since=NOW, version=2)), Stale)
        assert stores.endpoints.endpoint("mer_1", "end_1") == after

    def test_a_deleted_endpoint_is_gone_and_stays_so(self, stores: Stores) -> None:
        """What a delivery under way learns of it is no reason to bring it back."""
        before = endpoint()
        put(stores, None, before)
        put(stores, before, None)
        assert stores.endpoints.endpoints_of("mer_1") == []
        refused(lambda: stores.endpoints.note(before, replace(before, failing_since=NOW, version=2)), Stale)
        refused(lambda: put(stores, before, replace(before, version=2)), Stale)

    def test_what_deliveries_show_is_noted_without_the_merchant(self, stores: Stores) -> None:
        """The worker writes no merchant."""
        before = endpoint()
        put(stores, None, before)
        merchant = stores.access.merchant("mer_1")
        after = replace(before, failing_since=NOW, version=2)
        stores.endpoints.note(before, after)
        assert (stores.endpoints.endpoint("mer_1", "end_1"), stores.access.merchant("mer_1")) == (after, merchant)

    def test_what_deliveries_show_is_noted_with_the_event_that_reports_it_or_not_at_all(self, stores: Stores) -> None:
        """The event waits in the outbox for the endpoints that want it."""
        before = endpoint()
        put(stores, None, before)
        after = replace(before, enabled=False, disabled_reason=FAILING, version=2)
        told = event(
            type=DISABLED_EVENT,
            subject=Subject(SubjectKind.ENDPOINT, before.id),
            payment_id=None,
            endpoints=("end_2", "stage"),
        )
        refused(lambda: stores.endpoints.note(replace(before, version=7), after, told), Stale)
        assert stores.events.event("mer_1", told.ulid) is None
        stores.endpoints.note(before, after, told)
        assert stores.endpoints.endpoint("mer_1", before.id) == after
        assert stores.events.event("mer_1", told.ulid) == told
        assert [each.endpoint for each in stores.events.unacknowledged(NOW + 1)] == ["end_2", "stage"]
        assert stores.events.payments_between("mer_1", NOW, NOW + 1) == set()

    def test_an_event_is_added_by_itself(self, stores: Stores) -> None:
        """A test of an endpoint, which changes nothing."""
        told = event(type=TEST_EVENT, subject=Subject(SubjectKind.ENDPOINT, "end_1"), payment_id=None, endpoints=("e",))
        for _ in range(2):
            stores.events.add(told)
        assert stores.events.event("mer_1", told.ulid) == told
        assert [each.endpoint for each in stores.events.unacknowledged(NOW + 1)] == ["e"]

    def test_an_idempotency_key_is_kept_with_the_change_or_not_at_all(self, stores: Stores) -> None:
        """Its first answer is read where those of keys are."""
        asked = Idempotency(owner="mer_1", route="POST /api/v1/webhooks", key="k", body_hash="b")
        put(stores, None, endpoint(1), idempotency=asked, answer='{"id":"end_1"}')
        assert refused(lambda: put(stores, None, endpoint(2), idempotency=asked), AlreadyExists).key == "idempotency"
        assert stores.endpoints.endpoint("mer_1", "end_2") is None
        first = stores.access.remembered("mer_1", "POST /api/v1/webhooks", "k")
        assert first is not None
        assert (first.body_hash, first.answer) == ("b", '{"id":"end_1"}')
