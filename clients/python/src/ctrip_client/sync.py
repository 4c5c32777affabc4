"""The client that blocks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Self, TypeVar, Unpack

import httpx

from ctrip_client import calls
from ctrip_client.calls import Call, EventFilters, NewKey, NewPayment, PaymentFilters
from ctrip_client.core import Core, Outcome, address, failed
from ctrip_client.credentials import credential
from ctrip_client.models import Chain, Event, IssuedKey, Key, Page, Payment, Token

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runner:
    """Sends calls, tries again what is worth it, and follows lists."""

    core: Core
    http: httpx.Client
    sleep: Callable[[float], object]

    def run(self, call: Call[T]) -> T:
        """Do one call, in as many tries as it takes."""
        for tried in count():
            outcome = self._send(call)
            if (seconds := self.core.wait(outcome, tried)) is None:
                break
            self.sleep(seconds)
        return self.core.read(call, outcome)

    def each(self, call: Call[Page[T]]) -> Iterator[T]:
        """Yield what a list holds, page after page."""
        following: Call[Page[T]] | None = call
        while following:
            page = self.run(following)
            yield from page.data
            following = calls.following(following, page)

    def _send(self, call: Call[T]) -> Outcome:
        try:
            return self.http.send(self.core.request(call))
        except httpx.RequestError as exc:
            return failed(exc)


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments: create, read, list, cancel, accept."""

    runner: Runner

    def create(self, *, idempotency_key: str | None = None, **wanted: Unpack[NewPayment]) -> Payment:
        """Ask for a payment; with your own key, the same request always gives the same payment."""
        return self.runner.run(calls.create_payment(wanted, idempotency_key))

    def get(self, payment_id: str) -> Payment:
        """Read a payment as it is now."""
        return self.runner.run(calls.get_payment(payment_id))

    def list(self, **filters: Unpack[PaymentFilters]) -> Iterator[Payment]:
        """Yield payments, newest first, page after page."""
        return self.runner.each(calls.list_payments(filters))

    def page(self, **filters: Unpack[PaymentFilters]) -> Page[Payment]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return self.runner.run(calls.list_payments(filters))

    def cancel(self, payment_id: str, *, idempotency_key: str | None = None) -> Payment:
        """Cancel a payment; raises `Conflict` once more than dust has arrived."""
        return self.runner.run(calls.cancel_payment(payment_id, idempotency_key))

    def accept(self, payment_id: str, *, idempotency_key: str | None = None) -> Payment:
        """Take a late or held payment all the same."""
        return self.runner.run(calls.accept_payment(payment_id, idempotency_key))


@dataclass(frozen=True, slots=True)
class Events:
    """Events of the last 60 days, for who missed a webhook."""

    runner: Runner

    def list(self, **filters: Unpack[EventFilters]) -> Iterator[Event]:
        """Yield events, page after page."""
        return self.runner.each(calls.list_events(filters))

    def page(self, **filters: Unpack[EventFilters]) -> Page[Event]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return self.runner.run(calls.list_events(filters))


@dataclass(frozen=True, slots=True)
class Keys:
    """API keys: list, create, rotate, revoke."""

    runner: Runner

    def list(self) -> Iterator[Key]:
        """Yield the merchant's keys, without their secrets."""
        return self.runner.each(calls.list_keys())

    def create(self, *, idempotency_key: str | None = None, **wanted: Unpack[NewKey]) -> IssuedKey:
        """Make a key; its secrets are in this answer and nowhere else."""
        return self.runner.run(calls.create_key(wanted, idempotency_key))

    def rotate(self, key_id: str, *, idempotency_key: str | None = None) -> IssuedKey:
        """Give a key new secrets, which are in this answer and nowhere else."""
        return self.runner.run(calls.rotate_key(key_id, idempotency_key))

    def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> None:
        """End a key; raises `NotFound` for one that is gone, be it by a first try whose answer was lost."""
        return self.runner.run(calls.revoke_key(key_id, idempotency_key))


class Client:
    """A gateway, as its merchant sees it; use it in a `with`, or close it.

    `base_url` is the public base address, a stage's prefix included. Give `api_key`, or `signing_key_id` with
    `signing_secret`. `timeout` is in seconds; `max_retries` counts the tries after the first. `transport` is httpx's,
    for other certificates or tests; `sleep`, `clock` and `jitter` are there for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        signing_key_id: str | None = None,
        signing_secret: str | None = None,
        timeout: float = 10.0,
        max_retries: int = 4,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        proof = credential(api_key, signing_key_id, signing_secret, clock)
        core = Core(address(base_url), proof, max_retries, clock, jitter)
        self._http = httpx.Client(timeout=timeout, transport=transport)
        self._runner = Runner(core, self._http, sleep)
        self.payments = Payments(self._runner)
        self.events = Events(self._runner)
        self.keys = Keys(self._runner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def chains(self) -> tuple[Chain, ...]:
        """Read what can be paid on, with its tokens."""
        return tuple(self._runner.each(calls.list_chains()))

    def tokens(self, chain: str | None = None) -> tuple[Token, ...]:
        """Read what can be paid with, on one chain or on all."""
        return tuple(self._runner.each(calls.list_tokens(chain)))
