"""Around every function: its lines carry its request's id, its figures are published, its failures tell no secrets."""

from collections.abc import Callable, Mapping
from typing import Any

from chalice import Response
from chalice.app import Request

from ctrip.aws import log
from ctrip.aws.log import bind
from ctrip.aws.masking import bare
from ctrip.bootstrap import stage
from ctrip.domain.errors import ConfigurationError

log.install()


def watch(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Run what comes next, whatever it is triggered by."""
    return _request(event, get_response) if isinstance(event, Request) else _job(event, get_response)


def _request(request: Request, get_response: Callable[[Any], Response]) -> Response:
    begun = stage().clock.now()
    with bind(request_id=request.context.get("requestId")):
        response = get_response(request)
    # By class alone: CloudWatch bills each combination of dimensions as a metric, and there are 45 routes.
    figures = {"requests": 1, "latency": stage().clock.now() - begun}
    _publish({"status": f"{response.status_code // 100}xx"}, figures)
    return response


def _job(event: Any, get_response: Callable[[Any], Any]) -> Any:
    begun, failure, answer = stage().clock.now(), None, None
    context = getattr(event, "context", None)
    with bind(aws_request_id=getattr(context, "aws_request_id", None)):
        try:
            answer = get_response(event)
        except Exception as exc:
            failure = bare(exc)
    name = str(getattr(context, "function_name", "")).rsplit("-", 1)[-1]
    _publish(
        {"function": name},
        {"runs": 1, "failures": int(bool(failure)), "duration": stage().clock.now() - begun},
    )
    if failure:
        # Lambda prints what escapes, with its message. Outside the except block it has no context either.
        raise failure
    return answer


def _publish(dimensions: Mapping[str, str], figures: Mapping[str, float]) -> None:
    try:
        metrics = stage().metrics
    except ConfigurationError:
        return  # the stage does not start; whoever was called has said so
    metrics.publish(dimensions, figures)
