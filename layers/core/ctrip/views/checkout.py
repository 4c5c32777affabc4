"""What the checkout page may know of a payment: nothing private."""

from typing import TypedDict, cast
from urllib.parse import quote, urlencode

from ctrip.views.fields import Address, Decimal, Id, Time
from ctrip.views.payments import PaymentFlag, PaymentStatus, PaymentView


class CheckoutState(TypedDict):
    """What the checkout page knows."""

    id: Id
    chain: str
    symbol: str
    address: Address
    status: PaymentStatus
    exception: PaymentFlag | None
    fulfillable: bool
    amount_decimal: Decimal
    received_decimal: Decimal
    confirmations: int
    required_confirmations: int
    payment_uri: str
    expires_at: Time
    success_url: str | None
    cancel_url: str | None


def checkout_view(payment: PaymentView) -> CheckoutState:
    """Choose what the page is shown of a payment; the addresses to return to name the payment and its order."""
    shown = cast(
        "CheckoutState", {name: value for name, value in payment.items() if name in CheckoutState.__annotations__}
    )
    return {
        **shown,
        "success_url": return_url(payment["success_url"], payment),
        "cancel_url": return_url(payment["cancel_url"], payment),
    }


def return_url(url: str | None, payment: PaymentView) -> str | None:
    """Append `payment_id` and `order_id` to a return address; it proves nothing, webhooks do."""
    if url is None:
        return None
    more = {name: value for name, value in (("payment_id", payment["id"]), ("order_id", payment["order_id"])) if value}
    # What is there stays byte for byte: the shop may have signed it, or read it by rules of its own.
    address, hash_sign, fragment = url.partition("#")
    joint = "?" if "?" not in address else "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{urlencode(more, quote_via=quote)}{hash_sign}{fragment}"
