"""Whether the gateway lives, and whether it does its work."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.views.health import Liveness
from functions.http.answers import answer
from functions.http.resource import Call, Resource

routes = Resource(__name__)


@routes.on("GET", "/health", answers="Liveness")
def alive(call: Call) -> Response:
    """Answer without any I/O."""
    lives: Liveness = {"status": "ok"}
    return answer(lives)


@routes.on("GET", "/health/ready", answers="Readiness")
def ready(call: Call) -> Response:
    """Report each chain and queue; 503 when a part is down."""
    up, report = stage().detection.health.check()
    return answer(report, status=200 if up else 503, headers=None if up else {"Retry-After": "5"})
