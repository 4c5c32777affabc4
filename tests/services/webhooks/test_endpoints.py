"""Deliveries to endpoints that a merchant has made: found though they are new, signed with their own secret."""

from dataclasses import replace

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
    payment = replace(world.creator, recorder=replace(world.recorder("api"), known=elsewhere.known))
    world.creator = payment
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
