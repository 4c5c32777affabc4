"""What may be asked of an invoice: the bounds of each field of a request, by name."""

from ctrip.domain.bounds import Count, Text, WholeNumber

NUMBER = Text(1, 40)
ITEMS = Count(100)
ITEM_DESCRIPTION = Text(1, 200)
QUANTITY = WholeNumber(1, 1_000_000)
CUSTOMER_NAME = Text(1, 120)
CUSTOMER_EMAIL = Text(3, 320)
NOTE = Text(0, 1_000)
