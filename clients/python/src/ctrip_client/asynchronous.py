"""The client for asyncio; the same as the blocking one, awaited."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Self, TypeVar, Unpack

import httpx

from ctrip_client import calls
from ctrip_client.calls import (
    Call,
    EntryFilters,
    EventFilters,
    NewAssignment,
    NewDepositRefund,
    NewKey,
    NewPayment,
    NewRefund,
    NewSchedule,
    NewSettlement,
    PageFilters,
    PaymentFilters,
    PayoutFilters,
)
from ctrip_client.core import Core, Outcome, address, failed
from ctrip_client.credentials import credential
from ctrip_client.models import (
    Assignment,
    Balance,
    Chain,
    Event,
    IssuedKey,
    Key,
    LedgerEntry,
    Page,
    Payment,
    Refund,
    Settlement,
    SettlementDestination,
    SettlementSchedule,
    Token,
    UnmatchedDeposit,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runner:
    """Sends calls, tries again what is worth it, and follows lists."""

    core: Core
    http: httpx.AsyncClient
    sleep: Callable[[float], Awaitable[object]]

    async def run(self, call: Call[T]) -> T:
        """Do one call, in as many tries as it takes."""
        for tried in count():
            outcome = await self._send(call)
            if (seconds := self.core.wait(outcome, tried)) is None:
                break
            await self.sleep(seconds)
        return self.core.read(call, outcome)

    async def each(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """Yield what a list holds, page after page."""
        following: Call[Page[T]] | None = call
        while following:
            page = await self.run(following)
            for item in page.data:
                yield item
            following = calls.following(following, page)

    async def _send(self, call: Call[T]) -> Outcome:
        try:
            return await self.http.send(self.core.request(call))
        except httpx.RequestError as exc:
            return failed(exc)


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments: create, read, list, cancel, accept."""

    runner: Runner

    async def create(self, *, idempotency_key: str | None = None, **wanted: Unpack[NewPayment]) -> Payment:
        """Ask for a payment; with your own key, the same request always gives the same payment."""
        return await self.runner.run(calls.create_payment(wanted, idempotency_key))

    async def get(self, payment_id: str) -> Payment:
        """Read a payment as it is now."""
        return await self.runner.run(calls.get_payment(payment_id))

    def list(self, **filters: Unpack[PaymentFilters]) -> AsyncIterator[Payment]:
        """Yield payments, newest first, page after page."""
        return self.runner.each(calls.list_payments(filters))

    async def page(self, **filters: Unpack[PaymentFilters]) -> Page[Payment]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return await self.runner.run(calls.list_payments(filters))

    async def cancel(self, payment_id: str, *, idempotency_key: str | None = None) -> Payment:
        """Cancel a payment; raises `Conflict` once more than dust has arrived."""
        return await self.runner.run(calls.cancel_payment(payment_id, idempotency_key))

    async def accept(self, payment_id: str, *, idempotency_key: str | None = None) -> Payment:
        """Take a late or held payment all the same."""
        return await self.runner.run(calls.accept_payment(payment_id, idempotency_key))


@dataclass(frozen=True, slots=True)
class Events:
    """Events of the last 60 days, for who missed a webhook."""

    runner: Runner

    def list(self, **filters: Unpack[EventFilters]) -> AsyncIterator[Event]:
        """Yield events, page after page."""
        return self.runner.each(calls.list_events(filters))

    async def page(self, **filters: Unpack[EventFilters]) -> Page[Event]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return await self.runner.run(calls.list_events(filters))


