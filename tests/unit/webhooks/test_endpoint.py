"""Which events an endpoint wants, and what its deliveries are signed with."""

import pytest

from ctrip.domain.webhooks.endpoint import Endpoint, EndpointSecret


@pytest.mark.parametrize(
    ("events", "enabled", "wanted"),
    [
        ((), True, True),
        ((), False, False),
        (("payment.paid",), True, True),
        (("payment.paid", "payment.settled"), False, False),
        (("payment.pai", "payment.settled"), True, False),
    ],
)
def test_an_endpoint_wants_the_types_of_its_filter_and_all_without_one(events, enabled, wanted):
    """A disabled one wants nothing."""
    endpoint = Endpoint(id="we_1", merchant_id="m1", url="https://a.example", events=events, enabled=enabled)
    assert endpoint.wants("payment.paid") is wanted


DAY = 86_400_000


def test_an_endpoint_fails_since_its_first_failure_after_a_success():
    """Three days of it disable the endpoint; a success in between begins anew."""
    endpoint = Endpoint(id="we_1", merchant_id="m1", url="https://a.example")
    for at in (5, 6, 3 * DAY + 4):
        endpoint = endpoint.after_failure(at, gone=False)
        assert (endpoint.failing_since, endpoint.enabled) == (5, True)
    assert endpoint.after_success() == Endpoint(id="we_1", merchant_id="m1", url="https://a.example")
    over = endpoint.after_failure(3 * DAY + 5, gone=False)
    assert (over.enabled, over.disabled_reason, over.failing_since) == (False, "failing", 5)


def test_an_endpoint_that_is_gone_is_disabled_at_once():
    gone = Endpoint(id="we_1", merchant_id="m1", url="https://a.example").after_failure(5, gone=True)
    assert (gone.enabled, gone.disabled_reason) == (False, "gone")


def test_a_replaced_secret_signs_until_its_time_is_over():
    secrets = (
        EndpointSecret(encrypted="new", created_at=5),
        EndpointSecret(encrypted="old", created_at=1, expires_at=100),
    )
    endpoint = Endpoint(id="we_1", merchant_id="m1", url="https://a.example", secrets=secrets)
    assert endpoint.live_secrets(99) == ("new", "old")
    assert endpoint.live_secrets(100) == ("new",)
