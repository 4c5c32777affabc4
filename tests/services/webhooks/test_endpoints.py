"""Deliveries to endpoints that a merchant has made: found though they are new, signed with their own secret."""

from dataclasses import replace

import pytest

from ctrip.services.webhooks.manage_endpoints import EndpointTerms
from tests.world import ORIGIN, World

URL = "https://hooks.example/ctrip"


def test_a_worker_that_remembers_no_endpoint_looks_again_before_it_gives_an_event_up() -> None:
    """It had read the list just before the endpoint was made; what it concludes is final."""
    world = World()
    worker = world.stage.webhooks.deliverer
    assert world.stage.known_endpoints.of("m1", world.clock.now()) == ()
    elsewhere = replace(
        world.stage.webhooks.endpoints, known=replace(world.stage.known_endpoints, _held={})
    )  # another process
    made = elsewhere.create("m1", EndpointTerms(url=URL), ORIGIN).view
    world.creator = replace(world.creator, recorder=replace(world.recorder("api"), known=elsewhere.known))
    world.create()
    [job] = world.jobs.deliveries
    assert job.endpoint == made["id"]
    delivery = worker.deliver(job)
    assert delivery is not None
    assert (delivery.status_code, [url for url, *_ in world.receivers.got]) == (204, [URL])


def test_an_endpoint_that_was_deleted_gets_nothing_more() -> None:
    """What was to be delivered to it is recorded as failed for good."""
    world = World()
    manager = world.stage.webhooks.endpoints
    made = manager.create("m1", EndpointTerms(url=URL), ORIGIN).view
    world.create()
    manager.delete("m1", str(made["id"]), ORIGIN)
    world.deliver_all()
    assert world.receivers.got == []


@pytest.mark.parametrize("how", ["made", "enabled"])
def test_what_is_committed_while_nobody_knows_of_an_endpoint_reaches_it_later(how: str) -> None:
    """Another process made or enabled it: this one commits by the list that it remembers, for a while."""
    world = World()
    elsewhere = replace(world.stage.webhooks.endpoints, known=replace(world.stage.known_endpoints, _held={}))
    if how == "enabled":
        made = elsewhere.create("m1", EndpointTerms(url=URL), ORIGIN).view
        elsewhere.update("m1", str(made["id"]), EndpointTerms(enabled=False), ORIGIN)
        world.clock.at += 10**7
        world.relay.run()
        world.deliver_all()
    world.stage.known_endpoints.of("m1", world.clock.now())
    if how == "enabled":
        elsewhere.update("m1", str(made["id"]), EndpointTerms(enabled=True), ORIGIN)
    else:
        elsewhere.create("m1", EndpointTerms(url=URL), ORIGIN)
    payment = world.create()
    assert (world.jobs.deliveries, world.receivers.got) == ([], [])
    world.clock.at += 10**6
    world.relay.run()
    world.deliver_all()
    [(url, _, body)] = world.receivers.got
    assert (url, payment.id in body.decode()) == (URL, True)
