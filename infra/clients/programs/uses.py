# mypy: ignore-errors
"""Uses the package that openapi-python-client made."""

import os

from generated import AuthenticatedClient
from generated.api.payments import create_payment, list_payments, read_payment
from generated.models import Payment, PaymentPage, PaymentRequest, Problem


def connected(variable: str) -> AuthenticatedClient:
    """Speak to the gateway at the address that a variable names."""
    return AuthenticatedClient(os.environ[variable], os.environ["CTRIP_API_KEY"], raise_on_unexpected_status=True)


def created(client: AuthenticatedClient, amount: str) -> Payment:
    """Create a payment."""
    payment = create_payment.sync(client=client, body=PaymentRequest(chain="anvil", amount=amount))
    assert isinstance(payment, Payment), payment
    return payment


def read(client: AuthenticatedClient, payment_id: str) -> Payment:
    """Read a payment."""
    payment = read_payment.sync(payment_id, client=client)
    assert isinstance(payment, Payment), payment
    return payment


today = connected("CTRIP_URL")
for amount in os.environ["CTRIP_AMOUNTS"].split():
    first = created(today, amount)
    print("amount", amount, first.id, first.amount_str, read(today, first.id).amount_str)

tomorrow = connected("CTRIP_TOMORROW_URL")
payment = read(tomorrow, created(tomorrow, "1").id)
print("status", payment.status)
print("flag", payment.exceptions[-1], payment.exception)
print("field", "kept" if payment.additional_properties.get("field_of_tomorrow") else "ignored")
page = list_payments.sync(client=tomorrow, limit=5)
assert isinstance(page, PaymentPage), page
print("listed", page.data[0].status)
missing = read_payment.sync("none", client=tomorrow)
assert isinstance(missing, Problem), missing
print("code", missing.code)
