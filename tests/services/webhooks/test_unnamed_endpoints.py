"""Deliveries to endpoints that their event does not name: made again by hand, or caught up, and then given up."""

import pytest

from ctrip.ports.http import Reply
from ctrip.services.webhooks.manage_endpoints import EndpointTerms
from tests.world import ORIGIN, World


@pytest.mark.parametrize("end", ["disabled", "deleted"])
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_retry_to_an_endpoint_that_is_gone_is_due_no_more(end, failures):
    """Its last attempt is on record, and the relay has nothing left to repeat."""
    world = World()
    payment = world.create()
    world.clock.at += 1_000
    webhooks = world.stage.webhooks
    endpoint_id = webhooks.endpoints.create("m1", EndpointTerms(url="https://shop.example/new"), ORIGIN).view["id"]
    webhooks.redeliverer.between("m1", endpoint_id, 0, world.clock.at)
    world.receivers.replies = [Reply(503, None, "7200")] * failures
    for _ in range(failures):
        world.deliver_all()
        world.clock.at += 86_400_000
        world.relay.run()
    if end == "disabled":
        webhooks.endpoints.update("m1", endpoint_id, EndpointTerms(enabled=False), ORIGIN)
    else:
        webhooks.endpoints.delete("m1", endpoint_id, ORIGIN)
    world.deliver_all()
    [ulid] = world.stores.payments.events_of(payment.id)
    last = world.stores.events.last_attempt("m1", ulid, endpoint_id)
    assert (last.attempt, last.status_code, last.next_attempt_at) == (failures + 1, None, None)
    world.clock.at += 10**10
    assert (world.relay.run(), len(world.receivers.got)) == (0, failures)
