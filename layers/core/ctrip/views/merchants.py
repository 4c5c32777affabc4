"""Merchants and their API keys as the world sees them; secrets are shown once, by whoever makes them."""

from typing import Annotated, Literal, TypedDict

from ctrip.domain.chains.kinds import FIRST, account_path
from ctrip.domain.merchants.access import ApiKey, Merchant, Scope
from ctrip.domain.payments.payment import Custody, Late
from ctrip.views.brand import BrandView, brand_view
from ctrip.views.fields import Id, NextCursor, Shape, Time, rfc3339, rfc3339_if

MerchantStatus = Literal["provisioning", "active", "disabled"]


class MerchantView(TypedDict):
    """A merchant."""

    id: Id
    name: str
    status: MerchantStatus
    enabled: bool
    custody: Annotated[str, Shape(values=Custody)]
    xpub: str | None
    other_xpubs: Annotated[dict[str, str], "Its own extended keys for chains of other kinds, by kind."]
    account_path: str | None
    expires_in: int
    tolerance_per_mille: int
    monitoring_seconds: int
    late: Annotated[str, Shape(values=Late)]
    confirmations: int
    calls_per_second: Annotated[int | None, "Null: as many as the stage gives."]
    open_payments: Annotated[int | None, "Null: as many as the stage gives."]
    brand: Annotated[BrandView, "How its shop looks on the pages of its payers."]
    created_at: Time
    updated_at: Time
    version: int


class MerchantWithSecret(MerchantView):
    """A merchant with its webhook secret, this once; a replayed answer has null for it."""

    webhook_secret: str | None


class MerchantPage(TypedDict):
    """Merchants, by id."""

    data: list[MerchantView]
    next_cursor: NextCursor


class KeyVersion(TypedDict):
    """One pair of secrets that is good."""

    created_at: Time
    expires_at: Time | None


class KeyView(TypedDict):
    """An API key, without its secrets."""

    id: str
    name: str
    scopes: list[Annotated[str, Shape(values=Scope)]]
    signed_only: bool
    allowed_ips: list[str]
    enabled: bool
    expires_at: Time | None
    created_at: Time
    last_used_at: Annotated[Time | None, "To ten minutes."]
    versions: list[KeyVersion]


class KeyWithSecrets(KeyView):
    """An API key with its secrets, this once; a replayed answer has null for them."""

    api_key: Annotated[str | None, "The bearer key; null for a signed-only key."]
    signing_secret: str | None


class KeyPage(TypedDict):
    """API keys."""

    data: list[KeyView]
    next_cursor: NextCursor


def merchant_view(merchant: Merchant) -> MerchantView:
    """Render a merchant for admins."""
    policy, limits = merchant.policy, merchant.limits
    return {
        "id": merchant.id,
        "name": merchant.name,
        "status": _status(merchant),
        "enabled": merchant.enabled,
        "custody": policy.custody.value,
        "xpub": merchant.xpub or None,
        "other_xpubs": {key.curve: key.xpub for key in merchant.more_keys} if merchant.own_keys else {},
        "account_path": None if merchant.own_keys else account_path(FIRST, merchant.account),
        "expires_in": merchant.expires_in,
        "tolerance_per_mille": policy.tolerance_per_mille,
        "monitoring_seconds": policy.monitoring_seconds,
        "late": policy.late.value,
        "confirmations": policy.confirmations,
        "calls_per_second": limits.calls_per_second or None,
        "open_payments": limits.open_payments or None,
        "brand": brand_view(merchant.brand),
        "created_at": rfc3339(merchant.created_at),
        "updated_at": rfc3339(merchant.updated_at),
        "version": merchant.version,
    }


def key_view(key: ApiKey, now: int, last_used: int | None = None) -> KeyView:
    """Render a key, without its secrets."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": [scope.value for scope in Scope if scope in key.scopes],
        "signed_only": key.signed_only,
        "allowed_ips": list(key.allowed_ips),
        "enabled": key.enabled,
        "expires_at": rfc3339_if(key.expires_at),
        "created_at": rfc3339(key.created_at),
        "last_used_at": rfc3339_if(last_used),
        "versions": [
            {"created_at": rfc3339(each.created_at), "expires_at": rfc3339_if(each.expires_at)}
            for each in key.live(now)
        ],
    }


def _status(merchant: Merchant) -> MerchantStatus:
    if not merchant.enabled:
        return "disabled"
    return "provisioning" if merchant.provisioning else "active"
