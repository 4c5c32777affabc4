"""Each hour: one hash over the heads of all audit chains that moved, chained to the hour before.

A chain alone shows that a record in its middle was changed; the checkpoint shows that its end was, or all of it. It is
logged as well: whoever can write the table cannot write the log.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.domain.audit import AuditRecord, broken
from ctrip.domain.errors import AlreadyExists
from ctrip.ports.admins import AdminStore
from ctrip.ports.audit import AuditCheckpoint, CheckpointStore
from ctrip.ports.events import EventStore
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.ledger.audit_looks import subject_of
from ctrip.views.fields import rfc3339

HOUR_MS = 3_600_000
GRACE_MS = 120_000  # a transaction that was under way when the hour ended has committed by then
CATCH_UP = 48  # hours that one run checkpoints at most, after an outage
PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpointer:
    """Checkpoints the hours that are over."""

    payments: PaymentStore
    events: EventStore
    access: AccessStore
    admins: AdminStore
    reconciliations: ReconciliationStore
    chains: Sequence[str]
    checkpoints: CheckpointStore
    clock: Clock
    log: Log

    def run(self) -> list[AuditCheckpoint]:
        """Checkpoint each hour that is over and has none; return the checkpoints."""
        done = []
        for start in self._due():
            checkpoint, leaves = self._checkpoint(start)
            try:
                self.checkpoints.put(checkpoint, leaves)
            except AlreadyExists:  # another run was faster
                continue
            self.log.info(
                "audit_checkpoint",
                hour=checkpoint.hour,
                count=checkpoint.count,
                root=checkpoint.root,
                checkpoint=checkpoint.hash,
            )
            done.append(checkpoint)
        return done

    def _due(self) -> list[int]:
        end = (self.clock.now() - GRACE_MS) // HOUR_MS
        last = self.checkpoints.last()
        first = _number(last.hour) + 1 if last else end - 1
        return [number * HOUR_MS for number in range(first, min(end, first + CATCH_UP))]

    def _checkpoint(self, start: int) -> tuple[AuditCheckpoint, list[str]]:
        leaves = sorted(self._leaves(start))
        last = self.checkpoints.last()
        hour, previous = hour_of(start), last.hash if last else ""
        root = hashlib.sha256("\n".join(leaves).encode()).hexdigest()
        return AuditCheckpoint(
            hour=hour, count=len(leaves), root=root, previous=previous, hash=_hash(previous, hour, root)
        ), leaves

    def _leaves(self, start: int) -> list[str]:
        leaves, after = [], ""
        while merchants := self.access.merchants(after, PAGE):
            after = merchants[-1].id
            for merchant in merchants:
                leaves.append(leaf(merchant.id, merchant.version, merchant.audit_head))
                moved = sorted(self.events.payments_between(merchant.id, start, start + HOUR_MS))
                heads = self.payments.heads(moved)
                leaves += [leaf(payment, version, head) for payment, (version, head) in heads.items()]
        after = ""
        while admins := self.admins.admins(after, PAGE):
            after = admins[-1].id
            leaves += [leaf(admin.id, admin.version, admin.audit_head) for admin in admins]
        for look in self.reconciliations.reconciliations(self.chains).values() if self.chains else ():
            if look.audit_version:
                leaves.append(leaf(subject_of(look.chain), look.audit_version, look.audit_head))
        return leaves


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check: how many records and checkpoints were read, and what is wrong, if anything."""

    records: int
    covered: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class AuditVerifier:
    """Checks a subject's chain against itself, and against a checkpoint that covers it."""

    checkpoints: CheckpointStore

    def verify(self, subject: str, chain: list[AuditRecord], hour: str | None = None) -> Verdict:
        """Check a chain, oldest first; with an hour, that the head which the hour's checkpoint covers stands in it."""
        if (version := broken(chain)) is not None:
            return Verdict(len(chain), 0, f"the record of version {version} does not follow from the one before it")
        if hour is None:
            return Verdict(len(chain), 0)
        checkpoint = self.checkpoints.checkpoint(hour)
        if checkpoint is None:
            return Verdict(len(chain), 0, f"{hour} has no checkpoint")
        leaves = self.checkpoints.leaves(checkpoint)
        after = self.checkpoints.checkpoint(hour_of((_number(hour) + 1) * HOUR_MS))
        root = hashlib.sha256("\n".join(leaves).encode()).hexdigest()
        if root != checkpoint.root or _hash(checkpoint.previous, hour, root) != checkpoint.hash:
            return Verdict(len(chain), 0, f"the checkpoint of {hour} is not that of its heads")
        if after is not None and after.previous != checkpoint.hash:
            return Verdict(len(chain), 0, f"the checkpoint of {hour} is not the one that the hour after it follows")
        covered = [each for each in leaves if each.startswith(f"{subject} ")]
        known = {leaf(subject, each.version, each.hash) for each in chain}
        if not set(covered) <= known:
            return Verdict(
                len(chain), len(covered), f"the head that the checkpoint of {hour} covers is not in the chain any more"
            )
        return Verdict(len(chain), len(covered))


def leaf(subject: str, version: int, head: str) -> str:
    """Spell one head."""
    return f"{subject} {version} {head}"


def hour_of(at: int) -> str:
    """Name the hour that a time (unix milliseconds) is in: 2026-01-31T12."""
    return rfc3339(at - at % HOUR_MS)[:13]


def _number(hour: str) -> int:
    from datetime import UTC, datetime

    return int(datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp() * 1000) // HOUR_MS


def _hash(previous: str, hour: str, root: str) -> str:
    return hashlib.sha256(f"{previous}\n{hour}\n{root}".encode()).hexdigest()
