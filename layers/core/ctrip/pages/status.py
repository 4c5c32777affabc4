"""What the checkout page may know of a payment: nothing private."""

from typing import Any
from urllib.parse import quote, urlencode

SHOWN = (
    "id",
    "chain",
    "symbol",
    "address",
    "status",
    "exception",
    "fulfillable",
    "amount_decimal",
    "received_decimal",
    "confirmations",
    "required_confirmations",
    "payment_uri",
    "expires_at",
)


def status_view(payment: dict[str, Any]) -> dict[str, Any]:
    """Choose what is shown, and where the buyer goes next."""
    view = {name: payment[name] for name in SHOWN}
    return view | {
        "success_url": return_url(payment["success_url"], payment),
        "cancel_url": return_url(payment["cancel_url"], payment),
    }


def return_url(url: str | None, payment: dict[str, Any]) -> str | None:
    """Append `payment_id` and `order_id` to a return address; it proves nothing, webhooks do."""
    if url is None:
        return None
    more = {name: value for name, value in (("payment_id", payment["id"]), ("order_id", payment["order_id"])) if value}
    # What is there stays byte for byte: the shop may have signed it, or read it by rules of its own.
    address, hash_sign, fragment = url.partition("#")
    joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{urlencode(more, quote_via=quote)}{hash_sign}{fragment}"
