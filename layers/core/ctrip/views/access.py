"""Merchants, keys, admins and audit records as the world sees them; secrets are shown once, by whoever makes them."""

import json
from typing import Any

from ctrip.domain.admins import Admin
from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.bip32 import account_path
from ctrip.domain.merchants.access import ApiKey, Merchant, Scope
from ctrip.views.payments import rfc3339


def merchant_view(merchant: Merchant) -> dict[str, Any]:
    """Render a merchant for admins."""
    policy, limits = merchant.policy, merchant.limits
    return {
        "id": merchant.id,
        "name": merchant.name,
        "status": _status(merchant),
        "enabled": merchant.enabled,
        "custody": policy.custody.value,
        "xpub": merchant.xpub or None,
        "account_path": None if merchant.own_keys else account_path(merchant.account),
        "expires_in": merchant.expires_in,
        "tolerance_per_mille": policy.tolerance_per_mille,
        "monitoring_seconds": policy.monitoring_seconds,
        "late": policy.late.value,
        "confirmations": policy.confirmations,
        "calls_per_second": limits.calls_per_second or None,
        "open_payments": limits.open_payments or None,
        "created_at": rfc3339(merchant.created_at),
        "updated_at": rfc3339(merchant.updated_at),
        "version": merchant.version,
    }


def key_view(key: ApiKey, now: int, last_used: int | None = None) -> dict[str, Any]:
    """Render a key, without its secrets."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": [scope.value for scope in Scope if scope in key.scopes],
        "signed_only": key.signed_only,
        "allowed_ips": list(key.allowed_ips),
        "enabled": key.enabled,
        "expires_at": rfc3339(key.expires_at),
        "created_at": rfc3339(key.created_at),
        "last_used_at": rfc3339(last_used),
        "versions": [
            {"created_at": rfc3339(each.created_at), "expires_at": rfc3339(each.expires_at)} for each in key.live(now)
        ],
    }


def admin_view(admin: Admin) -> dict[str, Any]:
    """Render an admin."""
    return {
        "id": admin.id,
        "email": admin.email,
        "name": admin.name,
        "role": admin.role.value,
        "enabled": admin.enabled,
        "totp": admin.totp_on,
        "created_at": rfc3339(admin.created_at),
        "updated_at": rfc3339(admin.updated_at),
    }


def audit_view(record: AuditRecord) -> dict[str, Any]:
    """Render an audit record, with the hashes that chain it."""
    facts = json.loads(record.body)
    return {
        "subject": record.subject,
        "version": record.version,
        "action": facts["action"],
        "actor": facts["actor"],
        "address": facts.get("address"),
        "request_id": facts.get("request_id"),
        "at": rfc3339(facts["at"]),
        "before": facts["before"],
        "after": facts["after"],
        "previous": record.previous or None,
        "hash": record.hash,
    }


def _status(merchant: Merchant) -> str:
    if not merchant.enabled:
        return "disabled"
    return "provisioning" if merchant.provisioning else "active"
