"""Keeps moto quick where it would look through its folders for each call, or count a queue for each message in it."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core.utils import unix_time
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sqs.models import Message, SQSBackend


class Dispatcher(DomainDispatcherApplication):
    """Finds the backend of a host once; moto looks through its own folders for it at each request."""

    def __init__(self, create_app: Any) -> None:
        super().__init__(create_app)
        self._found = cache(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the backend's name."""
        return self._found(host)


def _is_kept(self: SQSBackend, queue_name: str, message: Message) -> bool:
    # moto asks for all of the queue's attributes, its messages counted four times over, for each message received.
    period: int = self.get_queue(queue_name).message_retention_period  # type: ignore[attr-defined]
    return bool(period + message.sent_timestamp / 1000 > unix_time())  # type: ignore[operator]


SQSBackend.is_message_valid_based_on_retention_period = _is_kept  # type: ignore[method-assign]
