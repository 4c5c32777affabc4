"""Whether the gateway lives, and whether it does its work."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.aws.masking import mask
from ctrip.bootstrap import stage
from ctrip.domain.errors import ConfigurationError
from ctrip.views.health import not_started
from functions.http.answers import answer
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from ctrip.views.health import Liveness

routes = Resource(__name__)


@routes.on("GET", "/health", response="Liveness")
def alive(call: Call) -> Response:
    """Answer without any I/O."""
    lives: Liveness = {"status": "ok"}
    return answer(lives)


@routes.on("GET", "/health/ready", response="Readiness")
def ready(call: Call) -> Response:
    """Report each chain and queue; 503 when a part is down, or when the stage may not start, with the reason."""
    try:
        up, report = stage().detection.health.check()
    except ConfigurationError as exc:
        up, report = False, not_started(mask(str(exc)))
    return answer(report, status=200 if up else 503, headers=None if up else {"Retry-After": "5"})
