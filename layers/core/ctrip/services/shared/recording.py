"""From a decided step to the transaction that stores it: event frozen, audit record hashed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin, payment_record
from ctrip.domain.detection.step import Step
from ctrip.domain.payments.payment import Payment, UnexpectedDeposit
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.domain.webhooks.endpoint import PAYMENT_ENDPOINT, STAGE_ENDPOINT
from ctrip.domain.webhooks.events import Event, Subject
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.payments import Beside, Commit
from ctrip.ports.runtime import Ids
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.views.events import event_body


@dataclass(frozen=True, slots=True)
class Recorder:
    """Builds commits; `actor` is who decided, `webhook_url` the stage's default address.

    `known` are the endpoints that merchants have created; without it there are none.
    """

    ids: Ids
    actor: str
    webhook_url: str
    known: KnownEndpoints | None = None

    def created(
        self,
        payment: Payment,
        event: str,
        origin: Origin,
        idempotency: Idempotency | None,
        beside: Beside | None = None,
    ) -> Commit:
        """Build the transaction of a creation, and of what changes beside it."""
        commit = self._commit(None, payment, event, origin)
        return replace(commit, idempotency=idempotency, beside=beside) if idempotency or beside else commit

    def step(
        self,
        before: Payment,
        step: Step,
        *,
        origin: Origin | None = None,
        fence: Fence | None = None,
        transactions: tuple[tuple[OutgoingTransaction | None, OutgoingTransaction], ...] = (),
    ) -> Commit:
        """Build the transaction of one step; without an `origin` the worker itself decided it."""
        commit = self._commit(before, step.after, step.event, origin or Origin(self.actor), step.stray)
        return replace(
            commit, entries=step.entries, fence=fence, transactions=transactions, holds_order=step.holds_order
        )

    def _commit(
        self,
        before: Payment | None,
        after: Payment,
        event: str | None,
        origin: Origin,
        stray: UnexpectedDeposit | None = None,
    ) -> Commit:
        audit = payment_record(before, after, event, origin)
        after = replace(after, audit_head=audit.hash)
        told = self._event(event, before, after, stray, origin.request_id) if event else None
        return Commit(before=before, after=after, audit=audit, event=told)

    def _event(
        self, name: str, before: Payment | None, payment: Payment, stray: UnexpectedDeposit | None, request_id: str
    ) -> Event:
        at = payment.times.updated_at
        ulid = self.ids.ulid(at)
        return Event(
            ulid=ulid,
            type=name,
            merchant_id=payment.merchant_id,
            subject=Subject.payment(payment.id),
            payment_id=payment.id,
            at=at,
            body=event_body(name, ulid, payment, at, stray),
            endpoints=self._endpoints(name, payment.merchant_id, at, payment.links.webhook_url),
            webhook_url=payment.links.webhook_url,
            request_id=request_id,
            was=before.status.value if before else "",
            had=tuple(sorted(before.flags)) if before else (),
            left=_left(before, payment),
        )

    def of_merchant(
        self,
        name: str,
        subject: Subject,
        merchant_id: str,
        at: int,
        body: Callable[[str], str],
        *,
        payment_id: str | None = None,
        request_id: str = "",
    ) -> Event:
        """Build an event that is about no payment's state; `body` freezes its payload, given the event's ULID."""
        ulid = self.ids.ulid(at)
        return Event(
            ulid=ulid,
            type=name,
            merchant_id=merchant_id,
            subject=subject,
            payment_id=payment_id,
            at=at,
            body=body(ulid),
            endpoints=self._endpoints(name, merchant_id, at),
            request_id=request_id,
        )

    def _endpoints(self, name: str, merchant_id: str, now: int, webhook_url: str | None = None) -> tuple[str, ...]:
        """Return the ids of the endpoints that want an event: the payment's own or the stage's, and the merchant's."""
        implicit = PAYMENT_ENDPOINT if webhook_url else STAGE_ENDPOINT if self.webhook_url else None
        created = self.known.of(merchant_id, now) if self.known else ()
        return tuple([implicit] if implicit else []) + tuple(each.id for each in created if each.wants(name))


def _left(before: Payment | None, after: Payment) -> str:
    """Say what a choice has left, as events record it; empty where nothing was chosen."""
    if before is None or before.due == after.due:
        return ""
    return f"{before.due.chain}/{before.due.asset_key}" if before.is_chosen else "/"