@dataclass(frozen=True, slots=True)
class Keys:
    """API keys: list, create, rotate, revoke."""

    runner: Runner

    def list(self) -> AsyncIterator[Key]:
        """Yield the merchant's keys, without their secrets."""
        return self.runner.each(calls.list_keys())

    async def create(self, *, idempotency_key: str | None = None, **wanted: Unpack[NewKey]) -> IssuedKey:
        """Make a key; its secrets are in this answer and nowhere else."""
        return await self.runner.run(calls.create_key(wanted, idempotency_key))

    async def rotate(self, key_id: str, *, idempotency_key: str | None = None) -> IssuedKey:
        """Give a key new secrets, which are in this answer and nowhere else."""
        return await self.runner.run(calls.rotate_key(key_id, idempotency_key))

    async def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> None:
        """End a key; raises `NotFound` for one that is gone, be it by a first try whose answer was lost."""
        return await self.runner.run(calls.revoke_key(key_id, idempotency_key))


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the merchant has, and how it came about."""

    runner: Runner

    def balances(self) -> AsyncIterator[Balance]:
        """Yield what there is of each asset."""
        return self.runner.each(calls.list_balances())

    def list(self, **filters: Unpack[EntryFilters]) -> AsyncIterator[LedgerEntry]:
        """Yield ledger entries, newest first, page after page."""
        return self.runner.each(calls.list_entries(filters))

    async def page(self, **filters: Unpack[EntryFilters]) -> Page[LedgerEntry]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return await self.runner.run(calls.list_entries(filters))


@dataclass(frozen=True, slots=True)
class Settlements:
    """Settlements: create, read, list, cancel; and where they go."""

    runner: Runner

    async def create(self, *, idempotency_key: str | None = None, **wanted: Unpack[NewSettlement]) -> Settlement:
        """Ask for a settlement; raises `Conflict` (`insufficient_balance`) where there is too little."""
        return await self.runner.run(calls.create_settlement(wanted, idempotency_key))

    async def get(self, settlement_id: str) -> Settlement:
        """Read a settlement as it is now."""
        return await self.runner.run(calls.get_settlement(settlement_id))

    def list(self, **filters: Unpack[PayoutFilters]) -> AsyncIterator[Settlement]:
        """Yield settlements, newest first, page after page."""
        return self.runner.each(calls.list_settlements(filters))

    async def page(self, **filters: Unpack[PayoutFilters]) -> Page[Settlement]:
        """Read one page; its `next_cursor` is the next one's `cursor`."""
        return await self.runner.run(calls.list_settlements(filters))

    async def cancel(self, settlement_id: str, *, idempotency_key: str | None = None) -> Settlement:
        """Cancel a settlement that waits for approval; raises `Conflict` once it is approved."""
        return await self.runner.run(calls.cancel_settlement(settlement_id, idempotency_key))

    async def destination(self, chain: str) -> SettlementDestination:
        """Read where settlements of a chain go; raises `NotFound` where no address is set."""
        return await self.runner.run(calls.get_destination(chain))

    async def set_destination(
        self, chain: str, address: str, *, idempotency_key: str | None = None
    ) -> SettlementDestination:
        """Set where settlements of a chain go: the first address counts at once, another after a delay."""
        return await self.runner.run(calls.set_destination(chain, address, idempotency_key))

    def schedules(self) -> AsyncIterator[SettlementSchedule]:
        """Yield when settlements are asked for by themselves."""
        return self.runner.each(calls.list_schedules())

    async def set_schedule(
        self, chain: str, *, idempotency_key: str | None = None, **wanted: Unpack[NewSchedule]
    ) -> SettlementSchedule:
        """Set when settlements of an asset are asked for by themselves; it replaces what was set before."""
        return await self.runner.run(calls.set_schedule(chain, wanted, idempotency_key))


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refunds of what came for a payment: create, read, list, cancel; and complete what you have sent yourself."""

    runner: Runner

    async def create(
        self, payment_id: str, *, idempotency_key: str | None = None, **wanted: Unpack[NewRefund]
    ) -> Refund:
        """Ask for a refund to an address that the payer has given; without an amount, all that is left."""
        return await self.runner.run(calls.create_refund(payment_id, wanted, idempotency_key))

    def list(self, payment_id: str) -> AsyncIterator[Refund]:
        """Yield a payment's refunds, newest first."""
        return self.runner.each(calls.list_refunds(payment_id))

    def every(self, **filters: Unpack[PayoutFilters]) -> AsyncIterator[Refund]:
        """Yield the refunds of all payments, newest first, page after page."""
        return self.runner.each(calls.list_every_refund(filters))

    async def get(self, refund_id: str) -> Refund:
        """Read a refund as it is now."""
        return await self.runner.run(calls.get_refund(refund_id))

    async def complete(self, refund_id: str, tx_hash: str, *, idempotency_key: str | None = None) -> Refund:
        """Name the transaction by which you have sent a refund; it is completed once the chain shows the same."""
        return await self.runner.run(calls.complete_refund(refund_id, tx_hash, idempotency_key))

    async def cancel(self, payment_id: str, refund_id: str, *, idempotency_key: str | None = None) -> Refund:
        """Cancel a refund that waits for approval; raises `Conflict` once it is approved."""
        return await self.runner.run(calls.cancel_refund(payment_id, refund_id, idempotency_key))


@dataclass(frozen=True, slots=True)
class Deposits:
    """Money that belongs to no payment by itself: list, refund, assign to a payment."""

    runner: Runner

    def unmatched(self, **filters: Unpack[PageFilters]) -> AsyncIterator[UnmatchedDeposit]:
        """Yield the unmatched deposits of which something is left."""
        return self.runner.each(calls.list_unmatched(filters))

    async def refund(
        self, deposit_id: str, *, idempotency_key: str | None = None, **wanted: Unpack[NewDepositRefund]
    ) -> Refund:
        """Ask for a refund of an unmatched deposit; without an amount, all that is left."""
        return await self.runner.run(calls.refund_deposit(deposit_id, wanted, idempotency_key))

    async def assign(
        self, deposit_id: str, *, idempotency_key: str | None = None, **wanted: Unpack[NewAssignment]
    ) -> Assignment:
        """Have an unmatched deposit count for a payment: it becomes part of the balance."""
        return await self.runner.run(calls.assign_deposit(deposit_id, wanted, idempotency_key))

    def assignments(self, **filters: Unpack[PageFilters]) -> AsyncIterator[Assignment]:
        """Yield what was assigned to payments, newest first."""
        return self.runner.each(calls.list_assignments(filters))


class AsyncClient:
    """A gateway, as its merchant sees it; use it in an `async with`, or close it.

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
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        proof = credential(api_key, signing_key_id, signing_secret, clock)
        core = Core(address(base_url), proof, max_retries, clock, jitter)
        self._http = httpx.AsyncClient(timeout=timeout, transport=transport)
        self._runner = Runner(core, self._http, sleep)
        self.payments = Payments(self._runner)
        self.events = Events(self._runner)
        self.keys = Keys(self._runner)
        self.ledger = Ledger(self._runner)
        self.settlements = Settlements(self._runner)
        self.refunds = Refunds(self._runner)
        self.deposits = Deposits(self._runner)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def chains(self) -> tuple[Chain, ...]:
        """Read what can be paid on, with its tokens."""
        return tuple([chain async for chain in self._runner.each(calls.list_chains())])

    async def tokens(self, chain: str | None = None) -> tuple[Token, ...]:
        """Read what can be paid with, on one chain or on all."""
        return tuple([token async for token in self._runner.each(calls.list_tokens(chain))])
