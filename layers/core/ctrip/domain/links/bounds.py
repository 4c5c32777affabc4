"""What may be asked of a payment link: the bounds of each field of a request, by name."""

from ctrip.domain.bounds import Count, Text, WholeNumber
from ctrip.domain.payments import bounds

TITLE = Text(1, 120)
MOST_PAYMENTS = 1_000  # each that lives stands in the link itself

FIELDS: dict[str, Count | Text | WholeNumber] = {
    "title": TITLE,
    "max_payments": WholeNumber(1, MOST_PAYMENTS),
    **{name: bounds.FIELDS[name] for name in ("description", "metadata", "expires_in", "success_url", "cancel_url")},
}
