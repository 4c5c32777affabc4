"""The deployer's smoke event: a function answers which of its writes its role permits, and writes nothing.

It is a smoke event only where a function is called with nothing else, as a direct call of Lambda does: API Gateway, SQS
and EventBridge put what others wrote inside an envelope of their own.
"""

from typing import Any

from chalice import Chalice
from chalice.app import EventSourceHandler

from ctrip.bootstrap import stage

KEY = "ctrip_smoke"


class Gateway(Chalice):
    """Chalice, each of whose functions answers a smoke event as well."""

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer what calls the API."""
        return answer(context) if asked(event) else super().__call__(event, context)

    def _wrap_handler(self, handler_type: str, handler_name: str, user_handler: Any) -> Any:
        made = super()._wrap_handler(handler_type, handler_name, user_handler)
        if not isinstance(made, EventSourceHandler):
            raise NotImplementedError(f"{handler_name}: a {handler_type} answers no smoke event")
        return Worker(made.func, made.event_class, made.middleware_handlers)


class Worker(EventSourceHandler):
    """Chalice's handler of schedules, messages and calls, before which a smoke event is answered.

    Chalice would look in it for what a schedule or a queue sends.
    """

    def __call__(self, event: Any, context: Any) -> Any:
        """Answer what calls the function."""
        return answer(context) if asked(event) else super().__call__(event, context)


def asked(event: Any) -> bool:
    """Say whether an event is a smoke event, and nothing else."""
    return isinstance(event, dict) and set(event) == {KEY}


def answer(context: Any) -> Any:
    """Try the writes of the function that is called."""
    from ctrip.store.smoke import try_writes

    function = str(context.function_name).rsplit("-", 1)[-1]
    return try_writes(stage().settings.stage, function)
