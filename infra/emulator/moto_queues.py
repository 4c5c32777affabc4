"""Keeps moto quick where it would look through folders or classes at each call, or count a queue at each message."""

from __future__ import annotations

import string
from collections import UserDict
from functools import cache, cached_property
from typing import Any

from moto.core import responses
from moto.core.utils import camelcase_to_underscores, method_names_from_class, unix_time
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend


class Dispatcher(DomainDispatcherApplication):
    """Finds the backend of a host once; moto looks through its own folders for it at each request."""

    def __init__(self, create_app: Any) -> None:
        super().__init__(create_app)
        self._found = cache(super().get_backend_for_host)

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the backend's name."""
        return self._found(host)


class Attributes(UserDict[str, Any]):
    """A queue's attributes, its messages counted once somebody asks for more than what only a FIFO queue has."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    @cached_property
    def data(self) -> dict[str, Any]:  # type: ignore[override]
        """Ask moto, which counts the messages four times over."""
        counted: dict[str, Any] = _COUNTED(self._queue)
        return counted

    def get(self, name: str, default: Any = None) -> Any:
        """Return one attribute."""
        if not self._queue.fifo_queue and name in Queue.FIFO_ATTRIBUTES:
            return default
        return self.data.get(name, default)


def _is_kept(self: SQSBackend, queue_name: str, message: Message) -> bool:
    # moto asks for all of the queue's attributes for each message received.
    period: int = self.get_queue(queue_name).message_retention_period  # type: ignore[attr-defined]
    return bool(period + message.sent_timestamp / 1000 > unix_time())  # type: ignore[operator]


def _receipt_handle() -> str:
    return "".join(mock_random.choices(string.ascii_lowercase, k=185))


def _random_string(self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    pool = string.ascii_letters + (string.digits if include_digits else "")
    drawn = "".join(self.choices(pool, k=length))  # moto draws letter by letter, 52 of them for each answer
    return drawn.lower() if lower_case else drawn


_COUNTED: Any = Queue.attributes.fget  # type: ignore[attr-defined]
Queue.attributes = property(Attributes)  # type: ignore[method-assign, assignment]
SQSBackend.is_message_valid_based_on_retention_period = _is_kept  # type: ignore[method-assign]
MotoRandom.get_random_string = _random_string  # type: ignore[method-assign]
# An action's name is spelt letter by letter, and looked for among the sorted members of a class, at each call.
_spelt = cache(camelcase_to_underscores)
for _module, _name, _quick in (
    (models, "generate_receipt_handle", _receipt_handle),
    (models, "camelcase_to_underscores", _spelt),
    (responses, "camelcase_to_underscores", _spelt),
    (responses, "method_names_from_class", cache(method_names_from_class)),
):
    if not hasattr(_module, _name):
        raise ImportError(f"{_module.__name__} has no {_name} any more")
    setattr(_module, _name, _quick)
