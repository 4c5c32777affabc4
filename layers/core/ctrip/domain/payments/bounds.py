"""What may be asked of a payment: the bounds of each field of a request, by name. Amounts have theirs in `money`."""

from ctrip.domain.bounds import Count, Text, WholeNumber

_URL = Text(0, 2_048)

CHAIN = Text(3, 20)
ASSET = Text(1, 16)
OFFER = Text(1, 40)
ASSETS = Count(50)
ORDER_ID = Text(1, 64)
METADATA = Count(20)
METADATA_NAME = Text(1, 64)
METADATA_VALUE = Text(0, 500)
DESCRIPTION = Text(0, 500)
EXPIRES_IN = WholeNumber(60, 86_400, "seconds")

FIELDS: dict[str, Count | Text | WholeNumber] = {
    "chain": CHAIN,
    "asset": ASSET,
    "order_id": ORDER_ID,
    "metadata": METADATA,
    "description": DESCRIPTION,
    "expires_in": EXPIRES_IN,
    "webhook_url": _URL,
    "success_url": _URL,
    "cancel_url": _URL,
}
