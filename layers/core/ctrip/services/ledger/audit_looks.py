"""The audit chain of a chain's reconciliation: what was found, what is gone, and what a person has recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ctrip.domain.audit import AuditRecord, Origin, record
from ctrip.domain.ledger.reconcile import Difference, Reconciliation


def subject_of(chain: str) -> str:
    """Name the audit chain of a chain's reconciliation."""
    return f"reconciliation:{chain}"


def audited(
    look: Reconciliation, action: str, origin: Origin, at: int, before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[Reconciliation, AuditRecord]:
    """Add a record to the chain; return the look that has it as its head, and the record."""
    made = record(
        subject_of(look.chain),
        look.audit_version + 1,
        look.audit_head,
        action=action,
        origin=origin,
        at=at,
        before=dict(before),
        after=dict(after),
    )
    return replace(look, audit_version=made.version, audit_head=made.hash), made


def with_differences(
    before: Reconciliation, after: Reconciliation, origin: Origin, now: int
) -> tuple[Reconciliation, AuditRecord | None]:
    """Record which differences were established since a look, and which of those that were are gone."""
    was, there = _by_place(before.established), _by_place(after.established)
    changed = sorted(was.keys() ^ there.keys())
    if not changed:
        return after, None
    action = "reconciliation.differs" if there.keys() - was.keys() else "reconciliation.agrees"
    one, other = ({place: of.get(place, "0") for place in changed} for of in (was, there))
    return audited(after, action, origin, now, one, other)


def _by_place(differences: Iterable[Difference]) -> dict[str, str]:
    """Return the amounts of differences by place and asset, in base units."""
    places = {(each.account, each.payment_id, each.asset): str(each.amount) for each in differences}
    return {" ".join(filter(None, place)): amount for place, amount in places.items()}
